// Plots: canvases with an axis of values beside them and one of time below. All plots of a page have
// their axes in one line, point at the same moment together, and zoom together.

'use strict'

import { CLOCK, DAY, MINUTE, mark, put } from './dom.js'
import { attendZoom } from './zoom.js'

const FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif'
const NARROWEST = 4.4 // of the axis beside a plot, in letters' heights
const LEAST_TIMES = 4 // labels of the axis below
export const colours = {}
const plots = []
// The moment that is pointed at: a share of the plots' width, or seconds since 1970.
let pointed = null

function learnColours() {
  const style = getComputedStyle(document.documentElement)
  for (const name of ['ink', 'quiet', 'line', 'panel', 'buy', 'sell']) {
    colours[name] = style.getPropertyValue(`--${name}`).trim()
  }
}

// Draws all plots of the page. Each says first what it needs, so that all get the same.
export function drawPlots() {
  const seen = plots.filter(plot => plot.measure())
  const beside = Math.max(...seen.map(plot => plot.beside))
  for (const plot of seen) plot.draw(beside)
}

// `subject.prepare()` gives what is to be seen: `label` for those who do not see it, and either
// `nothing` to say (with `start` and `end` where one can zoom out), or `start` and `end` in seconds, `low` and `high`, `format` for values,
// `flag`, the value that is marked beside the plot, `floor`, a share of the height that stays free
// below, and `outside`, values beyond low and high with their times. `subject.paint(plot)` draws it,
// `subject.readout(time)` says what was then, and `subject.next(time, step)` gives the moment that
// comes so many moments later. One that `isStill` is only looked at, and has neither of the two.
export class Plot {
  constructor(canvas, readout, subject) {
    Object.assign(this, { canvas, readout, subject, selection: null })
    plots.push(this)
    if (plots.length === 1) attendColours()
    if (!subject.isStill) this.attend()
    new ResizeObserver(drawPlots).observe(canvas)
  }

  attend() {
    this.spoken = document.createElement('p')
    this.spoken.className = 'unseen'
    mark(this.spoken, 'aria-live', 'polite')
    this.canvas.after(this.spoken)
    this.canvas.tabIndex = 0
    mark(this.canvas, 'aria-keyshortcuts', 'ArrowLeft ArrowRight Home End + - Escape')
    attendZoom(this, { point, draw: drawPlots })
  }

  // Whether there is anything to draw on.
  measure() {
    const { clientWidth, clientHeight } = this.canvas
    this.unit = parseFloat(getComputedStyle(document.documentElement).fontSize)
    Object.assign(this, { width: clientWidth, height: clientHeight })
    if (!clientWidth || !clientHeight) return false
    this.view = this.subject.prepare()
    this.pen = this.canvas.getContext('2d')
    this.pen.font = this.font()
    const { low, high, flag, format, nothing } = this.view
    const labels = nothing === undefined ? [low, high, flag].map(value => format(Math.round(value))) : []
    const widths = labels.map(label => this.pen.measureText(label).width + this.unit)
    this.beside = Math.max(NARROWEST * this.unit, ...widths)
    return true
  }

  font() {
    return `${0.75 * this.unit}px ${FONT}`
  }

  draw(beside) {
    this.open()
    this.top = 0.7 * this.unit
    this.right = this.width - beside
    this.bottom = this.height - 1.6 * this.unit
    mark(this.canvas, 'aria-label', this.view.label)
    this.isEmpty = this.view.start === undefined // there is no time to point at
    if (this.view.nothing !== undefined) {
      if (this.readout) put(this.readout, '')
      return this.drawNothing(this.view.nothing)
    }
    this.drawValues()
    this.drawTimes()
    this.within(() => this.subject.paint(this))
    this.drawOutside()
    this.drawFlag()
    this.drawSelection()
    this.drawPointer()
  }

  open() {
    const ratio = devicePixelRatio || 1
    const size = { width: Math.round(this.width * ratio), height: Math.round(this.height * ratio) }
    const fits = this.canvas.width === size.width && this.canvas.height === size.height
    if (!fits) Object.assign(this.canvas, size)
    this.pen.setTransform(ratio, 0, 0, ratio, 0, 0)
    this.pen.clearRect(0, 0, this.width, this.height)
    this.pen.font = this.font()
    this.pen.textBaseline = 'middle'
    this.pen.lineJoin = 'round'
  }

  // Draws nothing beside the plot.
  within(draw) {
    this.pen.save()
    this.pen.beginPath()
    this.pen.rect(0, 0, this.right, this.bottom)
    this.pen.clip()
    draw()
    this.pen.restore()
  }

  x(time) {
    return (time - this.view.start) / (this.view.end - this.view.start) * this.right
  }

