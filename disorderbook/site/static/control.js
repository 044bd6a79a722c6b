// The page that controls the market: what clients ask, what is in force, and what can be done.

'use strict'

import {
  attendControls, attendForm, doing, learn, makeControlRow, nameOf, placesOf, preciseTime, scrollOf, sure,
  writePlace,
} from './controls.js'
import {
  $, clearNone, confirmed, fitNamedRows, makeRow, mark, put, shares, showNone,
} from './dom.js'
import { attendNotices } from './notices.js'
import { ask, inPath, send } from './requests.js'
import { attendSources } from './sources.js'

const EVERY = 1000 // milliseconds
const MOST_ROWS = 500 // of the journal
const CONTROL = '/api/v1/control'

let server = {}
let clock = null
let inForce = null
let asked = '' // for which requests, as parameters
let known = null // the newest requests, newest first, and of which market they are
let shown = null // those of them that stand in the table

// ---- Asking -------------------------------------------------------------------------------------

async function askAll() {
  [server, clock] = await Promise.all([ask('/api/v1/server'), ask('/api/v1/clock')])
  $('key-form').hidden = !server.needsKeys
  inForce = await ask(CONTROL)
  await learnRequests()
}

function filters() {
  const status = document.querySelector('[data-status][aria-pressed=true]').dataset.status
  const account = $('account').value.trim()
  return { ...(status && { status }), ...(account && { account }) }
}

// Where more have come than are shown, or a new market has begun, the newest are asked for.
async function learnRequests() {
  const query = new URLSearchParams(filters()).toString()
  const before = known
  const newest = known?.rows[0]?.number
  if (query === asked && newest !== undefined) {
    const told = await askRequests({ since: newest })
    if (known !== before) return // a button was pressed meanwhile, and so the same was asked twice
    if (told.requests.length < MOST_ROWS && marketOf(told) === known.market) return void add(told)
  }
  const told = await askRequests({})
  if (query !== new URLSearchParams(filters()).toString()) return
  if (query !== asked) shown = null
  asked = query
  known = { market: marketOf(told), rows: [] }
  add(told)
}

const askRequests = since => ask(`${CONTROL}/requests`, { ...filters(), ...since, limit: MOST_ROWS })
const marketOf = told => `${server.started} ${told.resets}`

function add(told) {
  const rows = [...told.requests.toReversed(), ...known.rows].slice(0, MOST_ROWS)
  known = { ...known, count: told.count, rows }
}

// ---- Showing ------------------------------------------------------------------------------------

function show() {
  showClock()
  showBooks()
  showSnapshots()
  showOthers()
  showJournal()
}

const KINDS = {
  real: () => 'Clock, real time',
  speed: ({ speed }) => `Clock, ${speed} times as fast`,
  stepped: () => 'Clock, moves by hand',
  requests: ({ step }) => `Clock, ${step / 1e6} ms a request`,
}

function showClock() {
  put($('clock-name'), KINDS[clock.clock](clock))
  put($('clock'), `${clock.ts.slice(0, 10)} ${preciseTime(clock.ts)}`)
  mark($('clock'), 'datetime', clock.ts)
  $('advance').hidden = !['stepped', 'requests'].includes(clock.clock)
}

function showBooks() {
  const reasons = new Map(inForce.halts.map(halt => [nameOf(halt), halt.reason]))
  const places = placesOf(server)
  put($('books-note'), reasons.size ? `${shares(reasons.size)} halted` : '')
  const rows = fitNamedRows($('books'), places.map(nameOf), makeBookRow, scrollOf($('books')))
  places.forEach((place, at) => {
    const [, toggle] = rows[at].querySelectorAll('button')
    const reason = reasons.get(nameOf(place))
    const [what, why] = rows[at].cells[0].children
    put(why, reason === undefined ? '' : `Halted: ${reason}`)
    put(toggle, reason === undefined ? 'Halt' : 'Resume')
    mark(toggle, 'aria-label', `${toggle.textContent} ${place.symbol} at ${place.venue}`)
    mark(rows[at], 'class', reason === undefined ? '' : 'halted')
  })
}

function makeBookRow(name) {
  const [venue, symbol] = JSON.parse(name)
  const row = makeControlRow(
    ['Reset…', button => resetBook(button, { venue, symbol })],
    ['Halt', () => row.className ? send('POST', `${CONTROL}/resume`, { venue, symbol }) : halt({ venue, symbol })],
  )
  mark(row.querySelector('button'), 'aria-label', `Reset ${symbol} at ${venue}`)
  writePlace(row, { venue, symbol })
  return row
}

