% rebase('frame.tpl', script='admin', place='/admin', title='Admin – disorderBook', description='What whoever has the admin’s key can do while the market runs.', styles=('control', 'admin'), has_key=True)
<main>
  <section class="panel gone" id="gone" aria-labelledby="gone-title" hidden>
    <h2 id="gone-title"></h2>
    <p id="gone-text"></p>
  </section>

  <div class="said">
    <p id="said" class="refusal panel" role="alert" hidden></p>
    <p id="done" class="panel" role="status"></p>
  </div>

  <div class="controls market">
    <section class="panel" aria-labelledby="books-title">
      <header><h2 id="books-title">Stocks</h2><p id="books-note"></p></header>
      <p class="reason">
        <label for="reason">Reason for a halt</label>
        <input id="reason" name="reason" maxlength="200" placeholder="the exchange’s owner has halted it" autocomplete="off">
      </p>
      <div class="scroll" tabindex="0" role="group" aria-labelledby="books-title">
        <table>
          <thead class="unseen"><tr>
            <th scope="col">Venue or stock</th><th scope="col">What to do</th>
          </tr></thead>
          <tbody id="books"></tbody>
        </table>
      </div>
      <form id="open" autocomplete="off">
        <p class="field"><label for="open-venue">Venue</label>
          <input id="open-venue" name="venue" maxlength="255" required spellcheck="false" autocapitalize="none" autocorrect="off"></p>
        <p class="field"><label for="open-symbol">Stock</label>
          <input id="open-symbol" name="symbol" maxlength="255" required spellcheck="false" autocapitalize="none" autocorrect="off"></p>
        <label><input type="checkbox" id="open-halted" name="halted"> halted</label>
        <button>Open</button>
      </form>
    </section>
  </div>

  <div class="controls people">
    <section class="panel" aria-labelledby="accounts-title">
      <header><h2 id="accounts-title">Accounts</h2><p id="accounts-note"></p></header>
      <form id="add" autocomplete="off">
        <p class="field"><label for="filter" id="filter-name">Find or add</label>
          <input id="filter" name="account" maxlength="255" spellcheck="false" autocapitalize="none" autocorrect="off"></p>
        <button id="add-button">Add</button>
      </form>
      <p class="reason">
        <label for="where">Cancel orders</label>
        <select id="where"></select>
      </p>
      <div class="scroll" tabindex="0" role="group" aria-labelledby="accounts-title">
        <table>
          <thead class="unseen"><tr>
            <th scope="col">Account</th><th scope="col">What to do</th>
          </tr></thead>
          <tbody id="accounts"></tbody>
        </table>
      </div>
    </section>
  </div>

  <div class="controls everybody">
    <section class="panel" aria-labelledby="announce-title">
      <header><h2 id="announce-title">Announcement</h2></header>
      <form id="announce" autocomplete="off">
        <label class="unseen" for="text">Text of the announcement</label>
        <textarea id="text" name="text" rows="2" maxlength="200" required
          placeholder="All pages show it"></textarea>
        <p class="buttons"><button class="main">Announce</button>
          <button type="button" id="silence">Take away</button></p>
      </form>
    </section>

    <section class="panel" aria-labelledby="countdown-title">
      <header><h2 id="countdown-title">Countdown</h2></header>
      <form id="countdown" autocomplete="off">
        <p class="field short-field"><label for="minutes">Minutes</label>
          <input id="minutes" name="seconds" inputmode="decimal" value="5" required></p>
        <p class="field"><label for="caption">Words</label>
          <input id="caption" name="text" maxlength="100" placeholder="The round ends in"></p>
        <p class="buttons"><button class="main">Start</button>
          <button type="button" id="end">End</button></p>
      </form>
    </section>
  </div>

  <div class="controls record">
    <section class="panel" aria-labelledby="actions-title">
      <header><h2 id="actions-title">Done so far</h2></header>
      <div class="scroll" tabindex="0" role="group" aria-labelledby="actions-title">
        <table>
          <thead class="unseen"><tr><th scope="col">What</th><th scope="col">When</th></tr></thead>
          <tbody id="actions"></tbody>
        </table>
      </div>
    </section>
  </div>
</main>
% include('dialog.tpl')
<dialog id="settle" aria-labelledby="settle-text">
  <form id="settle-form" autocomplete="off">
    <p id="settle-text"></p>
    <p class="field"><label for="price">Price in dollars, or nothing for what a share counts now</label>
      <input id="price" name="price" inputmode="decimal"></p>
    <p class="refusal" id="settle-said" role="alert" hidden></p>
    <p class="buttons">
      <button type="button" id="settle-no">No</button>
      <button class="main" id="settle-yes">Settle</button>
    </p>
  </form>
</dialog>
<dialog id="card" aria-labelledby="card-title">
  <article>
    <h2 id="card-title"></h2>
    <dl>
      <div><dt>Key</dt><dd><code id="card-key"></code></dd></div>
      <div><dt>Page</dt><dd><code id="card-page"></code></dd></div>
    </dl>
    <div id="card-tls">
      <h3>First, if the certificate is the exchange’s own (the fingerprint has to be known)</h3>
      <pre id="card-trust"></pre>
    </div>
    <h3>In a shell</h3>
    <pre id="card-curl"></pre>
    <h3>In Python</h3>
    <pre id="card-python"></pre>
  </article>
  <p class="field"><label for="card-url">Address for whoever gets this card</label>
    <input id="card-url" type="url" spellcheck="false"></p>
  <p class="quiet">The exchange shows the key this once.</p>
  <p class="buttons">
    <button type="button" data-copy="card-key">Copy<span class="unseen"> the key</span></button>
    <button type="button" id="card-print">Print</button>
    <button type="button" class="main" id="card-close">Close</button>
  </p>
</dialog>
