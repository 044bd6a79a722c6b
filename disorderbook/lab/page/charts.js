// The three drawings: P&L of all runs over the days, how the final ones are spread, and one run.

// ---- All runs -----------------------------------------------------------------------------------

// P&L of every run in `fan.runs`, with the median and the middle half of those that still went on.
function drawFan(canvas, fan, chosen, pointed) {
  const area = openCanvas(canvas)
  if (!area) return
  const { pen, unit, width, height } = area
  const box = { left: 0, right: width - 4.8 * unit, top: 0.5 * unit, bottom: height - 1.6 * unit }
  const pane = paneOf(area, box, ...extremes([0, ...fan.runs.flatMap(run => run.navs), ...(fan.rival ?? [])]))
  const x = point => box.left + point / fan.points * box.right
  drawValues(pane, axisMoney(pane.high - pane.low))
  const days = fan.days / fan.points
  drawAcross(pane, 0, fan.days, day => x(day / days), day => PART.format(day), { lines: false })
  fan.place = { x, y: pane.y }
  drawMiddleHalf(pane, fan, x)
  const line = (run, colour, wide, alpha) => {
    pen.globalAlpha = alpha
    pen.strokeStyle = colour
    pen.lineWidth = wide
    stroke(pen, run.navs.map((nav, point) => [x(point), pane.y(nav)]))
    pen.globalAlpha = 1
  }
  const quiet = Math.max(0.18, Math.min(0.6, 8 / fan.runs.length))
  for (const run of fan.runs) line(run, colours.quiet, 1, quiet)
  line({ navs: fan.median }, colours.ink, 2.5, 1)
  if (fan.rival) {
    pen.setLineDash([0.5 * unit, 0.3 * unit])
    line({ navs: fan.rival }, colours.sell, 2.5, 1)
    pen.setLineDash([])
  }
  line(chosen, colours.buy, 2, 1)
  if (pointed && pointed !== chosen) line(pointed, colours.sell, 1.5, 1)
}

function drawMiddleHalf({ pen, y }, fan, x) {
  pen.fillStyle = colours.quiet
  pen.globalAlpha = 0.14
  pen.beginPath()
  fan.upper.forEach((nav, point) => pen.lineTo(x(point), y(nav)))
  fan.lower.toReversed().forEach((nav, back) => pen.lineTo(x(fan.lower.length - 1 - back), y(nav)))
  pen.fill()
  pen.globalAlpha = 1
}

// The quartiles of each moment.
function fanOf(runs) {
  const columns = columnsOf(runs.map(run => run.navs))
  const [lower, median, upper] = [0.25, 0.5, 0.75].map(part =>
    columns.map(column => quantile(column, part)))
  return { runs, points: columns.length - 1, days: daysOf(runs), lower, median, upper }
}

// The values of all rows at each moment, ascending; a row that ends early goes on as it ended.
function columnsOf(rows) {
  const length = Math.max(...rows.map(row => row.length))
  return Array.from({ length }, (_, point) =>
    rows.map(row => row[Math.min(point, row.length - 1)]).sort((one, other) => one - other))
}

function medianOf(rows) {
  return columnsOf(rows).map(column => quantile(column, 0.5))
}

// The days that the longest row of values covers.
function daysOf(runs) {
  return Math.max(...runs.map(run => run.gridDays * (run.navs.length - 1)))
}

// The run whose curve is nearest to a place in the fan.
function nearestRun(fan, left, top) {
  if (!fan.place) return null
  const point = Math.round(left / (fan.place.x(1) - fan.place.x(0)))
  let found = null
  for (const run of fan.runs) {
    const nav = run.navs[point]
    if (nav === undefined) continue
    const distance = Math.abs(fan.place.y(nav) - top)
    if (!found || distance < found.distance) found = { run, distance, nav, point }
  }
  return found
}

// Whole bins on both sides of zero; the chosen run's stands out.
function binsOf(values) {
  const [low, high] = extremes(values)
  const wanted = Math.max(4, Math.min(20, Math.ceil(2 * Math.sqrt(values.length))))
  const width = high > low ? stepBetween(low, high, wanted) : 100
  const first = Math.floor(low / width)
  const bins = Array.from({ length: Math.floor(high / width) - first + 1 }, (_, place) =>
    ({ from: (first + place) * width, to: (first + place + 1) * width, count: 0 }))
  for (const value of values) bins[Math.floor(value / width) - first].count += 1
  return bins
}

