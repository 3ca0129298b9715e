// Uploads: files and folders, chosen or dropped, several at once.
import { attempt, choose, element, say } from './elements.js'
import * as list from './list.js'
import { encode, label } from './names.js'
import { sendResumable, sendWhole } from './sending.js'
import { here, main, makeDirectory, may } from './server.js'

const AT_ONCE = 3
/** A smaller file is sent again as a whole. */
const RESUMABLE_FROM = 1024 * 1024

const waiting = []
let active = 0
/** Drops whose files are still being found. */
let finding = 0
let stored = 0
let answerForAll
let asking = Promise.resolve()
let place

/** Adds the buttons, and takes what is dropped on the page. */
export function beginUploads(tools) {
  tools.append(chooser('Upload files', { multiple: true }), chooser('Upload folder', { webkitdirectory: true }))
  onFiles('dragover', () => document.documentElement.classList.add('dropping'))
  addEventListener('dragleave', (event) => {
    if (!event.relatedTarget) document.documentElement.classList.remove('dropping')
  })
  onFiles('drop', (event) => {
    document.documentElement.classList.remove('dropping')
    attempt(() => drop(event.dataTransfer))
  })
  addEventListener('beforeunload', (event) => {
    if (active + waiting.length + finding > 0) event.preventDefault()
  })
}

/** Says of what is dropped on the page that it is not stored. */
export function refuseDrops() {
  onFiles('dragover', () => {})
  onFiles('drop', () => say('Nothing is stored: you may not create files here.', true))
}

/** Calls `act` when files are dragged; the browser would open them in place of the page. */
function onFiles(kind, act) {
  addEventListener(kind, (event) => {
    if (!event.dataTransfer.types.includes('Files')) return
    event.preventDefault()
    act(event)
  })
}

function chooser(text, properties) {
  const input = element('input', { type: 'file', hidden: true, 'aria-label': text, ...properties })
  const button = element('button', { type: 'button' }, text)
  button.addEventListener('click', () => input.click())
  input.addEventListener('change', () => {
    for (const file of input.files) enqueue(file, file.webkitRelativePath || file.name)
    input.value = ''
  })
  return element('span', {}, button, input)
}

async function drop(transfer) {
  // The items are gone after the first pause.
  const items = [...transfer.items].filter((item) => item.kind === 'file')
  const entries = items.map((item) => item.webkitGetAsEntry?.() ?? item.getAsFile())
  finding += 1
  try {
    for (const entry of entries) {
      if (entry instanceof File) enqueue(entry, entry.name)
      else if (entry) await walk(entry, '')
    }
  } finally {
    finding -= 1
    next()
  }
}

async function walk(entry, above) {
  const path = above + entry.name
  if (entry.isFile) return enqueue(await new Promise((done, fail) => entry.file(done, fail)), path)
  const reader = entry.createReader()
  let isEmpty = true
  for (;;) {
    // A reader gives some entries at a time, and none at the end.
    const some = await new Promise((done, fail) => reader.readEntries(done, fail))
    if (some.length === 0) break
    isEmpty = false
    for (const below of some) await walk(below, `${path}/`)
  }
  if (isEmpty) {
    await makeDirectories(new URL(`./${encodePath(path)}/x`, here))
    await list.refresh()
  }
}

function encodePath(path) {
  return path.split('/').map(encode).join('/')
}

function enqueue(file, path) {
  const bar = element('progress', { max: Math.max(file.size, 1), value: 0, 'aria-label': `Upload of ${label(encodePath(path))}` })
  const state = element('span', { className: 'state' }, 'Waiting')
  const cancel = element('button', { type: 'button', 'aria-label': `Cancel ${label(encodePath(path))}` }, 'Cancel')
  const line = element('li', {}, element('span', { className: 'name' }, label(encodePath(path))), bar, state, cancel)
  const upload = { file, path, target: new URL(`./${encodePath(path)}`, here), bar, state, cancel, line, work: new AbortController() }
  cancel.addEventListener('click', () => upload.work.abort())
  if (!place?.isConnected) {
    place = element('ul')
    const section = element('section', { id: 'uploads', 'aria-label': 'Uploads' }, element('h2', {}, 'Uploads'), place)
    main.querySelector('table').before(section)
  }
  place.append(line)
  waiting.push(upload)
  next()
}

