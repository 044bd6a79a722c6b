// Plots: canvases with an axis of values beside them and one of time below. All plots of a page have
// their axes in one line, and point at the same moment together.

'use strict'

import { CLOCK, MINUTE, mark } from './dom.js'

const FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif'
const NARROWEST = 4.4 // of the axis beside a plot, in letters' heights
export const colours = {}
const plots = []
let pointed = null // share of the plots' width at which the pointer is

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
// `nothing` to say, or `start` and `end` in seconds, `low` and `high`, `format` for values,
// `flag`, the value that is marked beside the plot, and `floor`, a share of the height that
// stays free below. `subject.paint(plot)` draws it, `subject.readout(time)` says what was then.
export class Plot {
  constructor(canvas, readout, subject) {
    Object.assign(this, { canvas, readout, subject })
    plots.push(this)
    if (plots.length === 1) attendColours()
    canvas.onpointermove = event => point(event.offsetX / this.right)
    canvas.onpointerleave = () => point(null)
    new ResizeObserver(drawPlots).observe(canvas)
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
    this.readout.textContent = ''
    if (this.view.nothing !== undefined) return this.drawNothing(this.view.nothing)
    this.drawValues()
    this.drawTimes()
    this.subject.paint(this)
    this.drawFlag()
    if (pointed !== null) this.drawPointer()
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

  x(time) {
    return (time - this.view.start) / (this.view.end - this.view.start) * this.right
  }

  y(value) {
    const { low, high, floor = 0 } = this.view
    const bottom = this.bottom * (1 - floor)
    return bottom - (value - low) / (high - low) * (bottom - this.top)
  }

  drawNothing(sentence) {
    this.pen.fillStyle = colours.quiet
    this.pen.textAlign = 'center'
    this.pen.fillText(sentence, this.right / 2, this.bottom / 2)
  }

  drawValues() {
    const { pen, unit, right } = this
    const { low, high, flag, format } = this.view
    pen.strokeStyle = colours.line
    pen.fillStyle = colours.quiet
    pen.lineWidth = 1
    pen.textAlign = 'left'
    const wanted = Math.max(2, Math.floor(this.bottom / (2.6 * unit)))
    for (const value of roundSteps(low, high, wanted)) {
      const y = Math.round(this.y(value)) + 0.5
      this.stroke([[0, y], [right, y]])
      const isFree = Math.abs(y - this.y(flag)) > 1.1 * unit // of the flag
      if (isFree) pen.fillText(format(value), right + 0.5 * unit, y)
    }
  }

  drawTimes() {
    const { pen, right, unit } = this
    const { start, end } = this.view
    const wanted = Math.max(2, Math.floor(right / (7 * unit)))
    const step = timeStep((end - start) / wanted)
    const format = step < 60 ? CLOCK : MINUTE
    pen.textAlign = 'center'
    for (let time = Math.ceil(start / step) * step; time < end; time += step) {
      const x = this.x(time)
      const text = format.format(time * 1000)
      const half = pen.measureText(text).width / 2
      if (x > half && x < right - half) pen.fillText(text, x, this.bottom + 0.9 * unit)
    }
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
    pen.globalAlpha = 0.06
    for (const edge of [points.at(-1)[0], points[0][0]]) pen.lineTo(edge, base)
    pen.fill()
    pen.globalAlpha = 1
  }

  // A trade: a triangle upwards for who bought, downwards for who sold.
  drawMark(time, value, side) {
    const { pen } = this
    const [x, y, size] = [this.x(time), this.y(value), 0.34 * this.unit]
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

  // The newest value, on the axis.
  drawFlag() {
    const { pen, right, unit } = this
    const { flag, format, flagColour = 'ink' } = this.view
    const y = this.y(flag)
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

  drawPointer() {
    const { start, end } = this.view
    const found = this.subject.readout(start + pointed * (end - start))
    if (!found) return
    const { pen } = this
    const x = this.x(found.time)
    pen.strokeStyle = colours.quiet
    pen.lineWidth = 1
    this.stroke([[x, this.top], [x, this.bottom]])
    pen.fillStyle = colours.ink
    pen.beginPath()
    pen.arc(x, this.y(found.value), 0.25 * this.unit, 0, 7)
    pen.fill()
    this.readout.textContent = found.said
  }
}

function point(share) {
  pointed = share === null ? null : Math.min(1, share)
  drawPlots()
}

function attendColours() {
  learnColours()
  matchMedia('(prefers-color-scheme: dark)').onchange = () => { learnColours(); drawPlots() }
}

function timeStep(least) {
  const steps = [5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200]
  return steps.find(step => step >= least) ?? Math.ceil(least / 86400) * 86400
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
