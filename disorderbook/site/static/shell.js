'use strict'
// Our lines are written for a POSIX shell. On Windows, where none need be there, they are rewritten
// for its own: the same words, quoted as PowerShell or the Command Prompt reads them.

const isWindows = /^win/i.test(navigator.userAgentData?.platform ?? navigator.platform)

// Line, name of the shell ('posix', 'powershell' or 'cmd') -> line
function lineFor(line, shell) {
  if (shell === 'posix') return line
  const [program, ...rest] = wordsOf(line)
  // PowerShell has a command of its own that is called curl, in some versions.
  if (program !== 'curl') return [program, ...rest].map(quoters[shell]).join(' ')
  const at = rest.indexOf('-d')
  if (at >= 0) rest[at + 1] = withoutSpecials(rest[at + 1])
  if (shell === 'powershell' && at >= 0) {
    // What it does to quotation marks within a word depends on its version, so none is in one.
    const [body] = rest.splice(at + 1, 1, '@-')
    return [`'${body}' | curl.exe`, ...rest.map(quoters.powershell)].join(' ')
  }
  return ['curl.exe', ...rest.map(quoters[shell])].join(' ')
}

// The words of a line that we have written: plain, or within ' with each ' in them as '\''
function wordsOf(line) {
  const joined = line.replaceAll('\\\n', ' ')
  return joined.match(/(?:'[^']*'|\\'|[^\s'\\])+/g).map(
    (word) => word.replace(/'([^']*)'|\\(')/g, (_, inside, escaped) => inside ?? escaped),
  )
}

// JSON that means the same, of which no shell takes anything but quotation marks for its own
function withoutSpecials(json) {
  const code = (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`
  return json
    .replace(/\\(["\\])/g, (_, letter) => code(letter))
    .replace(/[^ -~]|[&|<>^%!'`$]/g, code)
}

const quoters = {
  // It takes every one of these for the end of a text.
  powershell: (word) => (
    /^[\w:/.=\\-]+$/.test(word) ? word : `'${word.replace(/['\u2018-\u201b]/g, '$&$&')}'`
  ),
  // What reads the words is the program itself, by the rules of Microsoft's C library.
  cmd: (word) => (
    /^[\w:/.=@\\-]+$/.test(word)
      ? word : `"${word.replace(/(\\*)"/g, '$1$1\\"').replace(/(\\+)$/, '$1$1')}"`
  ),
}
