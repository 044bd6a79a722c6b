// The venue and the stock that are looked at: in the URL, and chosen at the top of the page.

'use strict'

import { $ } from './dom.js'
import { goTo, here, lookSoon, server } from './market.js'
import { writeTimes } from './zoom.js'

// What the URL asks for, else the oldest venue and its oldest stock.
function placeInUrl() {
  const asked = new URLSearchParams(location.search)
  const first = server.venues[0] ?? { venue: '', symbols: [''] }
  const venue = asked.get('venue') ?? first.venue
  return { venue, symbol: asked.get('symbol') ?? firstOf(venue) }
}

const symbolsOf = venue => server.venues.find(one => one.venue === venue)?.symbols ?? []
const firstOf = venue => symbolsOf(venue)[0] ?? ''

// What the page's `learnedServer` does.
export function showPlace() {
  if (!here.venue) goTo(placeInUrl())
  fillSelect($('venue'), server.venues.map(one => one.venue), here.venue)
  fillSelect($('symbol'), symbolsOf(here.venue), here.symbol)
}

function fillSelect(select, names, chosen) {
  const all = names.includes(chosen) ? names : [...names, chosen]
  const isSame = all.length === select.options.length &&
    all.every((name, place) => select.options[place].value === name)
  if (!isSame) select.replaceChildren(...all.map(name => new Option(name, name)))
  select.value = chosen
}

// `chosen` is called when the reader has gone elsewhere.
export function attendChooser(chosen) {
  const choose = (venue, symbol) => {
    goTo({ venue, symbol })
    history.pushState(null, '', `?${new URLSearchParams({ venue, symbol })}`)
    here.window = null
    writeTimes()
    arrive()
  }
  const arrive = () => {
    showPlace()
    chosen()
    lookSoon()
  }
  $('venue').onchange = event => choose(event.target.value, firstOf(event.target.value))
  $('symbol').onchange = event => choose(here.venue, event.target.value)
  addEventListener('popstate', () => { goTo(placeInUrl()); arrive() })
  return choose
}
