// The front page: asks the exchange how one of its books is, and draws what it hears.
//
// The tape (a websocket) only says *when* something has happened; *what* is asked from the routes
// below /api/v1. So there is one way to everything that is shown, with the tape and without it,
// and a busy market costs a few requests a second, not one for each of its events.

'use strict'

const PAUSE = 400 // milliseconds between two looks at the market while the tape has news
const PAUSE_WITHOUT_TAPE = 500
const LONGEST_PAUSE = 2000 // also the tape is not trusted with more
const PAUSE_AWAY = 1000 // while the exchange does not answer
const PATIENCE = 5000 // milliseconds that an answer may take
const TAPE_RETRY = 3000

const EVERY = { server: 3000, candles: 900, idleCandles: 5000, scores: 2000 } // milliseconds
const LEVELS = 25 // of each side
const TRADES = 60 // that are listed
const MOST_SCORES = 50
const MOST_WORTHS = 120 // points in an account's line; then every second one is dropped
const SECONDS = { '5m': 300, '30m': 1800, all: 0 }

// ---- What is known ------------------------------------------------------------------------------

const here = { venue: '', symbol: '', span: '5m' }
const server = { started: '', needsKeys: false, tapePort: 0, venues: [] }
let book = emptyBook()

function emptyBook() {
  return {
    since: '', // when the server began to take note; another time means another server
    market: null,
    isOpen: true, // false if the server has no such book
    trades: [], count: 0,
    candles: [], seconds: 1, span: '', clock: 0, charted: -1,
    scores: null, scoredAt: -1,
    worths: new Map(), worthsSeen: 0, worthStride: 1,
    direction: 'none',
    asked: { candles: 0, scores: 0 },
  }
}

// ---- Asking -------------------------------------------------------------------------------------

class Refused extends Error {
  constructor(status, sentence) {
    super(sentence)
    this.status = status
  }
}

async function ask(path, parameters = {}) {
  const answer = await fetch(`${path}?${new URLSearchParams(parameters)}`, {
    signal: AbortSignal.timeout(PATIENCE), cache: 'no-store',
  })
  const told = await answer.json()
  if (!told.ok) throw new Refused(answer.status, told.error)
  return told
}

function askBook(what, parameters) {
  const { venue, symbol } = here
  return ask(`/api/v1/venues/${inPath(venue)}/stocks/${inPath(symbol)}/${what}`, parameters)
}

