  <section class="panel chart" aria-labelledby="chart-title">
    <header>
      <h2 id="chart-title">Price</h2>
      <p id="readout" class="readout"></p>
      <div class="spans" role="group" aria-label="Span of time">
        <button type="button" data-span="5m" aria-pressed="true">5 min</button>
        <button type="button" data-span="30m" aria-pressed="false">30 min</button>
        <button type="button" data-span="all" aria-pressed="false">Everything</button>
      </div>
% if get('has_sources'):
% include('sources.tpl', source='price', what='price')
% end
    </header>
    <div class="canvas">
      <canvas id="chart" role="img" aria-label="Price over time: no trades"></canvas>
    </div>
  </section>
