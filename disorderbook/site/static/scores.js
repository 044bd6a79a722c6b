// The scores of a venue, or of one of its stocks, for a projector.

'use strict'

import {
  $, attendKey, clockTime, confirmed, countText, dollars, fitNamedRows, makeRow, mark, money,
  put, say, sayConnection, secondsOf, shares, telling,
} from './dom.js'
import { attendNotices } from './notices.js'
import { Refused, ask, givenKey, inPath, isSilence, send } from './requests.js'
import { drawSparkline, makeSparkline } from './sparkline.js'
import { toggleTheme } from './theme.js'

const EVERY = 1000 // milliseconds between two looks at the scores
const LINES_EVERY = 10_000
const SERVER_EVERY = 10_000
const TURN = 10_000 // for which the same accounts stand below the first ten
const PLACES = 30
const TOPS = 10 // in large letters; they stay where there are more accounts than places
const MOST = TOPS + 10 * (PLACES - TOPS) // accounts that can be seen, one page after the other
const LIMIT = 1000 // scores that the exchange tells at once
const LOW = 0.74 // of a row's height among the first ten
const MOVING = { usual: 600, revealed: 1800 } // milliseconds in which a row comes to its place
const REVEALED = 20_000 // for which it is said that these are the final ones
const IDLE = { pointer: 4000, focus: 15_000 } // after which the control goes away
const STOCKS_SAID = 6
const LARGEST_IN_FULL = 1e12 // dollars
const LARGEST_WITH_CENTS = 1e7 // cents

const COMPACT = new Intl.NumberFormat('en-US', {
  notation: 'compact', minimumFractionDigits: 2, maximumFractionDigits: 2,
})
const SLOW = matchMedia('(prefers-reduced-motion: reduce)')

const place = { venue: '', symbol: '' }
let without = new Set() // accounts that the URL leaves out, as a class does its bots
let venues = [] // as /api/v1/server tells them
let told = null // the scores
let lines = new Map() // account -> [[seconds, cents], ...]
let refusal = ''
let areHoldingsWanted = true
let revealedAt = -Infinity
let asked = { server: -Infinity, lines: -Infinity }
let connection = ['connecting', 'Connecting…']

// ---- Asking -------------------------------------------------------------------------------------

const scoresPath = () => `/api/v1/venues/${inPath(place.venue)}/scores`
const which = () => ({
  limit: Math.min(MOST + without.size, LIMIT), ...place.symbol ? { symbol: place.symbol } : {},
})

async function learn() {
  const now = performance.now()
  if (now - asked.server >= SERVER_EVERY) await learnServer()
  const { venue, symbol } = place
  const answer = await askScores()
  const areDue = now - asked.lines >= LINES_EVERY || answer.frozenAt !== told?.frozenAt
  const series = areDue && await ask(scoresPath(), { over: 'time', ...which() })
  if (venue !== place.venue || symbol !== place.symbol) return
  if (series) takeLines(series)
  if (told?.frozenAt && !answer.frozenAt) revealedAt = performance.now()
  told = ranked(answer)
  refusal = ''
}

// Whoever is left out takes nobody's place, and is not counted.
function ranked(answer) {
  const scores = answer.scores.filter(({ account }) => !without.has(account))
  const leftOut = answer.scores.length - scores.length
  return { ...answer, scores: scores.slice(0, MOST), accounts: answer.accounts - leftOut, leftOut }
}

async function learnServer() {
  const server = await ask('/api/v1/server')
  venues = server.venues
  asked.server = performance.now()
  if (!place.venue) place.venue = venues[0]?.venue ?? ''
  showChoice()
}

// Whoever sends the teacher's key hears the scores of now also while they are frozen. What stands on a
// wall is what everybody may see, so then it is not sent.
async function askScores() {
  const asks = withKey => ask(scoresPath(), which(), withKey)
  if (!areHoldingsShown()) return asks(false)
  const answer = await asks(true)
  return answer.frozenAt ? asks(false) : answer
}

const areHoldingsShown = () => Boolean(givenKey()) && areHoldingsWanted && !told?.frozenAt

