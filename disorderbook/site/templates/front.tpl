% rebase('frame.tpl', script='page', place='/', title='disorderBook', description='The market of a stock exchange for trading bots, as it moves.')
<main>
  <section class="quote" aria-label="Quote">
    <p class="last" id="last" data-direction="none">
      <span class="arrow" id="arrow"></span><span class="figure" id="last-price">–</span>
      <span class="detail"><span id="change"></span><span id="last-detail"></span></span>
    </p>
    <dl class="facts">
      <div class="fact buy">
        <dt>Bid</dt><dd><span id="bid">–</span> <small id="bid-size"></small></dd>
      </div>
      <div class="fact sell">
        <dt>Ask</dt><dd><span id="ask">–</span> <small id="ask-size"></small></dd>
      </div>
      <div class="fact"><dt>Spread</dt><dd id="spread">–</dd></div>
      <div class="fact"><dt id="volume-label">Volume</dt><dd id="volume">–</dd></div>
    </dl>
  </section>

  <section class="panel start" id="start" aria-labelledby="start-title" hidden>
    <h2 id="start-title">Nothing has traded here yet</h2>
    <p id="start-text">Place an order, then one that meets it. Prices are cents a share.</p>
    <div class="command">
      <pre id="command-buy"></pre>
      <button type="button" data-copy="command-buy">Copy<span
        class="unseen"> the order to buy</span></button>
    </div>
    <div class="command">
      <pre id="command-sell"></pre>
      <button type="button" data-copy="command-sell">Copy<span
        class="unseen"> the order to sell</span></button>
    </div>
    <p>Or let bots trade, in the folder that the exchange was started from:</p>
    <div class="command">
      <pre id="command-bot"></pre>
      <button type="button" data-copy="command-bot">Copy<span
        class="unseen"> the command that starts bots</span></button>
    </div>
  </section>

  <section class="panel chart" aria-labelledby="chart-title">
    <header>
      <h2 id="chart-title">Price</h2>
      <p id="readout"></p>
      <div class="spans" role="group" aria-label="Span of time">
        <button type="button" data-span="5m" aria-pressed="true">5 min</button>
        <button type="button" data-span="30m" aria-pressed="false">30 min</button>
        <button type="button" data-span="all" aria-pressed="false">Everything</button>
      </div>
    </header>
    <div class="canvas">
      <canvas id="chart" role="img" aria-label="Price over time: no trades"></canvas>
    </div>
  </section>

  <section class="panel ladder" aria-labelledby="ladder-title">
    <header><h2 id="ladder-title">Order book</h2></header>
    <div class="scroll" tabindex="0" role="group" aria-labelledby="ladder-title">
      <table>
        <thead><tr>
          <th scope="col">Shares</th>
          <th scope="col">Bid</th>
          <th scope="col">Ask</th>
          <th scope="col">Shares</th>
        </tr></thead>
        <tbody id="ladder"></tbody>
      </table>
    </div>
  </section>

  <section class="panel trades" aria-labelledby="trades-title">
    <header><h2 id="trades-title">Trades</h2></header>
    <div class="scroll" tabindex="0" role="group" aria-labelledby="trades-title">
      <table>
        <thead><tr>
          <th scope="col">Time</th>
          <th scope="col">Taker</th>
          <th scope="col">Price</th>
          <th scope="col">Shares</th>
        </tr></thead>
        <tbody id="trades"></tbody>
      </table>
    </div>
  </section>

  <section class="panel scores" aria-labelledby="scores-title">
    <header><h2 id="scores-title">Scores</h2><p id="scores-note"></p></header>
    <div class="scroll" tabindex="0" role="group" aria-labelledby="scores-title">
      <table>
        <thead><tr>
          <th scope="col">Account</th>
          <th scope="col">
            <span class="long">Net asset value</span><span class="short">NAV</span>
          </th>
          <th scope="col">
            <span class="long">While you watch</span><span class="short">Over time</span>
          </th>
          <th scope="col" class="holdings">Shares</th>
          <th scope="col" class="wide">Least – most</th>
        </tr></thead>
        <tbody id="scores"></tbody>
      </table>
    </div>
  </section>
</main>
