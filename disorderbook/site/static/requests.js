// Asks the exchange, with the key that this tab has been given, if any.

'use strict'

const PATIENCE = 5000 // milliseconds that an answer may take
const PATIENCE_TO_CHANGE = 60_000 // what is given up may still be done, as a cancel of many orders
// Its name in the tab's storage, which ends with the tab. The admin's key is no trader's.
const IS_ADMINS = /^\/(admin|control|scores)\b/.test(location.pathname)
const KEY = IS_ADMINS ? 'admin-key' : 'key'

// What the exchange has refused. `detail` says which field, which value, and what is allowed, if
// that was told; `field` is the name of that field; `path` is what was asked for.
export class Refused extends Error {
  constructor(path, status, sentence, detail) {
    super(sentence)
    this.path = path
    this.status = status
    this.detail = detail
    this.field = detail?.split(' ', 1)[0]
  }

  // The sentence and the detail, with these words before that.
  words(before = '') {
    return this.detail ? `${this.message.replace(/[.!]$/, '')}: ${before}${this.detail}` : this.message
  }
}

// Without the key, it is asked what anybody may know.
export function ask(path, parameters = {}, withKey = true) {
  const query = new URLSearchParams(parameters)
  return send('GET', query.size ? `${path}?${query}` : path, undefined, withKey)
}

// Ask for a change, or for anything else; `content` goes along as JSON.
export async function send(method, path, content, withKey = true) {
  const answer = await fetch(path, {
    method, headers: withKey ? headers() : {}, cache: 'no-store',
    signal: AbortSignal.timeout(method === 'GET' ? PATIENCE : PATIENCE_TO_CHANGE), body: content && JSON.stringify(content),
  })
  const told = await answer.json()
  if (told.ok) return told
  const detail = answer.headers.get('X-Error-Detail')
  throw new Refused(path, answer.status, told.error, detail ? JSON.parse(detail) : undefined)
}

// Whether a venue has been closed, or never was.
export const isClosed = fault =>
  fault instanceof Refused && fault.status === 404 && fault.path.includes('/venues/')

// Whether it was no answer: whoever fails to connect throws a TypeError.
export const isSilence = fault => ['TypeError', 'TimeoutError', 'SyntaxError'].includes(fault.name)

export const givenKey = () => sessionStorage.getItem(KEY) ?? ''
export const giveKey = key => sessionStorage.setItem(KEY, key)

const headers = () => keyHeaders(givenKey())

// A header takes bytes only, so the key goes as those of UTF-8.
export function keyHeaders(key) {
  const bytes = new TextEncoder().encode(key)
  return bytes.length ? { 'X-Starfighter-Authorization': String.fromCharCode(...bytes) } : {}
}

// encodeURIComponent leaves a few characters alone that mean something to a shell.
export function inPath(name) {
  return encodeURIComponent(name)
    .replace(/[!'()*]/g, letter => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`)
}
