  <section class="panel ladder" aria-labelledby="ladder-title">
    <header><h2 id="ladder-title">Order book</h2>
% if get('has_sources'):
% include('sources.tpl', source='ladder', what='order book')
% end
    </header>
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