// encodeURIComponent leaves a few characters alone that mean something to a shell.
function inPath(name) {
  return encodeURIComponent(name)
    .replace(/[!'()*]/g, letter => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`)
}

async function refresh() {
  if (isDue(lastAsked, 'server', EVERY.server)) await learnServer()
  const asked = book // whoever chooses another stock meanwhile gets another book
  asked.isOpen = isListed()
  if (!asked.isOpen) return void (lastAsked.server = 0)
  await learnMarket(asked)
  await Promise.all([learnCandles(asked), learnScores(asked)])
}

function isListed() {
  return server.venues.some(one => one.venue === here.venue && one.symbols.includes(here.symbol))
}

const lastAsked = { server: 0 }

// Whether it is time to ask again; then it is not, for so many milliseconds.
function isDue(times, what, every) {
  const now = performance.now()
  if (times[what] && now - times[what] < every) return false
  times[what] = now
  return true
}

async function learnServer() {
  const told = await ask('/api/v1/server')
  if (told.started !== server.started) book = emptyBook()
  Object.assign(server, { tapePort: 0 }, told)
  if (!here.venue) goTo(placeInUrl())
  showChooser()
}

async function learnMarket(known) {
  const [market, told] = await Promise.all([
    askBook('market', { levels: LEVELS }),
    askBook('trades', { since: known.count, limit: TRADES }),
  ])
  if (known.since && told.since !== known.since) return void (book = emptyBook())
  Object.assign(known, { market, since: told.since, count: told.count })
  known.trades = [...known.trades, ...told.trades].slice(-TRADES)
  noteDirection(known)
}

// As long as the price stays the same, the direction is that of its last change.
function noteDirection(known) {
  const last = known.trades.at(-1)?.price
  const other = known.trades.findLast(trade => trade.price !== last)?.price
  if (other !== undefined) known.direction = last > other ? 'up' : 'down'
}

async function learnCandles(known) {
  const isOther = known.span !== here.span
  const every = known.charted === known.count ? EVERY.idleCandles : EVERY.candles
  if (!isDue(known.asked, 'candles', isOther ? 0 : every)) return
  const { span } = here
  const latest = known.candles.at(-1)
  const since = isOther || !latest ? 0 : secondsOf(latest.ts)
  const { count } = known
  const told = await askBook('candles', { span, since })
  known.charted = count
  if (since && told.seconds !== known.seconds) known.span = '' // all are wider now: ask for all
  else takeCandles(known, told, span, since)
}

function takeCandles(known, told, span, since) {
  const clock = secondsOf(told.ts)
  const start = SECONDS[span] ? clock - SECONDS[span] : 0
  const kept = since ? known.candles.filter(candle => secondsOf(candle.ts) < since) : []
  const candles = [...kept, ...told.candles].filter(candle => secondsOf(candle.ts) >= start)
  Object.assign(known, { clock, candles, span, seconds: told.seconds })
}

async function learnScores(known) {
  if (known.scoredAt === known.count || !isDue(known.asked, 'scores', EVERY.scores)) return
  const { count } = known
  known.scores = await askBook('scores', { limit: MOST_SCORES })
  known.scoredAt = count
  noteWorths(known)
}

// Each account's line: bounded by dropping every second point, and noting half as often from then.
function noteWorths(known) {
  if (known.worthsSeen++ % known.worthStride) return
  const lines = known.scores.scores.map(({ account, nav }) =>
    [account, [...(known.worths.get(account) ?? []), nav]])
  const isFull = lines.some(([, line]) => line.length >= MOST_WORTHS)
  if (isFull) known.worthStride *= 2
  known.worths = new Map(lines.map(([account, line]) => [account, isFull ? halved(line) : line]))
}

function halved(line) {
  return line.filter((_, place) => (line.length - 1 - place) % 2 === 0)
}

function secondsOf(timestamp) {
  return Date.parse(`${timestamp.slice(0, 23)}Z`) / 1000 // browsers know milliseconds only
}

// ---- The tape -----------------------------------------------------------------------------------

const tape = { socket: null, place: '', isOpen: false, failures: 0, retryAt: 0 }
let hasNews = false
let wake = () => {} // ends a pause that waits for news
let hurry = () => {} // ends any pause

function ring() {
  hasNews = true
  wake()
}

function lookSoon() {
  ring()
  hurry()
}

function listen() {
  const place = server.tapePort && isListed() ? tapePath() : ''
  if (tape.place !== place) hangUp()
  tape.place = place
  if (!place || tape.socket || performance.now() < tape.retryAt) return
  tape.retryAt = performance.now() + TAPE_RETRY
  const socket = new WebSocket(tapeUrl(place))
  tape.socket = socket
  socket.onopen = () => { tape.isOpen = tape.socket === socket; ring() }
  socket.onmessage = ring
  socket.onclose = () => { if (tape.socket === socket) hangUp() }
}

function hangUp() {
  if (!tape.socket) return
  if (tape.isOpen) tape.retryAt = 0
  else tape.failures++
  tape.socket.close()
  Object.assign(tape, { socket: null, isOpen: false })
  ring()
}

function tapePath() {
  return `/ob/api/ws/-/venues/${inPath(here.venue)}/tickertape/stocks/${inPath(here.symbol)}`
}

// On this machine the exchange says which port takes websockets: its own, or that of the tape. Who
// knows the exchange by another name comes through a proxy, and behind that the tape is below the
// page's own address. A policy for the page has no words for an IPv6 address, so ::1 is localhost.
function tapeUrl(path) {
  const isNear = ['127.0.0.1', 'localhost', '[::1]'].includes(location.hostname)
  const isProxied = !isNear || location.protocol === 'https:' || tape.failures % 2 === 1
  const near = location.hostname === '[::1]' ? 'localhost' : location.hostname
  if (!isProxied) return `ws://${near}:${server.tapePort}${path}`
  return `${location.protocol.replace('http', 'ws')}//${location.host}${path}`
}

// ---- The loop -----------------------------------------------------------------------------------

let connection = 'connecting'

async function watch() {
  for (;;) {
    if (!document.hidden) await look()
    await pause()
  }
}

async function look() {
  hasNews = false
  try {
    await refresh()
    connection = 'live'
    listen()
  } catch (fault) {
    connection = 'away'
    lastAsked.server = 0
    // Whoever fails to connect throws a TypeError; anything unexpected is for whoever develops.
    if (!['TypeError', 'TimeoutError', 'SyntaxError'].includes(fault.name)) console.warn(fault)
  }
  show()
}

// Until there is news, and at least as long as the market may be left alone.
async function pause() {
  const hurried = new Promise(done => { hurry = done })
  const least = connection === 'away' ? PAUSE_AWAY : tape.isOpen ? PAUSE : PAUSE_WITHOUT_TAPE
  await Promise.race([sleep(least), hurried])
  const isBehind = book.scoredAt !== book.count || book.charted !== book.count
  if (!tape.isOpen || hasNews || isBehind) return
  const woken = new Promise(done => { wake = done })
  await Promise.race([sleep(LONGEST_PAUSE - least), woken, hurried])
}

function sleep(milliseconds) {
  return new Promise(done => setTimeout(done, milliseconds))
}

// ---- Where we are -------------------------------------------------------------------------------

function placeInUrl() {
  const asked = new URLSearchParams(location.search)
  const first = server.venues[0] ?? { venue: '', symbols: [''] }
  const venue = asked.get('venue') ?? first.venue
  const known = server.venues.find(one => one.venue === venue)
  return { venue, symbol: asked.get('symbol') ?? known?.symbols[0] ?? '' }
}

function goTo({ venue, symbol }) {
  Object.assign(here, { venue, symbol })
  book = emptyBook()
}

function choose(venue, symbol) {
  goTo({ venue, symbol })
  history.pushState(null, '', `?${new URLSearchParams({ venue, symbol })}`)
  showChooser()
  show()
  lookSoon()
}

// ---- Showing ------------------------------------------------------------------------------------

const $ = id => document.getElementById(id)
const DOLLARS = new Intl.NumberFormat('en-US', {
  minimumFractionDigits: 2, maximumFractionDigits: 2,
})
const WHOLE = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 })
const CLOCK = new Intl.DateTimeFormat('en-GB', {
  hour: '2-digit', minute: '2-digit', second: '2-digit',
})
const MINUTE = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' })

