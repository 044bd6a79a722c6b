// Whose trades and orders the front page marks as the reader's own: an account, with its key where the
// exchange wants keys.

'use strict'

import { $, put, refusalOf } from './dom.js'
import { isListed, lookSoon, server } from './market.js'
import { actAs, learnMarks, own } from './own.js'
import { Refused, giveKey, givenKey } from './requests.js'

const ACCOUNT = 'account' // its name in the tab's storage, which ends with the tab
const savedAccount = () => sessionStorage.getItem(ACCOUNT) ?? ''
let refused = null // the account, as `own` has it, that is not asked for any more

// Asks for what is to be marked. A refusal is said beside the field, and ends the asking.
export async function learnMine() {
  $('mine-key').hidden = !server.needsKeys
  if (!own.account || own === refused || !isListed()) return
  const asked = own
  try {
    await learnMarks()
  } catch (fault) {
    if (!(fault instanceof Refused)) throw fault
    if (fault.status === 404) return // the book is not open yet
    refused = asked
    put($('mine-said'), fault.status === 401 ? keyNeeded() : refusalOf(fault))
  }
}

const keyNeeded = () => givenKey() ? 'That is the key of another account.' : 'Its key is needed.'

// At another stock there is something else to be marked.
export function markMine() {
  actAs(savedAccount())
  put($('mine-said'), '')
}

export function attendMine() {
  $('mine-account').value = savedAccount()
  $('mine-key').value = givenKey()
  $('mine').onsubmit = event => {
    event.preventDefault()
    sessionStorage.setItem(ACCOUNT, $('mine-account').value.trim())
    if (!$('mine-key').hidden) giveKey($('mine-key').value.trim())
    markMine()
    lookSoon()
  }
  markMine()
}
