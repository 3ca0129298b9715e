// Requests to the server, and where the page is on it. Without the user information that its own URL may have: fetch refuses
// such URLs.
import { encode } from './names.js'

export const main = document.querySelector('main')
/** The directory of this page, and the root of the server: perhaps beneath a prefix. */
export const here = urlAt(location.pathname)
export const root = new URL(main?.dataset.root ?? './', here)
export const user = main?.dataset.user

/** The URL of an encoded path, also of one that begins with two slashes: as a relative URL that would name a host. */
export function urlAt(path) {
  return new URL(location.origin + path)
}

/** What the server refused: its status and its line. */
export class Refusal extends Error {
  constructor(status, line) {
    super(line)
    this.status = status
  }
}

/** Whether the user may do this with an entry, or with something in this directory. */
export function may(verb, row) {
  const verbs = row?.dataset.may ?? main.dataset.may ?? ''
  return verbs.split(' ').includes(verb)
}

/** The path of a URL on the server, encoded, without the slash of the root: `d/f`. */
export function pathOf(url) {
  return url.pathname.slice(root.pathname.length)
}

/** A URL with a query: pairs of a name and a value, or of a name alone. */
export function withQuery(url, pairs) {
  const query = pairs.map(([name, value]) => (value === undefined ? name : `${name}=${encode(value)}`))
  return urlAt(`${url.pathname}?${query.join('&')}`)
}

/** Sends a request, and returns its answer unless it is an error. */
export async function ask(method, url, fields = {}, options = {}) {
  const headers = { Accept: 'application/problem+json, */*;q=0.5', ...fields }
  const answer = await reach(() => fetch(url, { method, headers, ...options }))
  if (!answer.ok) throw new Refusal(answer.status, await lineOf(answer))
  return answer
}

async function reach(call) {
  try {
    return await call()
  } catch (error) {
    if (error.name === 'AbortError') throw error
    throw new Refusal(0, 'The server cannot be reached. Is it running? Try again.')
  }
}

async function lineOf(answer) {
  const text = await answer.text()
  try {
    return JSON.parse(text).detail
  } catch {
    return text.trim() || `${answer.status} ${answer.statusText}`
  }
}

/** Reads an answer of one JSON object a line, as it comes. */
export async function* objectsOf(answer) {
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader()
  let rest = ''
  for (;;) {
    const { done, value } = await reader.read()
    if (done) break
    const lines = (rest + value).split('\n')
    rest = lines.pop()
    for (const line of lines) yield JSON.parse(line)
  }
}

/** Gives a name to another: MOVE or COPY, which replace nothing. */
export function transfer(method, from, to, fields = {}) {
  return ask(method, from, { Destination: to.pathname, Overwrite: 'F', ...fields })
}

/** Makes a directory. */
export function makeDirectory(url) {
  return ask('MKCOL', url)
}
