// The search: what has all the words stays, unfolded, and the rest is hidden until it is cleared.

'use strict'

const field = document.getElementById('search')
const found = document.getElementById('found')
const main = document.getElementById('content')
const isMarking = 'highlights' in CSS
const MOST_MARKED = 2000 // words

export function attendSearch(reveal) {
  const parts = partsOf(main)
  let before // which were unfolded before the search
  const search = () => {
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean)
    if (words.length && !before) before = new Set(parts.filter(part => part.details?.open))
    for (const part of parts) show(part, words, before)
    for (const section of main.children) {
      section.hidden = !parts.some(part => part.inside === section && !part.element.hidden)
    }
    markContents()
    const matches = words.length ? parts.filter(part => !part.element.hidden) : []
    if (isMarking) highlight(matches, words)
    found.textContent = words.length ? countOf(matches.length) : ''
    if (!words.length) before = undefined
    return matches
  }
  const clear = () => { field.value = ''; search() }
  field.addEventListener('input', search)
  field.addEventListener('keydown', event => {
    if (event.key === 'Escape') { event.preventDefault(); clear() }
    if (event.key === 'Enter') search()[0]?.element.scrollIntoView()
  })
  addEventListener('keydown', event => {
    if (event.key === 'Escape' && field.value) clear()
    if (event.key !== '/' || event.ctrlKey || event.metaKey || event.altKey) return
    if (event.target.closest?.('input, textarea, select')) return
    event.preventDefault()
    field.focus()
    field.select()
  })
  main.addEventListener('reveal', event => {
    if (event.target.closest('[hidden]')) clear()
  })
  if (field.value) search() // a browser gives it back when the page is loaded again
}

// What is found or not: an article, or a section that has none, with its words.
function partsOf(around) {
  return [...around.children].flatMap(inside => {
    const articles = [...inside.querySelectorAll('article, .pages > li')]
    return (articles.length ? articles : [inside]).map(element => ({
      inside, element, details: element.querySelector(':scope > details'), text: undefined,
    }))
  })
}

function show(part, words, before) {
  part.text ??= textOf(part.element)
  const isFound = words.every(word => part.text.includes(word))
  part.element.hidden = !isFound
  if (!part.details || !before) return
  part.details.open = words.length ? isFound : before.has(part)
}

function textOf(element) {
  const copy = element.cloneNode(true)
  for (const left of copy.querySelectorAll('.bar, .send, .python, .anchor')) left.remove()
  return copy.textContent.toLowerCase()
}

const countOf = count => count ? `${count} found` : 'Nothing found'

// The contents list what can be seen.
function markContents() {
  for (const link of document.querySelectorAll('.contents a')) {
    const target = document.getElementById(link.hash.slice(1))
    link.parentElement.hidden = !target || Boolean(target.closest('[hidden]'))
  }
}

function highlight(matches, words) {
  const ranges = []
  for (const { element } of matches) {
    const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT)
    while (walker.nextNode() && ranges.length < MOST_MARKED) {
      const text = walker.currentNode.data.toLowerCase()
      for (const word of words) {
        for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + word.length)) {
          if (at + word.length > walker.currentNode.data.length) break // some letters change length
          const range = new Range()
          range.setStart(walker.currentNode, at)
          range.setEnd(walker.currentNode, at + word.length)
          ranges.push(range)
        }
      }
    }
  }
  CSS.highlights.set('found', new Highlight(...ranges))
}

