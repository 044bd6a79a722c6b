// Sends requests from the page: a form for each route that reads or trades, made when it is unfolded.

'use strict'

import { keyHeaders } from './requests.js'

const PATIENCE = 10000 // milliseconds that an answer may take
const MOST_READ = 262144 // bytes of an answer
const MOST_SHOWN = 20000 // characters of it
const TOLD = ['content-type', 'x-error-detail', 'retry-after', 'allow'] // headers
let count = 0 // of labelled fields

// `given` says what the reader has put in for a placeholder; `mine` is where that is done.
export function attendForms(given, mine) {
  for (const place of document.querySelectorAll('.send')) {
    const details = place.closest('details')
    const fill = () => { if (details.open && !place.firstChild) fillForm(place, given) }
    details.addEventListener('toggle', fill)
    fill()
  }
  mine?.addEventListener('input', () => {
    const account = given('YOUR_ACCOUNT') || 'YOUR_ACCOUNT'
    for (const field of document.querySelectorAll('[data-made-of]')) {
      if (field.value !== field.dataset.made) continue // the reader's own words stay
      field.value = field.dataset.made = withAccount(field.dataset.madeOf, account, field)
    }
  })
}

const withAccount = (text, account, field) => text.replaceAll(
  'YOUR_ACCOUNT', () => (field.tagName === 'TEXTAREA' ? JSON.stringify(account).slice(1, -1) : account),
)

function fillForm(place, given) {
  const said = JSON.parse(place.dataset.form)
  const form = document.createElement('form')
  form.autocomplete = 'off'
  const account = given('YOUR_ACCOUNT') || 'YOUR_ACCOUNT'
  const fields = said.names.map(({ name, in: where, value }) => {
    const field = labelled(form, document.createElement('input'), name)
    begin(field, value, account)
    if (where === 'path') field.required = true
    else field.placeholder = 'may be left out'
    return { name, where, field }
  })
  let body
  if (said.body) {
    body = labelled(form, document.createElement('textarea'), 'body')
    body.rows = 2 + Object.keys(said.body).length
    begin(body, JSON.stringify(said.body, null, 2), account)
  }
  const button = document.createElement('button')
  button.className = 'main'
  button.textContent = 'Send'
  button.setAttribute('aria-label', `Send ${said.method} ${said.path}`)
  const answer = answerPlace(`${said.method} ${said.path}`)
  form.append(button)
  form.onsubmit = async event => {
    event.preventDefault()
    if (button.getAttribute('aria-busy') === 'true') return
    button.setAttribute('aria-busy', 'true')
    await tell(answer, requestOf(said, fields, body, said.key && given(said.key)))
    button.setAttribute('aria-busy', 'false')
  }
  place.append(form, answer.around)
}

function labelled(form, field, name) {
  field.id = `field-${++count}`
  field.spellcheck = false
  field.autocapitalize = 'none'
  field.setAttribute('autocorrect', 'off')
  const label = document.createElement('label')
  label.htmlFor = field.id
  label.textContent = name
  form.append(label, field)
  return field
}

function begin(field, value, account) {
  if (value.includes('YOUR_ACCOUNT')) field.dataset.madeOf = value
  field.value = field.dataset.made = withAccount(value, account, field)
}

// The key goes into a header and never into the URL.
function requestOf(said, fields, body, key) {
  const headers = key ? keyHeaders(key) : {}
  const query = new URLSearchParams()
  let path = said.path
  for (const { name, where, field } of fields) {
    if (where === 'path') path = path.replace(`{${name}}`, () => encodeURIComponent(field.value))
    else if (field.value && where === 'header') Object.assign(headers, { [name]: field.value })
    else if (field.value) query.set(name, field.value)
  }
  const url = query.size ? `${path}?${query}` : path
  return { url, options: { method: said.method, headers, body: body?.value, cache: 'no-store' } }
}

// ---- The answer ---------------------------------------------------------------------------------

function answerPlace(name) {
  const around = document.createElement('div')
  around.className = 'answer'
  around.hidden = true
  const status = document.createElement('p')
  status.setAttribute('role', 'status')
  const headers = document.createElement('dl')
  const text = document.createElement('pre')
  text.tabIndex = 0
  text.setAttribute('role', 'group')
  text.setAttribute('aria-label', `Answer to ${name}`)
  const note = document.createElement('p')
  note.className = 'quiet'
  around.append(status, headers, text, note)
  return { around, status, headers, text, note }
}

async function tell(place, { url, options }) {
  place.around.hidden = false
  place.headers.replaceChildren()
  place.text.textContent = place.note.textContent = ''
  place.status.textContent = 'Waiting…'
  try {
    const answer = await fetch(url, { ...options, signal: AbortSignal.timeout(PATIENCE) })
    const { text, isCut } = await bounded(answer)
    place.status.textContent = `${answer.status} ${answer.statusText}`
    place.status.dataset.state = answer.ok ? 'ok' : 'refused'
    place.headers.replaceChildren(...TOLD.flatMap(name => termsOf(name, answer.headers.get(name))))
    const shown = isCut ? text : pretty(text)
    place.text.textContent = shown.slice(0, MOST_SHOWN)
    place.note.textContent = noteOf(shown.length, isCut)
  } catch (fault) {
    place.status.dataset.state = 'refused'
    place.status.textContent = fault.name === 'TimeoutError'
      ? `No answer within ${PATIENCE / 1000} seconds.`
      : `This could not be sent: ${fault.message}`
  }
}

function noteOf(length, isCut) {
  if (isCut) return 'The answer is longer than is read here; the curl line has all of it.'
  return length > MOST_SHOWN
    ? `The first ${MOST_SHOWN} of ${length} characters; the curl line has all of them.` : ''
}

function termsOf(name, value) {
  if (value === null) return []
  const term = document.createElement('dt'), told = document.createElement('dd')
  term.textContent = name.replace(/(^|-)[a-z]/g, letter => letter.toUpperCase())
  told.textContent = name === 'x-error-detail' ? JSON.parse(value) : value
  return [term, told]
}

// The beginning of an answer as text; the rest of a long one is not even received.
async function bounded(answer) {
  const reader = answer.body.getReader(), decoder = new TextDecoder()
  let text = '', size = 0
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return { text: text + decoder.decode(), isCut: false }
    size += value.length
    text += decoder.decode(value, { stream: true })
    if (size > MOST_READ) {
      await reader.cancel()
      return { text, isCut: true }
    }
  }
}

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2)
  } catch {
    return text
  }
}
