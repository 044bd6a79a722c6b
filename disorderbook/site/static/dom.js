// What every page is made with: words for figures, rows of tables, questions and refusals.

'use strict'

import { Refused, giveKey, givenKey, isSilence } from './requests.js'

export const $ = id => document.getElementById(id)
const DOLLARS = new Intl.NumberFormat('en-US', {
  minimumFractionDigits: 2, maximumFractionDigits: 2,
})
const WHOLE = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 })
// Everybody who looks at a market has the same times before them.
const timeZone = 'UTC'
export const CLOCK = new Intl.DateTimeFormat('en-GB', {
  hour: '2-digit', minute: '2-digit', second: '2-digit', timeZone,
})
export const MINUTE = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', timeZone })
export const DAY = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', timeZone })

export const dollars = cents => DOLLARS.format(cents / 100).replace('-', '−')
export const money = cents => `${cents < 0 ? '−' : ''}$${DOLLARS.format(Math.abs(cents) / 100)}`
export const shares = count => WHOLE.format(count).replace('-', '−')
export const countText = (count, one, several = `${one}s`) =>
  `${shares(count)} ${Math.abs(count) === 1 ? one : several}`
export const sharesText = count => countText(count, 'share')
export const clockTime = timestamp => CLOCK.format(secondsOf(timestamp) * 1000)

export function secondsOf(timestamp) {
  return Date.parse(`${timestamp.slice(0, 23)}Z`) / 1000 // browsers know milliseconds only
}

// Nothing that comes from the market ever becomes anything but text.
export function put(node, text) {
  if (node.textContent !== text) node.textContent = text
}

export function mark(node, name, value) {
  if (node.getAttribute(name) !== value) node.setAttribute(name, value)
}

// Rows are made once and get new words: nothing is built while the market moves.
export function fitRows(body, count, makeRow) {
  while (body.rows.length < count) body.append(makeRow())
  while (body.rows.length > count) body.lastElementChild.remove()
  return body.rows
}

// A row for each name, in this order. A row with a button keeps its name for good, so that a click
// never means something else than what was read; if the one with the focus goes, `refuge` has it.
export function fitNamedRows(body, names, makeRow, refuge) {
  const wanted = new Set(names)
  const named = body.querySelectorAll('tr[data-name]')
  const rows = new Map([...named].map(row => [row.dataset.name, row]))
  for (const [name, row] of rows) {
    if (wanted.has(name)) continue
    if (row.contains(document.activeElement)) refuge.focus()
    row.remove()
  }
  names.forEach((name, place) => {
    const row = rows.get(name) ?? makeRow(name)
    row.dataset.name = name
    if (body.rows[place] !== row) body.insertBefore(row, body.rows[place] ?? null)
  })
  return body.rows
}

export function makeRow(...classes) {
  const row = document.createElement('tr')
  for (const name of classes) {
    const cell = document.createElement('td')
    cell.className = name
    row.append(cell)
  }
  return row
}

export function showNone(body, columns, sentence) {
  const row = makeRow('')
  row.className = 'empty'
  row.cells[0].colSpan = columns
  row.cells[0].textContent = sentence
  if (body.textContent !== sentence) body.replaceChildren(row)
}

export function clearNone(body) {
  if (body.firstElementChild?.className === 'empty') body.replaceChildren()
}

// Makes the letters of a node smaller, where one of these parts has more than fits beside each other.
export function fit(node, parts) {
  node.style.fontSize = ''
  let size = 1
  for (let turn = 0; turn < 3; turn++) { // what is no text does not become smaller with it
    const share = Math.min(...parts.map(part => part.clientWidth / part.scrollWidth))
    if (!(share < 1)) return
    size *= share * 0.97
    node.style.fontSize = `${size.toFixed(3)}em`
  }
}

// ---- What people do -----------------------------------------------------------------------------

// Asks once more before something that cannot be undone; whether the answer was yes.
export function confirmed(sentence, yes) {
  const dialog = $('sure')
  put($('sure-text'), sentence)
  put($('sure-yes'), yes)
  dialog.returnValue = ''
  dialog.showModal()
  $('sure-no').focus()
  return new Promise(done => {
    // The browser tells of a dialog's end a moment later, when the next question may be open already.
    const answer = value => { dialog.close(value); done(value === 'yes') }
    $('sure-yes').onclick = () => answer('yes')
    $('sure-no').onclick = () => answer('')
    dialog.onclose = () => { if (!dialog.open) done(false) } // by the Escape key
  })
}

// Does what a button is for, once at a time. What the exchange refuses is said beside the field of
// `form` that it names, if that is given and has such a field, else at `place`. A busy button is not
// disabled, since it would lose the focus.
export async function telling(place, button, act, form, words = refusalOf) {
  if (button.getAttribute('aria-busy') === 'true') return
  say(place, '')
  for (const field of form?.querySelectorAll('[aria-invalid=true]') ?? []) sayOf(field, '')
  mark(button, 'aria-busy', 'true')
  try {
    await act()
  } catch (fault) {
    const field = fault.field && form?.querySelector(`[name=${CSS.escape(fault.field)}]:enabled:not([type=radio])`)
    if (!field) return sayInSight(place, refusalOf(fault))
    sayOf(field, words(fault))
    field.focus()
  } finally {
    mark(button, 'aria-busy', 'false')
  }
}

// A button may stand screens further down than where its refusal is told.
function sayInSight(place, text) {
  say(place, text)
  place.scrollIntoView({ block: 'nearest' })
}

// Says what is wrong with what stands in a field, below it; "" if nothing is.
function sayOf(field, text) {
  const name = `${field.id}-error`
  if (!$(name)) {
    const place = document.createElement('span')
    Object.assign(place, { id: name, className: 'refusal', role: 'alert' })
    mark(field, 'aria-describedby', name)
    field.after(place)
  }
  say($(name), text)
  mark(field, 'aria-invalid', String(Boolean(text)))
}

// Whether the exchange answers, at the top of the page: `state` is what its colours go by.
export function sayConnection(state, sentence) {
  mark($('connection'), 'data-state', state)
  put($('connection'), sentence)
  document.body.classList.toggle('away', state === 'away')
}

export function say(place, text) {
  put(place, text)
  place.hidden = !text
}

export function refusalOf(fault) {
  if (fault instanceof Refused) return fault.status === 401 ? refusalOfKey() : fault.words()
  if (!isSilence(fault)) throw fault
  return 'The exchange does not answer.'
}

// The exchange's own sentence is for programs, which send headers.
const refusalOfKey = () => givenKey()
  ? 'The key that you have put in may not do this.'
  : 'This needs a key: put yours in first.'

// A number as people write it here, where a comma stands between thousands and nowhere else: 12,50
// is none, or somebody would pay a hundred times of what he means. The exchange says what is wrong
// with it, so it is told whatever stands there.
const NUMBER = /^[-+]?(\d+|\d{1,3}(,\d{3})+)(\.\d*)?$/

export function numberIn(text, unit = 1) {
  const written = text.trim()
  if (!NUMBER.test(written)) return written
  return Number((Number(written.replaceAll(',', '')) * unit).toFixed(6)) // 0.07 * 100 is more than 7
}

// The field for the key at the top; `use` is called with each new one.
export function attendKey(use) {
  $('key').value = givenKey()
  $('key-form').onsubmit = event => {
    event.preventDefault()
    giveKey($('key').value.trim())
    use()
  }
}
