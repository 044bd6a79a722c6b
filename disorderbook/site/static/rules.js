// The rules of the stock that is looked at, where its market has any: a line that unfolds.

'use strict'

import { $, countText, money, put, shares, sharesText } from './dom.js'

const AROUND = {
  last: 'the last trade', mid: 'the middle of the best two prices', start: 'the start price',
}
const SELF_TRADE = {
  'cancel-newer': 'the newer order is cancelled where it would meet one of its own account',
  'cancel-older': 'older orders of the same account that a newer one would meet are cancelled',
  refuse: 'an order that would meet one of its own account is refused',
}

const percent = points => `${points / 100}%`.replace('-', '−')

// What each rule says: a name, a sentence, and for the folded line a few words.
const SAID = {
  positionLimit: ({ positionLimit: most }) => ['Position',
    `at most ${sharesText(most)} held or owed, also if all open orders of a side traded`,
    `position ±${shares(most)}`],
  largestOrder: ({ largestOrder: most }) => ['Order size', `at most ${sharesText(most)}`,
    `orders up to ${shares(most)}`],
  openOrders: ({ openOrders: most }) => ['Open orders', `at most ${shares(most)} of an account`,
    `${shares(most)} open`],
  band: ({ band, bandAround = 'last', startPrice }) => ['Price band',
    `within ${band}% of ${AROUND[bandAround]}${startText(bandAround, startPrice)}`,
    `prices ±${band}%`],
  tickSize: ({ tickSize }) => ['Tick', `prices are multiples of ${money(tickSize)}`,
    `tick ${money(tickSize)}`],
  ordersPerSecond: ({ ordersPerSecond: most }) => ['Rate',
    `at most ${countText(most, 'order')} of an account in a second`,
    `${shares(most)} a second`],
  selfTrade: ({ selfTrade }) => ['Own trades', SELF_TRADE[selfTrade], 'no own trades'],
  takerFee: ({ takerFee = 0, makerFee = 0 }) => feeText(takerFee, makerFee),
}

function startText(around, price) {
  if (price === undefined) return ''
  return around === 'start' ? `, ${money(price)}` : `, before the first trade of ${money(price)}`
}

function feeText(taker, maker) {
  const made = maker < 0 ? `is given ${percent(-maker)}` : `pays ${percent(maker)}`
  return ['Fees', `the account of an order that comes in pays ${percent(taker)} of the trade’s value,`
    + ` that of the order that stood ${made}`, `fees ${percent(taker)} / ${percent(maker)}`]
}

// What holds in a stock: the narrower rule counts, field by field.
function rulesOf(entries, { venue, symbol }) {
  const all = {}
  for (const { venue: at, symbol: of, ...rules } of entries) {
    if ((at ?? venue) === venue && (of ?? symbol) === symbol) Object.assign(all, rules)
  }
  if (all.makerFee !== undefined) all.takerFee ??= 0
  return all
}

let shown = ''

export function showRules(entries, place) {
  const rules = rulesOf(entries ?? [], place)
  const asText = JSON.stringify(rules)
  if (asText === shown) return
  shown = asText
  const said = Object.keys(SAID).filter(name => name in rules).map(name => SAID[name](rules))
  $('rules').hidden = !said.length
  put($('rules-short'), said.map(([, , short]) => short).join(' · '))
  $('rules-list').replaceChildren(...said.map(([name, sentence]) => {
    const [group, term, meaning] = ['div', 'dt', 'dd'].map(tag => document.createElement(tag))
    put(term, name)
    put(meaning, sentence)
    group.append(term, meaning)
    return group
  }))
}
