// Where a panel's figures come from: its answer of the exchange as JSON, and the line that asks for it.

'use strict'

import { attendCopies, curlLine, keyInLines } from './commands.js'
import { $, put, refusalOf } from './dom.js'
import { LEVELS, MOST_SCORES, MOST_TRADES, bookPath, server, spanShown } from './market.js'
import { ownPaths } from './own.js'
import { ask } from './requests.js'

const PATHS = {
  ...ownPaths,
  price: () => bookPath(`candles?span=${spanShown()}`),
  trades: () => bookPath(`trades?limit=${MOST_TRADES}`),
  scores: () => bookPath(`scores?limit=${MOST_SCORES}`),
  ladder: () => bookPath(`market?levels=${LEVELS}`),
}

// The buttons beside the panels. `paths` gives, by the panel's name, what it asks for, where that is
// not the same on every page.
export function attendSources(paths) {
  const all = { ...PATHS, ...paths }
  for (const button of document.querySelectorAll('[data-source]')) {
    const { source, as } = button.dataset
    button.onclick = () => (as === 'json' ? showJson : showLine)(button, all[source]())
  }
  $('source-close').onclick = () => $('source').close()
  attendCopies()
}

async function showJson(button, path) {
  open(button, 'Asking…', '')
  let text
  try {
    text = written(await ask(path))
  } catch (fault) {
    text = refusalOf(fault)
  }
  if (isOpenFor(button)) put($('source-text'), text)
}

// JSON with a line for each field, and for each of a list.
function written(answer) {
  const fields = Object.entries(answer).map(([name, value]) => {
    const isList = Array.isArray(value) && value.length
    const text = isList
      ? `[\n${value.map(one => `    ${JSON.stringify(one)}`).join(',\n')}\n  ]` : JSON.stringify(value)
    return `  ${JSON.stringify(name)}: ${text}`
  })
  return `{\n${fields.join(',\n')}\n}`
}

function showLine(button, path) {
  const key = keyInLines(server.needsKeys)
  const note = key === 'YOUR_KEY' ? 'Put your key in for YOUR_KEY.' : key ? 'Your key is in this line.' : ''
  open(button, curlLine(path, { key }), note)
}

let opener

const isOpenFor = button => $('source').open && opener === button

function open(button, text, note) {
  opener = button
  put($('source-title'), button.getAttribute('aria-label'))
  put($('source-text'), text)
  put($('source-note'), note)
  $('source-text').scrollTop = 0
  $('source').showModal()
}
