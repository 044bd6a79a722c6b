// Puts the page together, and does what the reader asks.

const SPANS = [['All', Infinity], ['10 days', 10], ['1 day', 1], ['1/10 day', 0.1]]
let overview = null
let fan = null
let bins = null
let pointed = null // the run that the pointer is at, in the fan
let wanted = null // the run that was chosen last, which may still be being unpacked
let shown = null // the run that is shown: { run, series, replay, details }; no replay without events
let span = Infinity // days

// ---- All runs -----------------------------------------------------------------------------------

function showAll() {
  const { runs } = overview
  put($('title'), overview.title || 'Report')
  put($('about'), aboutText())
  showRival(overview.rival)
  showHeadline()
  showSummary(overview)
  if (runs.length === 1) return
  for (const part of ['fan-panel', 'spread-panel', 'runs-panel']) $(part).hidden = false
  fan = fanOf(runs)
  if (overview.rival) fan.rival = medianOf(overview.rival.navs)
  bins = binsOf(runs.map(run => pnlOf(run)))
  showRuns(overview, choose)
  put($('runs-note'), eventsNote())
  $('spread').setAttribute('aria-label', 'Final P&L: ' + bins.filter(bin => bin.count).map(
    bin => `${plural(bin.count, 'run')} from ${money(bin.from)}`).join(', '))
  attendFan()
}

function showRival(rival) {
  $('verdict').hidden = !rival?.sentence
  put($('verdict'), rival?.sentence ?? '')
  $('rival-key').hidden = !rival
  put($('rival-key'), rival ? `median of ${rival.name}` : '')
}

const pnlOf = run => Math.round(run.numbers.pnl * 100)

function rankRuns() {
  const ranked = overview.runs.toSorted(
    (one, other) => one.numbers.pnl - other.numbers.pnl || one.number - other.number)
  if (ranked.length < 2) return
  overview.worst = ranked[0]
  overview.best = ranked.at(-1)
  overview.median = ranked[(ranked.length - 1) >> 1]
}

function aboutText() {
  const { runs } = overview
  const [{ daysAsked, day, venue, symbol, level }] = runs
  const seeds = runs.length === 1 ? `Seed ${runs[0].seed}` : plural(runs.length, 'seed')
  const game = level ? `level ${level.name}` : runs.length === 1 ? `${symbol} at ${venue}` : ''
  const played = runs[0].numbers.days
  const part = runs.length === 1 && played < daysAsked ? `${PART.format(played)} of ` : ''
  const days = `${part}${plural(daysAsked, 'day')} of ${PART.format(day / SECOND)} s`
  return [seeds, days, game]
    .filter(Boolean).join(' · ')
}

function showHeadline() {
  const { runs, worst, best } = overview
  const pnls = runs.map(pnlOf).sort((one, other) => one - other)
  const middle = Math.round(quantile(pnls, 0.5))
  put($('headline'), money(middle))
  put($('headline-name'), runs.length === 1 ? 'P&L' : 'Median P&L')
  const facts = runs.length === 1 ? factsOfOne(runs[0]) : [
    ['Worst', money(pnls[0]), `seed ${worst.seed}`],
    ['Best', money(pnls.at(-1)), `seed ${best.seed}`],
    ['Middle half', `${money(Math.round(quantile(pnls, 0.25)))} to ` +
      money(Math.round(quantile(pnls, 0.75))), ''],
    ['With a profit', `${whole(pnls.filter(pnl => pnl > 0).length)} of ${whole(runs.length)}`, ''],
    ...rivalFact(runs),
    ...wonFact(runs),
  ]
  for (const [name, value, more] of facts) $('headline-facts').append(factOf(name, value, more))
}

function factsOfOne({ numbers, ending, level }) {
  const byName = Object.fromEntries(overview.definitions.map(each => [each.name, each]))
  const facts = ['shares', 'fills', 'takes', 'drawdown', 'refusals'].filter(name => name in byName)
    .map(name => [byName[name].title, figure(numbers[name], byName[name]), ''])
  return [...facts, ['Ended', endingOf({ ending, level }), '']]
}

function rivalFact(runs) {
  if (!overview.rival) return []
  const pnls = runs.map(run => run.numbers.rival).sort((one, other) => one - other)
  return [[`Median of ${overview.rival.name}`, money(Math.round(quantile(pnls, 0.5) * 100)), '']]
}

function wonFact(runs) {
  if (!runs.some(run => run.level)) return []
  const won = runs.filter(run => run.level?.state === 'won').length
  return [['Level won', `${whole(won)} of ${whole(runs.length)}`, '']]
}

function factOf(name, value, more) {
  const fact = make('div', 'fact')
  const told = make('dd', '', value)
  if (more) told.append(' ', make('small', '', more))
  fact.append(make('dt', '', name), told)
  return fact
}

function eventsNote() {
  const { runs, blocks } = overview
  if (blocks.length === runs.length) return 'Every run can be looked at event by event.'
  const seeds = blocks.map(number => runs[number].seed).sort((one, other) => one - other)
  return `${plural(blocks.length, 'run')} of ${runs.length} can be looked at event by event, the ` +
    `worst, the median and the best first, as many as fit: seeds ${seeds.join(', ')}. ` +
    'Of the others there are the curves.'
}

