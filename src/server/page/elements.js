// Elements of the page: how they are made, the line that is read aloud, and the dialogs that ask something.

/** Makes an element with properties, and attributes where the name has a dash or is `role`. */
export function element(name, properties = {}, ...children) {
  const made = document.createElement(name)
  for (const [key, value] of Object.entries(properties)) {
    if (key.includes('-') || ['role', 'for', 'scope'].includes(key)) made.setAttribute(key, value)
    else made[key] = value
  }
  made.append(...children)
  return made
}

const status = element('p', { id: 'said', role: 'status' })
document.body.append(status)
let silence

/** Says what was done, or why not: shown for a while, and read aloud by a screen reader. */
export function say(text, isError = false) {
  status.textContent = text
  status.className = isError ? 'error' : ''
  clearTimeout(silence)
  if (text) silence = setTimeout(() => say(''), isError ? 20000 : 6000)
}

/** Runs an action, and says why it failed. */
export async function attempt(action) {
  try {
    return await action()
  } catch (error) {
    if (error.name !== 'AbortError') say(error.message, true)
  }
}

/** Opens a dialog. What is said meanwhile is said in it, since everything else is covered and inert. */
export function openDialog(dialog, onClose) {
  dialog.addEventListener('close', () => {
    dialog.remove()
    placeStatus()
    onClose()
  })
  document.body.append(dialog)
  dialog.showModal()
  placeStatus()
}

/** Moves the status to the topmost dialog before anything is said: a screen reader reads no text that comes with its element. */
function placeStatus() {
  const top = [...document.querySelectorAll('dialog[open]')].pop()
  ;(top ?? document.body).append(status)
}

/** Asks in a dialog; the value of the button that was pressed, or undefined. */
export function choose(question, choices, extra = []) {
  const buttons = choices.map(([value, label, className = '']) => element('button', { value, className }, label))
  const form = element('form', { method: 'dialog' }, element('p', {}, question), ...extra)
  form.append(element('div', { className: 'buttons' }, ...buttons))
  const dialog = element('dialog', { className: 'question', 'aria-label': question }, form)
  return new Promise((resolve) => openDialog(dialog, () => resolve(dialog.returnValue || undefined)))
}

/** Asks for a line of text; undefined where it is taken back. */
export async function askFor(question, value, action) {
  const input = element('input', { value, required: true, autocomplete: 'off', spellcheck: false })
  const field = element('label', {}, element('span', {}, 'Name'), input)
  const asked = choose(question, [['ok', action, 'main']], [field])
  const cancel = element('button', { type: 'button' }, 'Cancel')
  const dialog = input.closest('dialog')
  cancel.addEventListener('click', () => dialog.close())
  dialog.querySelector('.buttons').prepend(cancel)
  const dot = value.lastIndexOf('.')
  input.focus()
  input.setSelectionRange(0, dot > 0 ? dot : value.length)
  return (await asked) === 'ok' ? input.value : undefined
}

/** A command to copy. */
export function commandLine(label, text) {
  const copy = element('button', { type: 'button', 'aria-label': `Copy the ${label} line` }, 'Copy')
  copy.addEventListener('click', async () => {
    getSelection().selectAllChildren(code)
    // Browsers have a clipboard for scripts only over TLS and on loopback.
    const copied = navigator.clipboard?.writeText(text).then(() => true, () => false)
    const isCopied = (await copied) ?? document.execCommand('copy')
    say(isCopied ? 'Copied.' : 'Selected: copy it with Ctrl-C.')
  })
  const code = element('code', { className: label, tabIndex: 0 }, text)
  return element('div', { className: 'command' }, element('span', {}, label), code, copy)
}