function next() {
  while (active < AT_ONCE && waiting.length > 0) {
    active += 1
    run(waiting.shift()).finally(() => {
      active -= 1
      next()
    })
  }
  if (active + waiting.length + finding === 0) finish()
}

function finish() {
  answerForAll = undefined
  if (stored > 0) {
    say(`${stored} file${stored === 1 ? ' is' : 's are'} stored.`)
    attempt(list.refresh)
  }
  stored = 0
}

async function run(upload) {
  try {
    upload.work.signal.throwIfAborted()
    await send(upload)
    stored += 1
    end(upload, 'Stored', 'done')
  } catch (error) {
    if (error.name === 'AbortError') return end(upload, 'Cancelled', 'failed')
    end(upload, error.message, 'failed')
    const again = element('button', { type: 'button' }, 'Try again')
    again.addEventListener('click', () => {
      upload.line.remove()
      enqueue(upload.file, upload.path)
    })
    if (!error.isFinal) upload.line.append(again)
  }
}

function end(upload, text, className) {
  upload.state.textContent = text
  upload.line.className = className
  upload.cancel.remove()
}

/** Stores a file, and makes the directories it needs. */
async function send(upload) {
  const condition = await conditionOf(upload)
  const fields = { ...condition, 'X-OC-Mtime': String(Math.floor(upload.file.lastModified / 1000)) }
  const isLarge = upload.file.size >= RESUMABLE_FROM
  const attemptOnce = () => (isLarge ? sendResumable(upload, fields) : sendWhole(upload, fields))
  try {
    await attemptOnce()
  } catch (error) {
    if (error.status !== 409 || !upload.path.includes('/')) throw error
    await makeDirectories(upload.target)
    await attemptOnce()
  }
}

/** The condition under which the target is written: that it is free, or still the version that the user gave up. */
async function conditionOf(upload) {
  const head = await fetch(upload.target, { method: 'HEAD', redirect: 'manual', signal: upload.work.signal }).catch((error) => {
    if (error.name === 'AbortError') throw error
  })
  // The server leads from the name of a directory to the one with a slash.
  if (head?.type === 'opaqueredirect') throw skipped('a directory of this name is there')
  if (!head?.ok) return { 'If-None-Match': '*' }
  const answer = may('replace') ? await askAboutReplacing(upload) : 'skip'
  if (answer === 'replace') return { 'If-Match': head.headers.get('ETag') }
  throw skipped('a file of this name is there')
}

function skipped(why) {
  return Object.assign(new Error(`Skipped: ${why}`), { isFinal: true })
}

/** One question at a time. */
function askAboutReplacing({ path }) {
  asking = asking.then(async () => {
    if (answerForAll) return answerForAll
    const answer = await choose(`${label(encodePath(path))} is there already. Replace it?`, [
      ['skip', 'Skip'],
      ['skip all', 'Skip all'],
      ['replace all', 'Replace all'],
      ['replace', 'Replace', 'main'],
    ])
    if (answer?.endsWith(' all')) answerForAll = answer.split(' ')[0]
    return answer?.split(' ')[0] ?? 'skip'
  })
  return asking
}

/** Makes the directories above a name, down from this one, as far as they are not there. */
async function makeDirectories(target) {
  const names = target.pathname.slice(here.pathname.length).split('/').slice(0, -1)
  let path = './'
  for (const name of names) {
    path += `${name}/`
    await makeDirectory(new URL(path, here)).catch((error) => {
      if (error.status !== 405) throw error
    })
  }
}
