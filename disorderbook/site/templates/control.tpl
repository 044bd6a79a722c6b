% rebase('frame.tpl', script='control', place='/control', title='Control – disorderBook', description='What clients ask of this exchange, and what a test can do with it.', styles=('control',), has_key=True)
<main>
  <section class="panel gone" id="gone" aria-labelledby="gone-title" hidden>
    <h2 id="gone-title"></h2>
    <p id="gone-text"></p>
  </section>

  <section class="panel journal" aria-labelledby="journal-title">
    <header><h2 id="journal-title">Requests</h2><p id="journal-note"></p>
      <div class="spans" role="group" aria-label="Which requests">
        <button type="button" data-status="" aria-pressed="true">All</button>
        <button type="button" data-status="refused" aria-pressed="false">Refused</button>
      </div>
      <form id="of-account" autocomplete="off">
        <label class="unseen" for="account">Of the account</label>
        <input id="account" placeholder="any account" spellcheck="false" autocapitalize="none" autocorrect="off">
      </form>
% include('sources.tpl', source='journal', what='requests')
    </header>
    <button type="button" id="newer" hidden></button>
    <div class="scroll" id="journal-scroll" tabindex="0" role="group" aria-labelledby="journal-title">
      <table>
        <thead><tr>
          <th scope="col" class="number">No.</th>
          <th scope="col" class="time">Time</th>
          <th scope="col" class="account">Account</th>
          <th scope="col" class="status">Status</th>
          <th scope="col" class="request">Request, and why it was refused</th>
        </tr></thead>
        <tbody id="journal"></tbody>
      </table>
    </div>
  </section>

  <div class="controls">
    <p id="said" class="refusal panel" role="alert" hidden></p>

    <section class="panel whole" aria-labelledby="whole-title">
      <header><h2 id="whole-title">The market</h2>
        <button type="button" id="reset" class="grave">Reset all…</button>
      </header>
      <dl>
        <div><dt id="clock-name">Clock</dt><dd><time id="clock">–</time></dd></div>
      </dl>
      <form id="advance" autocomplete="off" hidden>
        <label for="seconds">Seconds</label>
        <input id="seconds" name="advance" type="number" min="0" max="86400" step="any" value="60" required>
        <button class="main">Advance</button>
      </form>
    </section>

    <section class="panel books" aria-labelledby="books-title">
      <header><h2 id="books-title">Stocks</h2><p id="books-note"></p></header>
      <p class="reason">
        <label for="reason">Reason for a halt</label>
        <input id="reason" name="reason" maxlength="200" placeholder="the exchange’s owner has halted it" autocomplete="off">
      </p>
      <div class="scroll" tabindex="0" role="group" aria-labelledby="books-title">
        <table>
          <thead class="unseen"><tr>
            <th scope="col">Stock</th><th scope="col">What to do</th>
          </tr></thead>
          <tbody id="books"></tbody>
        </table>
      </div>
    </section>

    <section class="panel snapshots" id="snapshots-panel" aria-labelledby="snapshots-title" hidden>
      <header><h2 id="snapshots-title">Snapshots</h2></header>
      <form id="snapshot" autocomplete="off">
        <label class="unseen" for="snapshot-name">Name of the snapshot</label>
        <input id="snapshot-name" name="name" placeholder="name" maxlength="200" required>
        <button>Take</button>
      </form>
      <div class="scroll" tabindex="0" role="group" aria-labelledby="snapshots-title">
        <table>
          <thead class="unseen"><tr>
            <th scope="col">Snapshot</th><th scope="col">What to do</th>
          </tr></thead>
          <tbody id="snapshots"></tbody>
        </table>
      </div>
    </section>

    <section class="panel others" id="others-panel" aria-labelledby="others-title" hidden>
      <header><h2 id="others-title">Faults and latency</h2></header>
      <div class="scroll" tabindex="0" role="group" aria-labelledby="others-title">
        <table>
          <thead class="unseen"><tr>
            <th scope="col">In force</th><th scope="col">What to do</th>
          </tr></thead>
          <tbody id="others"></tbody>
        </table>
      </div>
      <form id="fault" autocomplete="off" aria-label="A new fault">
        <p class="field whole-row"><label for="fault-kind">What becomes of a request</label>
          <select id="fault-kind" name="kind">
            <option value="drop-before">Connection reset, not done</option>
            <option value="drop-after">Connection reset, done</option>
            <option value="status">Refused with a status</option>
            <option value="cut">Done, half an answer</option>
            <option value="silence">Done, no answer</option>
          </select></p>
        <p class="field"><label for="fault-when">Which</label>
          <select id="fault-when">
            <option value="next">The next</option>
            <option value="every">One of</option>
            <option value="probability">At random</option>
          </select></p>
        <p class="field"><label for="fault-number" id="fault-number-name">Requests</label>
          <input id="fault-number" name="next" inputmode="decimal" value="1" required></p>
        <p class="field" data-of-status hidden><label for="fault-status">Status</label>
          <input id="fault-status" name="status" inputmode="numeric" value="503" required></p>
        <p class="field" data-of-status hidden><label for="fault-retry">Retry after, s</label>
          <input id="fault-retry" name="retryAfter" inputmode="numeric"></p>
        <p class="field whole-row" data-of-status hidden><label for="fault-sentence">Sentence</label>
          <input id="fault-sentence" name="sentence" placeholder="the usual one"></p>
        <p class="field whole-row"><label for="fault-route">Method and path, * for any name</label>
          <input id="fault-route" name="route" placeholder="any request" spellcheck="false" autocapitalize="none" autocorrect="off"></p>
        <p class="field"><label for="fault-account">Of the account</label>
          <input id="fault-account" name="account" placeholder="any account" spellcheck="false" autocapitalize="none" autocorrect="off"></p>
        <button>Add the fault</button>
      </form>
    </section>
  </div>
</main>
% include('dialog.tpl')
% include('source.tpl')