const dollars = cents => DOLLARS.format(cents / 100).replace('-', '−')
const shares = count => WHOLE.format(count).replace('-', '−')
const clockTime = timestamp => CLOCK.format(secondsOf(timestamp) * 1000)

function show() {
  showConnection()
  showQuote()
  showStart()
  showLadder()
  showTrades()
  showScores()
  drawChart()
}

// Nothing that comes from the market ever becomes anything but text.
function put(node, text) {
  if (node.textContent !== text) node.textContent = text
}

function mark(node, name, value) {
  if (node.getAttribute(name) !== value) node.setAttribute(name, value)
}

function showConnection() {
  const said = {
    connecting: 'Connecting…',
    live: tape.isOpen ? 'Live, listening to the tape' : 'Live, asking twice a second',
    away: 'The exchange does not answer; trying again…',
  }
  mark($('connection'), 'data-state', connection)
  put($('connection'), said[connection])
  document.body.classList.toggle('away', connection === 'away')
}

function showChooser() {
  const venues = server.venues.map(one => one.venue)
  const symbols = server.venues.find(one => one.venue === here.venue)?.symbols ?? []
  fillSelect($('venue'), venues, here.venue)
  fillSelect($('symbol'), symbols, here.symbol)
}

function fillSelect(select, names, chosen) {
  const all = names.includes(chosen) ? names : [...names, chosen]
  const isSame = all.length === select.options.length &&
    all.every((name, place) => select.options[place].value === name)
  if (!isSame) select.replaceChildren(...all.map(name => new Option(name, name)))
  select.value = chosen
}

function showQuote() {
  const quote = book.market?.quote ?? {}
  const price = cents => cents === undefined ? '–' : dollars(cents)
  mark($('last'), 'data-direction', book.direction)
  put($('arrow'), { up: '▲', down: '▼', none: '' }[book.direction])
  put($('last-price'), price(quote.last))
  put($('last-detail'), quote.last === undefined ? '' :
    `${shares(quote.lastSize)} shares at ${clockTime(quote.lastTrade)}`)
  put($('bid'), price(quote.bid))
  put($('bid-size'), quote.bid === undefined ? '' : `× ${shares(quote.bidSize)}`)
  put($('ask'), price(quote.ask))
  put($('ask-size'), quote.ask === undefined ? '' : `× ${shares(quote.askSize)}`)
  const isTwoSided = quote.bid !== undefined && quote.ask !== undefined
  put($('spread'), isTwoSided ? dollars(quote.ask - quote.bid) : '–')
  showSpan()
  const what = quote.last === undefined ? '' : `${dollars(quote.last)} `
  document.title = `${what}${here.symbol || 'The market'} – disorderBook`
}

