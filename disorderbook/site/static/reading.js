// Where the reader is: parts unfold when a link leads into them, and the contents mark the place.

'use strict'

const AT_TOP = 120 // pixels below the top of the window, where what is read begins

const contents = document.querySelector('.contents')
const links = new Map([...contents.querySelectorAll('a')].map(link => [link.hash.slice(1), link]))

// Unfolds what the fragment of the URL names, and whatever stands around it; the returned function
// does so for any element.
export function attendReading() {
  const arrive = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)))
    if (target) reveal(target)
    mark()
  }
  addEventListener('hashchange', arrive)
  document.addEventListener('click', event => {
    const link = event.target.closest?.('a[href^="#"]')
    if (link && link.hash === location.hash) arrive() // which changes no URL
  })
  let isAsked = false
  addEventListener('scroll', () => {
    if (!isAsked) requestAnimationFrame(() => { isAsked = false; mark() })
    isAsked = true
  }, { passive: true })
  arrive()
  return reveal
}

function reveal(target) {
  target.dispatchEvent(new Event('reveal', { bubbles: true })) // a search may hide it
  for (let part = target; part; part = part.parentElement) {
    if (part.tagName === 'DETAILS') part.open = true
  }
  const own = target.querySelector(':scope > details')
  if (own) own.open = true
  target.scrollIntoView()
}

// The last part in the contents that begins above the place where one reads.
function mark() {
  let current
  for (const [id, link] of links) {
    const place = document.getElementById(id)?.getBoundingClientRect()
    if (place?.height && place.top <= AT_TOP) current = link
  }
  for (const link of links.values()) {
    if (link === current) link.setAttribute('aria-current', 'true')
    else link.removeAttribute('aria-current')
  }
  if (current) keepInSight(current)
}

// Scrolls the contents, and never the page.
function keepInSight(link) {
  const around = contents.getBoundingClientRect(), place = link.getBoundingClientRect()
  if (place.top < around.top + 160) contents.scrollTop -= around.top + 160 - place.top
  if (place.bottom > around.bottom - 40) contents.scrollTop += place.bottom - around.bottom + 40
}
