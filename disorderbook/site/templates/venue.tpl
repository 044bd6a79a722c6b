% rebase('frame.tpl', script='venue', place='/venues', title='A venue – disorderBook', description='All stocks of a venue, with their prices and small charts.', styles=('venues',))
<main>
  <div class="title">
    <h2><bdi id="venue-name">…</bdi> <small id="count"></small></h2>
    <p class="quiet">prices in dollars a share</p>
    <nav aria-label="This venue"><a id="scores" href="/scores">Scores</a> <a href="/venues">All venues</a></nav>
    <div class="spans" role="group" aria-label="Span of time">
      <button type="button" data-span="5m" aria-pressed="true">5 min</button>
      <button type="button" data-span="30m" aria-pressed="false">30 min</button>
      <button type="button" data-span="all" aria-pressed="false">Everything</button>
    </div>
  </div>
  <ul class="cards" id="books"></ul>
  <p id="nothing" class="quiet" hidden></p>
  <p class="buttons" id="pages" hidden>
    <button type="button" id="earlier">Older ones</button>
    <span id="part"></span>
    <button type="button" id="later">Newer ones</button>
  </p>
</main>