const SPAN_NAMES = { '5m': '5 minutes', '30m': '30 minutes', all: 'all' }

function showSpan() {
  const volume = book.candles.reduce((sum, candle) => sum + candle.volume, 0)
  put($('volume-label'), `Volume, ${SPAN_NAMES[here.span]}`)
  put($('volume'), book.market ? shares(volume) : '–')
  const first = book.candles[0]?.open
  const last = book.market?.quote.last
  if (!first || last === undefined) return put($('change'), '')
  const sign = last < first ? '−' : '+'
  const change = Math.abs(last - first)
  put($('change'), `${sign}${dollars(change)} (${sign}${(change / first * 100).toFixed(1)} %)`)
}

function showStart() {
  const hasTraded = book.market?.quote.last !== undefined
  const isKnown = book.market || !book.isOpen
  $('start').hidden = hasTraded || !isKnown
  document.body.classList.toggle('untraded', !$('start').hidden)
  if ($('start').hidden) return
  const isNew = 'Nobody has opened this book yet'
  put($('start-title'), book.isOpen ? 'Nothing has traded here yet' : isNew)
  put($('command-buy'), orderCommand('buy'))
  put($('command-sell'), orderCommand('sell'))
  put($('command-bot'), botCommand())
}

function botCommand() {
  const place = `--venue=${quoted(here.venue)} --symbol=${quoted(here.symbol)}`
  const url = quoted(`${location.origin}/ob/api/`)
  const python = isWindows ? quoted('.venv\\Scripts\\python') : '.venv/bin/python'
  const line = `${python} -m bots market-maker taker noise \\\n  --url ${url} ${place}`
  return lineFor(line, isWindows ? 'powershell' : 'posix')
}

function orderCommand(direction) {
  const order = { account: 'ME', direction, orderType: 'limit', price: 5000, qty: 10 }
  const key = server.needsKeys ? "-H 'X-Starfighter-Authorization: YOUR_KEY' " : ''
  const stock = `venues/${inPath(here.venue)}/stocks/${inPath(here.symbol)}`
  const url = quoted(`${location.origin}/ob/api/${stock}/orders`)
  const line = `curl ${key}-d '${JSON.stringify(order)}' \\\n  ${url}`
  return lineFor(line, isWindows ? 'powershell' : 'posix')
}

