// The panel of one entry: view, search, replace and reverse a file, each with its line for a shell and for curl; rename, copy
// and delete a file or a directory.
import { attempt, choose, commandLine, element, openDialog, say } from './elements.js'
import * as list from './list.js'
import { encode, label, quoted, quotedText, shown, textOf } from './names.js'
import { ask, may, pathOf, root, transfer, urlAt, user, withQuery } from './server.js'
import { beginningOf, view } from './view.js'

/** How many lines of a search are shown. */
const LINES_SHOWN = 1000

let panel

/** Opens the panel of an entry: its URL, its row where it has one, and a search to begin with. */
export function openPanel({ url, row, search }) {
  const encoded = url.pathname.replace(/\/$/, '').split('/').pop()
  const entry = { url, row, encoded, name: label(encoded), isDirectory: url.pathname.endsWith('/'), version: row && list.versionOf(row) }
  const close = element('button', { type: 'button', className: 'close', 'aria-label': 'Close' }, '×')
  panel = element(
    'dialog',
    { id: 'panel', 'aria-labelledby': 'panel-name' },
    element('header', {}, element('h2', { id: 'panel-name' }, shown(encoded)), close),
    links(entry),
    ...sections(entry, search),
  )
  close.addEventListener('click', () => panel.close())
  openDialog(panel, () => {
    if (row?.isConnected) list.linkOf(row).focus()
  })
  const first = panel.querySelector(search ? 'details.search' : 'details')
  if (first) first.open = true
  if (search) panel.querySelector('details.search form').requestSubmit()
}

function links({ url, row, isDirectory }) {
  const line = element('p', { className: 'links' })
  if (isDirectory) line.append(element('a', { href: url }, 'Open'))
  if (isDirectory && may('read', row)) {
    for (const archive of ['zip', 'tar.zst']) {
      line.append(element('a', { href: withQuery(url, [['archive', archive]]), download: '' }, `Download as .${archive}`))
    }
  }
  if (!isDirectory && may('read', row)) {
    line.append(element('a', { href: url }, 'Open'), element('a', { href: url, download: '' }, 'Download'))
  }
  const facts = row ? [...row.cells].slice(1, 3).map((cell) => cell.textContent.trim()) : []
  line.append(element('span', {}, facts.filter(Boolean).join(', ')))
  return line
}

function sections(entry, search) {
  const { row, isDirectory } = entry
  const may_ = (...verbs) => verbs.every((verb) => may(verb, row))
  const all = []
  if (!isDirectory && may_('read')) all.push(viewSection(entry), searchSection(entry, search))
  if (!isDirectory && may_('read', 'replace')) all.push(replaceSection(entry))
  if (!isDirectory && may_('read')) all.push(reverseSection(entry, may_('replace')))
  if (may_('delete') && may('create')) all.push(nameSection(entry, 'MOVE'))
  if (may_('read') && may('create')) all.push(nameSection(entry, 'COPY'))
  if (may_('delete')) all.push(deleteSection(entry))
  return all
}

/** A part that is closed until it is chosen; `load` is called the first time it opens. */
function section(title, className, content, load = () => {}) {
  const details = element('details', { name: 'part', className }, element('summary', {}, title), ...content)
  let isLoaded = false
  details.addEventListener('toggle', () => {
    if (!details.open || isLoaded) return
    isLoaded = true
    attempt(load)
  })
  return details
}

function field(text, input) {
  return element('label', {}, element('span', {}, text), input)
}

function textInput(required = true) {
  return element('input', { required, autocomplete: 'off', spellcheck: false })
}

function checkBox(text) {
  const box = element('input', { type: 'checkbox' })
  return [box, element('label', { className: 'box' }, box, text)]
}

function button(text, className = '') {
  return element('button', { className }, text)
}

/** The lines for a shell and for curl, which follow what is typed. */
function commands(form, lines) {
  const place = element('div', { className: 'commands' })
  const update = () => place.replaceChildren(...lines().map(([name, text]) => commandLine(name, text)))
  form.addEventListener('input', update)
  update()
  return place
}

const server = root.origin + root.pathname.replace(/\/$/, '')

function toolLine(tool, options, words, { url }) {
  const login = user ? ['-u', quotedText(user)] : []
  const operands = ['--', ...words.map(quotedText), quoted(`%3A${pathOf(url)}`)]
  return [tool, ...options.filter(Boolean), '-s', quotedText(server), ...login, ...operands].join(' ')
}

