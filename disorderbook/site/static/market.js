// Watches one book: asks the exchange how it is, and has the page show what it hears.
//
// The tape (a websocket) only says *when* something has happened; *what* is asked from the routes
// below /api/v1. So there is one way to everything that is shown, with the tape and without it,
// and a busy market costs a few requests a second, not one for each of its events.

'use strict'

import { secondsOf } from './dom.js'
import { Refused, ask, givenKey, inPath, isClosed, isSilence } from './requests.js'

const PAUSE = 400 // milliseconds between two looks at the market while the tape has news
const PAUSE_WITHOUT_TAPE = 500
const LONGEST_PAUSE = 2000 // also the tape is not trusted with more
const PAUSE_AWAY = 1000 // while the exchange does not answer
const PAUSE_HIDDEN = 2000 // while nobody sees more of the page than its title
const TAPE_RETRY = 3000

const EVERY = { server: 3000, candles: 900, idleCandles: 5000, scores: 2000 } // milliseconds
export const LEVELS = 25 // of each side
const TRADES = 500 // that are known one by one
export const MOST_TRADES = 60 // that are listed
export const MOST_SCORES = 50
const MOST_WORTHS = 120 // points in an account's line; then every second one is dropped
export const SECONDS = { '5m': 300, '30m': 1800, all: 0 }
export const SPAN_NAMES = { '5m': '5 minutes', '30m': '30 minutes', all: 'all' }

// ---- What is known ------------------------------------------------------------------------------

// `window` is the part of the span that is seen, as seconds since 1970 `from` and `to`; null is all.
export const here = { venue: '', symbol: '', span: '5m', window: null }
export const server = { started: '', needsKeys: false, tapePort: 0, rules: [], venues: [] }
export let book = emptyBook()

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

export function bookPath(what) {
  return `/api/v1/venues/${inPath(here.venue)}/stocks/${inPath(here.symbol)}/${what}`
}

// The page of an account, with the book that is looked at.
export function accountPage(account) {
  return `/accounts/${inPath(account)}?${new URLSearchParams({ venue: here.venue, symbol: here.symbol })}`
}

const askBook = (what, parameters) => ask(bookPath(what), parameters)

// A level's venue is closed for good at any moment, also between two questions.
async function refresh() {
  if (isDue(lastAsked, 'server', EVERY.server)) await learnServer()
  try {
    await page.learn?.()
    await learnBook()
  } catch (fault) {
    if (!isClosed(fault)) throw fault
    book.isOpen = false
    lastAsked.server = 0
  }
}

async function learnBook() {
  const asked = book // whoever chooses another stock meanwhile gets another book
  asked.isOpen = isListed()
  if (!asked.isOpen) return void (lastAsked.server = 0)
  await learnMarket(asked)
  if (document.hidden) return // the title tells the price
  await Promise.all([learnCandles(asked), learnScores(asked)])
}

// Whether the exchange has such a book, as far as it has told.
export function isListed() {
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
  Object.assign(server, { tapePort: 0, rules: [] }, told)
  page.learnedServer?.()
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

// The span whose candles are shown: the one that was chosen, or the next that goes back so far.
export function spanShown() {
  const spans = Object.keys(SECONDS)
  const from = here.window?.from ?? Infinity
  const wide = spans.slice(spans.indexOf(here.span))
  return wide.find(span => !SECONDS[span] || book.clock - SECONDS[span] <= from)
}

async function learnCandles(known) {
  const span = spanShown()
  const isOther = known.span !== span
  const every = known.charted === known.count ? EVERY.idleCandles : EVERY.candles
  if (!isDue(known.asked, 'candles', isOther ? 0 : every)) return
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
  if (!page.hasScores) return
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

// ---- The tape -----------------------------------------------------------------------------------

export const tape = { socket: null, place: '', isOpen: false, failures: 0, retryAt: 0 }
let hasNews = false
let wake = () => {} // ends a pause that waits for news
let hurry = () => {} // ends any pause
let lookedAt = 0 // milliseconds

function ring() {
  hasNews = true
  wake()
  // What the tape says is not held up in a tab that is hidden, as times are.
  if (document.hidden && performance.now() - lookedAt >= PAUSE_HIDDEN) hurry()
}

export function lookSoon() {
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

export let connection = 'connecting'

// Watches from now on. A page has `show`, which shows all that is known, and may have `learn`, which
// is asked first each time; `learnedServer`; `refused`, which is told why the exchange refuses to say
// more, and is true where that is no fault; `hasScores`; and `longestPause` in milliseconds.
let page = {}

export async function watch(ours) {
  page = ours
  document.addEventListener('visibilitychange', () => { if (!document.hidden) lookSoon() })
  for (;;) {
    await look()
    await pause()
  }
}

async function look() {
  hasNews = false
  lookedAt = performance.now()
  const key = givenKey()
  try {
    await refresh()
    connection = 'live'
    listen()
  } catch (fault) {
    // What was asked for one player with the key of another says nothing: it is asked again.
    if (givenKey() !== key) return void (connection = 'connecting')
    connection = fault instanceof Refused && page.refused?.(fault) ? 'refused' : 'away'
    lastAsked.server = 0
    if (connection === 'away' && !isSilence(fault)) console.warn(fault) // for whoever develops
  }
  page.show()
}

// Until there is news, and at least as long as the market may be left alone.
async function pause() {
  const hurried = new Promise(done => { hurry = done })
  if (connection === 'refused') return hurried
  await Promise.race([sleep(leastPause()), hurried])
  if (document.hidden) return
  const isUnscored = page.hasScores && book.scoredAt !== book.count
  const isBehind = isUnscored || book.charted !== book.count
  if (!tape.isOpen || hasNews || isBehind) return
  const woken = new Promise(done => { wake = done })
  await Promise.race([sleep((page.longestPause ?? LONGEST_PAUSE) - leastPause()), woken, hurried])
}

function leastPause() {
  if (document.hidden) return PAUSE_HIDDEN
  if (connection === 'away') return PAUSE_AWAY
  return tape.isOpen ? PAUSE : PAUSE_WITHOUT_TAPE
}

export function goTo({ venue, symbol }) {
  Object.assign(here, { venue, symbol })
  book = emptyBook()
}

// A browser slows down the timers of a page that is hidden, to one a minute in the end, and leaves
// those of its workers alone.
let timer
const sleeping = new Map() // what is to be done then, by number
let sleeps = 0

function sleep(milliseconds) {
  return new Promise(done => {
    if (!document.hidden) return void setTimeout(done, milliseconds)
    timer ??= makeTimer()
    sleeping.set(++sleeps, done)
    timer.postMessage({ number: sleeps, milliseconds })
  })
}

function makeTimer() {
  const worker = new Worker('/static/timer.js')
  worker.onmessage = ({ data: number }) => {
    sleeping.get(number)()
    sleeping.delete(number)
  }
  return worker
}
