// How a plot is pointed at and zoomed: with the mouse (drag, wheel, double click), with fingers (touch,
// pinch) and with keys (arrows, plus, minus, Escape). The stretch of time that is seen is in the URL.

'use strict'

import { here, lookSoon } from './market.js'

const SHORTEST = 5 // seconds that can be seen
const STEP = 1.5 // times as much is seen after a turn of the wheel, or a key
const DRAGGED = 6 // pixels: less is a click

// ---- The URL ------------------------------------------------------------------------------------

const SPANS = ['5m', '30m', 'all']

// What the URL says of time: a span, and the part of it that is seen, in seconds since 1970.
export function readTimes() {
  const asked = new URLSearchParams(location.search)
  here.span = SPANS.includes(asked.get('span')) ? asked.get('span') : SPANS[0]
  const [from, to] = ['from', 'to'].map(name => Number(asked.get(name) ?? NaN))
  here.window = to - from >= SHORTEST ? { from, to } : null
}

// A reload, and whoever is sent the address, sees the same.
export function writeTimes() {
  const url = new URL(location)
  const { span, window } = here
  const times = { span: span === SPANS[0] ? null : span, from: window?.from, to: window?.to }
  for (const [name, value] of Object.entries(times)) {
    if (value == null) url.searchParams.delete(name)
    else url.searchParams.set(name, value)
  }
  if (url.href !== location.href) history.replaceState(history.state, '', url)
}

let whole = { start: 0, end: 0 } // the stretch that is seen when nothing is zoomed, as `timesOf` has told it last

// The stretch of time that is seen, given the one of the whole span; both in seconds.
export function windowOf(times) {
  whole = times
  if (!here.window) return times
  return { start: here.window.from, end: here.window.to }
}

function see(from, to) {
  const [middle, half] = [(from + to) / 2, Math.max(SHORTEST, to - from) / 2]
  const start = Math.max(whole.start, Math.min(middle - half, whole.end - SHORTEST))
  const end = Math.min(whole.end, Math.max(middle + half, whole.start + SHORTEST))
  const rounded = seconds => Math.round(seconds * 1000) / 1000
  const isAll = start <= whole.start && end >= whole.end
  here.window = isAll ? null : { from: rounded(start), to: rounded(end) }
  settle()
}

export function seeAll() {
  here.window = null
  settle()
}

let changed = () => {} // told that another stretch is seen

export function whenZoomed(act) {
  changed = act
}

function settle() {
  writeTimes()
  changed()
  lookSoon()
}

// ---- What people do -----------------------------------------------------------------------------

// `point(where)` and `draw()` are those of all plots.
export function attendZoom(plot, { point, draw }) {
  const { canvas } = plot
  const fingers = new Map() // pointers of fingers that touch, by id: where, as shares of the width
  let pinched = null // where two fingers were when both had come, and what was seen then

  const shareOf = event => Math.min(1, Math.max(0, event.offsetX / plot.right))
  const timeAt = share => plot.view.start + share * (plot.view.end - plot.view.start)

  function zoom(times, share) {
    const { start, end } = plot.view
    const fixed = timeAt(share)
    see(fixed - (fixed - start) * times, fixed + (end - fixed) * times)
  }

  canvas.onpointerdown = event => {
    if (plot.isEmpty) return
    if (event.pointerType === 'touch') {
      fingers.set(event.pointerId, shareOf(event))
      const places = [...fingers.values()]
      if (places.length === 2) pinched = places.map(timeAt)
      point(places.length === 1 ? { share: shareOf(event) } : null)
    } else if (event.button === 0) {
      canvas.setPointerCapture(event.pointerId)
      plot.selection = [shareOf(event), shareOf(event)]
    }
  }

  canvas.onpointermove = event => {
    if (plot.isEmpty) return
    const share = shareOf(event)
    if (fingers.has(event.pointerId)) fingers.set(event.pointerId, share)
    if (pinched && fingers.size === 2) return pinch()
    if (plot.selection) plot.selection[1] = share
    point({ share })
  }

  // What was under each finger stays there.
  function pinch() {
    const [one, other] = fingers.values()
    if (Math.abs(one - other) * plot.right < DRAGGED) return
    const width = (pinched[1] - pinched[0]) / (other - one)
    const start = pinched[0] - one * width
    if (width > 0) see(start, start + width)
  }

  canvas.onpointerup = event => {
    forget(event)
    const { selection } = plot
    plot.selection = null
    if (!selection) return
    const [first, last] = selection.sort((one, other) => one - other)
    if ((last - first) * plot.right >= DRAGGED) see(timeAt(first), timeAt(last))
    else draw()
  }

  canvas.onpointercancel = event => { forget(event); plot.selection = null; point(null) }
  // A finger that goes leaves the readout to be read.
  canvas.onpointerleave = event => {
    if (event.pointerType === 'touch') forget(event)
    else if (!plot.selection) point(null)
  }

  function forget({ pointerId }) {
    fingers.delete(pointerId)
    if (fingers.size < 2) pinched = null
  }

  canvas.addEventListener('wheel', event => {
    const isNearer = event.deltaY < 0
    if (plot.isEmpty || event.ctrlKey || !event.deltaY || (!isNearer && !here.window)) return
    event.preventDefault()
    zoom(isNearer ? 1 / STEP : STEP, shareOf(event))
  }, { passive: false })

  canvas.ondblclick = seeAll

  const keys = {
    ArrowLeft: () => plot.step(-1), ArrowRight: () => plot.step(1),
    Home: () => plot.step(-Infinity), End: () => plot.step(Infinity),
    '+': () => zoom(1 / STEP, middle()), '=': () => zoom(1 / STEP, middle()),
    '-': () => zoom(STEP, middle()),
    Escape: () => { here.window ? seeAll() : point(null) },
  }

  // Where the keys zoom: at what is pointed at, else at the newest.
  function middle() {
    const { start, end } = plot.view
    const time = plot.pointedTime()
    return time === null ? 1 : Math.min(1, Math.max(0, (time - start) / (end - start)))
  }

  canvas.onkeydown = event => {
    const act = keys[event.key]
    if (!act || plot.isEmpty || event.altKey || event.ctrlKey || event.metaKey) return
    event.preventDefault()
    act()
  }
  canvas.onblur = () => { if (plot.pointedTime && !plot.selection) point(null) }
}