function showSnapshots() {
  const { snapshots } = inForce
  $('snapshots-panel').hidden = !snapshots
  if (!snapshots) return
  const names = snapshots.map(snapshot => snapshot.name)
  const body = $('snapshots')
  if (names.length) clearNone(body)
  const rows = fitNamedRows(body, names, makeSnapshotRow, scrollOf(body))
  if (!names.length) return showNone(body, 2, 'None has been taken.')
  snapshots.forEach((snapshot, at) => {
    const [name, note] = rows[at].cells[0].children
    put(name, snapshot.name)
    mark(name, 'title', snapshot.name)
    put(note, snapshot.ts ? `${snapshot.ts.slice(0, 10)} ${preciseTime(snapshot.ts)}` : '')
  })
}

function makeSnapshotRow(name) {
  const path = `${CONTROL}/snapshots/${inPath(name)}`
  const row = makeControlRow(
    ['Delete…', () => anew(`Delete the snapshot “${name}”?`, 'Delete', 'DELETE', path)],
    ['Restore…', () => anew(
      `Go back to “${name}”? What was done since is lost.`, 'Restore', 'POST', `${path}/restore`)],
  )
  for (const button of row.querySelectorAll('button')) {
    mark(button, 'aria-label', `${button.textContent.replace('…', '')} ${name}`)
  }
  return row
}

// Each of these has a button that ends it: what it is called, and what that sends.
function otherParts() {
  const { faults = [], latency = {}, tape = {} } = inForce
  const slow = Object.entries(latency).filter(([, text]) => text !== 'off')
  return [
    ...faults.map(fault => ({
      name: `Fault ${fault.id}`, note: described(fault), end: 'Remove',
      send: ['DELETE', `${CONTROL}/faults/${fault.id}`],
    })),
    ...slow.map(([whose, text]) => ({
      name: `Latency of ${whose === 'tape' ? 'the tape' : whose}`, note: text, end: 'Off',
      send: ['PUT', `${CONTROL}/latency`, { [whose]: 'off' }],
    })),
    ...tape.isHeld ? [{
      name: 'The tape is held', note: 'Its messages wait.', end: 'Release',
      send: ['POST', `${CONTROL}/tape/release`],
    }] : [],
  ]
}

function showOthers() {
  $('others-panel').hidden = !inForce.faults
  const parts = otherParts()
  const body = $('others')
  if (parts.length) clearNone(body)
  const rows = fitNamedRows(body, parts.map(part => part.name), makeOtherRow, scrollOf(body))
  if (!parts.length) return showNone(body, 2, 'None is in force.')
  parts.forEach((part, at) => {
    const [what, note] = rows[at].cells[0].children
    put(what, part.name)
    put(note, part.note)
    const button = rows[at].querySelector('button')
    put(button, part.end)
    mark(button, 'aria-label', `${part.end}: ${part.name}`)
  })
}

// What a fault does, when, to whose requests, and how often it has.
function described({ kind, status, sentence, next, every, probability, route, account, seen, struck }) {
  const when = next !== undefined ? `the next ${shares(next)}` : every !== undefined
    ? `one of ${shares(every)}` : `each with probability ${probability}`
  return [
    [kind, status, sentence && `“${sentence}”`].filter(Boolean).join(' '), when, route,
    account && `of ${account}`, `has struck ${shares(struck)} of ${shares(seen)}`,
  ].filter(Boolean).join(', ')
}

function makeOtherRow(name) {
  return makeControlRow(['', () => send(...otherParts().find(part => part.name === name).send)])
}

// ---- The journal --------------------------------------------------------------------------------

// Rows stand still while somebody reads them: scrolls, points at them, or marks their text.
function isRead() {
  const scroll = $('journal-scroll')
  const { anchorNode, isCollapsed } = getSelection()
  return scroll.scrollTop > 0 || scroll.matches(':hover, :focus-within') ||
    (!isCollapsed && scroll.contains(anchorNode))
}

function showJournal() {
  if (!known) return
  const isHeld = shown?.rows.length && isRead()
  if (!isHeld) showRows()
  const isSame = shown.market === known.market
  const newest = shown.rows[0]?.number ?? 0
  const newer = isSame ? known.rows.filter(row => row.number > newest).length : known.rows.length
  const more = newer === MOST_ROWS ? `${shares(newer)} or more` : shares(newer)
  $('newer').hidden = isSame && !newer
  put($('newer'), isSame ? `▲ Show ${more} newer` : `▲ The market was reset: show the ${more} since`)
  const isFiltered = Object.keys(filters()).length
  const least = Math.min(known.rows.length, MOST_ROWS)
  put($('journal-note'), isFiltered ? `the newest ${shares(least)} of these, of ${shares(known.count)}`
    : known.count > least ? `the newest ${shares(least)} of ${shares(known.count)}` : shares(known.count))
}

