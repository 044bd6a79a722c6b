// Small lines without axes: how something went, drawn as SVG.

'use strict'

import { mark } from './dom.js'

const WIDTH = 100
const HEIGHT = 20
const MARGIN = 1

const part = name => document.createElementNS('http://www.w3.org/2000/svg', name)

export function makeSparkline() {
  const svg = part('svg')
  mark(svg, 'class', 'sparkline')
  mark(svg, 'viewBox', `0 0 ${WIDTH} ${HEIGHT}`)
  mark(svg, 'preserveAspectRatio', 'none')
  mark(svg, 'aria-hidden', 'true')
  const [base, line] = [part('polyline'), part('polyline')]
  mark(base, 'class', 'base')
  svg.append(base, line)
  return svg
}

// Points are [time, value], the oldest first, and stand between `start` and `end`. `base` is a value
// that is marked, and so always to be seen.
export function drawSparkline(svg, points, { start, end, base }) {
  const values = points.map(([, value]) => value)
  if (base !== undefined) values.push(base)
  const [low, high] = [Math.min(...values), Math.max(...values)]
  const x = time => end > start ? (time - start) / (end - start) * WIDTH : WIDTH
  const y = value => high > low
    ? HEIGHT - MARGIN - (value - low) / (high - low) * (HEIGHT - 2 * MARGIN) : HEIGHT / 2
  const text = places => places.map(place => place.map(each => each.toFixed(1)).join()).join(' ')
  const [bottom, line] = svg.children
  mark(line, 'points', text(points.map(([time, value]) => [x(time), y(value)])))
  const level = base === undefined || !points.length ? [] : [[0, y(base)], [WIDTH, y(base)]]
  mark(bottom, 'points', text(level))
}