function stepBetween(low, high, wanted) {
  const marks = roundSteps(low, high, wanted)
  return marks.length > 1 ? Math.round(marks[1] - marks[0]) : Math.ceil(high - low)
}

function drawHistogram(canvas, bins, chosen) {
  const area = openCanvas(canvas)
  if (!area) return
  const { pen, unit, width, height } = area
  const pane = {
    ...area, left: 0, right: width, top: 1.6 * unit, bottom: height - 1.6 * unit,
  }
  const [from, to] = [bins[0].from, bins.at(-1).to]
  const x = value => 0.5 * unit + (value - from) / (to - from) * (width - unit)
  const most = Math.max(...bins.map(bin => bin.count))
  const tall = pane.bottom - pane.top
  for (const bin of bins) {
    const top = pane.bottom - bin.count / most * tall
    const isChosen = chosen >= bin.from && chosen < bin.to
    pen.fillStyle = bin.from < 0 ? colours.sell : colours.buy
    pen.globalAlpha = isChosen ? 1 : 0.5
    const wide = x(bin.to) - x(bin.from)
    pen.fillRect(x(bin.from) + 1, top, Math.max(1, wide - 2), pane.bottom - top)
    pen.globalAlpha = 1
    pen.fillStyle = colours.ink
    pen.textAlign = 'center'
    const text = whole(bin.count)
    if (bin.count && wide > pen.measureText(text).width) {
      pen.fillText(text, (x(bin.from) + x(bin.to)) / 2, top - 0.7 * unit)
    }
  }
  pen.strokeStyle = colours.field
  stroke(pen, [[0, pane.bottom + 0.5], [width, pane.bottom + 0.5]])
  drawAcross(pane, from, to, x, axisMoney(to - from), { lines: false, least: 1 })
}

// ---- One run ------------------------------------------------------------------------------------

const PANES = [['Price', 0.5], ['Position', 0.2], ['P&L', 0.3]] // and their parts of the height

// `window` is from and to in nanoseconds; `series` as in seriesOf; `moment` is where the marker is.
function drawRun(canvas, run, series, window, moment) {
  const area = openCanvas(canvas)
  if (!area) return null
  const { unit, width, height } = area
  const right = width - 4.8 * unit
  const x = time => (time - window.from) / (window.to - window.from) * right
  const tall = height - 1.8 * unit
  let top = 0
  const boxes = PANES.map(([, part]) => {
    const box = { left: 0, right, top: top + 1.5 * unit, bottom: top + part * tall - 0.25 * unit }
    top += part * tall
    return box
  })
  const scene = { area, run, series, window, x, unit }
  drawPricePane(scene, boxes[0])
  drawStepPane(scene, boxes[1], series.shares, [0])
  drawStepPane(scene, boxes[2], series.navs, window.isAll ? [0] : [])
  nameAxis(scene, boxes)
  drawMoment(scene, boxes, moment)
  return { x, right }
}

function drawPricePane(scene, box) {
  const { area, series, window, x } = scene
  const fills = series.fills.filter(fill => fill.time >= window.from && fill.time <= window.to)
  const prices = seen(series.times, series.prices, window.from, window.to)
  const shown = [...prices, ...fills.map(fill => fill.price)]
  const range = shown.length ? withOrdersNear(extremes(shown), series.orders, window) : [0, 100]
  const pane = paneOf(area, box, ...range)
  const { pen } = area
  drawValues(pane, dollars)
  pen.save()
  pen.beginPath()
  pen.rect(box.left, box.top, box.right, box.bottom - box.top)
  pen.clip()
  drawOrders(pen, series.orders, pane, scene)
  pen.strokeStyle = colours.ink
  pen.lineWidth = 1.25
  stroke(pen, steps(series.times, series.prices, x, pane.y, window.from, window.to))
  pen.restore()
  drawOwnFills(pen, fills, pane, scene)
  if (!shown.length) {
    pen.fillStyle = colours.quiet
    pen.textAlign = 'center'
    pen.fillText('No trades', box.right / 2, (box.top + box.bottom) / 2)
  }
  return pane
}

