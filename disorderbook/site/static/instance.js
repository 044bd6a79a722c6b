// The page of one instance of a level: its story, its market, and orders by hand.

'use strict'

import { attendChart, markFills } from './chart.js'
import { attendCurves } from './curve.js'
import { $, attendKey, confirmed, mark, money, numberIn, put, say, shares, telling } from './dom.js'
import { showFills } from './fills.js'
import { showLadder } from './ladder.js'
import { accountPage, goTo, here, lookSoon, watch } from './market.js'
import { attendNotices } from './notices.js'
import { showOrders } from './orders.js'
import { actAs, learnOwn, learnSoon, own } from './own.js'
import { drawPlots } from './plot.js'
import { showConnection, showQuote } from './quote.js'
import { ask, inPath, send } from './requests.js'
import { attendSources } from './sources.js'

const LONGEST_PAUSE = 500 // milliseconds: the day goes on also while nothing trades

const id = location.pathname.split('/').filter(Boolean).at(-1)
let played = null // as /api/v1/instances/ID tells it
let isGone = false

// ---- Asking -------------------------------------------------------------------------------------

const instancePath = `/api/v1/instances/${inPath(id)}`
const stockPath = () => `venues/${inPath(here.venue)}/stocks/${inPath(here.symbol)}`

async function learn() {
  const told = await ask(instancePath)
  isGone = false
  if (told.venue !== here.venue) beginAt(told)
  played = told
  if (told.nav !== undefined) own.standing = { nav: told.nav, shares: told.position }
  await learnOwn(askFills, told.isOver)
}

// A restart gives another venue.
function beginAt({ venue, symbol, account }) {
  goTo({ venue, symbol })
  actAs(account)
}

// They are told with their days.
async function askFills(since) {
  const { count, fills } = await ask(`${instancePath}/fills`, { since })
  return { count, fills: fills.map(one => ({ ...one, id: one.orderId })) }
}

function refused(fault) {
  if (![401, 404].includes(fault.status) || !fault.path.startsWith(instancePath)) return false
  isGone = true
  const isForeign = fault.status === 401
  put($('gone-title'), isForeign ? 'Somebody else plays this' : 'Nobody plays this')
  put($('gone-text'), isForeign
    ? `Instance ${id} belongs to another key. Put that key in at the top.`
    : `Instance ${id} was stopped, or never started.`)
  return true
}

// ---- Showing ------------------------------------------------------------------------------------

function show() {
  showConnection()
  $('gone').hidden = !isGone
  document.body.classList.toggle('unplayed', isGone || !played)
  if (isGone || !played) return
  showStanding()
  showVerdict()
  showStory()
  showQuote()
  showLadder(own.orders)
  showOrders($('said'))
  showFills()
  showTicket()
  markFills(own.fills)
  drawPlots()
  $('judge').hidden = played.level !== 'making_amends' || played.state !== 'open'
}

const STATES = { open: 'Open', won: 'Won', lost: 'Lost' }

function showStanding() {
  const isPaused = played.paused && !played.isOver
  put($('title'), played.title)
  mark($('state'), 'data-state', isPaused ? 'paused' : played.state)
  put($('state'), isPaused ? `${STATES[played.state]}, paused` : STATES[played.state])
  put($('place'), `You are ${played.account}, the stock is ${played.symbol} at ${played.venue}`)
  $('account-page').hidden = played.isOver
  mark($('account-page'), 'href', accountPage(played.account))
  put($('pause'), played.paused ? 'Go on' : 'Pause')
  for (const name of ['pause', 'advance']) $(name).hidden = played.isOver
  showCalendar()
  showGoals()
  const [kind, text] = Object.entries(played.flash ?? {})[0] ?? ['info', '']
  mark($('flash'), 'data-kind', kind)
  say($('flash'), text)
  $('assisted').hidden = !played.assisted
}

function showCalendar() {
  const { day, dayProgress, endOfTheWorldDay: last } = played
  showBar($('calendar'), played.isOver ? `${last}, the last one is over` : `${day} of ${last}`,
    (day + dayProgress) / (last + 1))
  fill($('today'), dayProgress)
}

function showGoals() {
  const { position = 0, cash = 0, nav = 0, averagePrice, rank } = played
  const { goalShares, goalNav, positionLimit, targetPrice } = played
  showGoal($('bought'), goalShares, `${shares(position)} of ${shares(goalShares)}`, position)
  const target = targetPrice === undefined ? '' : `; the target is ${money(targetPrice)}`
  put($('average'), averagePrice === undefined ? '' : `${money(averagePrice)} on average${target}`)
  showGoal($('worth'), goalNav, `${money(nav)} of ${money(goalNav)}`, nav)
  showGoal($('exposure'), positionLimit,
    `${shares(position)} of ±${shares(positionLimit)}`, Math.abs(position))
  mark($('exposure'), 'data-side', position < 0 ? 'short' : 'long')
  $('position-fact').hidden = goalShares !== undefined || positionLimit !== undefined
  $('nav-fact').hidden = goalNav !== undefined
  put($('position'), `${shares(position)} shares`)
  put($('cash'), money(cash))
  put($('nav'), money(nav))
  put($('rank'), rank === undefined ? '–' : shares(rank))
}

function showGoal(bar, goal, text, reached) {
  bar.hidden = goal === undefined
  if (!bar.hidden) showBar(bar, text, reached / goal)
}