function takeLines(series) {
  asked.lines = performance.now()
  const times = series.times.map(secondsOf)
  lines = new Map(series.scores.map(({ account, nav }) =>
    [account, nav.map((cents, at) => [times[at], cents]).filter(([, cents]) => cents !== null)]))
}

async function look() {
  try {
    await learn()
    connection = ['live', 'Live']
  } catch (fault) {
    if (fault instanceof Refused && fault.status === 404) {
      connection = ['live', 'Live']
      told = null
      refusal = place.symbol
        ? `Nobody has used ${place.symbol} at ${place.venue} yet.`
        : `Nobody has used ${place.venue} yet.`
    } else {
      connection = ['away', 'The exchange does not answer; trying again…']
      if (!isSilence(fault)) console.warn(fault)
    }
  }
  show()
}

// ---- Showing ------------------------------------------------------------------------------------

function show() {
  sayConnection(...connection)
  put($('market'), place.venue || 'Scores')
  put($('stock'), place.symbol)
  document.title = `Scores of ${place.symbol || place.venue || 'the market'} – disorderBook`
  showBasis()
  showState()
  showScores(told?.scores ?? [])
  $('holdings').hidden = $('freeze').hidden = !givenKey()
}

const BASES = {
  last: 'at the last price', mid: 'at the middle of bid and ask', band: 'at the last price within the band',
}

function showBasis() {
  if (!told) return put($('basis'), '')
  const stocks = told.stocks.slice(0, STOCKS_SAID).map(({ symbol, price, settled }) =>
    `${shortened(symbol)} ${price === undefined ? '–' : money(price)}${settled ? ' settled' : ''}`)
  const others = told.stocks.length - STOCKS_SAID
  if (others > 0) stocks.push(`${shares(others)} more`)
  const isSettled = told.stocks.length && told.stocks.every(stock => stock.settled)
  const basis = isSettled ? 'settled' : BASES[told.mark]
  const time = told.frozenAt ? [] : [`${clockTime(told.currentTime)} UTC`]
  put($('basis'), [...time, basis, ...stocks].join('  ·  '))
}

const shortened = name => name.length > 16 ? `${[...name].slice(0, 15).join('')}…` : name

function showState() {
  const isNew = performance.now() - revealedAt < REVEALED
  const frozen = told?.frozenAt && `Frozen at ${clockTime(told.frozenAt)} UTC`
  say($('frozen'), frozen || (told && isNew ? 'Final order' : ''))
  document.body.classList.toggle('frozen', Boolean(frozen))
  put($('freeze').firstChild, frozen ? 'Reveal ' : 'Freeze ')
}

function showScores(scores) {
  const body = $('scores')
  say($('nothing'), scores.length || !told ? refusal : 'Nobody has traded here yet.')
  const [seen, rest] = seenOf(scores)
  sayMore(scores, rest)
  const heldShown = areHoldingsShown() && scores.some(score => score.shares !== undefined)
  document.body.classList.toggle('holdings', heldShown)
  const before = placesOf(body)
  const rows = fitNamedRows(body, seen.map(([, score]) => score.account), makeScoreRow, body)
  const words = wordsFor(scores)
  seen.forEach(([rank, score], at) => showScore(rows[at], rank, score, words))
  fitLetters(body.closest('table'), rows)
  move(body, before)
}

// The places with their numbers, and the first number of those that take turns.
function seenOf(scores) {
  const numbered = scores.map((score, at) => [at + 1, score])
  if (scores.length <= PLACES) return [numbered, 0]
  const turns = Math.ceil((scores.length - TOPS) / (PLACES - TOPS))
  const turn = Math.floor(performance.now() / TURN) % turns
  const start = TOPS + turn * (PLACES - TOPS)
  return [[...numbered.slice(0, TOPS), ...numbered.slice(start, start + PLACES - TOPS)], start]
}

function sayMore(scores, start) {
  const end = Math.min(start + PLACES - TOPS, scores.length)
  const parts = start ? [`1–${TOPS} and ${start + 1}–${end} of ${shares(told.accounts)}`] : []
  if (start) parts.push('the others take turns')
  if (told && told.accounts > MOST) parts.push(`${shares(told.accounts - MOST)} are not shown`)
  if (told?.leftOut) parts.push(`without ${countText(told.leftOut, 'account')} that the URL names`)
  say($('more'), parts.join('; '))
}

