// The chart of a book's price and volume, in a canvas.

'use strict'

import { $, CLOCK, MINUTE, clockTime, dollars, mark, put, secondsOf, shares } from './dom.js'
import { SECONDS, book, here, lookSoon } from './market.js'
import { SPAN_NAMES } from './quote.js'

const canvas = $('chart')
const FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif'
const VOLUME_SHARE = 0.2 // of the height
let colours = {}
let pointer = null // where it is over the chart, in pixels from the left

function learnColours() {
  const style = getComputedStyle(document.documentElement)
  for (const name of ['ink', 'quiet', 'line', 'panel', 'buy', 'sell']) {
    colours[name] = style.getPropertyValue(`--${name}`).trim()
  }
}

export function drawChart() {
  const area = chartArea()
  if (!area.width || !area.height) return
  const pen = openCanvas(area)
  const candles = book.candles
  describeChart(candles)
  put($('readout'), '')
  if (!candles.length) return drawNothing(pen, area)
  const scale = scaleOf(candles, area)
  drawGrid(pen, area, scale)
  drawVolume(pen, candles, scale, area)
  drawRange(pen, candles, scale)
  drawLine(pen, candles, scale, area)
  drawFills(pen, area, scale)
  drawLast(pen, area, scale, lastPrice())
  if (pointer !== null) drawPointer(pen, area, scale, candles)
}

function chartArea() {
  const { clientWidth: width, clientHeight: height } = canvas
  const unit = parseFloat(getComputedStyle(document.documentElement).fontSize)
  const right = width - labelWidth(unit)
  return { width, height, unit, top: 0.5 * unit, right, bottom: height - 1.6 * unit }
}

// What the prices beside the chart take, in pixels: more where they have many digits or a wide font.
function labelWidth(unit) {
  const highest = Math.max(0, book.market?.quote.last ?? 0, ...book.candles.map(one => one.high))
  const pen = canvas.getContext('2d')
  pen.font = fontOf(unit)
  return Math.max(4.4 * unit, pen.measureText(dollars(highest)).width + unit)
}

function fontOf(unit) {
  return `${0.75 * unit}px ${FONT}`
}

function openCanvas({ width, height, unit }) {
  const ratio = devicePixelRatio || 1
  const wanted = { width: Math.round(width * ratio), height: Math.round(height * ratio) }
  const fits = canvas.width === wanted.width && canvas.height === wanted.height
  if (!fits) Object.assign(canvas, wanted)
  const pen = canvas.getContext('2d')
  pen.setTransform(ratio, 0, 0, ratio, 0, 0)
  pen.clearRect(0, 0, width, height)
  pen.font = fontOf(unit)
  pen.textBaseline = 'middle'
  return pen
}

function describeChart(candles) {
  if (!candles.length) return mark(canvas, 'aria-label', 'Price over time: no trades')
  const [low, high] = extremesOf(candles)
  const said = `Price over ${SPAN_NAMES[here.span]}: from ${dollars(candles[0].open)} ` +
    `to ${dollars(candles.at(-1).close)}, between ${dollars(low)} and ${dollars(high)}`
  mark(canvas, 'aria-label', said)
}

function extremesOf(candles) {
  return [
    Math.min(...candles.map(candle => candle.low)), Math.max(...candles.map(candle => candle.high)),
  ]
}

function drawNothing(pen, { right, bottom }) {
  pen.fillStyle = colours.quiet
  pen.textAlign = 'center'
  const when = here.span === 'all' ? 'yet' : `in the last ${SPAN_NAMES[here.span]}`
  pen.fillText(`No trades ${when}`, right / 2, bottom / 2)
}

// The quote is a little newer than the candles.
function lastPrice() {
  return book.market.quote.last ?? book.candles.at(-1).close
}

function scaleOf(candles, area) {
  const extremes = extremesOf(candles)
  const margin = Math.max((extremes[1] - extremes[0]) * 0.08, 2)
  const low = Math.min(lastPrice(), extremes[0]) - margin
  const high = Math.max(lastPrice(), extremes[1]) + margin
  const { start, end } = timesOf(candles)
  const bottom = area.bottom * (1 - VOLUME_SHARE)
  return {
    start, end, low, high,
    x: time => (time - start) / (end - start) * area.right,
    y: price => bottom - (price - low) / (high - low) * (bottom - area.top),
  }
}

// A span ends now. It begins no earlier than what is known, and is at least a minute.
function timesOf(candles) {
  const end = Math.max(book.clock, secondsOf(candles.at(-1).ts) + book.seconds)
  const known = Math.max(60, end - secondsOf(candles[0].ts), end - secondsOf(book.since))
  return { start: end - Math.min(SECONDS[here.span] || Infinity, known), end }
}

function drawGrid(pen, area, scale) {
  pen.strokeStyle = colours.line
  pen.fillStyle = colours.quiet
  pen.lineWidth = 1
  const wanted = Math.max(2, Math.floor(area.bottom / (2.6 * area.unit)))
  for (const price of roundSteps(scale.low, scale.high, wanted)) {
    const y = Math.round(scale.y(price)) + 0.5
    stroke(pen, [[0, y], [area.right, y]])
    pen.textAlign = 'left'
    const isFree = Math.abs(y - scale.y(lastPrice())) > 1.1 * area.unit // of the last price's flag
    if (isFree) pen.fillText(dollars(price), area.right + 0.5 * area.unit, y)
  }
  drawTimes(pen, area, scale)
}

