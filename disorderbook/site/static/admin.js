// The admin's page: what is in force, and everything that can be done while the market runs.

'use strict'

import { attendCopies, curlLine, inOwnShell, quoted } from './commands.js'
import {
  attendControls, attendForm, doing, makeControlRow, nameOf, placesOf, preciseTime, scrollOf, sure, writePlace,
} from './controls.js'
import {
  $, clearNone, countText, fitNamedRows, fitRows, mark, money, numberIn, put, shares, showNone, telling,
} from './dom.js'
import { attendNotices, lookAtNotices } from './notices.js'
import { ask, givenKey, inPath, isSilence, Refused, send } from './requests.js'

const EVERY = 2000 // milliseconds
const ADMIN = '/api/v1/admin'
const MOST_NAMED = 5 // stocks whose prices a question names

let server = {}
let inForce = null

async function askAll() {
  // Without a key there is nothing to be told, and whoever opens the page is not to be refused.
  if (!givenKey()) throw new Refused(ADMIN, 401, '')
  ;[server, inForce] = await Promise.all([ask('/api/v1/server'), ask(ADMIN)])
}

async function act(action, content) {
  const told = await send('POST', `${ADMIN}/${action}`, content)
  lookAtNotices()
  return told
}

function show() {
  showBooks()
  showWhere()
  showAccounts()
  showActions()
}

// ---- Stocks -------------------------------------------------------------------------------------

function showBooks() {
  const halts = new Map(inForce.halts.map(halt => [nameOf(halt), halt.reason]))
  const prices = new Map(inForce.settlements.map(one => [nameOf(one), one.price]))
  const closed = [[halts.size, 'halted'], [prices.size, 'settled']].filter(([count]) => count)
  put($('books-note'), closed.map(([count, what]) => `${shares(count)} ${what}`).join(', '))
  const names = server.venues.flatMap(({ venue, symbols }) =>
    [{ venue }, ...symbols.map(symbol => ({ venue, symbol }))].map(nameOf))
  const rows = fitNamedRows($('books'), names, makePlaceRow, scrollOf($('books')))
  names.forEach((name, at) => {
    const [venue, symbol] = JSON.parse(name)
    if (symbol === null) showVenue(rows[at], venue)
    else showBook(rows[at], { venue, symbol }, halts.get(name), prices.get(name))
  })
}

function makePlaceRow(name) {
  const [venue, symbol] = JSON.parse(name)
  return symbol === null ? makeVenueRow(venue) : makeBookRow({ venue, symbol })
}

function makeVenueRow(venue) {
  const row = makeControlRow(
    ['Halt all', () => halt({ venue })],
    ['Resume all', () => act('resume', { venue })],
    ['Settle all…', () => settle({ venue })],
    ['', () => act(isFrozen(venue) ? 'reveal' : 'freeze', { venue })],
  )
  row.className = 'venue'
  const [what] = row.cells[0].children
  what.append(venue)
  what.title = venue
  name(row, venue)
  return row
}

const isFrozen = venue => inForce.frozen.includes(venue)

function showVenue(row, venue) {
  const freeze = row.querySelector('button:last-child')
  put(freeze, isFrozen(venue) ? 'Reveal scores' : 'Freeze scores')
  mark(freeze, 'aria-label', `${freeze.textContent} of ${venue}`)
  put(row.cells[0].lastElementChild, isFrozen(venue) ? 'The scores are frozen' : '')
}

function makeBookRow(place) {
  const row = makeControlRow(
    ['Halt', () => row.classList.contains('halted') ? act('resume', place) : halt(place)],
    ['Settle…', () => settle(place)],
    ['Reset…', () => sure(
      `Begin ${place.symbol} at ${place.venue} anew? Its orders, trades and positions are lost.`,
      'Reset', 'POST', `${ADMIN}/reset`, place)],
  )
  writePlace(row, place)
  name(row, `${place.symbol} at ${place.venue}`)
  return row
}

// What a button does, and to what, for whoever does not see the row.
function name(row, what) {
  for (const button of row.querySelectorAll('button')) {
    mark(button, 'aria-label', `${button.textContent.replace('…', '')}: ${what}`)
  }
}

function showBook(row, { venue, symbol }, reason, price) {
  const [toggle, close] = row.querySelectorAll('button')
  const state = price !== undefined ? `Settled at ${money(price)}` : reason === undefined ? '' : `Halted: ${reason}`
  put(row.cells[0].lastElementChild, state)
  put(toggle, reason === undefined ? 'Halt' : 'Resume')
  mark(toggle, 'aria-label', `${toggle.textContent}: ${symbol} at ${venue}`)
  toggle.hidden = close.hidden = price !== undefined
  mark(row, 'class', price !== undefined ? 'settled' : reason === undefined ? '' : 'halted')
}

function halt(place) {
  const reason = $('reason').value.trim()
  return act('halt', { ...place, ...(reason && { reason }) })
}

