// The page of all venues: each with its stocks.

'use strict'

import { $, countText, mark, put, say, sayConnection, shares } from './dom.js'
import { attendNotices } from './notices.js'
import { ask, inPath, isSilence } from './requests.js'

const EVERY = 3000 // milliseconds
const MOST_VENUES = 200
const MOST_STOCKS = 12 // of each

async function learn() {
  try {
    const { venues } = await ask('/api/v1/server')
    sayConnection('live', 'Live')
    show(venues)
  } catch (fault) {
    sayConnection('away', 'The exchange does not answer; trying again…')
    if (!isSilence(fault)) console.warn(fault)
  }
}

function show(venues) {
  const seen = venues.slice(0, MOST_VENUES)
  const hidden = venues.length - seen.length
  put($('count'), hidden ? `the oldest ${seen.length} of ${shares(venues.length)}` : shares(venues.length))
  say($('nothing'), venues.length ? '' : 'No venue has been used yet.')
  const cards = $('venues').children
  while (cards.length > seen.length) $('venues').lastElementChild.remove()
  while (cards.length < seen.length) $('venues').append(makeCard())
  seen.forEach((one, at) => showVenue(cards[at], one))
}

function makeCard() {
  const card = document.createElement('section')
  card.className = 'panel place-card'
  const [heading, link, count, list] = ['h3', 'a', 'p', 'ul'].map(name => document.createElement(name))
  heading.append(link)
  count.className = 'quiet'
  card.append(heading, count, list)
  return card
}

function showVenue(card, { venue, symbols }) {
  const [heading, count, list] = card.children
  const link = heading.firstElementChild
  put(link, venue)
  mark(link, 'title', venue)
  mark(link, 'href', `/venues/${inPath(venue)}`)
  put(count, countText(symbols.length, 'stock'))
  const seen = symbols.slice(0, MOST_STOCKS)
  const more = symbols.length - seen.length
  const links = seen.map(symbol => [symbol, `/?${new URLSearchParams({ venue, symbol })}`])
  if (more) links.push([`${shares(more)} more`, `/venues/${inPath(venue)}`])
  while (list.children.length > links.length) list.lastElementChild.remove()
  while (list.children.length < links.length) list.append(makeStock())
  links.forEach(([name, path], at) => {
    const stock = list.children[at].firstElementChild
    put(stock, name)
    mark(stock, 'title', name)
    mark(stock, 'href', path)
  })
}

function makeStock() {
  const item = document.createElement('li')
  item.append(document.createElement('a'))
  return item
}

async function watch() {
  for (;;) {
    if (!document.hidden) await learn()
    await new Promise(done => setTimeout(done, EVERY))
  }
}

attendNotices()
watch()
