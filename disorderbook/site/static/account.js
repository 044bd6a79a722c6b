// The page of one account: what it has at a venue, what it did in a stock, and its open orders.

'use strict'

import { attendChart, markFills } from './chart.js'
import { attendChooser, showPlace } from './chooser.js'
import { attendCurves } from './curve.js'
import {
  $, attendKey, countText, dollars, fit, fitNamedRows, makeRow, mark, money, put, say, shares, sharesText,
} from './dom.js'
import { showFills } from './fills.js'
import { showLadder } from './ladder.js'
import { book, here, lookSoon, server, watch } from './market.js'
import { attendNotices } from './notices.js'
import { showOrders } from './orders.js'
import { accountPath, actAs, latestFills, learnOwn, learnSoon, own } from './own.js'
import { drawPlots } from './plot.js'
import { showConnection } from './quote.js'
import { ask, givenKey } from './requests.js'
import { attendSources } from './sources.js'

const account = decodeURIComponent(location.pathname.split('/').filter(Boolean).at(-1))
let told = null // as /api/v1/venues/V/accounts/A tells it
let started = '' // the server that it is about
let refusal = null // why nothing is told, as a title and a sentence

// ---- Asking -------------------------------------------------------------------------------------

function arrive() {
  told = refusal = null
  actAs(account)
  show()
}

async function learn() {
  const known = own
  const answer = await ask(accountPath())
  if (known !== own) return
  if (ordersIn(answer) !== ordersIn(told)) learnSoon()
  told = answer
  refusal = null
  own.standing = stockIn(told)
  await learnOwn(askFills)
}

const askFills = since => latestFills(stockIn(told)?.fills ?? 0, since)

// What tells that its orders are not what they were.
const ordersIn = answer => JSON.stringify(stockIn(answer)?.open)
const stockIn = answer => answer?.stocks.find(stock => stock.symbol === here.symbol)

function refused(fault) {
  if (fault.status !== 401 || !fault.path.startsWith(accountPath())) return false
  told = null
  refusal = refusalOfKey()
  return true
}

function refusalOfKey() {
  if (!server.needsKeys) {
    return ['Its player alone sees this', `${here.venue} is the venue of a level. Its account is the ` +
      'one that its start has named; put the key that has started it in at the top.']
  }
  return givenKey()
    ? ['That is another key', `The key at the top is not that of ${account}.`]
    : ['Its key is needed', `What ${account} has is told to its owner: put its key in at the top.`]
}

const refusalOfBook = () => ['There is no such stock',
  `Nobody has used ${here.symbol} at ${here.venue} yet, or the level that it belonged to is over.`]

// ---- Showing ------------------------------------------------------------------------------------

function show() {
  showConnection()
  const gone = book.isOpen ? refusal : refusalOfBook()
  $('gone').hidden = !gone
  document.body.classList.toggle('unplayed', Boolean(gone))
  document.body.classList.toggle('several', told?.stocks.length > 1)
  put($('account-name'), account)
  mark($('account-name'), 'title', account)
  document.title = `${account} – disorderBook`
  const place = `?${new URLSearchParams({ venue: here.venue, symbol: here.symbol })}`
  mark($('market-page'), 'href', `/${here.venue ? place : ''}`)
  put($('market-page'), here.symbol ? `Market of ${here.symbol} at ${here.venue}` : 'Market')
  if (gone) {
    put($('gone-title'), gone[0])
    put($('gone-text'), gone[1])
    return
  }
  showFigures(stockIn(told))
  showStocks(told?.stocks ?? [])
  showLadder(own.orders)
  showOrders($('said'))
  showFills()
  markFills(own.fills)
  drawPlots()
}

const NOTHING = { orders: 0, qty: 0 }

function showFigures(stock) {
  const { nav = 0, cash = 0, realised = 0, unrealised = 0, lowest = 0, highest = 0 } = stock ?? {}
  const { averagePrice, last, mid, mark: counted, navAtMid, open, fees = 0 } = stock ?? {}
  const isAtMid = navAtMid === undefined || counted === Math.floor(mid)
  const isNew = told && !stock
  say($('new'), isNew ? `${account} has neither an order nor a trade in ${here.symbol} yet.` : '')
  figure('nav', money(nav), isAtMid ? '' : `${money(navAtMid)} at the mid`)
  figure('shares', sharesText(stock?.shares ?? 0),
    lowest === highest ? '' : `from ${shares(lowest)} to ${shares(highest)}`)
  figure('cash', money(cash), fees ? `after ${money(fees)} of fees` : '')
  figure('average', averagePrice === undefined ? '–' : money(averagePrice),
    counted === undefined ? '' : counted === last ? `${money(last)} last` : `counts ${money(counted)}`)
  figure('realised', money(realised))
  figure('unrealised', money(unrealised))
  figure('buying', ...ordersText(open?.buy ?? NOTHING))
  figure('selling', ...ordersText(open?.sell ?? NOTHING))
  Object.entries({ nav, realised, unrealised }).forEach(([name, value]) =>
    mark($(name), 'class', value > 0 ? 'buy' : value < 0 ? 'sell' : ''))
}

function figure(name, text, note = '') {
  put($(name), text)
  put($(`${name}-note`), note)
  fit($(name), [$(name).parentElement])
}

function ordersText({ orders, qty }) {
  return [sharesText(qty), orders ? `in ${countText(orders, 'order')}` : '']
}

function showStocks(stocks) {
  $('stocks-panel').hidden = stocks.length < 2
  const body = $('stocks')
  const symbols = stocks.map(stock => stock.symbol)
  const rows = fitNamedRows(body, symbols, makeStockRow, body.closest('.scroll'))
  stocks.forEach((stock, place) => {
    const { symbol, nav, realised, unrealised, open } = stock
    const [name, ...figures] = rows[place].cells
    mark(name.firstElementChild, 'aria-current', String(symbol === here.symbol))
    const orders = open.buy.orders + open.sell.orders
    const texts = [shares(stock.shares), ...[nav, realised, unrealised].map(dollars), shares(orders)]
    texts.forEach((text, at) => put(figures[at], text))
  })
  fit(body.closest('table'), [body.closest('.scroll')])
}

function makeStockRow(symbol) {
  const row = makeRow('', '', '', '', '', '')
  const button = document.createElement('button')
  button.type = 'button'
  button.textContent = button.title = symbol
  button.onclick = () => choose(here.venue, symbol)
  row.cells[0].append(button)
  return row
}

// With another server the account begins anew.
function learnedServer() {
  showPlace()
  if (started !== server.started) arrive()
  started = server.started
}

const choose = attendChooser(arrive)
attendChart()
attendCurves()
attendSources({ account: () => accountPath() })
attendKey(lookSoon)
attendNotices(() => here)
watch({ show, learn, learnedServer, refused })