  y(value) {
    const { low, high } = this.view
    return this.base - (value - low) / (high - low) * (this.base - this.top)
  }

  // The height of the lowest value.
  get base() {
    return this.bottom * (1 - (this.view.floor ?? 0))
  }

  drawNothing(sentence) {
    this.pen.fillStyle = colours.quiet
    this.pen.textAlign = 'center'
    this.pen.fillText(sentence, this.right / 2, this.bottom / 2)
  }

  drawValues() {
    const { pen, unit, right } = this
    const { low, high, format } = this.view
    pen.strokeStyle = colours.line
    pen.fillStyle = colours.quiet
    pen.lineWidth = 1
    pen.textAlign = 'left'
    const wanted = Math.max(2, Math.floor(this.base / (2.6 * unit)))
    for (const value of roundSteps(low, high, wanted)) {
      const y = Math.round(this.y(value)) + 0.5
      this.stroke([[0, y], [right, y]])
      const isFree = Math.abs(y - this.flagHeight()) > 1.1 * unit // of the flag
      if (isFree) pen.fillText(format(value), right + 0.5 * unit, y)
    }
  }

  drawTimes() {
    const { pen, unit, bottom } = this
    pen.strokeStyle = colours.line
    pen.fillStyle = colours.quiet
    pen.textAlign = 'center'
    pen.lineWidth = 1
    for (const [x, text] of this.times()) {
      this.stroke([[x, bottom], [x, bottom + 0.25 * unit]])
      pen.fillText(text, Math.max(x, pen.measureText(text).width / 2), bottom + 0.95 * unit)
    }
    pen.textAlign = 'right'
    pen.fillText('UTC', this.width, bottom + 0.95 * unit)
  }

  // Where the labels of the axis of time stand: at the longest step that gives enough of them and has
  // room for each; where there is none, at equal distances.
  times() {
    const { pen, right, unit } = this
    const { start, end } = this.view
    const least = Math.max(LEAST_TIMES, Math.floor(right / (10 * unit)))
    for (const step of timeSteps(end - start)) {
      const format = step < 60 ? CLOCK : step < 86400 ? MINUTE : DAY
      const longest = Math.max(...[format, DAY].map(one => pen.measureText(one.format(start * 1000)).width))
      const wide = longest + 0.25 * unit
      if (step / (end - start) * right < wide) break
      const labels = this.labels(Math.ceil(start / step) * step, step, format)
      // The first one may be moved a little to the right, and the last one stand out, to be whole.
      if (labels[1]?.[0] - wide < wide / 2) labels.shift() // there is no room to move it
      if (labels.length >= least) return labels
    }
    const step = Math.max(1, Math.floor((end - start) / LEAST_TIMES))
    return this.labels(Math.ceil(start + step / 2), step, CLOCK)
  }

  // Midnight is named by its day, so that no two labels are the same.
  labels(first, step, format) {
    const labels = []
    for (let time = first; time < this.view.end; time += step) {
      labels.push([this.x(time), (time % 86400 ? format : DAY).format(time * 1000)])
    }
    return labels
  }

  stroke(points) {
    this.pen.beginPath()
    for (const [x, y] of points) this.pen.lineTo(x, y)
    this.pen.stroke()
  }

  // A line through points, with the ground between it and a height lightly filled.
  drawLine(points, base) {
    const { pen } = this
    pen.strokeStyle = pen.fillStyle = colours.ink
    pen.lineWidth = 1.75
    this.stroke(points)
    if (base === undefined) return
    pen.globalAlpha = 0.06
    for (const edge of [points.at(-1)[0], points[0][0]]) pen.lineTo(edge, base)
    pen.fill()
    pen.globalAlpha = 1
  }

  // A trade: a triangle upwards for who bought, downwards for who sold. One beyond the axis stands
  // beside the arrow that says so.
  drawMark(time, value, side) {
    const { pen, unit, view: { low, high } } = this
    const [x, size] = [this.x(time), 0.34 * unit]
    const y = value > high ? this.top + unit : value < low ? this.base - unit : this.y(value)
    const tip = side === 'buy' ? -size : size
    pen.fillStyle = colours[side]
    pen.strokeStyle = colours.panel
    pen.lineWidth = 1.25
    pen.beginPath()
    pen.moveTo(x, y + tip)
    pen.lineTo(x - size, y - tip * 0.8)
    pen.lineTo(x + size, y - tip * 0.8)
    pen.closePath()
    pen.stroke()
    pen.fill()
  }

  // Values beyond the axis: an arrow for each at the edge, and the furthest one's figure.
  drawOutside() {
    const { outside = [], low, high } = this.view
    this.drawBeyond(outside.filter(one => one.value > high), '▲', this.top, Math.max)
    this.drawBeyond(outside.filter(one => one.value < low), '▼', this.base, Math.min)
  }

