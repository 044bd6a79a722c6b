// The moment: the book as it was, the program's open orders, and what it was told and printed then.

const MOST_LEVELS = 200 // price levels of a side that are shown, the best ones
const MOST_LINES = 400 // printed lines, and refusals, that are shown: the newest ones

// ---- Moving -------------------------------------------------------------------------------------

// Where the reader stands: `time` in nanoseconds since the start, after `count` events.
const moment = { time: 0, count: 0 }

function momentAtEvent(replay, count) {
  const kept = Math.min(Math.max(count, 0), replay.events.length)
  return { count: kept, time: kept ? replay.times[kept - 1] : 0 }
}

function momentAtTime(replay, time, length) {
  const kept = Math.min(Math.max(time, 0), length)
  return { time: kept, count: countUpTo(replay.times, kept) }
}

// The next event that the program has a part in, before or after this one.
function ownEvent(replay, count, direction) {
  for (let at = count + direction; at >= 1 && at <= replay.events.length; at += direction) {
    const { order, trades } = replay.events[at - 1]
    const touched = [order, ...trades.map(trade => trade.order)]
    if (touched.some(each => each.owner === replay.own)) return at
  }
  return count
}

// ---- Showing ------------------------------------------------------------------------------------

function showMoment(run, details, replay) {
  replay.go(moment.count)
  const slider = $('slider')
  slider.value = moment.count
  const when = whenOf(run, replay)
  put($('when'), when)
  put($('clock'), clockOf(run))
  put($('happened'), eventText(replay))
  slider.setAttribute('aria-valuetext', `${when}. ${eventText(replay)}`)
  showFacts(replay)
  showLadder(replay)
  showOwnOrders(replay)
  showPrinted(details.printed)
  showRefusals(details.refusals)
}

function whenOf(run, replay) {
  const day = Math.floor(moment.time / run.day)
  const into = (moment.time - day * run.day) / SECOND
  return `Day ${whole(day)}, ${into.toFixed(3)} s · ` +
    `event ${whole(moment.count)} of ${whole(replay.events.length)}`
}

// The exchange's clock; browsers know milliseconds only.
function clockOf(run) {
  const clock = new Date(Date.parse(`${run.start.slice(0, 23)}Z`) + moment.time / 1e6)
  return clock.toISOString().replace('T', ' ').replace('Z', ' UTC')
}

function eventText(replay) {
  if (!moment.count) return 'Nothing has happened yet.'
  const { order, isCancel, trades } = replay.events[moment.count - 1]
  const who = replay.accounts[order.owner] + (order.owner === replay.own ? ' (yours)' : '')
  const price = order.price ? ` at ${dollars(order.price)}` : ''
  if (isCancel) {
    return `${who} cancels order ${order.id}: ${order.side} ${whole(order.quantity)}${price}.`
  }
  const placed = `${who}, ${order.type} order ${order.id}: ` +
    `${order.side} ${whole(order.quantity)}${price}`
  return placed + outcomeOf(order, trades)
}

function outcomeOf(order, trades) {
  const traded = trades.reduce((sum, trade) => sum + trade.quantity, 0)
  const rests = order.type === 'limit'
  if (!traded) return rests ? '; it rests.' : '; it trades nothing.'
  const [low, high] = extremes(trades.map(trade => trade.order.price))
  const prices = low === high ? dollars(low) : `${dollars(low)} to ${dollars(high)}`
  const rest = order.quantity - traded
  const left = rest ? `, ${whole(rest)} ${rests ? 'rest' : 'are dropped'}` : ''
  return `; ${whole(traded)} traded at ${prices}${left}.`
}

function showFacts(replay) {
  put($('fact-last'), replay.last === null ? '–' : dollars(replay.last))
  put($('fact-shares'), whole(replay.shares))
  put($('fact-cash'), money(replay.cash))
  put($('fact-nav'), money(replay.nav))
  put($('fact-fills'), whole(replay.fills))
}