function curlLine(options, url) {
  const login = user ? ['-u', quotedText(user)] : []
  return ['curl', ...login, ...options.filter(Boolean), quotedText(url.href)].join(' ')
}

function viewSection(entry) {
  const place = element('div', { className: 'view' })
  const lines = commands(place, () => [
    ['shell', toolLine('cfp-cat', [], [], entry)],
    ['curl', curlLine([], entry.url)],
  ])
  return section('View', 'view-part', [place, lines], () => view(entry, place, panel))
}

function flagsOf(ignoresCase, substring) {
  return [ignoresCase.checked && 'ignore-case', substring.checked && 'substring'].filter(Boolean)
}

function toolFlags(flags) {
  return flags.map((flag) => (flag === 'ignore-case' ? '-i' : '--substring'))
}

function times(count, word) {
  return `“${word}” occurs ${count === 1 ? 'once' : `${count} times`}.`
}

async function countOf(url, word, flags) {
  const query = [['search', word], ...flags.map((flag) => [flag])]
  const answer = await ask('GET', withQuery(url, query), { Accept: 'application/json, application/problem+json' })
  return (await answer.json()).count
}

function searchSection(entry, begun) {
  const word = textInput()
  const [ignoresCase, caseBox] = checkBox('Ignore case')
  const [substring, substringBox] = checkBox('Also inside words')
  if (begun) {
    word.value = begun.word
    ignoresCase.checked = begun.flags.includes('ignore-case')
    substring.checked = begun.flags.includes('substring')
  }
  const result = element('output', {})
  const found = element('pre', { tabIndex: 0, hidden: true, 'aria-label': 'Lines' })
  const form = element('form', {}, field('Word', word), caseBox, substringBox, button('Search', 'main'))
  const flags = () => flagsOf(ignoresCase, substring)
  const queryOf = () => [['search', word.value], ...flags().map((flag) => [flag]), ['lines']]
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    attempt(async () => {
      result.textContent = times(await countOf(entry.url, word.value, flags()), word.value)
      const { text, isWhole } = await beginningOf(await ask('GET', withQuery(entry.url, queryOf())))
      const lines = text.split('\n')
      const isCut = !isWhole || lines.length > LINES_SHOWN
      found.textContent = lines.slice(0, LINES_SHOWN).join('\n') + (isCut ? '\n…' : '')
      found.hidden = text === ''
    })
  })
  const lines = commands(form, () => [
    ['shell', toolLine('cfp-search', [...toolFlags(flags()), '--lines'], [word.value], entry)],
    ['curl', curlLine([], withQuery(entry.url, queryOf()))],
  ])
  return section('Search', 'search', [form, result, found, lines])
}

function replaceSection(entry) {
  const [old, fresh] = [textInput(), textInput(false)]
  const [ignoresCase, caseBox] = checkBox('Ignore case')
  const [substring, substringBox] = checkBox('Also inside words')
  const count = button('Count', 'main')
  const replace = element('button', { type: 'button', className: 'main', hidden: true })
  const result = element('output', {})
  const form = element('form', {}, field('Word', old), field('Replace with', fresh), caseBox, substringBox, count, replace)
  const flags = () => flagsOf(ignoresCase, substring)
  const queryOf = () => [['replace', old.value], ['with', fresh.value], ...flags().map((flag) => [flag])]
  let version
  form.addEventListener('input', () => {
    replace.hidden = true
    result.textContent = ''
  })
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    attempt(async () => {
      version = (await ask('HEAD', entry.url)).headers.get('ETag')
      const number = await countOf(entry.url, old.value, flags())
      result.textContent = times(number, old.value)
      replace.hidden = number === 0
      replace.textContent = number === 1 ? 'Replace it' : `Replace all ${number}`
    })
  })
  replace.addEventListener('click', () =>
    attempt(async () => {
      const changed = await inPlace(entry, queryOf(), version)
      replace.hidden = true
      result.textContent = `${changed} replaced.`
    }),
  )
  const lines = commands(form, () => [
    ['shell', toolLine('cfp-replace', [...toolFlags(flags()), '--in-place'], [old.value, fresh.value], entry)],
    ['curl', curlLine(ontoItself(entry), withQuery(entry.url, queryOf()))],
  ])
  return section('Replace', 'replace', [form, result, lines])
}

function ontoItself({ url }) {
  return ['-X', 'COPY', '-H', quotedText(`Destination: ${url.pathname}`)]
}

