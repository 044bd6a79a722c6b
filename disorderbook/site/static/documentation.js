// The documentation at work: its lines for the reader's own account, key and shell, what is sent
// from the page, the search, and the place in the contents. Without it the text is all there.
// (shell.js has lineFor and isWindows.)

'use strict'

import { attendNotices } from './notices.js'
import { attendReading } from './reading.js'
import { attendSearch } from './search.js'
import { attendForms } from './sender.js'

document.documentElement.classList.add('has-script')

// Behind a proxy the browser knows better than the exchange what to call it.
for (const origin of document.querySelectorAll('.origin')) origin.textContent = location.origin

// ---- The reader's own lines ---------------------------------------------------------------------

// Each line as it came, and what the reader would have in it instead of the placeholders.
const lines = new Map()
for (const code of document.querySelectorAll('.call code, dt code')) {
  lines.set(code, code.textContent)
}
// Where this tab keeps a key, for all pages: it ends with the tab.
const KEPT = { YOUR_KEY: 'key', ADMIN_KEY: 'admin-key' }
const inShell = text => text.replaceAll("'", "'\\''")
const inUrl = text => encodeURIComponent(text).replaceAll("'", '%27')
const inJson = text => JSON.stringify(text).slice(1, -1)

const mine = document.getElementById('mine')
const shells = document.getElementById('shell')
const fields = [...(mine?.querySelectorAll('input') ?? [])]
shells.hidden = !isWindows
for (const field of fields) {
  const kept = KEPT[field.dataset.standsFor]
  if (!kept) continue
  field.value = sessionStorage.getItem(kept) ?? ''
  field.addEventListener('input', () => sessionStorage.setItem(kept, field.value))
}
for (const asked of [mine, shells]) asked?.addEventListener('input', showLines)
showLines()

// What the reader has put in for a placeholder, '' if nothing.
function given(placeholder) {
  return fields.find(field => field.dataset.standsFor === placeholder)?.value ?? ''
}

function showLines() {
  const shell = isWindows ? shells.querySelector('select').value : 'posix'
  for (const [code, line] of lines) {
    const isPython = code.parentElement.className === 'python'
    const own = personalized(line, isPython, placeholder => given(placeholder) || placeholder)
    code.textContent = own.startsWith('curl ') ? lineFor(own, shell) : own
  }
}

function personalized(line, isPython, valueOf) {
  const account = valueOf('YOUR_ACCOUNT')
  const text = isPython ? inJson : word => inShell(inJson(word))
  const start = isPython ? ': "' : ': ', end = isPython ? '"' : "'"
  const key = isPython ? inJson : inShell
  let own = line
    .replaceAll('/YOUR_ACCOUNT', () => `/${inUrl(account)}`)
    .replaceAll('YOUR_ACCOUNT', () => text(account))
  for (const placeholder of Object.keys(KEPT)) {
    own = own.replaceAll(start + placeholder + end, () => start + key(valueOf(placeholder)) + end)
  }
  return own
}

// ---- curl or Python, and copies -----------------------------------------------------------------

const said = document.getElementById('said') // read out, since a button's name stays
for (const call of document.querySelectorAll('.call')) call.prepend(barOf(call))
speak('curl')

function barOf(call) {
  const bar = document.createElement('div')
  bar.className = 'bar'
  const button = (label, act) => {
    const made = document.createElement('button')
    made.type = 'button'
    made.textContent = label
    made.setAttribute('aria-label', `${label}: ${call.dataset.name}`)
    made.onclick = () => act(made)
    bar.append(made)
    return made
  }
  for (const label of ['curl', 'Python']) {
    const language = label.toLowerCase()
    button(label, made => { speak(language); made.scrollIntoView({ block: 'nearest' }) })
      .dataset.language = language
  }
  button('Copy', async made => {
    const language = document.body.dataset.language
    made.textContent = said.textContent = await copy(call.querySelector(`.${language} code`))
    setTimeout(() => { made.textContent = 'Copy'; said.textContent = '' }, 2000)
  }).className = 'copy'
  return bar
}

// All lines of the page are in one language, so that it is chosen once.
function speak(language) {
  document.body.dataset.language = language
  for (const button of document.querySelectorAll('.bar [data-language]')) {
    button.setAttribute('aria-pressed', String(button.dataset.language === language))
  }
}

// Browsers keep the clipboard from pages that come over plain HTTP from another machine; then the
// line is at least selected.
async function copy(code) {
  try {
    await navigator.clipboard.writeText(code.textContent)
    return 'Copied'
  } catch {
    getSelection().selectAllChildren(code)
    return document.execCommand('copy') ? 'Copied' : 'Selected'
  }
}

const narrow = matchMedia('(max-width: 63.99rem)')
document.querySelector('.contents details').open = !narrow.matches

attendNotices()
const reveal = attendReading()
attendSearch(reveal)
attendForms(given, mine)
