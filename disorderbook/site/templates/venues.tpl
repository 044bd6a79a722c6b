% rebase('frame.tpl', script='venues', place='/venues', title='Venues – disorderBook', description='Every venue of a stock exchange for trading bots, with its stocks.', styles=('venues',))
<main>
  <h2 class="title">Venues <small id="count"></small></h2>
  <div class="cards" id="venues"></div>
  <p id="nothing" class="quiet" hidden></p>
</main>
