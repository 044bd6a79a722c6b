// The table of an account's open orders, each of which can be cancelled.

'use strict'

import {
  $, clearNone, dollars, fit, fitNamedRows, makeRow, mark, put, shares, sharesText, showNone, telling,
} from './dom.js'
import { lookSoon } from './market.js'
import { MOST_ORDERS, learnSoon, own } from './own.js'
import { inPath, send } from './requests.js'

// Refusals of a cancel are said at `place`.
export function showOrders(place) {
  const body = $('orders')
  put($('orders-note'), own.orders.length < MOST_ORDERS ? '' : `the oldest ${MOST_ORDERS}`)
  const newestFirst = own.orders.toReversed()
  const paths = newestFirst.map(orderPath)
  if (paths.length) clearNone(body)
  const rows = fitNamedRows(body, paths, path => makeOrderRow(path, place), body.closest('.scroll'))
  if (!paths.length) return showNone(body, 5, 'No order is open.')
  newestFirst.forEach((order, place) => showOrder(order, rows[place].cells))
  fit(body.closest('table'), [body.closest('.scroll')])
}

function showOrder({ direction, price, qty, originalQty, ahead }, cells) {
  const [what, at, left, before, cancel] = cells
  put(what, direction === 'buy' ? '▲ buy' : '▼ sell')
  mark(what, 'class', direction)
  put(at, dollars(price))
  put(left, `${shares(qty)} of ${shares(originalQty)}`)
  put(before, ahead === undefined ? '–' : shares(ahead))
  const said = `Cancel the order to ${direction} ${sharesText(qty)} at ${dollars(price)}`
  mark(cancel.firstElementChild, 'aria-label', said)
}

// Ids count from 0 in each book, and a level's restart gives another venue.
function orderPath({ venue, symbol, id }) {
  return `/ob/api/venues/${inPath(venue)}/stocks/${inPath(symbol)}/orders/${id}`
}

function makeOrderRow(path, place) {
  const row = makeRow('', '', '', '', '')
  const button = document.createElement('button')
  button.type = 'button'
  button.textContent = 'Cancel'
  button.onclick = () => telling(place, button, () => cancel(path))
  row.cells[4].append(button)
  return row
}

async function cancel(path) {
  await send('DELETE', path)
  learnSoon()
  lookSoon()
}
