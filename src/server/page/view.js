// A file in the panel: text, images, PDF, audio and video, each by what the browser has for it.
import { element } from './elements.js'
import { ask } from './server.js'

/** How much of a text is shown, how large a PDF may be, and by how many bytes a file of no known kind is taken for text. */
const TEXT_SHOWN = 256 * 1024
const PDF_MOST = 64 * 1024 * 1024
const SNIFFED = 512

/** Shows a file in a place of a dialog. */
export async function view({ url, name }, place, dialog) {
  const head = await ask('HEAD', url)
  const type = (head.headers.get('Content-Type') ?? '').split(';')[0]
  const size = Number(head.headers.get('Content-Length') ?? 0)
  const kind = type.split('/')[0]
  if (kind === 'image') place.append(element('img', { src: url, alt: name }))
  else if (kind === 'audio' || kind === 'video') place.append(element(kind, { src: url, controls: true }))
  else if (type === 'application/pdf' && size <= PDF_MOST) place.append(await pdfView(url, name, dialog))
  else if (kind === 'text' || /json|xml|javascript|yaml|sql|x-sh|rtf/.test(type)) place.append(...(await textView(url)))
  else place.append(...(await unknownView(url, type)))
}

/** A file of no known kind is shown where it begins as text. */
async function unknownView(url, type) {
  const message = element('p', {}, `A browser cannot show ${type || 'this'}: open or download it.`)
  if (type !== 'application/octet-stream') return [message]
  const range = { Range: `bytes=0-${SNIFFED - 1}` }
  const start = await ask('GET', url, range).then((answer) => answer.text(), () => '')
  return /[\0\ufffd]/.test(start.slice(0, -1)) ? [message] : textView(url)
}

/** A PDF as a document of its own: what is stored comes in a sandbox, in which browsers do not show it. */
async function pdfView(url, name, dialog) {
  const bytes = await (await ask('GET', url)).arrayBuffer()
  const copy = URL.createObjectURL(new Blob([bytes], { type: 'application/pdf' }))
  dialog.addEventListener('close', () => URL.revokeObjectURL(copy))
  return element('iframe', { src: copy, title: name })
}

async function textView(url) {
  const answer = await ask('GET', url)
  const { text, isWhole } = await beginningOf(answer)
  const note = element('p', { className: 'note' }, 'Only its beginning is shown.')
  const pre = element('pre', { tabIndex: 0, 'aria-label': 'Content' }, text)
  return isWhole ? [pre] : [pre, note]
}

/** Reads the first bytes of an answer as text. */
export async function beginningOf(answer) {
  const reader = answer.body.getReader()
  const decoder = new TextDecoder()
  let text = ''
  for (let read = 0; read < TEXT_SHOWN; ) {
    const { done, value } = await reader.read()
    if (done) return { text, isWhole: true }
    read += value.length
    text += decoder.decode(value, { stream: true })
  }
  reader.cancel()
  return { text: text.slice(0, TEXT_SHOWN), isWhole: false }
}
