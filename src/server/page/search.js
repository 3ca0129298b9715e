// The search of the directory: names and contents of everything beneath, by the server. What is found is shown as it comes.
import { attempt, element, say } from './elements.js'
import { pathOfEntry, shown } from './names.js'
import { openPanel } from './panel.js'
import { ask, here, main, objectsOf, withQuery } from './server.js'

/** More are counted and not shown. */
const SHOWN_MOST = 1000

let running

/** Takes the search field over. */
export function beginSearch() {
  const form = document.getElementById('search')
  const [ignoresCase, substring] = ['Ignore case', 'Also inside words'].map((text) => {
    const box = element('input', { type: 'checkbox' })
    form.append(element('label', { className: 'box' }, box, text))
    return box
  })
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    const flags = [ignoresCase.checked && 'ignore-case', substring.checked && 'substring'].filter(Boolean)
    attempt(() => search(document.getElementById('word').value, flags))
  })
}

async function search(word, flags) {
  running?.abort()
  const work = (running = new AbortController())
  document.getElementById('results')?.remove()
  const state = element('p', { role: 'status' }, 'Searching …')
  const stop = element('button', { type: 'button' }, 'Stop')
  const close = element('button', { type: 'button' }, 'Close')
  const [names, contents] = [element('ul'), element('ul')]
  const found = { names: 0, files: 0, occurrences: 0, searched: 0 }
  const section = element(
    'section',
    { id: 'results', 'aria-label': `Search for ${word}` },
    element('div', {}, state, stop, close),
    element('h2', {}, 'Names'),
    names,
    element('h2', {}, 'Contents'),
    contents,
  )
  stop.addEventListener('click', () => work.abort())
  close.addEventListener('click', () => {
    work.abort()
    section.remove()
  })
  main.querySelector('table').before(section)
  const tell = (end) => {
    const parts = [counted(found.names, 'name'), `${counted(found.occurrences, 'occurrence')} in ${counted(found.files, 'file')}`]
    // The number of all files comes once the server has listed them.
    const all = end && found.all !== undefined ? `${found.searched} of ${counted(found.all, 'file')}` : counted(found.searched, 'file')
    state.textContent = `${end}${parts.join(', ')}; ${all} searched.`
  }
  const ticking = setInterval(() => tell('Searching … '), 500)
  try {
    await Promise.all([
      searchNames(word, flags, names, found, work.signal),
      searchContents(word, flags, contents, found, work.signal),
    ])
    tell('')
  } catch (error) {
    tell(error.name === 'AbortError' ? 'Stopped: ' : 'Not complete: ')
    if (error.name !== 'AbortError') say(error.message, true)
  } finally {
    clearInterval(ticking)
    stop.remove()
  }
}

function counted(number, thing) {
  return `${number} ${thing}${number === 1 ? '' : 's'}`
}

async function searchNames(word, flags, place, found, signal) {
  const ignoresCase = flags.includes('ignore-case')
  const folded = (text) => (ignoresCase ? text.toLowerCase() : text)
  const query = [['recursive'], ['format', 'json'], ['include', `*${globOf(word, ignoresCase)}*`]]
  const answer = await ask('GET', withQuery(here, query), {}, { signal })
  for await (const entry of objectsOf(answer)) {
    // What is beneath a directory that matches comes with it.
    if (!folded(entry.name.split('/').pop()).includes(folded(word))) continue
    found.names += 1
    const slash = entry.type === 'directory' ? '/' : ''
    if (found.names === SHOWN_MOST + 1) sayCut(place)
    if (found.names <= SHOWN_MOST) place.append(element('li', {}, linkTo(pathOfEntry(entry) + slash)))
  }
}

async function searchContents(word, flags, place, found, signal) {
  const query = [['search', word], ['progress'], ...flags.map((flag) => [flag])]
  const fields = { Accept: 'application/json, application/problem+json' }
  const answer = await ask('GET', withQuery(here, query), fields, { signal })
  let isWhole = false
  for await (const line of objectsOf(answer)) {
    if (line.total !== undefined) isWhole = true
    if (line.files !== undefined) found.all = line.files
    if (line.count === undefined) continue
    found.searched += 1
    if (line.count === 0) continue
    found.files += 1
    found.occurrences += line.count
    if (found.files === SHOWN_MOST + 1) sayCut(place)
    if (found.files > SHOWN_MOST) continue
    const link = linkTo(pathOfEntry(line), { word, flags })
    place.append(element('li', {}, link, ' ', element('span', { className: 'number' }, String(line.count))))
  }
  if (!isWhole) throw new Error('The search was cut short.')
}

function sayCut(place) {
  place.after(element('p', { className: 'note' }, `Only the first ${SHOWN_MOST} are shown.`))
}

/** A glob that matches text itself; letters in both cases. */
function globOf(text, ignoresCase) {
  const both = (char) => {
    const [lower, upper] = [char.toLowerCase(), char.toUpperCase()]
    return ignoresCase && lower !== upper ? `{${lower},${upper}}` : char.replace(/[\\*?[\]{},!]/, '\\$&')
  }
  return [...text].map(both).join('')
}

/** A link to a file, which opens its panel, or to a directory. */
function linkTo(path, search) {
  const url = new URL(`./${path}`, here)
  const link = element('a', { href: url.href }, shown(path))
  link.addEventListener('click', (event) => {
    if (path.endsWith('/') || event.ctrlKey || event.metaKey || event.shiftKey) return
    event.preventDefault()
    openPanel({ url, search })
  })
  return link
}
