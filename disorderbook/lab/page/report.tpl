<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{{policy}}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{{title or 'Report'}} – disorderBook</title>
<link rel="icon" href="data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Cpath fill='%232f7fd6' d='M1 3h6v2H1zM3 7h4v2H3zM5 11h2v2H5z'/%3E%3Cpath fill='%23e0782a' d='M9 3h2v2H9zM9 7h4v2H9zM9 11h6v2H9z'/%3E%3C/svg%3E">
<style>{{!style}}</style>
</head>
<body class="report">
<header class="top">
  <p class="brand"><svg class="mark" viewBox="0 0 16 16" aria-hidden="true">
    <path class="buy" d="M1 3h6v2H1zM3 7h4v2H3zM5 11h2v2H5z"/>
    <path class="sell" d="M9 3h2v2H9zM9 7h4v2H9zM9 11h6v2H9z"/>
  </svg>disorder<span>Book</span></p>
  <h1 id="title">{{title or 'Report'}}</h1>
  <p id="about"></p>
</header>
<main>
  <p id="fault" role="alert" hidden></p>
  <section class="quote" aria-label="Result">
    <div class="last"><p><span class="detail" id="headline-name"></span>
      <span class="figure" id="headline"></span></p></div>
    <dl class="facts" id="headline-facts"></dl>
  </section>

  <p class="panel verdict" id="verdict" hidden></p>

  <section class="panel fan" id="fan-panel" aria-labelledby="fan-title" hidden>
    <header><h2 id="fan-title">P&amp;L of all runs</h2>
      <p class="legend"><span class="key ink">median</span> <span class="key half">middle half</span>
        <span class="key chosen">shown below</span>
        <span class="key rival" id="rival-key" hidden></span></p>
      <p class="readout" id="fan-readout"></p></header>
    <div class="canvas"><canvas id="fan" role="img" aria-labelledby="fan-title"></canvas></div>
    <p class="axis">Trading days</p>
  </section>
  <section class="panel spread" id="spread-panel" aria-labelledby="spread-title" hidden>
    <header><h2 id="spread-title">Final P&amp;L</h2><p>runs in each range of dollars</p></header>
    <div class="canvas"><canvas id="spread" role="img"></canvas></div>
  </section>

  <section class="panel runs" id="runs-panel" aria-labelledby="runs-title" hidden>
    <header><h2 id="runs-title">Runs</h2><p id="runs-note"></p></header>
    <div class="scroll" tabindex="0" role="group" aria-labelledby="runs-title">
      <table>
        <thead><tr id="runs-head"></tr></thead>
        <tbody id="runs"></tbody>
      </table>
    </div>
  </section>

  <section class="panel run" aria-labelledby="run-title">
    <header>
      <h2 id="run-title"></h2>
      <p id="run-about"></p>
      <span class="chooser"><label for="run" id="run-label">Run</label><select id="run"></select></span>
      <div class="spans" id="spans" role="group" aria-label="Time shown"></div>
    </header>
    <div class="command" id="command" hidden>
      <pre id="command-text"></pre><button id="copy">Copy</button>
    </div>
    <p class="note" id="run-note" hidden></p>
    <div class="canvas"><canvas id="chart" role="img"></canvas></div>
    <p class="axis">Trading days<span class="legend"><span class="key up">bought</span>
      <span class="key down">sold</span> <span class="key orders">own orders while they were open</span></span></p>
    <div class="controls" id="controls">
      <div class="moves" role="group" aria-label="Back">
        <button data-move="day -1" title="Page Up">−1 day</button>
        <button data-move="second -1" title="Shift ←">−1 s</button>
        <button data-move="own -1" title="Shift Page Up" aria-label="Own event before">◂ own</button>
        <button data-move="event -1" title="←" aria-label="Event before">◂</button>
      </div>
      <input type="range" id="slider" min="0" max="0" step="1" value="0" aria-label="Moment">
      <div class="moves" role="group" aria-label="On">
        <button data-move="event 1" title="→" aria-label="Next event">▸</button>
        <button data-move="own 1" title="Shift Page Down" aria-label="Next own event">own ▸</button>
        <button data-move="second 1" title="Shift →">+1 s</button>
        <button data-move="day 1" title="Page Down">+1 day</button>
      </div>
    </div>
  </section>

  <div class="moment" id="moment">
    <section class="panel then" aria-labelledby="when">
      <header><h2 id="when"></h2><p id="clock"></p></header>
      <p class="happened" id="happened"></p>
      <dl class="facts">
        <div class="fact"><dt>Last price</dt><dd id="fact-last"></dd></div>
        <div class="fact"><dt>Position</dt><dd id="fact-shares"></dd></div>
        <div class="fact"><dt>Cash</dt><dd id="fact-cash"></dd></div>
        <div class="fact"><dt>P&amp;L</dt><dd id="fact-nav"></dd></div>
        <div class="fact"><dt>Fills</dt><dd id="fact-fills"></dd></div>
      </dl>
      <p class="keys">Keys: <kbd>←</kbd> <kbd>→</kbd> one event, with <kbd>Shift</kbd> one second. On the
        slider also <kbd>Page Up</kbd> <kbd>Page Down</kbd> one day, with <kbd>Shift</kbd> the program’s
        own event, and <kbd>Home</kbd> <kbd>End</kbd> the first and the last one.
        Or press anywhere in the drawing.</p>
    </section>
    <section class="panel ladder" aria-labelledby="ladder-title">
      <header><h2 id="ladder-title">Order book then</h2><p class="own-key">● own orders</p></header>
      <div class="scroll" tabindex="0" role="group" aria-labelledby="ladder-title">
        <table>
          <thead><tr>
            <th scope="col">Shares</th><th scope="col">Bid</th>
            <th scope="col">Ask</th><th scope="col">Shares</th>
          </tr></thead>
          <tbody id="ladder"></tbody>
        </table>
        <p class="nothing" id="ladder-note"></p>
      </div>
    </section>
    <section class="panel own-orders" aria-labelledby="own-title">
      <header><h2 id="own-title">Own open orders</h2><p id="own-count"></p></header>
      <div class="scroll" tabindex="0" role="group" aria-labelledby="own-title">
        <table>
          <thead><tr><th scope="col">Order</th><th scope="col">Side</th><th scope="col">Price</th>
            <th scope="col">Shares left</th><th scope="col">Ahead</th></tr></thead>
          <tbody id="own"></tbody>
        </table>
      </div>
    </section>
    <section class="panel printed" aria-labelledby="printed-title">
      <header><h2 id="printed-title">Printed until then</h2><p id="printed-count"></p></header>
      <div class="scroll" tabindex="0" role="group" aria-labelledby="printed-title">
        <div id="printed"></div>
      </div>
    </section>
    <section class="panel refusals" aria-labelledby="refusals-title">
      <header><h2 id="refusals-title">Refused until then</h2><p id="refusals-count"></p></header>
      <div class="scroll" tabindex="0" role="group" aria-labelledby="refusals-title">
        <table>
          <thead><tr><th scope="col">Second</th><th scope="col">Status</th>
            <th scope="col">Request and answer</th></tr></thead>
          <tbody id="refusals"></tbody>
        </table>
      </div>
    </section>
  </div>

  <section class="panel last-lines" id="last-lines" aria-labelledby="last-lines-title" hidden>
    <header><h2 id="last-lines-title">Last lines of stderr</h2><p id="log"></p></header>
    <div class="scroll" tabindex="0" role="group" aria-labelledby="last-lines-title">
      <pre id="last-lines-text"></pre>
    </div>
  </section>

  <section class="panel summary" aria-labelledby="summary-title">
    <header><h2 id="summary-title">Numbers</h2></header>
    <div class="scroll" tabindex="0" role="group" aria-labelledby="summary-title">
      <table>
        <thead><tr id="summary-head"></tr></thead>
        <tbody id="summary"></tbody>
      </table>
    </div>
  </section>
</main>
<noscript><p class="noscript">This page needs JavaScript; it needs no network.</p></noscript>
<script type="text/plain" id="overview">{{overview}}</script>
% for number, block in enumerate(blocks):
<script type="text/plain" id="events-{{number}}">{{block}}</script>
% end
<script type="module">{{!script}}</script>
</body>
</html>
