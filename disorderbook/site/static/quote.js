// One book as every page shows it: the quote, and whether the exchange answers.

'use strict'

import { $, clockTime, dollars, mark, put, sayConnection, shares, sharesText } from './dom.js'
import { SPAN_NAMES, book, connection, here, spanShown, tape } from './market.js'

export function showConnection() {
  const said = {
    connecting: 'Connecting…',
    live: tape.isOpen ? 'Live, listening to the tape' : 'Live, asking twice a second',
    refused: 'Nothing to see',
    away: 'The exchange does not answer; trying again…',
  }
  sayConnection(connection, said[connection])
}

export function showQuote() {
  const quote = book.market?.quote ?? {}
  const price = cents => cents === undefined ? '–' : dollars(cents)
  mark($('last'), 'data-direction', book.direction)
  put($('arrow'), { up: '▲', down: '▼', none: '' }[book.direction])
  put($('last-price'), price(quote.last))
  put($('last-detail'), quote.last === undefined ? '' :
    `${sharesText(quote.lastSize)} at ${clockTime(quote.lastTrade)} UTC`)
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
  put($('volume-label'), `Volume, ${SPAN_NAMES[spanShown()]}`)
  put($('volume'), book.market ? shares(volume) : '–')
  const first = book.candles[0]?.open
  const last = book.market?.quote.last
  if (!first || last === undefined) return put($('change'), '')
  const sign = last < first ? '−' : '+'
  const change = Math.abs(last - first)
  put($('change'), `${sign}${dollars(change)} (${sign}${(change / first * 100).toFixed(1)} %)`)
}
