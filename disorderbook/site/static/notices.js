// What the exchange tells everybody, above any page: an announcement, a countdown, and whether the
// stock that is looked at is halted or settled.

'use strict'

import { $, mark, money, put } from './dom.js'
import { Refused, ask, isSilence } from './requests.js'

const EVERY = 2000 // milliseconds between two questions, in a tab that is seen
const TICK = 250 // milliseconds between two looks at the countdown
const MOST_NAMED = 4 // settled stocks
const READ_OUT = [600, 300, 60, 30, 10] // the seconds left at which a countdown is read out
const READ_OUT_FOR = 5 // seconds, in which a region has to be heard

let place = () => ({})
let told = {}
let countdown = null // the one that is told, `left` seconds of it at the moment `at`
let pace = 1 // seconds that the exchange's clock goes on in one

// ---- Asking -------------------------------------------------------------------------------------

async function learn() {
  try {
    told = await ask('/api/v1/notices')
    await learnCountdown(told.countdown)
  } catch (fault) {
    // Where nobody answers they stay: the page itself says that.
    if (!(fault instanceof Refused) && !isSilence(fault)) throw fault
  }
  show()
}

async function learnCountdown(next) {
  if (!next) return void (countdown = null)
  const isSame = next.endsAt === countdown?.endsAt
  if (!isSame) pace = await askPace()
  // An answer that took its time must not have the figures go back and forth.
  if (isSame && Math.abs(secondsLeft() - next.seconds) < 1.2 * pace) return
  countdown = { endsAt: next.endsAt, left: next.seconds, at: performance.now() }
}

// A clock that is moved by hand, or by requests, stands still in between.
async function askPace() {
  const { clock, speed } = await ask('/api/v1/clock')
  return clock === 'real' ? 1 : clock === 'speed' ? speed : 0
}

const secondsLeft = () =>
  Math.max(0, countdown.left - pace * (performance.now() - countdown.at) / 1000)

// ---- Showing ------------------------------------------------------------------------------------

function show() {
  put($('notice-text'), told.announcement?.text ?? '')
  showCountdown()
  showState()
}

function showCountdown() {
  const seconds = countdown && Math.ceil(secondsLeft())
  const text = told.countdown?.text ?? ''
  const parts = countdown ? [['span', text], ['strong', timeText(seconds)]] : []
  write($('notice-time'), parts.filter(([, words]) => words))
  if (countdown) mark($('notice-time').lastElementChild, 'role', 'timer')
  const left = countdown && READ_OUT.find(one => one - READ_OUT_FOR < seconds && seconds <= one)
  put($('notice-left'), left ? `${text} ${lengthText(left)} left` : '')
}

// 59 -> 0:59, 3661 -> 1:01:01
function timeText(seconds) {
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60]
  const two = count => String(count).padStart(2, '0')
  return hours ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`
}

function lengthText(seconds) {
  if (seconds < 60) return `${seconds} seconds`
  return seconds === 60 ? '1 minute' : `${seconds / 60} minutes`
}

function showState() {
  const { kind, parts } = stateOf(place())
  mark($('notice-state'), 'data-kind', kind)
  write($('notice-state'), parts)
}

// Of the stock that is looked at, or of the venue's stocks where none is.
function stateOf({ venue, symbol }) {
  const isHere = one => one.venue === venue && (symbol === undefined || one.symbol === symbol)
  const settled = told.settlements?.filter(isHere) ?? []
  const halted = told.halts?.filter(isHere) ?? []
  if (symbol === undefined) return stateOfVenue(settled, halted)
  if (settled.length) {
    const over = 'Trading is over, and every position counts at that price.'
    return { kind: 'settled', parts: [['strong', `Settled at ${money(settled[0].price)}`], ['span', over]] }
  }
  if (!halted.length) return { kind: '', parts: [] }
  return { kind: 'halted', parts: [['strong', 'Trading is halted:'], ['span', halted[0].reason]] }
}

function stateOfVenue(settled, halted) {
  const halt = halted.length && [
    ['strong', `Trading is halted in ${stocksText(halted)}:`], ['span', halted[0].reason],
  ]
  const prices = settled.map(({ symbol, price }) => `${symbol} at ${money(price)}`)
  const settlement = settled.length &&
    [['strong', 'Settled:'], ['span', settled.length > MOST_NAMED ? stocksText(settled) : prices.join(', ')]]
  return { kind: halt ? 'halted' : 'settled', parts: [...halt || [], ...settlement || []] }
}

const stocksText = ones => ones.length > 1 ? `${ones.length} stocks` : ones[0].symbol

// The words of a node as parts, each an element of its own; those that are there get new words.
function write(node, parts) {
  if (node.children.length !== parts.length) node.replaceChildren()
  const isSame = parts.every(([name], at) => node.children[at]?.localName === name)
  if (!isSame) node.replaceChildren(...parts.flatMap(([name]) => [document.createElement(name), ' ']))
  parts.forEach(([, text], at) => put(node.children[at], text))
}

// A page that is as high as the screen has to become higher by as much.
function noteHeight([{ contentRect }]) {
  document.body.style.setProperty('--notices', `${contentRect.height}px`)
}

// ---- The loop -----------------------------------------------------------------------------------

let hurry = () => {}

// Asks at once, after something that was done here.
export const lookAtNotices = () => hurry()

// Shows them from now on. `where` gives the place that the page is about: a venue and a stock, a
// venue alone, or nothing. A tab that is not seen asks nothing.
export async function attendNotices(where = place) {
  place = where
  document.addEventListener('visibilitychange', () => { if (!document.hidden) hurry() })
  new ResizeObserver(noteHeight).observe(document.querySelector('.notices'))
  setInterval(() => { if (!document.hidden) show() }, TICK)
  for (;;) {
    if (!document.hidden) await learn()
    const hurried = new Promise(done => { hurry = done })
    await Promise.race([new Promise(done => setTimeout(done, EVERY)), hurried])
  }
}
