// The tables: what all runs came to, and each run in a row of its own, sorted as the reader likes.

const SORTED = { up: 'ascending', down: 'descending' }

// One row for each number: its definition, and its value, or how the runs' values are spread.
function showSummary(overview) {
  const { runs, definitions } = overview
  const parts = runs.length === 1
    ? [['Value', 0]]
    : [['Lowest', 0], ['Lower quartile', 0.25, 'wide'], ['Median', 0.5, 'strong'],
      ['Upper quartile', 0.75, 'wide'], ['Highest', 1]]
  const head = $('summary-head')
  head.append(make('th', '', 'Number'))
  head.append(...parts.map(([name, , kind]) => make('th', kind === 'wide' ? 'wide' : '', name)))
  head.append(make('th', 'meaning', 'What it is'))
  for (const cell of head.cells) cell.scope = 'col'
  for (const definition of definitions) $('summary').append(summaryRow(runs, definition, parts))
}

function summaryRow(runs, definition, parts) {
  const row = make('tr')
  const name = make('th', '', definition.title)
  name.scope = 'row'
  const values = runs.map(run => run.numbers[definition.name]).filter(each => each !== null)
  values.sort((one, other) => one - other)
  name.append(make('span', 'short', definition.sentence))
  row.append(name)
  for (const [, part, kind] of parts) {
    const value = values.length ? quantile(values, part) : null
    row.append(make('td', kind, figure(value, definition)))
  }
  row.append(make('td', 'meaning', definition.sentence))
  return row
}

// ---- The runs -----------------------------------------------------------------------------------

const sorting = { name: 'pnl', direction: 'up' }

function showRuns(overview, choose) {
  const head = $('runs-head')
  head.replaceChildren(headCell('seed', 'Seed', '', overview, choose))
  for (const { name, title, sentence } of overview.definitions) {
    head.append(headCell(name, title, sentence, overview, choose))
  }
  head.append(headCell('ending', 'Ended', 'Why the run ended.', overview, choose))
  sortRuns(overview, choose)
}

function headCell(name, title, sentence, overview, choose) {
  const cell = make('th')
  const button = make('button', '', title)
  cell.scope = 'col'
  cell.dataset.name = name
  button.title = sentence
  button.onclick = () => {
    sorting.direction = sorting.name === name && sorting.direction === 'up' ? 'down' : 'up'
    sorting.name = name
    sortRuns(overview, choose)
  }
  cell.append(button)
  return cell
}

function sortRuns(overview, choose) {
  const value = run => {
    if (sorting.name === 'seed') return run.seed
    return sorting.name === 'ending' ? endingOf(run) : run.numbers[sorting.name]
  }
  const sign = sorting.direction === 'up' ? 1 : -1
  const compare = (one, other) => {
    const [left, right] = [value(one), value(other)]
    if (left === null || right === null) return (left === null) - (right === null)
    return sign * (left < right ? -1 : left > right ? 1 : 0) || one.seed - other.seed
  }
  for (const cell of $('runs-head').cells) {
    const isIt = cell.dataset.name === sorting.name
    cell.setAttribute('aria-sort', isIt ? SORTED[sorting.direction] : 'none')
  }
  const focused = document.activeElement?.dataset?.seed
  $('runs').replaceChildren(...overview.runs.toSorted(compare).map(run => runRow(run, overview, choose)))
  if (focused) $('runs').querySelector(`[data-seed="${focused}"]`)?.focus()
}

function runRow(run, overview, choose) {
  const row = make('tr', run === overview.worst ? 'worst' : '')
  const name = make('th')
  const button = make('button', 'seed', String(run.seed))
  name.scope = 'row'
  button.dataset.seed = run.seed
  row.dataset.number = run.number
  row.onclick = () => choose(run) // of the button, too
  name.append(button)
  const rank = rankOf(run, overview)
  if (rank) name.append(make('span', 'badge', rank))
  row.append(name)
  for (const definition of overview.definitions) {
    const value = run.numbers[definition.name]
    row.append(make('td', '', figure(value, definition)))
  }
  row.append(make('td', 'ending', endingOf(run)))
  return row
}

function rankOf(run, { worst, median, best }) {
  if (run === worst) return 'worst'
  if (run === median) return 'median'
  return run === best ? 'best' : ''
}

const ENDINGS = {
  days: 'all days played', decided: 'decided', exited: 'program ended', failed: 'failed',
  hung: 'hung', flooded: 'flooded', interrupted: 'interrupted',
}

function endingOf({ ending, level }) {
  const reason = ENDINGS[ending.reason] ?? ending.reason
  const status = ending.status ? `, status ${ending.status}` : ''
  const outcome = level && level.state !== 'open' ? `level ${level.state}` : ''
  return outcome && ending.reason === 'decided' ? outcome : reason + status
}

function markChosen(run) {
  for (const row of $('runs').rows) {
    row.classList.toggle('chosen', row.dataset.number === String(run.number))
    row.querySelector('button').setAttribute(
      'aria-pressed', String(row.dataset.number === String(run.number)))
  }
}
