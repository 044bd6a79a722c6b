// What every page needs to show something: words for figures, and rows of tables.

'use strict'

export const $ = id => document.getElementById(id)
const DOLLARS = new Intl.NumberFormat('en-US', {
  minimumFractionDigits: 2, maximumFractionDigits: 2,
})
const WHOLE = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 })
export const CLOCK = new Intl.DateTimeFormat('en-GB', {
  hour: '2-digit', minute: '2-digit', second: '2-digit',
})
export const MINUTE = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' })

export const dollars = cents => DOLLARS.format(cents / 100).replace('-', '−')
export const shares = count => WHOLE.format(count).replace('-', '−')
export const clockTime = timestamp => CLOCK.format(secondsOf(timestamp) * 1000)

export function secondsOf(timestamp) {
  return Date.parse(`${timestamp.slice(0, 23)}Z`) / 1000 // browsers know milliseconds only
}

// Nothing that comes from the market ever becomes anything but text.
export function put(node, text) {
  if (node.textContent !== text) node.textContent = text
}

export function mark(node, name, value) {
  if (node.getAttribute(name) !== value) node.setAttribute(name, value)
}

// Rows are made once and get new words: nothing is built while the market moves.
export function fitRows(body, count, makeRow) {
  while (body.rows.length < count) body.append(makeRow())
  while (body.rows.length > count) body.lastElementChild.remove()
  return body.rows
}

export function makeRow(...classes) {
  const row = document.createElement('tr')
  for (const name of classes) {
    const cell = document.createElement('td')
    cell.className = name
    row.append(cell)
  }
  return row
}

export function showNone(body, columns, sentence) {
  const row = makeRow('')
  row.className = 'empty'
  row.cells[0].colSpan = columns
  row.cells[0].textContent = sentence
  if (body.textContent !== sentence) body.replaceChildren(row)
}

export function clearNone(body) {
  if (body.firstElementChild?.className === 'empty') body.replaceChildren()
}