function attendFan() {
  const canvas = $('fan')
  const point = event => nearestRun(fan, event.offsetX, event.offsetY)
  canvas.onpointermove = event => {
    const found = point(event)
    pointed = found?.run ?? null
    put($('fan-readout'), found ? `Seed ${found.run.seed}: ${money(found.nav)} at day ` +
      PART.format(found.point * found.run.gridDays) : '')
    drawSoon()
  }
  canvas.onpointerleave = () => { pointed = null; put($('fan-readout'), ''); drawSoon() }
  canvas.onclick = event => { const found = point(event); if (found) choose(found.run) }
}

function drawAll() {
  if (!fan) return
  drawFan($('fan'), fan, shown.run, pointed)
  drawHistogram($('spread'), bins, pnlOf(shown.run))
}

// ---- One run ------------------------------------------------------------------------------------

async function choose(run) {
  wanted = run
  const place = overview.blocks.indexOf(run.number)
  const next = { run, replay: null, details: null, series: run.curve && curveSeries(run.curve) }
  if (place >= 0) {
    next.details = await unpacked($(`events-${place}`))
    if (wanted !== run) return // the reader did not wait for it
    next.replay = new Replay(next.details, run.account, overview.kinds)
    next.series = seriesOf(next.replay)
  }
  shown = next
  if (next.replay) Object.assign(moment, momentAtEvent(next.replay, firstMoment(next.replay)))
  showRun()
}

// The first event of the program, if it ever had one.
function firstMoment(replay) {
  const first = ownEvent(replay, 0, 1)
  return first || Math.min(1, replay.events.length)
}

function curveSeries({ times, prices, navs, shares }) {
  return { times, prices, navs, shares, orders: [], fills: [] }
}

function showRun() {
  const { run, replay } = shown
  put($('run-title'), `Seed ${run.seed}`)
  put($('run-about'), runAbout(run))
  put($('run-note'), runNote(run, replay))
  $('run-note').hidden = !$('run-note').textContent
  $('run').value = String(run.number)
  $('command').hidden = !run.command
  put($('command-text'), run.command ?? '')
  showEnd(run.ending)
  $('moment').hidden = $('controls').hidden = !replay
  if (replay) $('slider').max = replay.events.length
  markChosen(run)
  offerSpans(run)
  refresh()
}

function runAbout(run) {
  const pnl = overview.definitions.find(each => each.name === 'pnl')
  const told = [`P&L ${figure(run.numbers.pnl, pnl)}`, endingOf(run)]
  if (overview.runs.length > 1) told.push(`${run.symbol} at ${run.venue}`)
  return told.join(' · ')
}

function runNote(run, replay) {
  if (!replay) {
    return 'The events of this run are not in this file, so its orders and fills are not shown, ' +
      'and the book cannot be rebuilt.' + (run.command ? ' Repeat it for a report of its own.' : '')
  }
  if (replay.total <= replay.events.length) return ''
  return `Of ${whole(replay.total)} events the first ${whole(replay.events.length)} are here.`
}

function showEnd(ending) {
  $('last-lines').hidden = !ending.last_lines.length
  put($('last-lines-text'), ending.last_lines.join('\n'))
  put($('log'), ending.log ? `All that it printed: ${ending.log}` : '')
}

// The window of the drawings: the days that were chosen, with the moment in it.
function windowOf({ run, replay }) {
  const wide = Math.min(span * run.day, run.length) || 1
  const middle = replay ? moment.time : 0
  const from = Math.min(Math.max(middle - wide / 2, 0), run.length - wide)
  return { from, to: from + wide, isAll: wide === run.length }
}

let place = null // of the drawing: how time maps to pixels

function refresh() {
  if (shown.replay) showMoment(shown.run, shown.details, shown.replay)
  drawSoon()
}

let willDraw = false

// However much happens between two pictures of the screen, it is drawn once.
function drawSoon() {
  if (willDraw) return
  willDraw = true
  requestAnimationFrame(() => {
    willDraw = false
    drawOne()
    drawAll()
  })
}

function drawOne() {
  const { run, series, replay } = shown
  place = drawRun($('chart'), run, series, windowOf(shown), replay ? moment.time : -1)
  $('chart').setAttribute('aria-label', chartText(run, series))
}

function chartText(run, { fills, navs }) {
  const sides = ['buy', 'sell'].map(side => fills.filter(fill => fill.side === side).length)
  return `Price, position and P&L of seed ${run.seed}: ${plural(sides[0], 'buy')}, ` +
    `${plural(sides[1], 'sell')}, P&L ${money(navs.at(-1))}`
}

