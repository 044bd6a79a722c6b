// How far an axis of values goes, so that a few wild ones do not flatten all others.

'use strict'

const TRIMMED = 0.1 // of the values, at either end, which do not say how far the others go
const FEW = 8 // values: of fewer only what is wildly elsewhere is outside
const LEAST = { few: 0.5, many: 0.01 } // how far the others go at least, as a share of the middle one
const BEYOND = 2 // times as far as the others go: what is further away is outside

// The lowest and the highest of the values that are not outside. `values` (at least one) say what is
// usual; `more` are seen as well where they are not far from it. Nothing is outside of `least`.
export function robustRange(values, more = [], least = 1) {
  const sorted = Float64Array.from(values).sort()
  const count = sorted.length
  const cut = count > 2 ? Math.max(1, Math.floor(count * TRIMMED)) : 0
  const [first, last] = [sorted[cut], sorted[count - 1 - cut]]
  const share = count < FEW ? LEAST.few : LEAST.many
  const usual = Math.max(last - first, Math.abs(sorted[count >> 1]) * share, least)
  const bounds = count > 2 ? [first - BEYOND * usual, last + BEYOND * usual] : [sorted[0], last]
  let [low, high] = [Infinity, -Infinity]
  for (const list of [sorted, more]) {
    for (const value of list) {
      if (value < bounds[0] || value > bounds[1]) continue
      if (value < low) low = value
      if (value > high) high = value
    }
  }
  return { low, high }
}
