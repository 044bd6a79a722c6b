// The chart of a book's price and volume: the mid between the best two prices with a band from bid to
// ask, the trades as dots, and the reader's own ones as triangles.

'use strict'

import { $, clockTime, dollars, mark, secondsOf, sharesText } from './dom.js'
import { SECONDS, SPAN_NAMES, book, here, spanShown } from './market.js'
import { Plot, colours, drawPlots } from './plot.js'
import { robustRange } from './range.js'
import { readTimes, seeAll, whenZoomed, windowOf } from './zoom.js'

const VOLUME_SHARE = 0.2 // of the height
const LEAST_TIME = 60 // seconds
const MOST_LARGE = 150 // dots: more are smaller
const LEAST_RANGE = 4 // cents that the axis goes at least
let plot
let marked = [] // the reader's own fills
let seen = [] // the candles that are seen
let dots = [] // the trades that are seen, as far as they are known one by one

export function markFills(fills) {
  marked = fills
}

// A span ends now, or with what is newest. It begins no earlier than what is known, and is at least
// a minute. `times` are those of what is known, in seconds. What is zoomed is a part of it.
export function timesOf(times) {
  const end = Math.max(book.clock, ...times)
  const known = Math.max(LEAST_TIME, end - Math.min(...times))
  return windowOf({ start: end - Math.min(SECONDS[spanShown()] || Infinity, known), end })
}

// Seconds of the first and the last thing that has been traded.
export function timesOfCandles() {
  const { candles, seconds, since, trades } = book
  if (!candles.length) return []
  const last = trades.length ? [secondsOf(trades.at(-1).ts)] : []
  return [secondsOf(since), secondsOf(candles[0].ts), secondsOf(candles.at(-1).ts) + seconds, ...last]
}

// ---- What is seen -------------------------------------------------------------------------------

function prepare() {
  $('unzoom').hidden = !here.window
  if (!book.candles.length) return none(`in the last ${SPAN_NAMES[spanShown()]}`)
  const { start, end } = timesOf(timesOfCandles())
  choose(start, end)
  if (!seen.length) return { ...none('in what is seen'), start, end }
  return { label: described(), start, end, ...scaleOf(), outside: outsideOf() }
}

function none(when) {
  const said = book.market?.quote.last === undefined ? 'yet' : when
  return { label: 'Price over time: no trades', nothing: `No trades ${said}` }
}

function choose(start, end) {
  const last = candle => secondsOf(candle.ts) + book.seconds
  seen = book.candles.filter(candle => last(candle) > start && secondsOf(candle.ts) < end)
  dots = book.trades.map(trade => ({ ...trade, time: secondsOf(trade.ts) }))
    .filter(({ time }) => time >= start && time <= end)
}

function described() {
  const [lowest, highest] = extremesOf(seen)
  const when = here.window
    ? `from ${clockTime(seen[0].ts)} to ${clockTime(seen.at(-1).ts)} UTC` : SPAN_NAMES[spanShown()]
  return `Price over ${when}: from ${dollars(seen[0].open)} to ${dollars(seen.at(-1).close)}, ` +
    `between ${dollars(lowest)} and ${dollars(highest)}`
}

function extremesOf(candles) {
  return [
    Math.min(...candles.map(candle => candle.low)), Math.max(...candles.map(candle => candle.high)),
  ]
}

// The quote is a little newer than the candles.
function lastPrice() {
  return book.market.quote.last ?? book.candles.at(-1).close
}

let bounds = { low: 0, high: 0 } // of the prices that are not outside

// What is usual is what trades. No price is below zero.
function scaleOf() {
  const first = dots.length ? dots[0].time : Infinity
  const older = seen.filter(candle => secondsOf(candle.ts) + book.seconds <= first)
  const traded = [...dots.map(trade => trade.price), ...older.flatMap(pricesOf)]
  if (!traded.length) traded.push(...seen.map(candle => candle.close))
  bounds = robustRange(traded, [...seen.flatMap(pricesOf), ...quotes()])
  const margin = Math.max((bounds.high - bounds.low) * 0.08, LEAST_RANGE / 2)
  return {
    low: Math.max(0, bounds.low - margin), high: bounds.high + margin,
    format: dollars, floor: VOLUME_SHARE, flag: lastPrice(),
    flagColour: { up: 'buy', down: 'sell', none: 'ink' }[book.direction],
  }
}

const pricesOf = candle => [candle.open, candle.high, candle.low, candle.close]

// The newest one is that of now.
function quotes() {
  const { bid, ask } = book.market.quote
  const now = here.window ? [] : [bid, ask]
  return [...seen.flatMap(candle => [candle.bid, candle.ask]), ...now].filter(price => price !== undefined)
}

const isInside = price => price >= bounds.low && price <= bounds.high

// At most two of a candle, its highest and its lowest.
function outsideOf() {
  return seen.flatMap(candle => [...new Set([candle.high, candle.low])]
    .filter(price => !isInside(price)).map(value => ({ time: middleOf(candle), value })))
}

// ---- Drawing ------------------------------------------------------------------------------------