function makeScoreRow() {
  const row = makeRow('rank', 'name', 'nav', 'change', 'line', 'trades', 'held', 'held')
  row.cells[4].append(makeSparkline())
  return row
}

function showScore(row, rank, score, words) {
  const [number, name, nav, change, drawing, trades, cash, held] = row.cells
  put(number, String(rank))
  put(name, score.account)
  mark(name, 'title', score.account)
  put(nav, words(score.nav))
  put(change, changeText(score.change, words))
  put(trades, shares(score.trades))
  put(cash, score.cash === undefined ? '' : words(score.cash))
  put(held, score.shares === undefined ? '' : shares(score.shares))
  const isTop = rank <= TOPS
  mark(row, 'class', `${isTop ? 'first' : 'other'} ${signOf(score.nav)} ${MOVES[signOf(score.change)]}`)
  showLine(drawing.firstElementChild, score)
}

const signOf = value => value > 0 ? 'gain' : value < 0 ? 'loss' : 'even'
const MOVES = { gain: 'up', loss: 'down', even: 'still' }

function changeText(change, words) {
  if (!change) return '–'
  return change > 0 ? `▲ +${words(change)}` : `▼ ${words(change)}`
}

function showLine(svg, { account, nav }) {
  const end = secondsOf(told.currentTime)
  const start = secondsOf(told.startTime)
  const points = (lines.get(account) ?? []).filter(([time]) => time < end)
  const first = Math.min(...[...lines.values()].map(line => line[0]?.[0] ?? end), end)
  drawSparkline(svg, [...points, [end, nav]], { start: Math.max(start, first), end, base: 0 })
}

// Whole dollars where cents are hidden, or where nobody would read them.
function wordsFor(scores) {
  const figures = scores.flatMap(({ nav, change, cash = 0 }) => [nav, change, cash])
  const isWhole = figures.every(cents => cents % 100 === 0) ||
    figures.some(cents => Math.abs(cents) >= LARGEST_WITH_CENTS)
  return cents => {
    const sign = cents < 0 ? '−' : ''
    const amount = Math.abs(cents) / 100
    if (amount >= LARGEST_IN_FULL) return `${sign}$${COMPACT.format(amount)}`
    return `${sign}$${isWhole ? shares(Math.floor(amount)) : dollars(Math.abs(cents))}`
  }
}

// ---- Sizes --------------------------------------------------------------------------------------

const FIGURES = { rank: 0, nav: 2, change: 3, trades: 5, cash: 6, shares: 7 }
const LEAST = { rank: 2, nav: 8, change: 8, trades: 6, cash: 8, shares: 6 } // letters

// Rows share the height, and figures have the width of the longest of their kind: names never move
// them.
function fitLetters(table, rows) {
  const tops = Math.max(4, Math.min(rows.length, TOPS))
  setNumber(table, '--units', tops + LOW * Math.max(0, rows.length - TOPS))
  let all = 0
  for (const [name, column] of Object.entries(FIGURES)) {
    const longest = Math.max(LEAST[name], ...[...rows].map(row => row.cells[column].textContent.length))
    setNumber(table, `--${name}`, longest)
    all += longest
  }
  setNumber(table, '--letters', all)
}

function setNumber(node, name, value) {
  if (node.style.getPropertyValue(name) !== String(value)) node.style.setProperty(name, value)
}

// ---- Moving -------------------------------------------------------------------------------------

function placesOf(body) {
  return new Map([...body.rows].map(row => [row.dataset.name, row.getBoundingClientRect().top]))
}

// A row that stands elsewhere now goes there from where it stood; a new one appears.
function move(body, before) {
  if (SLOW.matches || !before.size) return
  const isReveal = performance.now() - revealedAt < EVERY
  const duration = isReveal ? MOVING.revealed : MOVING.usual
  for (const row of body.rows) {
    const was = before.get(row.dataset.name)
    const away = was - row.getBoundingClientRect().top
    const from = was === undefined ? { opacity: 0 } : { transform: `translateY(${away}px)` }
    if (was !== undefined && Math.abs(away) < 1) continue
    row.animate([from, { opacity: 1, transform: 'none' }], { duration, easing: 'ease-in-out' })
  }
}

