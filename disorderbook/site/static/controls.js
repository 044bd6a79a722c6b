// What the pages that control the market have in common: whether the admin may, tables with a button
// for each thing that can be done, and forms.

'use strict'

import {
  $, attendKey, clockTime, confirmed, makeRow, put, say, sayConnection, telling,
} from './dom.js'
import { Refused, givenKey, isSilence, send } from './requests.js'

// The admin's key, for whoever looks for it.
const WHERE_IT_IS = 'It is in the file that --admin-key-file names; for a class that is admin.key in its folder.'

let page = {}
let refusal = null // why nothing is told, as a title and a sentence
let isTold = false
let denied = null // the key that was not the admin's: it is not sent again and again

// ---- Asking -------------------------------------------------------------------------------------

// Asks from now on, `every` so many milliseconds while the tab is seen. A page has `learn`, which
// asks, and `show`, which is called where that was told; it may have `begin`, which is called before
// anything is done.
export async function attendControls(ours) {
  page = ours
  attendKey(() => { denied = null; say($('said'), ''); learn() })
  for (;;) {
    if (!document.hidden && denied !== givenKey()) await learn()
    await new Promise(done => setTimeout(done, page.every))
  }
}

export async function learn() {
  try {
    await page.learn()
    refusal = null
    isTold = true
    sayConnection('live', 'Live')
  } catch (fault) {
    if (isSilence(fault)) sayConnection('away', 'The exchange does not answer; trying again…')
    else if (fault instanceof Refused) refused(fault)
    else throw fault
  }
  $('gone').hidden = !refusal
  document.body.classList.toggle('unplayed', Boolean(refusal))
  if (!refusal) return isTold && page.show()
  put($('gone-title'), refusal[0])
  put($('gone-text'), refusal[1])
}

function refused(fault) {
  sayConnection('live', 'Live')
  if (fault.status === 401) denied = givenKey()
  refusal = fault.status !== 401
    ? ['The exchange does not let this page do that', fault.words()]
    : givenKey()
      ? ['That is not the admin’s key', `The key at the top is another one. ${WHERE_IT_IS}`]
      : ['The admin’s key is needed', `Put it in at the top. ${WHERE_IT_IS}`]
}

// ---- Showing ------------------------------------------------------------------------------------

export const nameOf = ({ venue, symbol }) => JSON.stringify([venue, symbol])
export const placesOf = ({ venues }) =>
  venues.flatMap(({ venue, symbols }) => symbols.map(symbol => ({ venue, symbol })))
export const scrollOf = body => body.closest('.scroll')
export const preciseTime = ts => `${clockTime(ts)}.${ts.slice(20, 23)}`

// A row with two lines of text, and a button for each thing that can be done.
export function makeControlRow(...actions) {
  const row = makeRow('', '')
  row.cells[0].append(document.createElement('span'), document.createElement('small'))
  row.cells[1].append(...actions.map(([title, act]) => {
    const button = document.createElement('button')
    button.type = 'button'
    button.textContent = title
    button.onclick = () => doing(button, act)
    return button
  }))
  return row
}

// The first line of a row that is about a stock.
export function writePlace(row, { venue, symbol }) {
  const where = document.createElement('em')
  where.textContent = venue
  const [what] = row.cells[0].children
  what.append(symbol, ' ', where)
  what.title = `${symbol} at ${venue}`
}

// ---- Doing --------------------------------------------------------------------------------------

// A button of a table has no field but the reason above that. `act` gives null where nothing was done.
export function doing(button, act, words) {
  return telling($('said'), button, async () => {
    page.begin?.()
    if (await act(button) !== null) await learn()
  }, button.closest('form') ?? button.closest('.panel').querySelector('.reason'), words)
}

// Asks twice, then asks the exchange; null if the answer was no.
export async function sure(sentence, yes, method, path, content) {
  if (!await confirmed(sentence, yes)) return null
  return send(method, path, content)
}

export function attendForm(name, act, words) {
  $(name).onsubmit = event => {
    event.preventDefault()
    doing($(name).querySelector('button') ?? $(name), act, words)
  }
}