function showLadder(replay) {
  const [bids, asks] = ['buy', 'sell'].map(side => replay.levels(side))
  const shown = Math.min(Math.max(bids.length, asks.length), MOST_LEVELS)
  const most = Math.max(1, ...[bids, asks].flatMap(side => side.slice(0, 12)).map(one => one.size))
  const body = $('ladder')
  while (body.rows.length < shown) body.append(ladderRow())
  while (body.rows.length > shown) body.lastElementChild.remove()
  for (let place = 0; place < shown; place++) {
    const { cells } = body.rows[place]
    fillLevel(cells[1], cells[0], bids[place], most)
    fillLevel(cells[2], cells[3], asks[place], most)
  }
  const more = Math.max(bids.length, asks.length) - shown
  put($('ladder-note'), ladderNote(bids, asks, more))
}

function ladderNote(bids, asks, more) {
  if (!bids.length && !asks.length) return 'The book is empty.'
  return more ? `${plural(more, 'price')} more are not shown.` : ''
}

function ladderRow() {
  const row = make('tr')
  for (const name of ['depth', 'price buy', 'price sell', 'depth']) row.append(make('td', name))
  return row
}

function fillLevel(price, size, level, most) {
  put(price, level ? dollars(level.price) : '')
  put(size, level ? whole(level.size) : '')
  price.classList.toggle('own', Boolean(level?.own))
  price.title = level?.own ? `${whole(level.own)} of these shares are the program's` : ''
  size.style.setProperty('--fill', level ? Math.min(1, level.size / most) : 0)
}

function showOwnOrders(replay) {
  const own = replay.ownOrders().toReversed()
  const rows = own.slice(0, MOST_LINES).map(({ order, ahead }) => {
    const row = make('tr')
    row.append(
      make('td', '', String(order.id)), make('td', order.side, order.side),
      make('td', 'strong', dollars(order.price)),
      make('td', '', `${whole(order.remaining)} of ${whole(order.quantity)}`),
      make('td', '', whole(ahead)))
    return row
  })
  put($('own-count'), own.length ? plural(own.length, 'order') : '')
  $('own').replaceChildren(...(rows.length ? rows : [noRow(5, 'No open orders then.')]))
}

function noRow(columns, sentence) {
  const row = make('tr', 'empty')
  const cell = make('td', '', sentence)
  cell.colSpan = columns
  row.append(cell)
  return row
}

// What was printed since the event before stands out.
function showPrinted(printed) {
  const until = printed.findIndex(([time]) => time > moment.time)
  const lines = until < 0 ? printed : printed.slice(0, until)
  put($('printed-count'), printed.length ? `${whole(lines.length)} of ${plural(printed.length, 'line')}` : '')
  const shown = lines.slice(-MOST_LINES).map(([time, stream, text]) => {
    const line = make('div', stream === 'stderr' ? 'line stderr' : 'line')
    line.append(make('span', 'time', `${(time / SECOND).toFixed(2)} `), make('bdi', '', text))
    return line
  })
  const none = printed.length ? 'Nothing was printed until then.' : 'The program printed nothing.'
  $('printed').replaceChildren(...(shown.length ? shown : [make('p', 'nothing', none)]))
  $('printed').parentElement.scrollTop = $('printed').parentElement.scrollHeight
}

function showRefusals(refusals) {
  const until = refusals.findIndex(([time]) => time > moment.time)
  const past = until < 0 ? refusals : refusals.slice(0, until)
  put($('refusals-count'),
    refusals.length ? `${whole(past.length)} of ${whole(refusals.length)}` : '')
  const rows = past.slice(-MOST_LINES).toReversed().map(refusalRow)
  const none = refusals.length ? 'None until then.' : 'No request was refused.'
  $('refusals').replaceChildren(...(rows.length ? rows : [noRow(3, none)]))
}

function refusalRow([time, status, request, sentence, detail]) {
  const row = make('tr')
  const words = make('td', 'words')
  words.append(make('bdi', 'request', request), make('bdi', '', sentence))
  if (detail) words.append(make('bdi', 'detail', detail))
  row.append(make('td', '', (time / SECOND).toFixed(2)), make('td', 'strong', String(status)), words)
  return row
}