  drawBeyond(values, arrow, y, furthest) {
    if (!values.length) return
    const { pen, unit, right } = this
    const most = furthest(...values.map(one => one.value))
    pen.fillStyle = colours.sell
    pen.textAlign = 'center'
    for (const { time } of values) pen.fillText(arrow, this.x(time), y)
    const text = this.view.format(most)
    const width = pen.measureText(text).width
    const x = this.x(values.findLast(one => one.value === most).time) + 0.6 * unit
    const left = Math.max(0, x + width > right ? x - width - 1.2 * unit : x)
    pen.fillStyle = colours.panel
    pen.fillRect(left - 0.2 * unit, y - 0.55 * unit, width + 0.4 * unit, 1.1 * unit)
    pen.fillStyle = colours.sell
    pen.textAlign = 'left'
    pen.fillText(text, left, y)
  }

  // The newest value, on the axis, or at its end if it is outside.
  drawFlag() {
    const { pen, right, unit } = this
    const { flag, format, flagColour = 'ink' } = this.view
    const y = this.flagHeight()
    const text = format(flag)
    pen.fillStyle = colours[flagColour]
    pen.beginPath()
    const width = pen.measureText(text).width + 0.75 * unit
    pen.roundRect(right + 0.125 * unit, y - 0.625 * unit, width, 1.25 * unit, 0.25 * unit)
    pen.fill()
    pen.fillStyle = colours.panel
    pen.textAlign = 'left'
    pen.fillText(text, right + 0.5 * unit, y + 0.5)
  }

  flagHeight() {
    return Math.min(this.base, Math.max(this.top, this.y(this.view.flag)))
  }

  // What is marked with the pointer, to be looked at more closely.
  drawSelection() {
    if (!this.selection) return
    const [left, right] = [...this.selection].sort((one, other) => one - other)
    this.pen.fillStyle = colours.buy
    this.pen.globalAlpha = 0.14
    this.pen.fillRect(left * this.right, 0, (right - left) * this.right, this.bottom)
    this.pen.globalAlpha = 1
  }

  drawPointer() {
    const time = this.subject.isStill ? null : this.pointedTime()
    const found = time === null ? null : this.subject.readout(time)
    if (this.readout) put(this.readout, found ? found.said : '')
    if (!found) return
    const { pen } = this
    const { low, high } = this.view
    const x = Math.min(this.right, Math.max(0, this.x(found.time)))
    pen.strokeStyle = colours.quiet
    pen.lineWidth = 1
    this.stroke([[x, this.top], [x, this.bottom]])
    pen.fillStyle = colours.ink
    pen.beginPath()
    pen.arc(x, this.y(Math.min(high, Math.max(low, found.value))), 0.25 * this.unit, 0, 7)
    pen.fill()
  }

  // Seconds since 1970, null where nothing is pointed at.
  pointedTime() {
    const { start, end } = this.view
    if (pointed === null) return null
    return pointed.time ?? start + pointed.share * (end - start)
  }

  // Points with the keyboard at what is so many moments further; it is said to who does not see it.
  step(steps) {
    const { start, end } = this.view
    const from = this.pointedTime()
    // At first it goes to the end that the key comes from.
    const time = from === null
      ? this.subject.next(end, steps < 0 ? Infinity : -Infinity)
      : this.subject.next(Math.min(end, Math.max(start, from)), steps)
    point({ time: Math.min(end, Math.max(start, time)) })
    put(this.spoken, this.readout.textContent)
  }
}

function point(where) {
  pointed = where
  drawPlots()
}

function attendColours() {
  learnColours()
  matchMedia('(prefers-color-scheme: dark)').onchange = () => { learnColours(); drawPlots() }
}

// Seconds between labels that people count in, the longest first, none longer than all.
function timeSteps(all) {
  const minute = [60, 30, 20, 15, 10, 5, 2, 1]
  const short = [86400, 43200, 21600, 14400, 7200, ...minute.map(count => count * 60), ...minute.slice(1)]
  const days = []
  for (let count = 2; count * 86400 <= all; count *= 2) days.unshift(count * 86400)
  return [...days, ...short.filter(step => step <= all)]
}

// Round numbers between two values, about so many.
function roundSteps(low, high, wanted) {
  const rough = (high - low) / wanted
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = Math.max(1, [1, 2, 5, 10].find(digit => digit * power >= rough) * power)
  const values = []
  for (let value = Math.ceil(low / step) * step; value <= high; value += step) {
    values.push(value + 0) // never -0
  }
  return values
}
