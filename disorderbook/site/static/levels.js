// The page of the levels: a card for each, and how they have ended.

'use strict'

import {
  $, attendKey, clearNone, confirmed, fitRows, makeRow, mark, money, put, sayConnection, shares,
  showNone, telling,
} from './dom.js'
import { attendNotices } from './notices.js'
import { ask, isSilence, send } from './requests.js'

const EVERY = 3000 // milliseconds
const MOST_RESULTS = 100

let server = {}
let levels = []
let results = []

async function learn() {
  try {
    const told = await Promise.all([
      ask('/api/v1/server'), ask('/api/v1/levels'), ask('/api/v1/results', { limit: MOST_RESULTS }),
    ])
    server = told[0]
    levels = told[1].levels
    results = told[2].results
    sayConnection('live', 'Live')
  } catch (fault) {
    sayConnection('away', 'The exchange does not answer; trying again…')
    if (!isSilence(fault)) console.warn(fault)
  }
  show()
}

function show() {
  put($('key-note'), server.needsKeys
    ? 'This exchange needs keys: put yours in at the top. It stays in this tab.'
    : 'This exchange runs without keys, so everybody is one player: two browsers share an instance.' +
      ' To play apart, put a word of your own in at the top, as a key.')
  showCards()
  showResults()
}

// ---- Cards --------------------------------------------------------------------------------------

const titleOf = name => levels.find(level => level.name === name)?.title ?? name

function showCards() {
  while ($('cards').children.length < levels.length) $('cards').append(makeCard())
  levels.forEach((level, place) => showCard(level, place, $('cards').children[place]))
}

function makeCard() {
  const card = $('card').content.firstElementChild.cloneNode(true)
  for (const button of card.querySelectorAll('[data-do]')) {
    const act = ACTIONS[button.dataset.do]
    button.onclick = () => telling($('said'), button, () => act(levelOf(card)))
  }
  return card
}

const levelOf = card => levels.find(level => level.name === card.id)

function showCard(level, place, card) {
  const part = name => card.querySelector(name)
  const isOpen = level.instanceId !== undefined
  card.id = level.name
  put(part('h3'), `${place + 1}. ${level.title}`)
  put(part('.state'), isOpen ? 'Open' : level.best?.won ? 'Won' : '')
  mark(part('.state'), 'data-state', isOpen ? 'open' : 'won')
  put(part('.goal'), level.goal)
  put(part('.limits'), level.limits)
  put(part('.days'), `${level.days} trading days`)
  put(part('.best'), level.best ? resultText(level.best) : 'not played to an end yet')
  part('.missing').hidden = level.available
  put(part('.missing p'), level.unavailable ?? '')
  part('a').hidden = !isOpen
  if (isOpen) mark(part('a'), 'href', `/levels/${level.instanceId}`)
  mark(part('a'), 'aria-label', `Play on: ${level.title}`)
  for (const button of card.querySelectorAll('[data-do]')) {
    button.hidden = button.dataset.do === 'start' ? isOpen : !isOpen
    mark(button, 'aria-label', `${button.textContent}: ${level.title}`)
  }
  part('[data-do=start]').disabled = !level.available
}

function resultText({ won, days, nav, seed, seedChosen }) {
  const how = seedChosen ? `with the chosen seed ${seed}` : `with the seed ${seed}`
  return `${won ? 'won' : 'lost'} on day ${days}, NAV ${money(nav)}, ${how}`
}

const ACTIONS = {
  start: async level => goTo(await send('POST', `/gm/levels/${level.name}`)),
  restart: async level => {
    const sentence = `Begin “${level.title}” again at day 0? What you have there is lost.`
    if (!await confirmed(sentence, 'Restart')) return
    goTo(await send('POST', `/gm/instances/${level.instanceId}/restart`))
  },
  stop: async level => {
    if (!await confirmed(`End “${level.title}”? What you have there is lost.`, 'Stop')) return
    await send('POST', `/gm/instances/${level.instanceId}/stop`)
    await learn()
  },
}

function goTo({ instanceId }) {
  location.assign(`/levels/${instanceId}`)
}

// ---- Results ------------------------------------------------------------------------------------

function showResults() {
  const body = $('results')
  const newest = results.length === MOST_RESULTS ? `the newest ${MOST_RESULTS}   ` : ''
  const isAnyAssisted = results.some(result => result.assisted)
  put($('results-note'), newest + (isAnyAssisted ? '* paused, or taken a day further by hand' : ''))
  if (!results.length) return showNone(body, 7, 'No level has been played to its end yet.')
  clearNone(body)
  const rows = fitRows(body, results.length, () => makeRow('', '', '', '', '', '', ''))
  results.forEach((result, place) => {
    const [player, level, ended, day, nav, seed, tries] = rows[place].cells
    put(player, result.player)
    mark(player, 'title', result.player)
    put(level, titleOf(result.level))
    put(ended, result.assisted ? `${result.state} *` : result.state)
    mark(ended, 'class', result.state)
    put(day, shares(result.days))
    put(nav, money(result.nav))
    put(seed, result.seedChosen ? `${result.seed}, chosen` : String(result.seed))
    put(tries, shares(result.tries))
  })
}

async function watch() {
  for (;;) {
    if (!document.hidden) await learn()
    await new Promise(done => setTimeout(done, EVERY))
  }
}

attendKey(learn)
attendNotices()
watch()
