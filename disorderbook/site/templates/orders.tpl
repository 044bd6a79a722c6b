  <section class="panel orders" aria-labelledby="orders-title">
    <header><h2 id="orders-title">{{heading}}</h2><p id="orders-note"></p>
% include('sources.tpl', source='orders', what='open orders')
    </header>
    <div class="scroll" tabindex="0" role="group" aria-labelledby="orders-title">
      <table>
        <thead><tr>
          <th scope="col">Order</th>
          <th scope="col">Price</th>
          <th scope="col">Left of</th>
          <th scope="col" title="Shares before it at its price">Ahead</th>
          <th scope="col"><span class="unseen">Cancel</span></th>
        </tr></thead>
        <tbody id="orders"></tbody>
      </table>
    </div>
  </section>
