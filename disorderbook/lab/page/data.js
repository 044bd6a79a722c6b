// The data of the page, and words for figures. All scripts of this folder are one script in the page,
// in the order of lab/report.py: what one of them declares, the later ones have.

const $ = id => document.getElementById(id)
const SECOND = 1e9 // in nanoseconds, the unit of every time in the data

const HUNDREDTHS = new Intl.NumberFormat('en-US', {
  minimumFractionDigits: 2, maximumFractionDigits: 2,
})
const WHOLE = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 })
const PART = new Intl.NumberFormat('en-US', { maximumFractionDigits: 2 })

const minus = text => text.replace('-', '−')
const whole = number => minus(WHOLE.format(number))
const dollars = cents => minus(HUNDREDTHS.format(cents / 100))
const money = cents => `${cents < 0 ? '−' : ''}$${HUNDREDTHS.format(Math.abs(cents) / 100)}`
const plural = (count, one, many = `${one}s`) => `${whole(count)} ${count === 1 ? one : many}`

// A number of a run in the unit that its definition names.
function figure(number, definition) {
  if (number === null) return '–'
  if (definition.unit === 'dollars') return money(Math.round(number * 100))
  return minus((Number.isInteger(number) ? WHOLE : HUNDREDTHS).format(number))
}

// What stands in one of the file's blocks: JSON, deflated, in base64.
async function unpacked(block) {
  const bytes = Uint8Array.from(atob(block.textContent), sign => sign.charCodeAt(0))
  const plain = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate'))
  return new Response(plain).json()
}

// Each number plus all before it.
function summed(numbers) {
  let sum = 0
  return numbers.map(number => (sum += number))
}

// How many of the ascending numbers are at most this one.
function countUpTo(numbers, most) {
  let [low, high] = [0, numbers.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (numbers[middle] <= most) low = middle + 1
    else high = middle
  }
  return low
}

function quantile(ascending, part) {
  const place = (ascending.length - 1) * part
  const [low, rest] = [Math.floor(place), place % 1]
  return ascending[low] + (rest && (ascending[low + 1] - ascending[low]) * rest)
}

// Nothing that comes from a program or from the market ever becomes anything but text.
function put(node, text) {
  if (node.textContent !== text) node.textContent = text
}

function make(tag, name = '', text = '') {
  const node = document.createElement(tag)
  if (name) node.className = name
  if (text) node.textContent = text
  return node
}
