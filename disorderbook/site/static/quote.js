// One book as every page shows it: the quote, the ladder, and whether the exchange answers.

'use strict'

import {
  $, clearNone, clockTime, dollars, fitRows, makeRow, mark, put, shares, showNone,
} from './dom.js'
import { book, connection, here, tape } from './market.js'

export const SPAN_NAMES = { '5m': '5 minutes', '30m': '30 minutes', all: 'all' }

export function showConnection() {
  const said = {
    connecting: 'Connecting…',
    live: tape.isOpen ? 'Live, listening to the tape' : 'Live, asking twice a second',
    refused: 'Nothing to see',
    away: 'The exchange does not answer; trying again…',
  }
  mark($('connection'), 'data-state', connection)
  put($('connection'), said[connection])
  document.body.classList.toggle('away', connection === 'away')
}

export function showQuote() {
  const quote = book.market?.quote ?? {}
  const price = cents => cents === undefined ? '–' : dollars(cents)
  mark($('last'), 'data-direction', book.direction)
  put($('arrow'), { up: '▲', down: '▼', none: '' }[book.direction])
  put($('last-price'), price(quote.last))
  put($('last-detail'), quote.last === undefined ? '' :
    `${shares(quote.lastSize)} shares at ${clockTime(quote.lastTrade)}`)
  put($('bid'), price(quote.bid))
  put($('bid-size'), quote.bid === undefined ? '' : `× ${shares(quote.bidSize)}`)
  put($('ask'), price(quote.ask))
  put($('ask-size'), quote.ask === undefined ? '' : `× ${shares(quote.askSize)}`)
  const isTwoSided = quote.bid !== undefined && quote.ask !== undefined
  put($('spread'), isTwoSided ? dollars(quote.ask - quote.bid) : '–')
  showSpan()
  const what = quote.last === undefined ? '' : `${dollars(quote.last)} `
  document.title = `${what}${here.symbol || 'The market'} – disorderBook`
}

function showSpan() {
  const volume = book.candles.reduce((sum, candle) => sum + candle.volume, 0)
  put($('volume-label'), `Volume, ${SPAN_NAMES[here.span]}`)
  put($('volume'), book.market ? shares(volume) : '–')
  const first = book.candles[0]?.open
  const last = book.market?.quote.last
  if (!first || last === undefined) return put($('change'), '')
  const sign = last < first ? '−' : '+'
  const change = Math.abs(last - first)
  put($('change'), `${sign}${dollars(change)} (${sign}${(change / first * 100).toFixed(1)} %)`)
}

const NOTHING = { buy: new Map(), sell: new Map() }

// `own` are the reader's shares at each price.
export function showLadder(own = NOTHING) {
  const body = $('ladder')
  const { bids = [], asks = [] } = book.market ?? {}
  const count = Math.max(bids.length, asks.length)
  if (!count) return showNone(body, 4, 'Nobody buys or sells.')
  clearNone(body)
  const most = Math.max(...bids.map(level => level.qty), ...asks.map(level => level.qty))
  const rows = fitRows(body, count, () => makeRow('depth', 'price buy', 'price sell', 'depth'))
  for (let place = 0; place < count; place++) {
    const [bidSize, bid, ask, askSize] = rows[place].cells
    showLevel(bids[place], bid, bidSize, most, own.buy)
    showLevel(asks[place], ask, askSize, most, own.sell)
  }
}

function showLevel(level, price, size, most, own) {
  const ours = level ? own.get(level.price) : undefined
  put(price, level ? dollars(level.price) : '')
  price.classList.toggle('own', ours !== undefined)
  mark(price, 'title', ours === undefined ? '' : `${shares(ours)} of them are yours`)
  put(size, level ? shares(level.qty) : '')
  const fill = level ? (level.qty / most).toFixed(3) : '0'
  if (size.style.getPropertyValue('--fill') !== fill) size.style.setProperty('--fill', fill)
}
