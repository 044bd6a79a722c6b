// The documentation at work: its lines in either language, what is sent from the page, the search,
// and the place in the contents. Without it the text is all there.

'use strict'

import { attendLines, buttonOf, copyButton } from './lines.js'
import { attendNotices } from './notices.js'
import { attendReading } from './reading.js'
import { attendSearch } from './search.js'
import { attendForms } from './sender.js'

const given = attendLines(document.querySelectorAll('.call code, dt code'))

// ---- curl or Python, and copies -----------------------------------------------------------------

for (const call of document.querySelectorAll('.call')) call.prepend(barOf(call))
speak('curl')

function barOf(call) {
  const bar = document.createElement('div')
  bar.className = 'bar'
  for (const label of ['curl', 'Python']) {
    const language = label.toLowerCase()
    const button = buttonOf(label, call.dataset.name)
    button.dataset.language = language
    button.onclick = () => { speak(language); button.scrollIntoView({ block: 'nearest' }) }
    bar.append(button)
  }
  bar.append(copyButton(
    call.dataset.name, () => call.querySelector(`.${document.body.dataset.language} code`),
  ))
  return bar
}

// All lines of the page are in one language, so that it is chosen once.
function speak(language) {
  document.body.dataset.language = language
  for (const button of document.querySelectorAll('.bar [data-language]')) {
    button.setAttribute('aria-pressed', String(button.dataset.language === language))
  }
}

const narrow = matchMedia('(max-width: 63.99rem)')
document.querySelector('.contents details').open = !narrow.matches

attendNotices()
const reveal = attendReading()
attendSearch(reveal)
attendForms(given, document.getElementById('mine'))
