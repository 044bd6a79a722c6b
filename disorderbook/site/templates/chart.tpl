  <section class="panel chart" aria-labelledby="chart-title">
    <header>
      <h2 id="chart-title">Price</h2><p class="unit">dollars</p>
      <div class="spans" role="group" aria-label="Span of time">
        <button type="button" data-span="5m" aria-pressed="true">5 min</button>
        <button type="button" data-span="30m" aria-pressed="false">30 min</button>
        <button type="button" data-span="all" aria-pressed="false">Everything</button>
      </div>
% include('sources.tpl', source='price', what='price')
    </header>
    <div class="canvas">
      <canvas id="chart" role="img" aria-label="Price over time: no trades"></canvas>
      <button type="button" id="unzoom" hidden>Show all</button>
    </div>
    <footer>
      <p id="readout" class="readout"></p>
      <ul class="legend">
        <li class="mid">mid</li><li class="band">bid to ask</li><li class="buy dot">buys</li>
        <li class="sell dot">sells</li><li class="volume">volume</li>
% if not get('has_mine'):
        <li><b class="buy">▲</b><b class="sell">▼</b> yours</li>
% end
      </ul>
% if get('has_mine'):
      <form id="mine" autocomplete="off">
        <label for="mine-account"><b class="buy">▲</b><b class="sell">▼</b> yours</label>
        <input id="mine-account" placeholder="account" spellcheck="false" autocapitalize="none" autocorrect="off">
        <label class="unseen" for="mine-key">Key of the account</label>
        <input id="mine-key" placeholder="its key" spellcheck="false" autocapitalize="none" autocorrect="off" hidden>
        <button id="mine-mark">Mark</button>
        <p id="mine-said" class="refusal" role="status"></p>
      </form>
% end
    </footer>
  </section>