// As a shell reads it: a name may hold anything.
function quoted(text) {
  return /^[\w:/.%-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
}

// ---- Tables -------------------------------------------------------------------------------------

// Rows are made once and get new words: nothing is built while the market moves.
function fitRows(body, count, makeRow) {
  while (body.rows.length < count) body.append(makeRow())
  while (body.rows.length > count) body.lastElementChild.remove()
  return body.rows
}

function makeRow(...classes) {
  const row = document.createElement('tr')
  for (const name of classes) {
    const cell = document.createElement('td')
    cell.className = name
    row.append(cell)
  }
  return row
}

function showNone(body, columns, sentence) {
  const row = makeRow('')
  row.className = 'empty'
  row.cells[0].colSpan = columns
  row.cells[0].textContent = sentence
  if (body.textContent !== sentence) body.replaceChildren(row)
}

function clearNone(body) {
  if (body.firstElementChild?.className === 'empty') body.replaceChildren()
}

function showLadder() {
  const body = $('ladder')
  const { bids = [], asks = [] } = book.market ?? {}
  const count = Math.max(bids.length, asks.length)
  if (!count) return showNone(body, 4, 'Nobody buys or sells.')
  clearNone(body)
  const most = Math.max(...bids.map(level => level.qty), ...asks.map(level => level.qty))
  const rows = fitRows(body, count, () => makeRow('depth', 'price buy', 'price sell', 'depth'))
  for (let place = 0; place < count; place++) {
    const [bidSize, bid, ask, askSize] = rows[place].cells
    showLevel(bids[place], bid, bidSize, most)
    showLevel(asks[place], ask, askSize, most)
  }
}

function showLevel(level, price, size, most) {
  put(price, level ? dollars(level.price) : '')
  put(size, level ? shares(level.qty) : '')
  const fill = level ? (level.qty / most).toFixed(3) : '0'
  if (size.style.getPropertyValue('--fill') !== fill) size.style.setProperty('--fill', fill)
}

function showTrades() {
  const body = $('trades')
  if (!book.trades.length) return showNone(body, 4, 'No trades yet.')
  clearNone(body)
  const rows = fitRows(body, book.trades.length, () => makeRow('', '', '', ''))
  book.trades.toReversed().forEach((trade, place) => {
    const [time, taker, price, size] = rows[place].cells
    put(time, clockTime(trade.ts))
    put(taker, trade.direction === 'buy' ? '▲ buys' : '▼ sells')
    mark(taker, 'class', trade.direction)
    mark(price, 'class', trade.direction)
    put(price, dollars(trade.price))
    put(size, shares(trade.qty))
  })
}

function showScores() {
  const body = $('scores')
  const scores = book.scores?.scores ?? []
  const hidden = book.scores?.accounts - scores.length
  put($('scores-note'), hidden > 0 ? `the best ${scores.length} of ${book.scores.accounts}` : '')
  const isTold = scores.some(areHoldingsTold)
  for (const head of document.querySelectorAll('.scores th:nth-child(n+4)')) head.hidden = !isTold
  if (!scores.length) return showNone(body, 5, 'Nobody has traded yet.')
  clearNone(body)
  const rows = fitRows(body, scores.length, makeScoreRow)
  scores.forEach((score, place) => showScore(score, rows[place], isTold))
}

// Where the server needs keys, they are told of nobody but the account whose key the browser sends.
function areHoldingsTold(score) {
  return score.shares !== undefined
}

function makeScoreRow() {
  const row = makeRow('', '', '', 'holdings', 'wide')
  const [svg, line] = ['svg', 'polyline'].map(name =>
    document.createElementNS('http://www.w3.org/2000/svg', name))
  mark(svg, 'viewBox', '0 0 100 20')
  mark(svg, 'preserveAspectRatio', 'none')
  mark(svg, 'aria-hidden', 'true')
  svg.append(line)
  row.cells[2].append(svg)
  return row
}

function showScore(score, row, isColumnShown) {
  const [account, worth, drawing, holdings, range] = row.cells
  put(account, score.account)
  mark(account, 'title', score.account)
  put(worth, dollars(score.nav))
  const line = book.worths.get(score.account) ?? []
  mark(row, 'class', score.nav > 0 ? 'gain' : score.nav < 0 ? 'loss' : 'even')
  mark(drawing.firstElementChild.firstElementChild, 'points', pointsOf(line))
  holdings.hidden = range.hidden = !isColumnShown
  const isTold = areHoldingsTold(score)
  put(holdings, isTold ? shares(score.shares) : '')
  put(range, isTold ? `${shares(score.lowest)} – ${shares(score.highest)}` : '')
}

function pointsOf(line) {
  const least = Math.min(...line)
  const height = Math.max(...line) - least
  return line.map((worth, place) => {
    const x = line.length > 1 ? place / (line.length - 1) * 100 : 100
    const y = height ? 19 - (worth - least) / height * 18 : 10
    return `${x.toFixed(1)},${y.toFixed(1)}`
  }).join(' ')
}

// ---- The chart ----------------------------------------------------------------------------------

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

function drawChart() {
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

// ---- What people do -----------------------------------------------------------------------------

function chooseSpan(button) {
  here.span = button.dataset.span
  for (const other of document.querySelectorAll('[data-span]')) {
    mark(other, 'aria-pressed', String(other === button))
  }
  lookSoon()
}

async function copy(button) {
  const source = $(button.dataset.copy)
  try {
    await navigator.clipboard.writeText(source.textContent)
  } catch {
    getSelection().selectAllChildren(source) // a page that is not trusted with the clipboard
    document.execCommand('copy')
  }
  const label = button.firstChild
  label.data = 'Copied'
  setTimeout(() => { label.data = 'Copy' }, 1500)
}

function attend() {
  $('venue').onchange = event => {
    const venue = event.target.value
    choose(venue, server.venues.find(one => one.venue === venue)?.symbols[0] ?? '')
  }
  $('symbol').onchange = event => choose(here.venue, event.target.value)
  const buttons = name => document.querySelectorAll(`[data-${name}]`)
  for (const button of buttons('span')) button.onclick = () => chooseSpan(button)
  for (const button of buttons('copy')) button.onclick = () => copy(button)
  addEventListener('popstate', () => { goTo(placeInUrl()); showChooser(); lookSoon() })
  document.addEventListener('visibilitychange', () => { if (!document.hidden) lookSoon() })
  canvas.onpointermove = event => { pointer = event.offsetX; drawChart() }
  canvas.onpointerleave = () => { pointer = null; drawChart() }
  new ResizeObserver(drawChart).observe(canvas)
  matchMedia('(prefers-color-scheme: dark)').onchange = () => { learnColours(); drawChart() }
}

learnColours()
attend()
watch()
