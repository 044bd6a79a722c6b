% rebase('frame.tpl', script='page', place='/', title='disorderBook', description='The market of a stock exchange for trading bots, as it moves.', styles=('rules',), has_chooser=True)
<main>
% include('quote.tpl')

  <section class="panel start" id="start" aria-labelledby="start-title" hidden>
    <h2 id="start-title">Nothing has traded here yet</h2>
% if is_stepped:
    <p>Time stands still here until a program's request moves it, and so do all bots of this
      exchange. This lets a minute pass:</p>
    <div class="command">
      <pre id="command-clock" data-key="{{'ADMIN_KEY' if has_admin_key else ''}}"></pre>
      <button type="button" data-copy="command-clock">Copy<span
        class="unseen"> the line that moves the clock</span></button>
    </div>
% end
    <p id="start-text">Place an order, then one that meets it. In orders prices are cents a share: 5000 is $50.00.</p>
    <p id="start-keys" hidden>Put your account in for YOUR_ACCOUNT and its key for YOUR_KEY.</p>
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

% include('chart.tpl', has_mine=True)

% include('ladder.tpl')

  <section class="panel trades" aria-labelledby="trades-title">
    <header><h2 id="trades-title">Trades</h2>
% include('sources.tpl', source='trades', what='trades')
    </header>
    <button type="button" id="trades-new" hidden></button>
    <div class="scroll" tabindex="0" role="group" aria-labelledby="trades-title">
      <table>
        <thead><tr>
          <th scope="col">Time, UTC</th>
          <th scope="col">Taker</th>
          <th scope="col">Price, $</th>
          <th scope="col">Shares</th>
        </tr></thead>
        <tbody id="trades"></tbody>
      </table>
    </div>
  </section>

  <section class="panel scores" aria-labelledby="scores-title">
    <header><h2 id="scores-title">Scores</h2><p class="unit">dollars</p><p id="scores-note"></p>
% include('sources.tpl', source='scores', what='scores')
    </header>
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

% include('rules.tpl')
% include('source.tpl')
