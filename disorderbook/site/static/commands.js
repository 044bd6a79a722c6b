// Lines to copy into a shell, and the buttons that copy them. (shell.js has lineFor and isWindows.)

'use strict'

import { $ } from './dom.js'
import { givenKey } from './requests.js'

const KEY_HEADER = 'X-Starfighter-Authorization'

// As a shell reads it: a name may hold anything.
export function quoted(text) {
  return /^[\w:/.%-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
}

export function inOwnShell(line) {
  return lineFor(line, isWindows ? 'powershell' : 'posix')
}

// A line that asks for a path of this exchange, or posts `body` there.
export function curlLine(path, { key = '', body, origin = location.origin, turned = inOwnShell } = {}) {
  const header = key ? `-H ${quoted(`${KEY_HEADER}: ${key}`)} ` : ''
  const content = body ? `-d ${quoted(JSON.stringify(body))} ` : ''
  const before = header + content
  // A page breaks a line between an indent and a URL that is too wide, and not within the URL.
  return turned(`curl ${before}${before && '\\\n'}${quoted(origin + path)}`)
}

// The key that a line has: the one that was given to this tab, or a word that stands for it.
export const keyInLines = needsKeys => givenKey() || (needsKeys ? 'YOUR_KEY' : '')

async function copy(button) {
  const source = $(button.dataset.copy)
  try {
    await navigator.clipboard.writeText(source.textContent)
  } catch {
    getSelection().selectAllChildren(source) // a page that is not trusted with the clipboard
    document.execCommand('copy')
  }
  const label = button.firstChild
  label.data = 'Copied'
  setTimeout(() => { label.data = 'Copy' }, 1500)
}

export function attendCopies() {
  for (const button of document.querySelectorAll('[data-copy]')) button.onclick = () => copy(button)
}