function drawTimes(pen, area, scale) {
  const wanted = Math.max(2, Math.floor(area.right / (7 * area.unit)))
  const step = timeStep((scale.end - scale.start) / wanted)
  const format = step < 60 ? CLOCK : MINUTE
  pen.textAlign = 'center'
  for (let time = Math.ceil(scale.start / step) * step; time < scale.end; time += step) {
    const x = scale.x(time)
    const text = format.format(time * 1000)
    const half = pen.measureText(text).width / 2
    if (x > half && x < area.right - half) pen.fillText(text, x, area.bottom + 0.9 * area.unit)
  }
}

function timeStep(least) {
  const steps = [5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200]
  return steps.find(step => step >= least) ?? Math.ceil(least / 86400) * 86400
}

// Round numbers of cents between two prices, about so many.
function roundSteps(low, high, wanted) {
  const rough = (high - low) / wanted
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = Math.max(1, [1, 2, 5, 10].find(digit => digit * power >= rough) * power)
  const prices = []
  for (let price = Math.ceil(low / step) * step; price <= high; price += step) prices.push(price)
  return prices
}

function drawVolume(pen, candles, scale, area) {
  const most = Math.max(...candles.map(candle => candle.volume))
  const width = Math.max(1, scale.x(scale.start + book.seconds) - 1)
  pen.fillStyle = colours.quiet
  pen.globalAlpha = 0.45
  for (const candle of candles) {
    const height = candle.volume / most * area.bottom * (VOLUME_SHARE - 0.03)
    pen.fillRect(scale.x(secondsOf(candle.ts)), area.bottom - height, width, height)
  }
  pen.globalAlpha = 1
}

// How far the price went within each candle.
function drawRange(pen, candles, scale) {
  pen.strokeStyle = colours.quiet
  pen.globalAlpha = 0.4
  pen.lineWidth = 1
  for (const candle of candles) {
    const x = scale.x(middleOf(candle))
    stroke(pen, [[x, scale.y(candle.low)], [x, scale.y(candle.high)]])
  }
  pen.globalAlpha = 1
}

function drawLine(pen, candles, scale, { bottom }) {
  const points = candles.map(candle => [scale.x(middleOf(candle)), scale.y(candle.close)])
  points.push([scale.x(scale.end), scale.y(lastPrice())])
  pen.strokeStyle = pen.fillStyle = colours.ink
  pen.lineWidth = 1.75
  pen.lineJoin = 'round'
  stroke(pen, points)
  pen.globalAlpha = 0.05
  for (const edge of [points.at(-1)[0], points[0][0]]) pen.lineTo(edge, bottom)
  pen.fill()
  pen.globalAlpha = 1
}

function middleOf(candle) {
  return secondsOf(candle.ts) + book.seconds / 2
}

function stroke(pen, points) {
  pen.beginPath()
  for (const [x, y] of points) pen.lineTo(x, y)
  pen.stroke()
}

let marked = [] // the reader's own fills

export function markFills(fills) {
  marked = fills
}

function drawFills(pen, { unit }, scale) {
  for (const { ts, price, direction } of marked) {
    const [x, y] = [scale.x(secondsOf(ts)), scale.y(price)]
    if (x < 0 || price < scale.low || price > scale.high) continue
    pen.fillStyle = colours[direction]
    pen.strokeStyle = colours.panel
    pen.lineWidth = 1.5
    pen.beginPath()
    pen.arc(x, y, 0.3125 * unit, 0, 7)
    pen.fill()
    pen.stroke()
  }
}

// The last price, as a flag on the axis.
function drawLast(pen, { right, unit }, scale, price) {
  const y = scale.y(price)
  const text = dollars(price)
  const width = pen.measureText(text).width + 0.75 * unit
  pen.fillStyle = colours[{ up: 'buy', down: 'sell', none: 'ink' }[book.direction]]
  pen.beginPath()
  pen.roundRect(right + 0.125 * unit, y - 0.625 * unit, width, 1.25 * unit, 0.25 * unit)
  pen.fill()
  pen.fillStyle = colours.panel
  pen.textAlign = 'left'
  pen.fillText(text, right + 0.5 * unit, y + 0.5)
}

function drawPointer(pen, area, scale, candles) {
  const time = scale.start + pointer / area.right * (scale.end - scale.start)
  const candle = candles.findLast(one => secondsOf(one.ts) <= time) ?? candles[0]
  const x = scale.x(middleOf(candle))
  pen.strokeStyle = colours.quiet
  pen.lineWidth = 1
  stroke(pen, [[x, area.top], [x, area.bottom]])
  pen.fillStyle = colours.ink
  pen.beginPath()
  pen.arc(x, scale.y(candle.close), 0.25 * area.unit, 0, 7)
  pen.fill()
  const said = [clockTime(candle.ts), dollars(candle.close), `${shares(candle.volume)} shares`]
  put($('readout'), said.join('   '))
}

function chooseSpan(button) {
  here.span = button.dataset.span
  for (const other of document.querySelectorAll('[data-span]')) {
    mark(other, 'aria-pressed', String(other === button))
  }
  lookSoon()
}

export function attendChart() {
  learnColours()
  for (const button of document.querySelectorAll('[data-span]')) {
    button.onclick = () => chooseSpan(button)
  }
  canvas.onpointermove = event => { pointer = event.offsetX; drawChart() }
  canvas.onpointerleave = () => { pointer = null; drawChart() }
  new ResizeObserver(drawChart).observe(canvas)
  matchMedia('(prefers-color-scheme: dark)').onchange = () => { learnColours(); drawChart() }
}