/** Applies a filter to a file where it is, if it is still this version; returns how much it changed. */
async function inPlace(entry, query, version) {
  const fields = { Destination: entry.url.pathname, ...ifMatch(version) }
  const answer = await ask('COPY', withQuery(entry.url, query), fields)
  entry.version = answer.headers.get('ETag') ?? undefined
  await list.refresh()
  return answer.headers.get('Cfp-Changed')
}

function ifMatch(version) {
  return version === undefined ? {} : { 'If-Match': version }
}

/**
 * Sends a request that takes a name away, if its file is still the version that was listed; else the list shows the new one.
 * `hasTarget`: another name may be the reason of a refusal.
 */
async function takeAway(entry, hasTarget, send) {
  try {
    await send(ifMatch(entry.version))
  } catch (error) {
    if (error.status !== 412 || (hasTarget && !(await isChanged(entry)))) throw error
    panel.close()
    await list.refresh()
    throw new Error(`${entry.name} has changed meanwhile and stays as it is: look at it again.`)
  }
}

/** Whether a file is another version by now; a new name that is taken is 412 as well. */
async function isChanged({ url, version }) {
  const head = await fetch(url, { method: 'HEAD', headers: ifMatch(version) })
  return head.status === 412
}

function reverseSection(entry, mayReplace) {
  const [perLine, lineBox] = checkBox('Each line by itself')
  const form = element('form', {}, lineBox, button('Show', 'main'))
  const result = element('output', {})
  const preview = element('pre', { tabIndex: 0, hidden: true, 'aria-label': 'Reversed' })
  const queryOf = () => [perLine.checked ? ['reverse', 'lines'] : ['reverse']]
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    attempt(async () => {
      const { text, isWhole } = await beginningOf(await ask('GET', withQuery(entry.url, queryOf())))
      preview.textContent = text + (isWhole ? '' : '\n…')
      preview.hidden = false
    })
  })
  if (mayReplace) {
    const store = element('button', { type: 'button' }, 'Reverse the stored file')
    store.addEventListener('click', () =>
      attempt(async () => {
        await inPlace(entry, queryOf())
        result.textContent = 'The words of the file are reversed. Once more restores it.'
      }),
    )
    form.append(store)
  }
  const options = () => [perLine.checked && '--per-line', mayReplace && '--in-place']
  const lines = commands(form, () => [
    ['shell', toolLine('cfp-reverse', options(), [], entry)],
    ['curl', curlLine(mayReplace ? ontoItself(entry) : [], withQuery(entry.url, queryOf()))],
  ])
  return section('Reverse', 'reverse', [form, result, preview, lines])
}

function nameSection(entry, method) {
  const isMove = method === 'MOVE'
  const input = textInput()
  // Without a text of its own the name is left to the user: as it is shown it would be another one.
  const text = textOf(entry.encoded)
  if (text !== undefined) input.value = isMove ? text : copyName(text)
  const form = element('form', {}, field('New name', input), button(isMove ? 'Rename' : 'Copy', 'main'))
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    attempt(async () => {
      const slash = entry.isDirectory ? '/' : ''
      const path = input.value.split('/').map(encode).join('/')
      const target = new URL(`./${path}${slash}`, new URL('.', withoutSlash(entry.url)))
      const send = (fields) => transfer(method, entry.url, target, fields)
      await (isMove ? takeAway(entry, true, send) : send())
      panel.close()
      await list.refresh()
      list.show(target)
      say(`${entry.name} is ${isMove ? 'renamed to' : 'copied to'} ${label(path)}.`)
    })
  })
  return section(isMove ? 'Rename' : 'Copy', isMove ? 'rename' : 'copy', [form])
}

function withoutSlash(url) {
  return urlAt(url.pathname.replace(/\/$/, ''))
}

function copyName(name) {
  const dot = name.lastIndexOf('.')
  return dot > 0 ? `${name.slice(0, dot)} copy${name.slice(dot)}` : `${name} copy`
}

function deleteSection(entry) {
  const ask_ = element('button', { type: 'button', className: 'danger' }, 'Delete …')
  ask_.addEventListener('click', () =>
    attempt(async () => {
      const what = entry.isDirectory ? 'the directory with everything in it' : 'the file'
      const question = `Delete ${what}: ${entry.name}? It cannot be brought back.`
      const answer = await choose(question, [
        ['', 'Cancel'],
        ['delete', 'Delete', 'danger'],
      ])
      if (answer !== 'delete') return
      await takeAway(entry, false, (fields) => ask('DELETE', entry.url, fields))
      panel.close()
      await list.refresh()
      say(`${entry.name} is deleted.`)
    }),
  )
  return section('Delete', 'delete', [ask_])
}
