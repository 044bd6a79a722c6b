// The experiments: each block of lines can be copied, and is for this exchange and this reader.

'use strict'

import { attendLines, copyButton } from './lines.js'
import { attendNotices } from './notices.js'

const codes = document.querySelectorAll('code.language-python')
attendLines(codes)
for (const [number, code] of codes.entries()) {
  const call = document.createElement('div'), bar = document.createElement('div')
  call.className = 'call'
  bar.className = 'bar'
  bar.append(copyButton(`lines ${number + 1}`, () => code))
  code.parentElement.replaceWith(call)
  call.append(bar, code.parentElement)
}
attendNotices()
