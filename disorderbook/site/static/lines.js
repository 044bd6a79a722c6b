// Lines to copy: for the reader's own account, key and shell. (shell.js has lineFor and isWindows.)

'use strict'

// Each line as it came, and what the reader would have in it instead of the placeholders.
const lines = new Map()
// Where this tab keeps a key, for all pages: it ends with the tab.
const KEPT = { YOUR_KEY: 'key', ADMIN_KEY: 'admin-key' }
const inShell = text => text.replaceAll("'", "'\\''")
const inUrl = text => encodeURIComponent(text).replaceAll("'", '%27')
const inJson = text => JSON.stringify(text).slice(1, -1)

const mine = document.getElementById('mine')
const shells = document.getElementById('shell')
const fields = [...(mine?.querySelectorAll('input') ?? [])]

// Has these lines name this exchange and what the reader gives; the returned function tells what that
// is for a placeholder, '' if nothing.
export function attendLines(codes) {
  document.documentElement.classList.add('has-script')
  // Behind a proxy the browser knows better than the exchange what to call it.
  for (const origin of document.querySelectorAll('.origin')) {
    const own = location.origin
    origin.textContent = origin.textContent.startsWith('ws:') ? own.replace('http', 'ws') : own
  }
  for (const code of codes) lines.set(code, code.textContent)
  if (shells) shells.hidden = !isWindows
  for (const field of fields) {
    const kept = KEPT[field.dataset.standsFor]
    if (!kept) continue
    field.value = sessionStorage.getItem(kept) ?? ''
    field.addEventListener('input', () => sessionStorage.setItem(kept, field.value))
  }
  for (const asked of [mine, shells]) asked?.addEventListener('input', showLines)
  showLines()
  return given
}

function given(placeholder) {
  return fields.find(field => field.dataset.standsFor === placeholder)?.value ?? ''
}

function showLines() {
  const shell = isWindows && shells ? shells.querySelector('select').value : 'posix'
  for (const [code, line] of lines) {
    const isPython = code.closest('.python, .language-python') !== null
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

// ---- Copies -------------------------------------------------------------------------------------

const said = document.getElementById('said') // read out, since a button's name stays

export function buttonOf(label, name) {
  const button = document.createElement('button')
  button.type = 'button'
  button.textContent = label
  button.setAttribute('aria-label', `${label}: ${name}`)
  return button
}

// Copies the code that `find` finds then.
export function copyButton(name, find) {
  const button = buttonOf('Copy', name)
  button.className = 'copy'
  button.onclick = async () => {
    button.textContent = said.textContent = await copy(find())
    setTimeout(() => { button.textContent = 'Copy'; said.textContent = '' }, 2000)
  }
  return button
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
