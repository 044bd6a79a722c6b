// Dark or light: as the system has it, unless the URL or the reader says otherwise.

'use strict'

const PARAMETER = 'theme'
const SYSTEM = matchMedia('(prefers-color-scheme: dark)')

// What the style sheets have for the dark: rules behind a question to the system.
const forTheDark = [...document.styleSheets].flatMap(sheet => [...sheet.cssRules])
  .filter(rule => rule instanceof CSSMediaRule && rule.media.mediaText === SYSTEM.media)

// The answer is given in the system's place.
function use(theme) {
  document.documentElement.style.colorScheme = theme
  for (const rule of forTheDark) rule.media.mediaText = theme === 'dark' ? 'all' : 'not all'
}

const chosen = () => new URLSearchParams(location.search).get(PARAMETER)

export function toggleTheme() {
  const isDark = chosen() ? chosen() === 'dark' : SYSTEM.matches
  const theme = isDark ? 'light' : 'dark'
  const parameters = new URLSearchParams(location.search)
  parameters.set(PARAMETER, theme)
  history.replaceState(null, '', `?${parameters}`)
  use(theme)
}

if (['dark', 'light'].includes(chosen())) use(chosen())
