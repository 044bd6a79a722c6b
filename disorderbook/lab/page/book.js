// The book as it was after any number of its events. Nothing is matched again: the data say which
// orders traded, and this adds up.

const MOST_SNAPSHOTS = 500 // of a book, from which to go on
const LEAST_BETWEEN = 50 // events
const MOST_STORED = 2e6 // resting orders in all snapshots together: some 30 MB

class Replay {
  // `data` are the columns of lab/events.py; `account` is the program's.
  constructor(data, account, kinds) {
    this.own = data.accounts.indexOf(account)
    this.accounts = data.accounts
    this.total = data.count
    this.times = summed(data.pauses)
    this.orders = []
    this.events = data.kinds.map((kind, number) => this.event(data, kinds, kind, number))
    const numbers = summed(data.trade_events)
    numbers.forEach((number, trade) => {
      const order = this.orders[data.trade_orders[trade]]
      this.events[number].trades.push({ order, quantity: data.trade_quantities[trade] })
    })
    this.between = Math.max(LEAST_BETWEEN, Math.ceil(this.events.length / MOST_SNAPSHOTS))
    this.snapshots = [] // at every so many events, as far as anybody went
    this.stored = 0 // resting orders in them
    const nothing = { count: 0, last: null, cash: 0, shares: 0, fills: 0 }
    this.restore({ resting: [], remaining: [], ...nothing })
    this.keep()
  }

  event(data, kinds, kind, number) {
    if (kind === kinds.length) {
      const order = this.orders[this.orders.length - data.prices[number]]
      return { order, isCancel: true, trades: [] }
    }
    const place = this.orders.length
    const order = {
      place, id: data.ids[place] + (place ? this.orders[place - 1].id : 0),
      owner: data.owners[number], side: kinds[kind][0], type: kinds[kind][1],
      price: data.prices[number], quantity: data.quantities[number], placed: this.times[number],
      remaining: 0,
    }
    this.orders.push(order)
    return { order, isCancel: false, trades: [] }
  }

  // `count` is the events that have happened, `resting` the open orders in the order in which they
  // came, `remaining` their shares, `last` the last price and `cash` the program's, in cents.
  snapshot() {
    const { count, last, cash, shares, fills } = this
    const resting = [...this.resting]
    const remaining = resting.map(order => order.remaining)
    return { count, resting, remaining, last, cash, shares, fills }
  }

  restore({ resting, remaining, ...others }) {
    Object.assign(this, others)
    this.resting = new Set(resting)
    resting.forEach((order, place) => { order.remaining = remaining[place] })
  }

  // Stores how things are now; where too much is stored, every second snapshot goes.
  keep() {
    this.snapshots.push(this.snapshot())
    this.stored += this.resting.size
    while (this.stored > MOST_STORED && this.snapshots.length > 1) {
      this.snapshots = this.snapshots.filter((_, number) => number % 2 === 0)
      this.between *= 2
      this.stored = this.snapshots.reduce((sum, { resting }) => sum + resting.length, 0)
    }
  }

  // How things were when so many events had happened.
  go(count) {
    const known = this.snapshots.at(Math.min(
      Math.floor(count / this.between), this.snapshots.length - 1))
    if (count < this.count || known.count > this.count) this.restore(known)
    while (this.count < count) this.step()
    return this
  }

  step() {
    const event = this.events[this.count++]
    if (event.isCancel) this.resting.delete(event.order)
    else this.place(event)
    if (this.count === this.snapshots.length * this.between) this.keep()
  }

  place({ order, trades }) {
    order.remaining = order.quantity
    for (const trade of trades) this.trade(order, trade)
    if (order.remaining && order.type === 'limit') this.resting.add(order)
  }

  trade(incoming, { order, quantity }) {
    incoming.remaining -= quantity
    order.remaining -= quantity
    if (!order.remaining) this.resting.delete(order)
    this.last = order.price
    for (const half of [order, incoming]) {
      if (half.owner !== this.own) continue
      const bought = half.side === 'buy' ? quantity : -quantity
      this.shares += bought
      this.cash -= bought * order.price
      this.fills += 1
    }
  }

  get nav() {
    return this.cash + this.shares * (this.last ?? 0)
  }

  // Price levels of a side, the best first: what rests there, and how much of it is the program's.
  levels(side) {
    const levels = new Map()
    for (const order of this.resting) {
      if (order.side !== side) continue
      const level = levels.get(order.price) ?? { price: order.price, size: 0, own: 0 }
      level.size += order.remaining
      if (order.owner === this.own) level.own += order.remaining
      levels.set(order.price, level)
    }
    const sign = side === 'buy' ? -1 : 1
    return [...levels.values()].sort((one, other) => sign * (one.price - other.price))
  }

  // The program's open orders, oldest first, each with the shares before it at its price.
  ownOrders() {
    const ahead = new Map()
    const own = []
    for (const order of this.resting) {
      const queue = order.side + order.price
      const before = ahead.get(queue) ?? 0
      if (order.owner === this.own) own.push({ order, ahead: before })
      ahead.set(queue, before + order.remaining)
    }
    return own
  }
}

// How price, position and NAV went, and the program's orders and fills; the replay is at its end then.
function seriesOf(replay) {
  const series = { times: [0], prices: [null], navs: [0], shares: [0], orders: [], fills: [] }
  const own = new Map()
  replay.go(0)
  replay.events.forEach((event, number) => {
    const time = replay.times[number]
    replay.step()
    noteOwn(series, own, replay, event, time)
    if (!event.trades.length) return
    series.times.push(time)
    series.prices.push(replay.last)
    series.navs.push(replay.nav)
    series.shares.push(replay.shares)
  })
  return series
}

function noteOwn(series, own, replay, event, time) {
  const touched = [event.order, ...event.trades.map(trade => trade.order)]
  for (const order of touched.filter(each => each.owner === replay.own)) {
    if (!own.has(order)) {
      own.set(order, { order, from: time, to: Infinity })
      series.orders.push(own.get(order))
    }
    if (!replay.resting.has(order)) own.get(order).to = time
  }
  for (const { order, quantity } of event.trades) {
    for (const half of [order, event.order]) {
      if (half.owner !== replay.own) continue
      series.fills.push({ time, price: order.price, quantity, side: half.side })
    }
  }
}
