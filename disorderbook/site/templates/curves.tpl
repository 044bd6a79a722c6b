% for name, title, unit in (('nav', 'Net asset value', 'dollars'), ('position', 'Position', 'shares')):
  <section class="panel curve {{name}}-panel" aria-labelledby="{{name}}-title">
    <header>
      <h2 id="{{name}}-title">{{title}}</h2>
      <p class="unit">{{unit}}</p>
      <p class="readout" id="{{name}}-readout"></p>
% include('sources.tpl', source='history', what=title.lower())
    </header>
    <div class="canvas"><canvas id="{{name}}-curve"></canvas></div>
  </section>
% end