// ---- The control --------------------------------------------------------------------------------

function placeInUrl() {
  const parameters = new URLSearchParams(location.search)
  Object.assign(place, { venue: parameters.get('venue') ?? venues[0]?.venue ?? '',
    symbol: parameters.get('symbol') ?? '' })
  without = new Set(parameters.getAll('without'))
}

function choose(venue, symbol) {
  const parameters = new URLSearchParams(location.search)
  parameters.set('venue', venue)
  if (symbol) parameters.set('symbol', symbol)
  else parameters.delete('symbol')
  history.pushState(null, '', `?${parameters}`)
  arrive()
}

function arrive() {
  placeInUrl()
  told = null
  lines = new Map()
  revealedAt = asked.lines = -Infinity
  refusal = ''
  showChoice()
  look()
}

function showChoice() {
  const symbols = venues.find(one => one.venue === place.venue)?.symbols ?? []
  fillSelect($('venue'), venues.map(({ venue }) => [venue, venue]), place.venue)
  fillSelect($('symbol'), [['', 'The whole venue'], ...symbols.map(one => [one, one])], place.symbol)
}

function fillSelect(select, options, chosen) {
  const all = options.some(([value]) => value === chosen) ? options : [...options, [chosen, chosen]]
  const isSame = all.length === select.options.length &&
    all.every(([value], at) => select.options[at].value === value)
  if (!isSame) select.replaceChildren(...all.map(([value, name]) => new Option(name, value)))
  select.value = chosen
}

function toggleHoldings() {
  areHoldingsWanted = !areHoldingsWanted
  mark($('holdings'), 'aria-pressed', String(areHoldingsWanted))
  look()
}

// A reveal cannot be taken back, so it is asked for twice.
async function toggleFreeze() {
  const action = told?.frozenAt ? 'reveal' : 'freeze'
  const question = 'Show the final order to everybody now?'
  if (action === 'reveal' && !await confirmed(question, 'Reveal')) return
  await telling($('said'), $('freeze'), async () => {
    await send('POST', `/api/v1/admin/${action}`, { venue: place.venue })
    await look()
  })
}

function toggleFull() {
  if (document.fullscreenElement) document.exitFullscreen()
  else document.documentElement.requestFullscreen()
}

const ACTIONS = { theme: toggleTheme, full: toggleFull, holdings: toggleHoldings, freeze: toggleFreeze }
const KEYS = { t: 'theme', s: 'full', c: 'holdings', f: 'freeze' }

// It is there while somebody uses the mouse or the keyboard, and then goes away. A finger on a name
// wants to read that.
let leaving
function appear(event) {
  if (event?.pointerType === 'touch' && event.target.closest('#scores')) return
  document.body.classList.add('in-use')
  clearTimeout(leaving)
  const isFocused = $('control').contains(document.activeElement)
  leaving = setTimeout(disappear, isFocused ? IDLE.focus : IDLE.pointer)
}

function disappear() {
  if ($('sure').open || $('control').matches(':hover')) return appear()
  if ($('control').contains(document.activeElement)) document.activeElement.blur()
  document.body.classList.remove('in-use')
}

function attend() {
  for (const type of ['pointermove', 'pointerdown', 'keydown', 'focusin']) addEventListener(type, appear)
  for (const [name, act] of Object.entries(ACTIONS)) $(name).onclick = act
  addEventListener('keydown', event => {
    const isTyped = event.target.closest('input, select, dialog') ||
      event.ctrlKey || event.altKey || event.metaKey
    const button = !isTyped && $(KEYS[event.key.toLowerCase()])
    if (button && !button.hidden) button.click()
  })
  $('scores').onclick = event => event.target.closest('tr').toggleAttribute('data-whole')
  $('venue').onchange = event => choose(event.target.value, '')
  $('symbol').onchange = event => choose(place.venue, event.target.value)
  addEventListener('popstate', arrive)
  attendKey(() => { say($('said'), ''); look() })
}

async function watch() {
  for (;;) {
    if (!document.hidden) await look()
    await new Promise(done => setTimeout(done, EVERY))
  }
}

placeInUrl()
attend()
attendNotices(() => place.symbol ? place : { venue: place.venue })
watch()
