// The page of one venue: all its stocks side by side, each with a small chart.

'use strict'

import { $, countText, dollars, mark, money, put, say, sayConnection, shares, sharesText } from './dom.js'
import { attendNotices } from './notices.js'
import { Refused, ask, inPath, isClosed, isSilence } from './requests.js'
import { drawSparkline, makeSparkline } from './sparkline.js'

const EVERY = 2000 // milliseconds
const AT_ONCE = 100 // stocks on the page
const POINTS = 60 // of a line behind its first; one that is shorter ends like the others
const MOST_PERCENT = 9999 // in figures

const venue = decodeURIComponent(location.pathname.split('/').filter(Boolean).at(-1))
let span = '5m'
let skip = 0

// ---- Asking -------------------------------------------------------------------------------------

async function learn() {
  const asked = { span, skip, limit: AT_ONCE }
  try {
    const told = await ask(`/api/v1/venues/${inPath(venue)}/overview`, asked)
    if (asked.span !== span || asked.skip !== skip) return
    sayConnection('live', 'Live')
    show(told)
  } catch (fault) {
    if (isClosed(fault)) return showClosed(fault)
    sayConnection('away', 'The exchange does not answer; trying again…')
    if (!isSilence(fault)) console.warn(fault)
  }
}

function showClosed(fault) {
  sayConnection('refused', 'Nothing to see')
  put($('count'), '')
  $('books').replaceChildren()
  $('pages').hidden = true
  say($('nothing'), fault instanceof Refused ? fault.message : '')
}

// ---- Showing ------------------------------------------------------------------------------------

function show({ stocks, skipped, books }) {
  put($('count'), countText(stocks, 'stock'))
  say($('nothing'), books.length ? '' : 'There are no stocks here.')
  const list = $('books')
  while (list.children.length > books.length) list.lastElementChild.remove()
  while (list.children.length < books.length) list.append(makeCard())
  books.forEach((book, at) => showBook(list.children[at].firstElementChild, book))
  $('pages').hidden = stocks <= AT_ONCE
  put($('part'), `${shares(skipped + 1)}–${shares(skipped + books.length)} of ${shares(stocks)}`)
  $('earlier').disabled = !skipped
  $('later').disabled = skipped + books.length >= stocks
}

// What a card is made of. Those of a line stand beside each other, where there is room.
const LINES = [['symbol', 'state'], ['last', 'change'], ['drawing'], ['bid', 'ask'], ['volume']]

function makeCard() {
  const item = document.createElement('li')
  const card = document.createElement('a')
  card.className = 'panel book'
  card.append(...LINES.map(names => makePart('line', names.map(name => makePart(name, [])))))
  card.querySelector('.drawing').append(makeSparkline())
  item.append(card)
  return item
}

function makePart(name, children) {
  const part = document.createElement('span')
  part.className = name
  part.append(...children)
  return part
}

function showBook(card, book) {
  const part = Object.fromEntries(
    LINES.flatMap((names, at) => names.map((name, place) => [name, card.children[at].children[place]])))
  const { symbol, last, open, bid, ask: offer, volume, halted, line } = book
  mark(card, 'href', `/?${new URLSearchParams({ venue, symbol })}`)
  put(part.symbol, symbol)
  mark(part.symbol, 'title', symbol)
  put(part.state, stateText(book))
  mark(part.state, 'title', halted ?? '')
  put(part.last, last === undefined ? 'no trades yet' : dollars(last))
  mark(part.last, 'data-traded', String(last !== undefined))
  const change = last === undefined ? 0 : last - open
  put(part.change, last === undefined ? '' : changeText(change, open))
  mark(part.change, 'title', last === undefined ? '' : `${money(change)} since ${money(open)}`)
  mark(card, 'data-direction', change > 0 ? 'up' : change < 0 ? 'down' : 'none')
  put(part.bid, `Bid ${bid === undefined ? '–' : dollars(bid)}`)
  put(part.ask, `Ask ${offer === undefined ? '–' : dollars(offer)}`)
  put(part.volume, `${sharesText(volume)} traded`)
  // It begins at the price that the change is told of.
  const start = POINTS - line.length
  const points = [open, ...line].map((price, at) => [start + at, price])
  drawSparkline(part.drawing.firstElementChild, last === undefined ? [] : points, { start: 0, end: POINTS })
}

function stateText({ halted, settled }) {
  if (settled !== undefined) return `settled at ${dollars(settled)}`
  return halted === undefined ? '' : 'halted'
}

// In percent, so that stocks can be compared.
function changeText(change, open) {
  if (!change) return '= 0.00 %'
  const sign = change < 0 ? '▼ −' : '▲ +'
  const percent = Math.abs(change) / open * 100
  return percent > MOST_PERCENT ? `${sign}over ${shares(MOST_PERCENT)} %` : `${sign}${percent.toFixed(2)} %`
}

// ---- Choosing -----------------------------------------------------------------------------------

function turn(step) {
  skip = Math.max(0, skip + step)
  learn()
  scrollTo(0, 0)
}

function attend() {
  for (const button of document.querySelectorAll('[data-span]')) {
    button.onclick = () => {
      span = button.dataset.span
      for (const other of document.querySelectorAll('[data-span]')) {
        mark(other, 'aria-pressed', String(other === button))
      }
      learn()
    }
  }
  $('earlier').onclick = () => turn(-AT_ONCE)
  $('later').onclick = () => turn(AT_ONCE)
  put($('venue-name'), venue)
  mark($('venue-name'), 'title', venue)
  mark($('scores'), 'href', `/scores?${new URLSearchParams({ venue })}`)
  document.title = `${venue} – disorderBook`
}

async function watch() {
  for (;;) {
    if (!document.hidden) await learn()
    await new Promise(done => setTimeout(done, EVERY))
  }
}

attend()
attendNotices(() => ({ venue }))
watch()