function paint() {
  drawVolume()
  const moments = momentsOf()
  drawBand(moments)
  drawRange()
  plot.drawLine(moments.map(({ x, middle }) => [x, plot.y(middle)]))
  drawTrades()
  drawFills()
}

function drawVolume() {
  const { pen, bottom, view } = plot
  const most = Math.max(...seen.map(candle => candle.volume))
  const width = Math.max(1, plot.x(view.start + book.seconds) - 1)
  pen.fillStyle = colours.quiet
  pen.globalAlpha = 0.45
  for (const candle of seen) {
    const height = Math.max(1, candle.volume / most * bottom * (VOLUME_SHARE - 0.03))
    pen.fillRect(plot.x(secondsOf(candle.ts)), bottom - height, width, height)
  }
  pen.globalAlpha = 1
}

// The best prices and their middle at the end of each candle, and now. Where a side is missing or far
// away the last trade is the middle.
function momentsOf() {
  const moments = seen.map(candle => {
    const end = secondsOf(candle.ts) + book.seconds
    return momentOf(plot.x(Math.min(end, plot.view.end)), candle, candle.close)
  })
  if (!here.window) moments.push(momentOf(plot.right, book.market.quote, lastPrice()))
  const { open } = seen[0]
  return [{ x: plot.x(secondsOf(seen[0].ts)), middle: isInside(open) ? open : moments[0].middle }, ...moments]
}

function momentOf(x, { bid, ask }, last) {
  const isQuoted = bid !== undefined && ask !== undefined
  const mid = (bid + ask) / 2
  const middle = isQuoted && isInside(mid) ? mid : Math.min(bounds.high, Math.max(bounds.low, last))
  return { x, middle, ...(isQuoted ? { bid, ask } : {}) }
}

// Wherever both sides were there, at one moment and at the next.
function drawBand(moments) {
  const { pen } = plot
  pen.fillStyle = colours.buy
  pen.globalAlpha = 0.16
  let run = []
  for (const moment of [...moments, {}]) {
    if (moment.bid !== undefined) run.push(moment)
    else {
      fillBetween(run)
      run = []
    }
  }
  pen.globalAlpha = 1
}

function fillBetween(run) {
  if (run.length < 2) return
  const { pen } = plot
  pen.beginPath()
  for (const { x, ask } of run) pen.lineTo(x, plot.y(ask))
  for (const { x, bid } of run.toReversed()) pen.lineTo(x, plot.y(bid))
  pen.fill()
}

// How far the price went within each candle.
function drawRange() {
  const { pen } = plot
  pen.strokeStyle = colours.quiet
  pen.globalAlpha = 0.4
  pen.lineWidth = 1
  for (const candle of seen) {
    const x = plot.x(middleOf(candle))
    plot.stroke([[x, plot.y(candle.low)], [x, plot.y(candle.high)]])
  }
  pen.globalAlpha = 1
}

function drawTrades() {
  const { pen, unit } = plot
  const isCrowded = dots.length > MOST_LARGE
  const size = (isCrowded ? 0.09 : 0.15) * unit
  pen.globalAlpha = isCrowded ? 0.6 : 0.8
  for (const { time, price, direction } of dots) {
    pen.fillStyle = colours[direction]
    pen.beginPath()
    pen.arc(plot.x(time), plot.y(price), size, 0, 7)
    pen.fill()
  }
  pen.globalAlpha = 1
}

function drawFills() {
  const { start, end } = plot.view
  for (const { ts, price, direction } of marked) {
    const time = secondsOf(ts)
    if (time >= start && time <= end) plot.drawMark(time, price, direction)
  }
}

function middleOf(candle) {
  return secondsOf(candle.ts) + book.seconds / 2
}

// ---- Reading ------------------------------------------------------------------------------------

function at(time) {
  return Math.max(0, seen.findLastIndex(candle => secondsOf(candle.ts) <= time))
}

function readout(time) {
  const candle = seen[at(time)]
  const prices = ['open', 'high', 'low', 'close'].map(name => `${name} ${dollars(candle[name])}`)
  const said = [`${clockTime(candle.ts)} UTC`, ...prices, sharesText(candle.volume)]
  return { time: middleOf(candle), value: candle.close, said: said.join('  ') }
}

function next(time, steps) {
  if (!seen.length) return time
  const place = Math.min(seen.length - 1, Math.max(0, at(time) + steps))
  return middleOf(seen[place])
}

// ---- The span -----------------------------------------------------------------------------------

function showSpan() {
  for (const button of document.querySelectorAll('[data-span]')) {
    mark(button, 'aria-pressed', String(button.dataset.span === here.span))
  }
}

function chooseSpan(button) {
  here.span = button.dataset.span
  showSpan()
  seeAll()
}

function followUrl() {
  readTimes()
  showSpan()
}

export function attendChart() {
  plot = new Plot($('chart'), $('readout'), { prepare, paint, readout, next })
  for (const button of document.querySelectorAll('[data-span]')) {
    button.onclick = () => chooseSpan(button)
  }
  $('unzoom').onclick = () => {
    seeAll()
    plot.canvas.focus()
  }
  whenZoomed(() => { if (book.market) drawPlots() })
  addEventListener('popstate', followUrl)
  followUrl()
}
