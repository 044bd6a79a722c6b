// The ladder: the price levels of a book, best first, with the reader's own orders marked.

'use strict'

import {
  $, clearNone, countText, dollars, fit, fitRows, makeRow, mark, put, shares, sharesText,
  showNone,
} from './dom.js'
import { book } from './market.js'

const COLUMNS = 6

// `orders` are the reader's own, open ones. `ahead`, where one has it, is how many shares stand
// before it at its price.
export function showLadder(orders = []) {
  const body = $('ladder')
  const { bids = [], asks = [] } = book.market ?? {}
  const count = Math.max(bids.length, asks.length)
  showTotals(book.market)
  if (!count) return showNone(body, COLUMNS, 'Nobody buys or sells.')
  clearNone(body)
  const most = Math.max(...bids.map(level => level.qty), ...asks.map(level => level.qty))
  const own = ownLevels(orders)
  const rows = fitRows(body, count, () =>
    makeRow('count', '', 'price buy', 'price sell', '', 'count'))
  for (let place = 0; place < count; place++) {
    const [bidOrders, bidSize, bid, ask, askSize, askOrders] = rows[place].cells
    showLevel(bids[place], bid, bidSize, bidOrders, own.buy)
    showLevel(asks[place], ask, askSize, askOrders, own.sell)
    showBar(rows[place], 'bid', bids[place], most, own.buy)
    showBar(rows[place], 'ask', asks[place], most, own.sell)
  }
  for (const row of rows) for (const cell of row.cells) fit(cell, [cell])
}

// What each side has altogether, and what of it is worse than the levels that are listed.
function showTotals(market) {
  const { quote, bids, asks, bidLevels, askLevels, bidOrders, askOrders } = market ?? {}
  $('ladder-totals').hidden = !market
  if (!market) return
  showTotal('bid', quote.bidDepth, bidOrders, bids, bidLevels)
  showTotal('ask', quote.askDepth, askOrders, asks, askLevels)
  $('ladder-more').hidden = bidLevels === bids.length && askLevels === asks.length
  fit($('ladder-totals'), [...$('ladder-totals').querySelectorAll('tr:not([hidden]) span')])
}

function showTotal(side, depth, orders, levels, count) {
  put($(`${side}-total`), orders ? `${sharesText(depth)} in ${countText(orders, 'order')}` : '')
  const more = count - levels.length
  const listed = levels.reduce((sum, level) => sum + level.qty, 0)
  put($(`${side}-more`),
    more ? `${shares(more)} more below, ${sharesText(depth - listed)}` : '')
  mark($(`${side}-more`), 'title', `${countText(more, 'price level')} behind those that are listed`)
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

function showLevel(level, price, size, orders, own) {
  const ours = level ? own.get(level.price) : undefined
  put(price, level ? dollars(level.price) : '')
  price.classList.toggle('own', ours !== undefined)
  mark(price, 'title', ours === undefined ? '' : ownText(ours))
  put(size, level ? shares(level.qty) : '')
  put(orders, level ? shares(level.orders) : '')
}

// A bar as long as the level is deep, and where in its queue the own orders are, as shares of it.
function showBar(row, side, level, most, own) {
  const ours = level && own.get(level.price)
  const first = Number.isFinite(ours?.ahead) ? ours.ahead : 0
  setPart(row, `--${side}-fill`, level ? level.qty / most : 0)
  setPart(row, `--${side}-from`, ours ? Math.min(1, first / level.qty) : 0)
  setPart(row, `--${side}-to`, ours ? Math.min(1, (first + ours.qty) / level.qty) : 0)
}

function ownText({ qty, ahead }) {
  const said = `${shares(qty)} of them are yours`
  if (!Number.isFinite(ahead)) return said
  return ahead ? `${said}, ${shares(ahead)} are before them` : `${said}, first in the queue`
}

function setPart(row, name, share) {
  const text = share ? share.toFixed(3) : '0'
  if (row.style.getPropertyValue(name) !== text) row.style.setProperty(name, text)
}
