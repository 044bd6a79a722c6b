// The front page: any book of the exchange, and who made how much there.

'use strict'

import { attendChart, markFills } from './chart.js'
import { attendChooser, showPlace } from './chooser.js'
import { curlLine, inOwnShell, keyInLines, quoted } from './commands.js'
import {
  $, clearNone, clockTime, countText, dollars, fit, fitRows, makeRow, mark, put, shares,
  showNone,
} from './dom.js'
import { showLadder } from './ladder.js'
import { MOST_TRADES, accountPage, book, here, server, watch } from './market.js'
import { attendMine, learnMine, markMine } from './mine.js'
import { attendNotices } from './notices.js'
import { own } from './own.js'
import { drawPlots } from './plot.js'
import { showConnection, showQuote } from './quote.js'
import { inPath } from './requests.js'
import { showRules } from './rules.js'
import { attendSources } from './sources.js'

// ---- Showing ------------------------------------------------------------------------------------

function show() {
  showConnection()
  showQuote()
  showStart()
  showLadder(own.orders)
  showTrades()
  showScores()
  showRules(server.rules, here)
  markFills(own.fills)
  drawPlots()
}

function showStart() {
  const hasTraded = book.market?.quote.last !== undefined
  const isKnown = book.market || !book.isOpen
  $('start').hidden = hasTraded || !isKnown
  document.body.classList.toggle('untraded', !$('start').hidden)
  if ($('start').hidden) return
  const isNew = 'Nobody has opened this book yet'
  put($('start-title'), book.isOpen ? 'Nothing has traded here yet' : isNew)
  $('start-keys').hidden = !orderCommand('buy').includes('YOUR_')
  put($('command-buy'), orderCommand('buy'))
  put($('command-sell'), orderCommand('sell'))
  put($('command-bot'), botCommand())
  if ($('command-clock')) put($('command-clock'), clockCommand())
}

function botCommand() {
  const place = `--venue=${quoted(here.venue)} --symbol=${quoted(here.symbol)}`
  const url = quoted(`${location.origin}/ob/api/`)
  const python = isWindows ? quoted('.venv\\Scripts\\python') : '.venv/bin/python'
  const who = server.needsKeys ? ` --account=${quoted(accountInLines())} --key=${quoted(keyInLines(true))}` : ''
  const line = `${python} -m bots market-maker taker noise \\\n  --url ${url} ${place}${who}`
  return inOwnShell(line)
}

function clockCommand() {
  const key = $('command-clock').dataset.key ?? ''
  return curlLine('/api/v1/clock', { body: { advance: 60 }, key })
}

const accountInLines = () => own.account || (server.needsKeys ? 'YOUR_ACCOUNT' : 'ME')

function orderCommand(direction) {
  const body = { account: accountInLines(), direction, orderType: 'limit', price: 5000, qty: 10 }
  const path = `/ob/api/venues/${inPath(here.venue)}/stocks/${inPath(here.symbol)}/orders`
  return curlLine(path, { body, key: server.needsKeys ? keyInLines(true) : '' })
}

// ---- Tables -------------------------------------------------------------------------------------

const READING = 4 // pixels that a list is scrolled: whoever has done so reads further down
let listed = { book: null, trades: [] }

// While somebody reads further down nothing moves; what has come meanwhile is counted above.
function chooseTrades() {
  const isRead = $('trades').closest('.scroll').scrollTop > READING
  if (!isRead || listed.book !== book) listed = { book, trades: book.trades.slice(-MOST_TRADES) }
  const more = (book.trades.at(-1)?.number ?? 0) - (listed.trades.at(-1)?.number ?? 0)
  $('trades-new').hidden = !more
  put($('trades-new'), `↑ ${shares(more)} new`)
  mark($('trades-new'), 'aria-label', `Show ${countText(more, 'new trade')}`)
}

function showTrades() {
  chooseTrades()
  const { trades } = listed
  const body = $('trades')
  if (!trades.length) return showNone(body, 4, 'No trades yet.')
  clearNone(body)
  const rows = fitRows(body, trades.length, () => makeRow('', '', '', ''))
  trades.toReversed().forEach((trade, place) => {
    const [time, taker, price, size] = rows[place].cells
    put(time, clockTime(trade.ts))
    put(taker, trade.direction === 'buy' ? '▲ buys' : '▼ sells')
    mark(taker, 'class', trade.direction)
    mark(price, 'class', trade.direction)
    put(price, dollars(trade.price))
    put(size, shares(trade.qty))
    for (const cell of [price, size]) fit(cell, [cell])
  })
}

function attendTrades() {
  const scroll = $('trades').closest('.scroll')
  scroll.onscroll = () => { if (scroll.scrollTop <= READING) showTrades() }
  $('trades-new').onclick = () => {
    scroll.scrollTop = 0
    showTrades()
    scroll.focus()
  }
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
  fit(body.closest('table'), [body.closest('.scroll')])
}

// Where the server needs keys, they are told of nobody but the account whose key the browser sends.
function areHoldingsTold(score) {
  return score.shares !== undefined
}

function makeScoreRow() {
  const row = makeRow('', '', '', 'holdings', 'wide')
  row.cells[0].append(document.createElement('a'))
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
  const link = account.firstElementChild
  put(link, score.account)
  mark(link, 'title', score.account)
  mark(link, 'href', accountPage(score.account))
  put(worth, dollars(score.nav))
  const line = book.worths.get(score.account) ?? []
  mark(row, 'class', score.nav > 0 ? 'gain' : score.nav < 0 ? 'loss' : 'even')
  row.classList.toggle('mine', score.account === own.account)
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

function arrive() {
  markMine()
  show()
}

attendChooser(arrive)
attendChart()
attendTrades()
attendMine()
attendSources()
attendNotices(() => here)
watch({ show, learn: learnMine, learnedServer: showPlace, hasScores: true })
