// The list of the directory: local dates, sorting, and a button for each row. Rows come in groups of a hundred, and a group is
// worked on when it comes into view, so that 100,000 of them cost nothing until they are looked at.
import { element, say } from './elements.js'
import { decoded } from './names.js'
import { ask, here, main } from './server.js'

const date = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' })
let table
let order = { key: 'name', up: true }
let openRow = () => {}

/** The link of a row. */
export function linkOf(row) {
  return row.cells[0].querySelector('a')
}

/** The URL of a row's entry, without user information. */
export function urlOf(row) {
  return new URL(linkOf(row).getAttribute('href'), here)
}

/** The entity tag of a row's file; undefined for a directory. */
export function versionOf(row) {
  return row.dataset.etag && `"${row.dataset.etag}"`
}

/** Prepares the list; `open` is called with the entry whose name or button is pressed. */
export function begin(open) {
  openRow = open
  adopt()
  main.addEventListener('click', (event) => {
    const row = event.target.closest('tbody tr')
    const isPlain = event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey
    if (!row || !isPlain) return
    const link = event.target.closest('a')
    const isFile = link && !link.getAttribute('href').endsWith('/')
    if (!isFile && !event.target.closest('button.more')) return
    event.preventDefault()
    openRow({ url: urlOf(row), row })
  })
}

/** Loads the list again after a change. */
export async function refresh() {
  const answer = await ask('GET', new URL(location.search, here), { Accept: 'text/html' })
  const fresh = new DOMParser().parseFromString(await answer.text(), 'text/html')
  table.replaceWith(fresh.querySelector('table'))
  for (const id of ['count', 'empty', 'archives']) {
    document.getElementById(id)?.remove()
    const line = fresh.getElementById(id)
    if (line) main.append(line)
  }
  adopt()
}

/** Scrolls to the row of an entry, and gives it the focus. */
export function show(url) {
  const name = decoded(url.pathname)
  const link = [...table.querySelectorAll('tbody a')].find((link) => decoded(link.pathname) === name)
  link?.scrollIntoView({ block: 'nearest' })
  link?.focus()
}

function adopt() {
  table = main.querySelector('table')
  table.setAttribute('role', 'table')
  const heads = table.tHead.rows[0].cells
  heads[2].textContent = 'Modified'
  table.tHead.rows[0].append(element('td'))
  for (const [at, key] of ['name', 'size', 'time'].entries()) {
    const button = element('button', { type: 'button' }, heads[at].textContent)
    button.addEventListener('click', () => sortBy(key))
    heads[at].replaceChildren(button)
  }
  tell()
  group([...table.tBodies])
  if (order.key !== 'name' || !order.up) sort()
}

const inView = new IntersectionObserver(
  (entries) => {
    for (const entry of entries.filter((entry) => entry.isIntersecting)) {
      inView.unobserve(entry.target)
      decorate(entry.target)
    }
  },
  { rootMargin: '500px' },
)

function group(bodies) {
  inView.disconnect()
  bodies.forEach((body) => inView.observe(body))
}

function decorate(body) {
  body.setAttribute('role', 'rowgroup')
  for (const row of body.rows) {
    if (row.cells.length > 3) continue
    const time = row.cells[2].firstElementChild
    if (time) {
      time.title = time.dateTime
      time.textContent = date.format(new Date(time.dateTime))
    }
    const name = linkOf(row).textContent
    row.setAttribute('role', 'row')
    row.append(element('td', {}, element('button', { type: 'button', className: 'more', 'aria-label': `Actions for ${name}` }, '⋯')))
    for (const cell of row.cells) cell.setAttribute('role', 'cell')
  }
}

function sortBy(key) {
  order = { key, up: order.key === key ? !order.up : key === 'name' }
  sort()
  tell()
  const words = { name: 'name', size: 'size', time: 'date' }
  say(`Sorted by ${words[key]}, ${order.up ? 'ascending' : 'descending'}.`)
}

function tell() {
  for (const [at, key] of ['name', 'size', 'time'].entries()) {
    const direction = key !== order.key ? 'none' : order.up ? 'ascending' : 'descending'
    table.tHead.rows[0].cells[at].setAttribute('aria-sort', direction)
  }
}

function sort() {
  const rows = [...table.tBodies].flatMap((body) => [...body.rows])
  rows.forEach((row, at) => (row.position ??= at))
  const keys = {
    name: (row) => row.position,
    size: (row) => Number(row.cells[1].firstElementChild?.value ?? -1),
    time: (row) => row.cells[2].firstElementChild?.dateTime ?? '',
  }
  const keyed = rows.map((row) => [keys[order.key](row), row])
  const sign = order.up ? 1 : -1
  keyed.sort(([a, x], [b, y]) => (a < b ? -sign : a > b ? sign : x.position - y.position))
  const bodies = []
  for (let at = 0; at < keyed.length; at += 100) {
    bodies.push(element('tbody', {}, ...keyed.slice(at, at + 100).map(([, row]) => row)))
  }
  ;[...table.tBodies].forEach((body) => body.remove())
  table.append(...bodies)
  group(bodies)
}
