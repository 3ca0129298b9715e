// The page of a directory: what a person may do with it is put around the list, which the server wrote.
import { askFor, attempt, element, say } from './elements.js'
import * as list from './list.js'
import { encode } from './names.js'
import { openPanel } from './panel.js'
import { beginSearch } from './search.js'
import { here, main, makeDirectory, may, root } from './server.js'
import { beginUploads, refuseDrops } from './upload.js'

list.begin(openPanel)
if (may('create')) addTools()
else refuseDrops()
if (may('read')) beginSearch()
document.querySelector('#account a[href*="logout"]')?.addEventListener('click', logOut)
document.documentElement.dataset.ready = ''

function addTools() {
  const tools = element('div', { id: 'tools', role: 'group', 'aria-label': 'Add to this directory' })
  beginUploads(tools)
  const make = element('button', { type: 'button' }, 'New directory')
  make.addEventListener('click', () => attempt(newDirectory))
  tools.append(make)
  main.querySelector('h1').after(tools)
}

async function newDirectory() {
  const name = await askFor('Name of the new directory', '', 'Make')
  if (name === undefined) return
  const url = new URL(`./${encode(name)}/`, here)
  await makeDirectory(url)
  await list.refresh()
  list.show(url)
  say(`${name}/ is made.`)
}

// A browser forgets a password that was refused: this asks to be refused. One that does not is asked again, in its own dialog.
async function logOut(event) {
  event.preventDefault()
  const link = event.currentTarget.href
  const tell = () => fetch(new URL('?logout', root), { headers: { Accept: 'application/json' } })
  await tell()
  const isForgotten = (await tell()).ok
  location.assign(isForgotten ? here : link)
}
