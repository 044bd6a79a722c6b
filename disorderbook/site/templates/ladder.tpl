  <section class="panel ladder" aria-labelledby="ladder-title">
    <header><h2 id="ladder-title">Order book</h2>
% include('sources.tpl', source='ladder', what='order book')
    </header>
    <div class="scroll" tabindex="0" role="group" aria-labelledby="ladder-title">
      <table>
        <thead><tr>
          <th scope="col">Orders</th>
          <th scope="col">Shares</th>
          <th scope="col">Bid, $</th>
          <th scope="col">Ask, $</th>
          <th scope="col">Shares</th>
          <th scope="col">Orders</th>
        </tr></thead>
        <tbody id="ladder"></tbody>
        <tfoot id="ladder-totals" hidden>
% for id, what in (('ladder-more', 'more'), ('ladder-all', 'total')):
          <tr id="{{id}}">
            <td colspan="3"><span id="bid-{{what}}"></span></td>
            <td colspan="3"><span id="ask-{{what}}"></span></td>
          </tr>
% end
        </tfoot>
      </table>
    </div>
  </section>
