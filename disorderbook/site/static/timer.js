// A worker of the pages: says when a time has passed.

'use strict'

onmessage = ({ data: { number, milliseconds } }) => {
  setTimeout(() => postMessage(number), milliseconds)
}