// A range of prices with the program's orders of that time, but for those that are far away.
function withOrdersNear([low, high], orders, window) {
  const reach = Math.max(high - low, high / 50)
  const near = orders.filter(({ order, from, to }) => order.price && from <= window.to &&
    to >= window.from && order.price >= low - reach && order.price <= high + reach)
  return extremes([low, high, ...near.map(({ order }) => order.price)])
}

// The program's orders, each at its price for as long as it was open.
function drawOrders(pen, orders, pane, { window, x, run }) {
  pen.lineWidth = 2
  pen.globalAlpha = 0.45
  for (const { order, from, to } of orders) {
    if (!order.price || from > window.to || to < window.from) continue
    const y = pane.y(order.price)
    if (y < pane.top || y > pane.bottom) continue
    const end = Math.min(to, run.length, window.to)
    pen.strokeStyle = colours[order.side]
    stroke(pen, [[x(Math.max(from, window.from)), y], [Math.max(x(end), x(from) + 2), y]])
  }
  pen.globalAlpha = 1
}

// Buys point up and sells down.
function drawOwnFills(pen, fills, pane, { x, unit }) {
  const dense = fills.length / pane.right // of a pixel
  const size = (dense > 0.6 ? 0.14 : dense > 0.25 ? 0.2 : 0.28) * unit
  pen.lineWidth = 1
  pen.strokeStyle = colours.panel
  for (const fill of fills) {
    const [left, middle] = [x(fill.time), pane.y(fill.price)]
    const up = fill.side === 'buy' ? -size : size
    pen.fillStyle = colours[fill.side]
    pen.beginPath()
    pen.moveTo(left, middle + up * 1.2)
    pen.lineTo(left - size, middle - up * 0.8)
    pen.lineTo(left + size, middle - up * 0.8)
    pen.closePath()
    pen.fill()
    pen.stroke()
  }
}

function drawStepPane({ area, series, window, x }, box, values, besides) {
  const shown = [...besides, ...seen(series.times, values, window.from, window.to)]
  const pane = paneOf(area, box, ...extremes(shown))
  const { pen } = area
  drawValues(pane, values === series.shares ? whole : axisMoney(pane.high - pane.low))
  const points = steps(series.times, values, x, pane.y, window.from, window.to)
  if (!points.length) return
  pen.strokeStyle = pen.fillStyle = colours.ink
  pen.lineWidth = 1.25
  stroke(pen, points)
  pen.globalAlpha = 0.08
  const floor = Math.min(Math.max(pane.y(0), box.top), box.bottom)
  for (const edge of [points.at(-1)[0], points[0][0]]) pen.lineTo(edge, floor)
  pen.fill()
  pen.globalAlpha = 1
}

function nameAxis({ area, run, window, x, unit }, boxes) {
  const { pen } = area
  const bottom = { ...area, ...boxes.at(-1) }
  const day = time => time / run.day
  const write = value => PART.format(value)
  drawAcross(bottom, day(window.from), day(window.to), at => x(at * run.day), write, {
    lines: false,
  })
  pen.textAlign = 'left'
  boxes.forEach((box, place) => {
    pen.fillStyle = colours.ink
    pen.font = `600 ${0.75 * unit}px ${FONT}`
    pen.fillText(PANES[place][0], 0, box.top - 0.75 * unit)
    pen.font = `${0.75 * unit}px ${FONT}`
  })
}

function drawMoment({ area, x, window, unit }, boxes, moment) {
  if (moment < window.from || moment > window.to) return
  const { pen } = area
  const at = Math.min(Math.max(x(moment), 1), boxes[0].right - 1)
  pen.strokeStyle = colours.buy
  pen.lineWidth = 1.5
  stroke(pen, [[at, boxes[0].top - 0.4 * unit], [at, boxes.at(-1).bottom]])
  pen.fillStyle = colours.buy
  pen.beginPath()
  pen.arc(at, boxes[0].top - 0.4 * unit, 0.3 * unit, 0, 7)
  pen.fill()
}
