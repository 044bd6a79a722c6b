// The chart of a book's price and volume, with the reader's own fills marked.

'use strict'

import { $, clockTime, dollars, mark, secondsOf, sharesText } from './dom.js'
import { SECONDS, SPAN_NAMES, book, here, lookSoon } from './market.js'
import { Plot, colours } from './plot.js'

const VOLUME_SHARE = 0.2 // of the height
const LEAST_TIME = 60 // seconds
let plot
let marked = [] // the reader's own fills

export function markFills(fills) {
  marked = fills
}

// A span ends now, or with what is newest. It begins no earlier than what is known, and is at least
// a minute. `times` are those of what is known, in seconds.
export function timesOf(times) {
  const end = Math.max(book.clock, ...times)
  const known = Math.max(LEAST_TIME, end - Math.min(...times))
  return { start: end - Math.min(SECONDS[here.span] || Infinity, known), end }
}

// Seconds of the first and the last thing that has been traded.
export function timesOfCandles() {
  const { candles, seconds, since } = book
  if (!candles.length) return []
  return [secondsOf(since), secondsOf(candles[0].ts), secondsOf(candles.at(-1).ts) + seconds]
}

function prepare() {
  const { candles } = book
  if (!candles.length) {
    const when = here.span === 'all' ? 'yet' : `in the last ${SPAN_NAMES[here.span]}`
    return { label: 'Price over time: no trades', nothing: `No trades ${when}` }
  }
  const [low, high] = extremesOf(candles)
  const label = `Price over ${SPAN_NAMES[here.span]}: from ${dollars(candles[0].open)} ` +
    `to ${dollars(candles.at(-1).close)}, between ${dollars(low)} and ${dollars(high)}`
  return { label, ...scaleOf(low, high), ...timesOf(timesOfCandles()) }
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

// No price is below zero.
function scaleOf(lowest, highest) {
  const margin = Math.max((highest - lowest) * 0.08, 2)
  const last = lastPrice()
  return {
    low: Math.max(0, Math.min(last, lowest) - margin), high: Math.max(last, highest) + margin,
    format: dollars, floor: VOLUME_SHARE,
    flag: last, flagColour: { up: 'buy', down: 'sell', none: 'ink' }[book.direction],
  }
}

function paint() {
  drawVolume()
  drawRange()
  const points = book.candles.map(candle => [plot.x(middleOf(candle)), plot.y(candle.close)])
  points.push([plot.x(plot.view.end), plot.y(lastPrice())])
  plot.drawLine(points, plot.bottom)
  drawFills()
}

function drawVolume() {
  const { pen, bottom, view } = plot
  const most = Math.max(...book.candles.map(candle => candle.volume))
  const width = Math.max(1, plot.x(view.start + book.seconds) - 1)
  pen.fillStyle = colours.quiet
  pen.globalAlpha = 0.45
  for (const candle of book.candles) {
    const height = candle.volume / most * bottom * (VOLUME_SHARE - 0.03)
    pen.fillRect(plot.x(secondsOf(candle.ts)), bottom - height, width, height)
  }
  pen.globalAlpha = 1
}

// How far the price went within each candle.
function drawRange() {
  const { pen } = plot
  pen.strokeStyle = colours.quiet
  pen.globalAlpha = 0.4
  pen.lineWidth = 1
  for (const candle of book.candles) {
    const x = plot.x(middleOf(candle))
    plot.stroke([[x, plot.y(candle.low)], [x, plot.y(candle.high)]])
  }
  pen.globalAlpha = 1
}

function drawFills() {
  const { start, low, high } = plot.view
  for (const { ts, price, direction } of marked) {
    const time = secondsOf(ts)
    if (time >= start && price >= low && price <= high) plot.drawMark(time, price, direction)
  }
}

function middleOf(candle) {
  return secondsOf(candle.ts) + book.seconds / 2
}

function readout(time) {
  const { candles } = book
  const candle = candles.findLast(one => secondsOf(one.ts) <= time) ?? candles[0]
  const said = [clockTime(candle.ts), dollars(candle.close), sharesText(candle.volume)]
  return { time: middleOf(candle), value: candle.close, said: said.join('   ') }
}

function chooseSpan(button) {
  here.span = button.dataset.span
  for (const other of document.querySelectorAll('[data-span]')) {
    mark(other, 'aria-pressed', String(other === button))
  }
  lookSoon()
}

export function attendChart() {
  plot = new Plot($('chart'), $('readout'), { prepare, paint, readout })
  for (const button of document.querySelectorAll('[data-span]')) {
    button.onclick = () => chooseSpan(button)
  }
}