async function open() {
  const place = { venue: $('open-venue').value, symbol: $('open-symbol').value }
  await act('open', { ...place, ...($('open-halted').checked && { halted: true }) })
  $('open-symbol').value = ''
  $('open-symbol').focus()
}

// ---- Settling -----------------------------------------------------------------------------------

// The question is asked in a dialog of its own, where the price is put in, and which names what each
// stock will count.
async function settle(place) {
  const counts = await countsOf(place)
  const what = place.symbol === undefined ? `all stocks at ${place.venue}` : `${place.symbol} at ${place.venue}`
  const price = () => $('price').value.trim() && numberIn($('price').value, 100)
  const showQuestion = () => {
    const cents = price()
    const at = typeof cents === 'number' && cents !== '' ? `at ${money(cents)} a share` : counts
    put($('settle-text'), `Settle ${what} ${at}? Nothing trades there any more, also what rests in the book, and every ` +
      'position counts at that price. Only a reset, which loses all, opens a settled stock again.')
  }
  $('price').value = ''
  $('price').oninput = showQuestion
  showQuestion()
  const dialog = $('settle')
  $('settle-no').onclick = () => dialog.close()
  $('settle-form').onsubmit = event => {
    event.preventDefault()
    const cents = price()
    telling($('settle-said'), $('settle-yes'), async () => {
      await act('settle', { ...place, ...(cents !== '' && { price: cents }) })
      dialog.close()
    }, $('settle-form'), countedIn('cents', cents))
  }
  dialog.showModal()
  $('price').focus()
  await new Promise(done => { dialog.onclose = done })
}

// What a share counts now, in words.
async function countsOf({ venue, symbol }) {
  const words = 'at what a share counts now'
  try {
    const { stocks } = await ask(`/api/v1/venues/${inPath(venue)}/scores`, { limit: 0, ...(symbol && { symbol }) })
    const open = stocks.filter(stock => stock.settled === undefined)
    const known = open.filter(stock => stock.price !== undefined)
    if (!known.length || open.length > MOST_NAMED) return words
    const list = known.map(stock => symbol ? money(stock.price) : `${stock.symbol} at ${money(stock.price)}`)
    return `${words} (${list.join(', ')})`
  } catch (fault) {
    if (!(fault instanceof Refused) && !isSilence(fault)) throw fault
    return words
  }
}

// ---- Accounts -----------------------------------------------------------------------------------

// Where no keys are needed every name is an account, so the one that is written is shown.
function showAccounts() {
  const wanted = $('filter').value.trim()
  const { accounts } = inForce
  const needle = wanted.toLowerCase()
  const names = accounts ? accounts.filter(name => name.toLowerCase().includes(needle)) : wanted ? [wanted] : []
  put($('filter-name'), accounts ? 'Find or add' : 'Account')
  $('add-button').hidden = !accounts
  put($('accounts-note'), !accounts ? 'no keys are needed' : names.length === accounts.length
    ? shares(accounts.length) : `${shares(names.length)} of ${shares(accounts.length)}`)
  const body = $('accounts')
  if (names.length) clearNone(body)
  const rows = fitNamedRows(body, names, makeAccountRow, scrollOf(body))
  if (!names.length) showNone(body, 2, accounts ? 'No account is called that.' : 'Write the name of an account.')
  for (const row of rows) {
    for (const button of row.querySelectorAll('.keyed')) button.hidden = !accounts
  }
}

function makeAccountRow(account) {
  const row = makeControlRow(
    ['Cancel orders…', () => cancelOrders(account)],
    ['New key…', () => rekey(account)],
    ['Expel…', () => expel(account)],
  )
  for (const button of [...row.querySelectorAll('button')].slice(1)) button.className = 'keyed'
  const [what] = row.cells[0].children
  put(what, account)
  what.title = account
  name(row, account)
  return row
}

function showWhere() {
  const places = [['', 'of all venues'], ...server.venues.flatMap(({ venue, symbols }) => [
    [JSON.stringify({ venue }), `at ${venue}`],
    ...symbols.map(symbol => [JSON.stringify({ venue, symbol }), `in ${symbol} at ${venue}`]),
  ])]
  const select = $('where')
  const { value } = select
  const isSame = places.length === select.options.length &&
    places.every(([place], at) => select.options[at].value === place)
  if (isSame) return
  select.replaceChildren(...places.map(([place, text]) => new Option(text, place)))
  select.value = value
  if (select.selectedIndex < 0) select.selectedIndex = 0
}

async function cancelOrders(account) {
  const where = $('where').selectedOptions[0]
  const question = `Cancel all open orders of “${account}” ${where.text}? They do not come back.`
  const place = where.value ? JSON.parse(where.value) : {}
  return tellCancelled(account, await sure(question, 'Cancel orders', 'POST', `${ADMIN}/cancel`, { account, ...place }))
}

async function expel(account) {
  const question = `Expel “${account}”? Its key opens nothing any more, its websockets are closed, all its open ` +
    'orders are cancelled, and the scores list it no longer.'
  return tellCancelled(account, await sure(question, 'Expel', 'POST', `${ADMIN}/expel`, { account }))
}

