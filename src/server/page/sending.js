// How a file is sent. A large one is resumable (draft-ietf-httpbis-resumable-upload): after a cut, or after the page was loaded
// again and the same file is chosen, it continues where it was.
import { ask, here, Refusal, urlAt } from './server.js'

/** Seconds to wait before the next try, while nothing gets through. */
const WAITS = [0.2, 1, 2, 4, 8, 16, 30, 60]

/** Sends a file in one request. */
export async function sendWhole(upload, fields) {
  const once = { ...fields, 'Idempotency-Key': newKey() }
  await patiently(upload, () => request(upload, 'PUT', upload.target, once, upload.file, 0))
}

/** A key by which the server stores a file once, also where its answer is lost and the request is sent again. */
function newKey() {
  // `randomUUID` is only there over TLS and on loopback.
  const parts = crypto.getRandomValues(new Uint32Array(4))
  return `"${[...parts].map((part) => part.toString(16).padStart(8, '0')).join('')}"`
}

/** Sends a file so that it can be resumed. */
export async function sendResumable(upload, fields) {
  const key = `cfp ${upload.target.pathname} ${upload.file.size} ${upload.file.lastModified}`
  const once = { ...fields, 'Idempotency-Key': newKey() }
  let resource = recall(key)
  upload.work.signal.addEventListener('abort', () => {
    if (resource) fetch(resource, { method: 'DELETE' }).catch(() => {})
    forget(key)
  })
  await patiently(upload, async () => {
    const offset = resource === undefined ? undefined : await offsetOf(resource)
    if (offset === 'complete') return
    if (offset === undefined) {
      resource = await create(upload, fields)
      if (resource === undefined) return request(upload, 'PUT', upload.target, once, upload.file, 0)
      remember(key, resource)
    }
    const from = offset ?? 0
    const rest = { 'Content-Type': 'application/partial-upload', 'Upload-Complete': '?1', 'Upload-Offset': String(from) }
    await request(upload, 'PATCH', resource, rest, upload.file.slice(from), from)
  })
  forget(key)
}

/** Begins a resumable upload; undefined where the server cannot resume this one. */
async function create({ target, file, work }, fields) {
  const headers = { ...fields, 'Upload-Complete': '?0', 'Upload-Length': String(file.size) }
  try {
    const answer = await ask('PUT', target, headers, { body: new Blob([]), signal: work.signal })
    return urlAt(new URL(answer.headers.get('Location'), here).pathname)
  } catch (error) {
    if (error.status === 400) return undefined
    throw error
  }
}

/** How much of an upload the server has: undefined where it does not know it. */
async function offsetOf(resource) {
  try {
    const answer = await ask('HEAD', resource)
    if (answer.headers.get('Upload-Complete') === '?1') return 'complete'
    return Number(answer.headers.get('Upload-Offset'))
  } catch (error) {
    if (error.status === 404) return undefined
    throw error
  }
}

/** Tries again for as long as something gets through, and a while longer. */
async function patiently(upload, action) {
  for (let tries = 0; ; tries += 1) {
    const before = upload.bar.value
    try {
      upload.state.textContent = 'Sending'
      return await action()
    } catch (error) {
      const isPassing = [0, 408, 503].includes(error.status) || error.isElsewhere
      if (upload.bar.value > before) tries = 0
      if (!isPassing || tries >= WAITS.length) throw error
      if (!error.isElsewhere) upload.state.textContent = 'The connection was cut: trying again'
      await pause(WAITS[tries], upload.work.signal)
    }
  }
}

function pause(seconds, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, seconds * 1000)
    addEventListener('online', resolve, { once: true })
    signal.addEventListener('abort', () => {
      clearTimeout(timer)
      reject(signal.reason)
    })
  })
}

/** Sends a body with its progress, which fetch does not tell. */
function request({ bar, state, work }, method, url, fields, body, from) {
  return new Promise((resolve, reject) => {
    const sending = new XMLHttpRequest()
    sending.open(method, url)
    sending.setRequestHeader('Accept', 'text/plain')
    for (const [name, value] of Object.entries(fields)) sending.setRequestHeader(name, value)
    const abort = () => sending.abort()
    work.signal.addEventListener('abort', abort)
    sending.upload.onprogress = ({ loaded }) => {
      bar.value = from + loaded
      state.textContent = `${Math.floor((100 * bar.value) / bar.max)} %`
    }
    sending.onload = () => {
      work.signal.removeEventListener('abort', abort)
      if (sending.status < 300) resolve((bar.value = bar.max))
      else reject(refusalOf(sending))
    }
    sending.onerror = () => reject(new Refusal(0, 'The connection was cut.'))
    sending.onabort = () => reject(work.signal.reason)
    sending.send(body)
  })
}

/** What the server refused; `isElsewhere` where the upload is at another offset: something of an earlier request still came. */
function refusalOf(sending) {
  const refusal = new Refusal(sending.status, sending.responseText.trim() || `${sending.status}`)
  refusal.isElsewhere = sending.status === 409 && sending.getResponseHeader('Upload-Offset') !== null
  return refusal
}

// Which uploads are unfinished; without it they are only resumed while the page is open.
function recall(key) {
  try {
    const known = localStorage.getItem(key)
    return known === null ? undefined : urlAt(known)
  } catch {
    return undefined
  }
}

function remember(key, resource) {
  try {
    localStorage.setItem(key, resource.pathname)
  } catch {}
}

function forget(key) {
  try {
    localStorage.removeItem(key)
  } catch {}
}
