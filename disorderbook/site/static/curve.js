// The curves of an account's net asset value and position, in the span that the chart shows.

'use strict'

import { timesOf, timesOfCandles } from './chart.js'
import { $, clockTime, dollars, mark, money, secondsOf, shares, sharesText } from './dom.js'
import { SPAN_NAMES, here, spanShown } from './market.js'
import { own } from './own.js'
import { Plot } from './plot.js'
import { robustRange } from './range.js'

const MOMENTS = 100 // at which a curve is looked at, for its axis
const LEAST_USUAL = 100 // cents that a net asset value goes at least

// Shows what `pointsOf()` gives, [timestamp, value] with the oldest first, up to the figure that
// `newest(standing)` takes from an account's standing. `name` is the figure's. `axis` gives the words
// for a value beside the curve, given how far the curve goes, and `words` those for a single value. A
// figure that `isHeld` stays what it was until its next point, and is drawn from zero.
function makeCurve(canvas, label, { name, pointsOf, newest, axis, words, isHeld }) {
  let points = []
  let plot

  function prepare() {
    points = pointsOf().map(([ts, value]) => ({ ts, time: secondsOf(ts), value }))
    const nothing = 'Nothing traded yet'
    if (!points.length) return { label: `${name} over time: nothing traded yet`, nothing }
    const { start, end } = timesOf([...timesOfCandles(), points[0].time, points.at(-1).time])
    points = within(points, start, end)
    if (!points.length) return { label: `${name}: nothing traded before`, nothing, start, end }
    if (own.standing && !here.window) points.at(-1).value = newest(own.standing)
    const values = points.map(point => point.value)
    const extremes = [Math.min(...values), Math.max(...values)]
    const { low, high } = isHeld
      ? { low: Math.min(0, extremes[0]), high: Math.max(0, extremes[1]) }
      : robustRange(sampled(points, start, end), [], LEAST_USUAL)
    const [first, last] = [values[0], values.at(-1)]
    const said = `${name} over ${SPAN_NAMES[spanShown()]}: from ${words(first)} to ${words(last)}, ` +
      `between ${words(extremes[0])} and ${words(extremes[1])}`
    const margin = Math.max((high - low) * 0.08, 1)
    return {
      label: said, start, end, low: low - margin, high: high + margin, flag: last,
      format: value => axis(value, high - low),
      outside: points.filter(({ value }) => value < low || value > high),
      flagColour: last > 0 ? 'buy' : last < 0 ? 'sell' : 'ink',
    }
  }

  function paint() {
    const places = []
    for (const { time, value } of points) {
      if (isHeld && places.length) places.push([plot.x(time), places.at(-1)[1]])
      places.push([plot.x(time), plot.y(value)])
    }
    plot.drawLine(places, Math.min(plot.bottom, Math.max(plot.top, plot.y(0))))
  }

  function readout(time) {
    const found = points.findLast(point => point.time <= time) ?? points[0]
    return { time: found.time, value: found.value, said: `${clockTime(found.ts)} UTC   ${words(found.value)}` }
  }

  function next(time, steps) {
    const place = Math.max(0, points.findLastIndex(point => point.time <= time))
    return points[Math.min(points.length - 1, Math.max(0, place + steps))]?.time ?? time
  }

  plot = new Plot(canvas, label, { prepare, paint, readout, next })
  mark(canvas, 'role', 'img')
}

// Those that can be seen: the last one before the span stands at its beginning, and the newest also
// at its end.
function within(points, start, end) {
  const before = points.findLast(point => point.time < start)
  const seen = points.filter(point => point.time >= start && point.time <= end)
  const all = before ? [{ ...before, time: start }, ...seen] : seen
  return all.length ? [...all, { ...all.at(-1), time: end }] : []
}

// The values at moments that are equally far from each other: what is short counts little.
function sampled(points, start, end) {
  const values = []
  let place = 0
  for (let moment = 0; moment <= MOMENTS; moment++) {
    const time = start + (end - start) * moment / MOMENTS
    while (points[place + 1]?.time <= time) place++
    values.push(points[place].value)
  }
  return values
}

// ---- Those of an account ------------------------------------------------------------------------

const CENTS_UP_TO = 2000 // cents that a curve goes: beyond, its axis counts in dollars
const dollarsBeside = (cents, range) =>
  range < CENTS_UP_TO ? dollars(cents) : shares(Math.round(cents / 100) + 0) // which is never -0

export function attendCurves() {
  makeCurve($('nav-curve'), $('nav-readout'), {
    name: 'Net asset value', axis: dollarsBeside, words: money,
    pointsOf: () => own.points.map(({ ts, nav }) => [ts, nav]), newest: ({ nav }) => nav,
  })
  makeCurve($('position-curve'), $('position-readout'), {
    name: 'Position', axis: shares, words: sharesText, isHeld: true,
    pointsOf: () => own.points.map(({ ts, shares: held }) => [ts, held]),
    newest: ({ shares: held }) => held,
  })
}