function showRows() {
  shown = known && { ...known }
  const body = $('journal')
  if (!shown.rows.length) {
    const isFiltered = Object.keys(filters()).length && shown.count
    return showNone(body, 5, isFiltered ? 'No such request.' : 'No client has asked anything yet.')
  }
  clearNone(body)
  const names = shown.rows.map(row => `${shown.market} ${row.number}`)
  const of = new Map(names.map((name, at) => [name, shown.rows[at]]))
  fitNamedRows(body, names, name => makeRequestRow(of.get(name)), $('journal-scroll'))
}

function makeRequestRow({ number, ts, account, status, method, path, error, detail }) {
  const row = makeRow('number', 'time', 'account', 'status', 'request')
  const [counted, time, whose, answer, request] = row.cells
  put(counted, shares(number))
  put(time, preciseTime(ts))
  put(whose, account ?? '–')
  mark(whose, 'title', account ?? '')
  put(answer, String(status))
  row.dataset.refused = String(status >= 400)
  const code = document.createElement('code')
  const parts = method ? `${method} ${path}`.split(/(?=\/)/) : ['not HTTP']
  for (const part of parts) code.append(part, document.createElement('wbr'))
  request.append(code)
  if (status < 400) return row
  const why = document.createElement('p')
  const more = document.createElement('small')
  put(more, detail ?? '')
  why.append(error ?? '', ' ', more)
  request.append(why)
  return row
}

// ---- Doing --------------------------------------------------------------------------------------

// Whoever has asked for that wants to see it.
async function anew(...what) {
  const told = await sure(...what)
  if (told) shown = null
  return told
}

function resetBook(button, place) {
  return anew(`Begin ${place.symbol} at ${place.venue} anew? Its orders, trades and positions are lost.`,
    'Reset', 'POST', `${CONTROL}/reset`, place)
}

function halt(place) {
  const reason = $('reason').value.trim()
  return send('POST', `${CONTROL}/halt`, { ...place, ...(reason && { reason }) })
}

// One of the same name is replaced.
async function takeSnapshot() {
  const name = $('snapshot-name').value
  const isThere = inForce.snapshots.some(snapshot => snapshot.name === name)
  if (isThere && !await confirmed(`Replace the snapshot “${name}”?`, 'Replace')) return
  await send('POST', `${CONTROL}/snapshots`, { name })
  $('snapshot-name').value = ''
}

// What is left empty is not said, and what is no number is sent for the exchange to refuse.
function addFault() {
  const numbers = ['fault-number', 'fault-status', 'fault-retry']
  const fields = [...$('fault').querySelectorAll('[name]:enabled')].filter(field => field.value.trim())
  return send('POST', `${CONTROL}/faults`, Object.fromEntries(fields.map(({ id, name, value }) =>
    [name, numbers.includes(id) && Number.isFinite(Number(value)) ? Number(value) : value.trim()])))
}

function fitFaultForm() {
  const when = $('fault-when').value
  mark($('fault-number'), 'name', when)
  put($('fault-number-name'), when === 'probability' ? 'Probability' : 'Requests')
  for (const part of $('fault').querySelectorAll('[data-of-status]')) {
    part.hidden = part.querySelector('input').disabled = $('fault-kind').value !== 'status'
  }
}

function attend() {
  const everything = 'Begin the whole market anew? All orders, trades, positions, levels and results ' +
    'are lost, and so is this list of requests.'
  $('reset').onclick = () => doing($('reset'), () => anew(everything, 'Reset all', 'POST', `${CONTROL}/reset`))
  attendForm('advance', () => send('POST', '/api/v1/clock', { advance: Number($('seconds').value) }))
  attendForm('snapshot', takeSnapshot)
  attendForm('fault', addFault)
  $('fault').onchange = fitFaultForm
  fitFaultForm()
  for (const button of document.querySelectorAll('[data-status]')) {
    button.onclick = () => {
      for (const each of document.querySelectorAll('[data-status]')) {
        mark(each, 'aria-pressed', String(each === button))
      }
      learn()
    }
  }
  attendForm('of-account', () => {})
  $('account').onchange = () => learn()
  $('newer').onclick = () => {
    $('journal-scroll').scrollTop = 0
    showRows()
    showJournal()
    $('journal-scroll').focus()
  }
}

attend()
attendSources({ journal: () => `${CONTROL}/requests?${new URLSearchParams({ ...filters(), limit: MOST_ROWS })}` })
attendNotices()
attendControls({ every: EVERY, learn: askAll, show })
