'use strict'
// A proxy in front of the exchange has neither /admin where nothing is encrypted nor /control at all,
// so a page that came through one does not lead there. Before anything is drawn, or it would flicker.

{
  const isHere = /^(localhost|.+\.localhost|127(\.\d+){3}|\[::1\])$/.test(location.hostname)
  document.documentElement.classList.toggle('is-remote', !isHere)
  document.documentElement.classList.toggle('is-plain', !isSecureContext) // https, or this machine
}
