// What one account has at the venue and in the stock that are looked at: asks for its open orders,
// its fills, and its history.

'use strict'

import { secondsOf } from './dom.js'
import { here } from './market.js'
import { ask, inPath } from './requests.js'

const EVERY = { orders: 2000, history: 900 } // milliseconds
const MOST_FILLS = 200 // that are listed, and marked in the chart
export const MOST_ORDERS = 500 // that are listed, and marked in the ladder

export let own = ofAccount('')

function ofAccount(account) {
  return {
    account,
    orders: [], // open ones, oldest first
    fills: [], fillCount: 0, // the latest ones, oldest first, and how many there have been
    points: [], width: 0, // of the history, and the seconds that each stands for
    standing: null, // the newest `nav` and `shares`, as far as the page has been told
    asked: { orders: -Infinity, history: -Infinity },
  }
}

// From now on it is about this account, at the place that is looked at.
export function actAs(account) {
  own = ofAccount(account)
}

export function accountPath(what = '', parameters = {}) {
  const query = new URLSearchParams(parameters)
  const path = `/api/v1/venues/${inPath(here.venue)}/accounts/${inPath(own.account)}${what}`
  return query.size ? `${path}?${query}` : path
}

export const ownPaths = {
  orders: () => accountPath('/orders', { open: true, symbol: here.symbol, limit: MOST_ORDERS }),
  fills: (since = Math.max(0, own.fillCount - MOST_FILLS)) => accountPath('/fills', { symbol: here.symbol, since, limit: MOST_FILLS }),
  history: () => accountPath('/history', { symbol: here.symbol }),
}

// Of `count` fills, those after so many; only the latest are listed, so only they are asked for.
export async function latestFills(count, since) {
  if (count === since) return { count, fills: [] }
  const { fills } = await ask(ownPaths.fills(Math.max(since, count - MOST_FILLS)))
  return { count: fills.at(-1)?.number ?? since, fills }
}

// Only what is marked in the chart and in the ladder.
export async function learnMarks() {
  const known = own
  if (!isDue(known, 'history')) return
  const { stocks } = await ask(accountPath('', { symbol: here.symbol }))
  const count = stocks.find(stock => stock.symbol === here.symbol)?.fills ?? 0
  if (known !== own) return
  await learnFills(known, since => latestFills(count, since))
  await learnOrders(known)
}

// `askFills(since)` gives the fills after so many, and the `count` of all. At a level's venue that
// has closed there is nothing else any more.
export async function learnOwn(askFills, isClosed = false) {
  const known = own // whoever goes elsewhere meanwhile gets another
  await learnFills(known, askFills)
  if (isClosed) return void (known.orders = [])
  await Promise.all([learnOrders(known), learnHistory(known)])
}

async function learnFills(known, askFills) {
  const told = await askFills(known.fillCount)
  if (told.count === known.fillCount) return
  known.fillCount = told.count
  known.fills = [...known.fills, ...told.fills].slice(-MOST_FILLS)
  learnSoon(known)
}

// Orders change by fills, by what is done here, and by what a program of the same account does.
async function learnOrders(known) {
  if (!isDue(known, 'orders')) return
  known.orders = (await ask(ownPaths.orders())).orders
}

async function learnHistory(known) {
  if (!isDue(known, 'history')) return
  const latest = known.points.at(-1)
  const since = latest ? Math.floor(secondsOf(latest.ts)) : 0
  const told = await ask(accountPath('/history', { symbol: here.symbol, since }))
  const isOther = since && told.width !== known.width // all stand for more now: ask for all
  known.points = isOther ? [] : [...known.points.filter(one => secondsOf(one.ts) < since), ...told.points]
  known.width = told.width
  if (isOther) known.asked.history = -Infinity
}

function isDue({ asked }, what) {
  if (performance.now() - asked[what] < EVERY[what]) return false
  asked[what] = performance.now()
  return true
}

// What has changed is asked for at the next look.
export function learnSoon(known = own) {
  known.asked.orders = known.asked.history = -Infinity
}