// Of what has changed, and cannot be seen.
function tellCancelled(account, told) {
  if (told) put($('done'), `${countText(told.cancelled, 'order')} of “${account}” cancelled.`)
  return told
}

async function rekey(account) {
  const question = `Give “${account}” a new key? The old one opens nothing any more, at once. You get the new one to hand over.`
  const told = await sure(question, 'New key', 'POST', `${ADMIN}/rekey`, { account })
  if (told) await showCard(told)
  return told
}

async function add() {
  if (!inForce.accounts) return
  const told = await act('add', { account: $('filter').value.trim() })
  $('filter').value = ''
  await showCard(told)
}

// ---- The card -----------------------------------------------------------------------------------

const PRICE = 4900 // cents
const QUANTITY = 5

// As many short lines as there may be, since they are read from paper.
const narrow = line => line.replace(" -d '", " \\\n  -d '")

// After these curl and Python trust the certificate that a class serves.
const trustLines = origin => [
  inOwnShell(`curl -k -o class.pem ${quoted(`${origin}/class.pem`)}`),
  'openssl x509 -in class.pem -noout -fingerprint -sha256',
  isWindows ? '$env:CURL_CA_BUNDLE = "$PWD/class.pem"' : 'export CURL_CA_BUNDLE="$PWD/class.pem"',
].join('\n')

// What whoever gets the key can try as it stands there: a page, lines for a shell, lines of Python.
async function showCard({ account, key }) {
  const { venue, symbol } = placesOf(server)[0]
  const order = { account, direction: 'buy', orderType: 'limit', price: PRICE, qty: QUANTITY }
  const path = `/ob/api/venues/${inPath(venue)}/stocks/${inPath(symbol)}/orders`
  const text = JSON.stringify // its strings are Python's, too
  const write = () => {
    const origin = $('card-url').value.trim().replace(/\/+$/, '')
    $('card-tls').hidden = !origin.startsWith('https://')
    put($('card-trust'), trustLines(origin))
    put($('card-page'), `${origin}/accounts/${inPath(account)}`)
    put($('card-curl'), curlLine(path, { key, body: order, origin, turned: narrow }))
    put($('card-python'), [
      'from disorderbook import Market',
      `market = Market(${text(venue)}, ${text(symbol)},`,
      `  ${text(account)}, ${text(key)},`,
      `  url=${text(origin)})`,
      `print(market.buy(${PRICE}, ${QUANTITY}))`,
    ].join('\n'))
  }
  put($('card-title'), account)
  put($('card-key'), key)
  if (!$('card-url').value) $('card-url').value = location.origin
  $('card-url').oninput = write
  write()
  const dialog = $('card')
  $('card-close').onclick = () => dialog.close()
  $('card-print').onclick = () => print()
  dialog.showModal()
  $('card-close').focus()
  await new Promise(done => { dialog.onclose = done })
  for (const part of ['card-key', 'card-curl', 'card-python']) put($(part), '')
}

// ---- What everybody is told, and what was done --------------------------------------------------

// Before a refusal of a number that was put in in another unit.
const countedIn = (unit, number) => fault =>
  fault.words(typeof number === 'number' ? `Counted in ${unit}, ` : '')

async function announce() {
  await act('announce', { text: $('text').value.trim() })
  $('text').value = ''
}

const secondsOfField = () => numberIn($('minutes').value, 60)

function countDown() {
  const seconds = secondsOfField()
  const text = $('caption').value.trim()
  return act('countdown', { seconds: typeof seconds === 'number' ? Math.round(seconds) : seconds, ...(text && { text }) })
}

function showActions() {
  const done = inForce.actions.toReversed()
  const body = $('actions')
  if (!done.length) return showNone(body, 2, 'Nothing yet.')
  clearNone(body)
  const rows = fitRows(body, done.length, () => {
    const row = makeControlRow()
    row.append(row.insertCell())
    row.deleteCell(1)
    return row
  })
  done.forEach(({ ts, action, venue, symbol, account, detail }, at) => {
    const [what, more] = rows[at].cells[0].children
    put(what, [action, account, symbol, venue].filter(Boolean).join(' '))
    mark(what, 'title', what.textContent)
    put(more, detail ?? '')
    put(rows[at].cells[1], preciseTime(ts).slice(0, 8))
    mark(rows[at].cells[1], 'title', ts)
  })
}

function attend() {
  attendForm('open', open)
  attendForm('add', add)
  attendForm('announce', announce)
  attendForm('countdown', countDown, fault => countedIn('seconds', secondsOfField())(fault))
  $('silence').onclick = () => doing($('silence'), () => act('announce', { text: '' }))
  $('end').onclick = () => doing($('end'), () => act('countdown', { seconds: 0 }))
  $('filter').oninput = () => { if (inForce) showAccounts() }
}

attend()
attendCopies()
attendNotices()
attendControls({ every: EVERY, learn: askAll, show, begin: () => put($('done'), '') })