function offerSpans(run) {
  const days = run.length / run.day
  const buttons = SPANS.filter(([, wide]) => wide === Infinity || wide < days)
    .map(([name, wide]) => {
      const button = make('button', '', name)
      button.setAttribute('aria-pressed', String(wide === span))
      button.onclick = () => { span = wide; offerSpans(run); refresh() }
      return button
    })
  if (!buttons.some(button => button.getAttribute('aria-pressed') === 'true')) {
    span = Infinity
    buttons[0].setAttribute('aria-pressed', 'true')
  }
  const hadFocus = $('spans').contains(document.activeElement)
  $('spans').replaceChildren(...buttons)
  if (hadFocus) buttons.find(button => button.getAttribute('aria-pressed') === 'true').focus()
}

// ---- Moving -------------------------------------------------------------------------------------

// What buttons and keys do; times are seconds, `day` stands for a day.
const MOVES = {
  'event': (way, { replay }) => momentAtEvent(replay, nextCount(replay, way)),
  'second': (way, { replay, run }) => momentAtTime(replay, moment.time + way * SECOND, run.length),
  'day': (way, { replay, run }) => momentAtTime(replay, moment.time + way * run.day, run.length),
  'own': (way, { replay }) => momentAtEvent(replay, ownEvent(replay, moment.count, way)),
  'end': (way, { replay }) => momentAtEvent(replay, way < 0 ? 0 : replay.events.length),
}

// Between two events, the one before is the one that has just happened.
function nextCount(replay, way) {
  const isBetween = moment.count > 0 && moment.time > replay.times[moment.count - 1]
  return way < 0 && isBetween ? moment.count : moment.count + way
}

function move(name, way) {
  if (!shown?.replay) return
  Object.assign(moment, MOVES[name](way, shown))
  refresh()
}

const KEYS = {
  ArrowLeft: ['event', -1], ArrowRight: ['event', 1], PageUp: ['day', -1], PageDown: ['day', 1],
  Home: ['end', -1], End: ['end', 1],
}
const SHIFTED = {
  ArrowLeft: ['second', -1], ArrowRight: ['second', 1],
  PageUp: ['own', -1], PageDown: ['own', 1],
}

// The slider's keys are ours wherever nothing else has the focus; the others are the slider's only.
function onKey(event) {
  const target = event.target
  const known = (event.shiftKey ? SHIFTED : KEYS)[event.key]
  if (!known || event.ctrlKey || event.altKey || event.metaKey) return
  const isArrow = event.key.startsWith('Arrow')
  if (target !== $('slider') && !(isArrow && target === document.body)) return
  event.preventDefault()
  move(...known)
}

function attendMoves() {
  document.addEventListener('keydown', onKey)
  $('slider').oninput = () => {
    Object.assign(moment, momentAtEvent(shown.replay, Number($('slider').value)))
    refresh()
  }
  for (const button of document.querySelectorAll('[data-move]')) {
    const [name, way] = button.dataset.move.split(' ')
    button.onclick = () => move(name, Number(way))
  }
  attendChart()
}

function attendChart() {
  const canvas = $('chart')
  const follow = event => {
    if (!shown.replay || !place) return
    const { from, to } = held
    const time = from + event.offsetX / place.right * (to - from)
    Object.assign(moment, momentAtTime(shown.replay, time, shown.run.length))
    refresh()
  }
  let held = null // the window at the time of the press: it stands still for the eye
  canvas.onpointerdown = event => {
    if (event.button) return
    held = windowOf(shown)
    canvas.setPointerCapture(event.pointerId)
    follow(event)
  }
  canvas.onpointermove = event => { if (held) follow(event) }
  canvas.onpointerup = canvas.onpointercancel = () => { held = null }
}

// ---- The page -----------------------------------------------------------------------------------

function offerRuns() {
  for (const run of overview.runs) {
    $('run').append(new Option(`Seed ${run.seed}${run.curve ? '' : ' · events'}`, run.number))
  }
  $('run').hidden = $('run-label').hidden = overview.runs.length === 1
  $('run').onchange = () => choose(overview.runs[$('run').value])
}

function attendPage() {
  $('copy').onclick = copyCommand
  attendMoves()
  for (const canvas of document.querySelectorAll('canvas')) {
    new ResizeObserver(drawSoon).observe(canvas)
  }
  matchMedia('(prefers-color-scheme: dark)').onchange = () => {
    learnColours()
    refresh()
  }
}

async function copyCommand() {
  try {
    await navigator.clipboard.writeText(shown.run.command)
    put($('copy'), 'Copied')
  } catch {
    getSelection().selectAllChildren($('command-text'))
    put($('copy'), 'Selected')
  }
  setTimeout(() => put($('copy'), 'Copy'), 1500)
}

async function begin() {
  if (!globalThis.DecompressionStream) {
    throw new Error('This browser is too old for the page: it cannot unpack the data.')
  }
  overview = await unpacked($('overview'))
  overview.runs.forEach((run, number) => Object.assign(run, {
    number, gridDays: run.daysAsked / overview.points,
  }))
  rankRuns()
  learnColours()
  showAll()
  offerRuns()
  await choose(overview.worst ?? overview.runs[0])
  attendPage()
  document.body.dataset.state = 'ready'
}

begin().catch(fault => {
  put($('fault'), fault.message)
  $('fault').hidden = false
  throw fault
})
