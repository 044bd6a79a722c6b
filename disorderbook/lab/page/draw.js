// What every drawing is made with: canvases, scales, steps and lines.

const FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif'
const NAMES = ['ink', 'quiet', 'line', 'field', 'panel', 'buy', 'sell', 'buy-bar', 'sell-bar']
const colours = {}

function learnColours() {
  const style = getComputedStyle(document.documentElement)
  for (const name of NAMES) colours[name] = style.getPropertyValue(`--${name}`).trim()
}

// Clears a canvas, and says how large it is; null while it is not shown.
function openCanvas(canvas) {
  const { clientWidth: width, clientHeight: height } = canvas
  if (!width || !height) return null
  const ratio = devicePixelRatio || 1
  canvas.width = Math.round(width * ratio)
  canvas.height = Math.round(height * ratio)
  const unit = parseFloat(getComputedStyle(document.documentElement).fontSize)
  const pen = canvas.getContext('2d')
  pen.setTransform(ratio, 0, 0, ratio, 0, 0)
  pen.font = `${0.75 * unit}px ${FONT}`
  pen.textBaseline = 'middle'
  pen.lineJoin = 'round'
  return { pen, width, height, unit }
}

// Round numbers between two, about so many of them.
function roundSteps(low, high, wanted, least = 1) {
  const rough = Math.max((high - low) / Math.max(wanted, 1), 1e-9)
  const power = 10 ** Math.floor(Math.log10(rough))
  const digit = [1, 2, 5, 10].find(each => each * power >= rough * 0.999) ?? 10
  const step = Math.max(least, digit * power)
  const steps = []
  for (let at = Math.ceil(low / step - 1e-9) * step; at <= high + step * 1e-9; at += step) {
    steps.push(Math.abs(at) < step / 1e6 ? 0 : at)
  }
  return steps
}

// A part of a canvas with scales of its own; `low` and `high` are its values.
function paneOf(area, box, low, high) {
  const margin = (high - low || Math.abs(high) || 1) * 0.08
  const [bottom, top] = [low - margin, high + margin]
  return {
    ...area, ...box, low: bottom, high: top,
    y: value => box.bottom - (value - bottom) / (top - bottom) * (box.bottom - box.top),
  }
}

function stroke(pen, points) {
  pen.beginPath()
  for (const [x, y] of points) pen.lineTo(x, y)
  pen.stroke()
}

// Lines and labels at round values; money in whole dollars where the steps are so large.
function drawValues(pane, write) {
  const { pen, unit } = pane
  const wanted = Math.max(2, Math.floor((pane.bottom - pane.top) / (2.4 * unit)))
  pen.lineWidth = 1
  pen.textAlign = 'left'
  for (const value of roundSteps(pane.low, pane.high, wanted)) {
    const y = Math.round(pane.y(value)) + 0.5
    if (y < pane.top || y > pane.bottom) continue
    pen.strokeStyle = value === 0 ? colours.field : colours.line
    stroke(pen, [[pane.left, y], [pane.right, y]])
    pen.fillStyle = colours.quiet
    pen.fillText(write(value), pane.right + 0.5 * unit, y)
  }
}

// Labels below the drawing; `x` maps a value to pixels.
function drawAcross(pane, low, high, x, write, { lines = true, least = 1e-9 } = {}) {
  const { pen, unit } = pane
  const wanted = Math.max(2, Math.floor((pane.right - pane.left) / (6 * unit)))
  pen.textAlign = 'center'
  pen.lineWidth = 1
  for (const value of roundSteps(low, high, wanted, least)) {
    const at = Math.round(x(value)) + 0.5
    const text = write(value)
    const half = pen.measureText(text).width / 2
    pen.strokeStyle = colours.line
    if (lines) stroke(pen, [[at, pane.top], [at, pane.bottom]])
    pen.fillStyle = colours.quiet
    if (at < half || at > pane.width - half) continue
    pen.fillText(text, at, pane.bottom + 0.9 * unit)
  }
}

// Points of a curve that stands still between its rows, no more than a few for each pixel.
function steps(times, values, x, y, from, to) {
  const points = []
  let column = null
  const begin = Math.max(0, countUpTo(times, from) - 1)
  for (let row = begin; row < times.length && times[row] <= to; row++) {
    if (values[row] === null) continue
    const [left, top] = [x(Math.max(times[row], from)), y(values[row])]
    if (column && left - column.left < 0.5) {
      column.low = Math.max(column.low, top)
      column.high = Math.min(column.high, top)
      column.top = top
      continue
    }
    closeColumn(points, column)
    if (column) points.push([left, column.top])
    points.push([left, top])
    column = { left, top, low: top, high: top }
  }
  closeColumn(points, column)
  if (column) points.push([x(to), column.top])
  return points
}

function closeColumn(points, column) {
  if (!column || column.low === column.high) return
  points.push([column.left, column.low], [column.left, column.high], [column.left, column.top])
}

// The values of a curve that are seen between two moments.
function seen(times, values, from, to) {
  const begin = Math.max(0, countUpTo(times, from) - 1)
  const found = []
  for (let row = begin; row < times.length && times[row] <= to; row++) {
    if (values[row] !== null) found.push(values[row])
  }
  return found
}

// The least and the greatest; Math.min(...numbers) has a limit.
function extremes(numbers) {
  let [low, high] = [Infinity, -Infinity]
  for (const number of numbers) {
    if (number < low) low = number
    if (number > high) high = number
  }
  return [low, high]
}

const wholeDollars = cents => minus(WHOLE.format(cents / 100))
const axisMoney = span => (span >= 1000 ? wholeDollars : dollars)
