// The ladder: the price levels of a book, best first, with the reader's own orders marked.

'use strict'

import { $, clearNone, dollars, fit, fitRows, makeRow, mark, put, shares, showNone } from './dom.js'
import { book } from './market.js'

// `orders` are the reader's own, open ones. `ahead`, where one has it, is how many shares stand
// before it at its price.
export function showLadder(orders = []) {
  const body = $('ladder')
  const { bids = [], asks = [] } = book.market ?? {}
  const count = Math.max(bids.length, asks.length)
  if (!count) return showNone(body, 4, 'Nobody buys or sells.')
  clearNone(body)
  const most = Math.max(...bids.map(level => level.qty), ...asks.map(level => level.qty))
  const own = ownLevels(orders)
  const rows = fitRows(body, count, () => makeRow('depth', 'price buy', 'price sell', 'depth'))
  for (let place = 0; place < count; place++) {
    const [bidSize, bid, ask, askSize] = rows[place].cells
    showLevel(bids[place], bid, bidSize, most, own.buy)
    showLevel(asks[place], ask, askSize, most, own.sell)
  }
  const cells = [...body.querySelectorAll('td')]
  fit(body, [cells.reduce((one, other) => other.textContent.length > one.textContent.length ? other : one)])
}

// By side and price: the shares of own orders, and those before the first of them.
function ownLevels(orders) {
  const own = { buy: new Map(), sell: new Map() }
  for (const { direction, price, qty, ahead } of orders) {
    const level = own[direction].get(price)
    const first = Math.min(ahead ?? Infinity, level?.ahead ?? Infinity)
    own[direction].set(price, { qty: qty + (level?.qty ?? 0), ahead: first })
  }
  return own
}

function showLevel(level, price, size, most, own) {
  const ours = level ? own.get(level.price) : undefined
  put(price, level ? dollars(level.price) : '')
  price.classList.toggle('own', ours !== undefined)
  mark(price, 'title', ours === undefined ? '' : ownText(ours))
  put(size, level ? shares(level.qty) : '')
  setPart(size, '--fill', level ? level.qty / most : 0)
  // Where in the level's queue the own orders are, as shares of it.
  const first = Number.isFinite(ours?.ahead) ? ours.ahead : 0
  setPart(size, '--from', ours ? Math.min(1, first / level.qty) : 0)
  setPart(size, '--to', ours ? Math.min(1, (first + ours.qty) / level.qty) : 0)
}

function ownText({ qty, ahead }) {
  const said = `${shares(qty)} of them are yours`
  if (!Number.isFinite(ahead)) return said
  return ahead ? `${said}, ${shares(ahead)} are before them` : `${said}, first in the queue`
}

function setPart(cell, name, share) {
  const text = share ? share.toFixed(3) : '0'
  if (cell.style.getPropertyValue(name) !== text) cell.style.setProperty(name, text)
}
