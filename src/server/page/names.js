// Names as bytes. A name travels percent-encoded, as the server wrote it into a link; it is decoded only to be shown or to be
// quoted for a shell, since it may be no valid text.

// What cannot be seen, or looks like a common space: the page shows its bytes.
const HIDDEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u00a0\u1680\u2000-\u200a\u202f\u205f\u2800\ufff0-\ufffb]/u

const utf8 = new TextEncoder()

/** Encodes text as one component of a path, or as a value of a query. */
export function encode(text) {
  const escape = (char) => '%' + char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')
  return encodeURIComponent(text.toWellFormed?.() ?? text).replace(/[!'()*]/g, escape)
}

/** The encoded path of an entry of a JSON list. */
export function pathOfEntry(entry) {
  if (entry.name_bytes !== undefined) return entry.name_bytes.replaceAll('%2F', '/')
  return entry.name.split('/').map(encode).join('/')
}

/** Decodes percent-encoded text to bytes. */
export function bytesOf(encoded) {
  const text = encoded.replace(/%([0-9a-f]{2})|[^%]/gis, (part, hex) => hex ?? [...utf8.encode(part)].map(hexOf).join(''))
  return Uint8Array.from(text.match(/../g) ?? [], (hex) => parseInt(hex, 16))
}

/** Decodes a name to its text; undefined where it has none that a field holds: it is no UTF-8, or has a line break. */
export function textOf(encoded) {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytesOf(encoded))
    return /[\n\r]/.test(text) ? undefined : text
  } catch {
    return undefined
  }
}

/** Decodes a path to a string of a character for each byte, to be compared: which characters are escaped differs. */
export function decoded(path) {
  return path.replace(/%([0-9a-f]{2})/gi, (escape, hex) => String.fromCharCode(parseInt(hex, 16)))
}

function hexOf(byte) {
  return byte.toString(16).padStart(2, '0')
}

/** Splits bytes into parts of valid text and single bytes: strings and numbers. */
function* partsOf(bytes) {
  for (let at = 0; at < bytes.length; ) {
    const lead = bytes[at]
    const length = lead < 0x80 ? 1 : lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2
    try {
      yield new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes.subarray(at, at + length))
      at += length
    } catch {
      yield lead
      at += 1
    }
  }
}

/** Shows encoded bytes as text nodes, with what cannot be seen in elements of its own. */
export function shown(encoded) {
  const out = document.createDocumentFragment()
  for (const part of partsOf(bytesOf(encoded))) {
    if (typeof part === 'string' && !HIDDEN.test(part)) {
      if (out.lastChild?.nodeType === Node.TEXT_NODE) out.lastChild.data += part
      else out.append(part)
      continue
    }
    const bytes = typeof part === 'string' ? [...utf8.encode(part)] : [part]
    if (out.lastChild?.nodeName !== 'I') out.append(document.createElement('i'))
    out.lastChild.append(bytes.map((byte) => '\\x' + hexOf(byte)).join(''))
  }
  return out
}

/** The same as a string, for messages. */
export function label(encoded) {
  return shown(encoded).textContent
}

/** Quotes encoded bytes as one word of a shell. What cannot be seen takes `$'…'` (POSIX.1-2024, bash, zsh). */
export function quoted(encoded) {
  const parts = [...partsOf(bytesOf(encoded))]
  const plain = parts.every((part) => typeof part === 'string' && !HIDDEN.test(part))
  const text = parts.join('')
  if (plain && /^[\w@%+=:,./-]+$/.test(text)) return text
  if (plain) return `'${text.replaceAll("'", "'\\''")}'`
  const octal = (byte) => '\\' + byte.toString(8).padStart(3, '0')
  const escaped = parts.map((part) => {
    if (typeof part === 'number') return octal(part)
    if (HIDDEN.test(part)) return [...utf8.encode(part)].map(octal).join('')
    return part.replace(/[\\']/g, '\\$&')
  })
  return `$'${escaped.join('')}'`
}

/** Quotes text as one word of a shell. */
export function quotedText(text) {
  return text === '' ? "''" : quoted(encode(text))
}