function showBar(bar, text, share) {
  put(bar.querySelector('strong'), text)
  fill(bar.querySelector('.track'), share)
}

function fill(track, share) {
  const shown = Math.min(1, Math.max(0, share)).toFixed(4)
  if (track.style.getPropertyValue('--fill') === shown) return
  track.style.setProperty('--fill', shown)
  mark(track, 'aria-valuenow', String(Math.round(shown * 100)))
}

function showVerdict() {
  $('verdict').hidden = played.state === 'open'
  if ($('verdict').hidden) return
  mark($('verdict'), 'data-state', played.state)
  put($('verdict-title'), `${STATES[played.state]} on day ${played.days}`)
  const chosen = played.seedChosen ? ', which you chose' : ''
  put($('verdict-text'), `Its market followed from the seed ${played.seed}${chosen}.` +
    (played.assisted ? ' You had help from the clock.' : ''))
  const field = $('seed')
  if (field.dataset.of !== played.venue) field.value = played.seed
  field.dataset.of = played.venue
}

function showStory() {
  const place = $('story-text')
  if (place.dataset.of === played.level) return
  place.dataset.of = played.level
  place.replaceChildren($(`story-${played.level}`).content.cloneNode(true))
}

// ---- The ticket ---------------------------------------------------------------------------------

const direction = () => $('ticket').elements.direction.value

function showTicket() {
  const isMarket = $('orderType').value === 'market'
  $('price').disabled = isMarket
  const price = isMarket ? 'at the market' : `at $${$('price').value.trim() || '…'}`
  const side = direction()
  put($('send'), `${side === 'buy' ? 'Buy' : 'Sell'} ${$('qty').value.trim() || '…'} ${price}`)
  mark($('send'), 'data-side', side)
  $('send').hidden = played.isOver
}

async function placeOrder() {
  put($('ticket-said'), '')
  const order = {
    account: played.account, direction: direction(), orderType: $('orderType').value,
    qty: numberIn($('qty').value),
  }
  if (order.orderType !== 'market') order.price = numberIn($('price').value, 100)
  try {
    tellOrder(await send('POST', `/ob/api/${stockPath()}/orders`, order))
  } finally {
    learnOrdersSoon()
  }
}

// The price is put in in dollars, and told in cents.
function refusalOfTicket(fault) {
  const isCents = fault.field === 'price' && typeof numberIn($('price').value, 100) === 'number'
  return fault.words(isCents ? 'Counted in cents, ' : '')
}

function tellOrder({ direction, fills, totalFilled, originalQty, open }) {
  const paid = fills.reduce((sum, one) => sum + one.price * one.qty, 0)
  const verb = direction === 'buy' ? 'Bought' : 'Sold'
  const average = money(paid / totalFilled)
  const done = `${verb} ${shares(totalFilled)} of ${shares(originalQty)} at ${average} on average`
  const [some, none] = open
    ? [`${done}; the rest waits in the book.`, 'The order waits in the book.']
    : [`${done}.`, 'Nothing has traded.']
  put($('ticket-said'), totalFilled ? some : none)
}

function learnOrdersSoon() {
  learnSoon()
  lookSoon()
}

// ---- The clock, the end, and the accusation -----------------------------------------------------

const tell = (what, content) => send('POST', `/gm/instances/${inPath(id)}/${what}`, content)

async function clock(what) {
  played = await send('POST', `${instancePath}/${what}`)
  lookSoon()
}

async function restart() {
  if (!await confirmed('Begin again at day 0? What you have here is lost.', 'Restart')) return
  await tell('restart')
  lookSoon()
}

async function stop() {
  if (!await confirmed('End this level? What you have here is lost.', 'Stop')) return
  await tell('stop')
  location.assign('/levels')
}

async function again(content) {
  say($('seed-error'), '')
  await tell('restart', content)
  lookSoon()
}

async function accuse() {
  const account = $('account').value.trim()
  const question = `Accuse ${account || 'nobody'}? You have one accusation, and this is it.`
  if (!await confirmed(question, `Accuse ${account}`)) return
  await tell('judge', {
    account, explanation_link: $('explanation_link').value,
    executive_summary: $('executive_summary').value,
  })
  lookSoon()
}

function attend() {
  const does = (name, act) => { $(name).onclick = () => telling($('said'), $(name), act) }
  does('pause', () => clock(played.paused ? 'run' : 'pause'))
  does('advance', () => clock('advance'))
  does('restart', restart)
  does('stop', stop)
  $('again-new').onclick = () => telling($('seed-error'), $('again-new'), () => again())
  submits('again', 'again-same', 'seed-error', () => again({ seed: numberIn($('seed').value) }))
  $('ticket').oninput = showTicket
  submits('ticket', 'send', 'ticket-error', placeOrder, refusalOfTicket)
  submits('accusation', 'accuse', 'account-error', accuse)
}

function submits(form, button, error, act, words) {
  $(form).onsubmit = event => {
    event.preventDefault()
    telling($(error), $(button), act, $(form), words)
  }
}

attend()
attendChart()
attendCurves()
attendSources({ fills: () => `${instancePath}/fills` })
attendKey(lookSoon)
attendNotices(() => here)
watch({ show, learn, refused, longestPause: LONGEST_PAUSE })
