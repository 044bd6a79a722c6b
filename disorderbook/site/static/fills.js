// The table of an account's fills, newest first, with the columns that the page's head names.

'use strict'

import {
  $, clearNone, clockTime, dollars, fit, fitRows, makeRow, mark, put, shares, showNone,
} from './dom.js'
import { own } from './own.js'

const CELLS = {
  time: fill => clockTime(fill.ts),
  day: fill => String(fill.day),
  side: fill => fill.direction === 'buy' ? '▲ buy' : '▼ sell',
  price: fill => dollars(fill.price),
  qty: fill => shares(fill.qty),
  role: fill => fill.isTake ? 'taker' : 'maker',
  position: fill => fill.position === undefined ? '–' : shares(fill.position),
  order: fill => String(fill.id),
}

export function showFills() {
  const { fills, fillCount } = own
  const body = $('fills')
  const columns = [...body.closest('table').querySelectorAll('[data-of]')].map(head => head.dataset.of)
  const isCut = fillCount > fills.length
  put($('fills-note'), isCut ? `the latest ${shares(fills.length)} of ${shares(fillCount)}` : '')
  if (!fills.length) return showNone(body, columns.length, 'Nothing traded yet.')
  clearNone(body)
  const rows = fitRows(body, fills.length, () => makeRow(...columns))
  fills.toReversed().forEach((fill, place) => columns.forEach((column, at) => {
    const cell = rows[place].cells[at]
    put(cell, CELLS[column](fill))
    if (column === 'side') mark(cell, 'class', `side ${fill.direction}`)
  }))
  fit(body.closest('table'), [body.closest('.scroll')])
}
