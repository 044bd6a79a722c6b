% rebase('frame.tpl', script='account', place='', title='An account – disorderBook', description='What an account has, what it did, and what it has in the market.', styles=('account',), has_chooser=True, has_key=True)
% has_sources = True
<main>
  <section class="panel gone" id="gone" aria-labelledby="gone-title" hidden>
    <h2 id="gone-title"></h2>
    <p id="gone-text"></p>
    <p><a href="/">The market</a></p>
  </section>

  <section class="panel standing" aria-labelledby="account-name">
    <header>
      <h2 id="account-name">…</h2>
      <p class="unit">cash and values in dollars</p>
      <p><a id="market-page" href="/">The market</a></p>
% include('sources.tpl', source='account', what='position')
    </header>
    <dl class="figures" id="figures">
% for name, title in (('nav', 'Net asset value'), ('shares', 'Position'), ('cash', 'Cash'), ('average', 'Average price'), ('realised', 'Realised'), ('unrealised', 'Unrealised'), ('buying', 'To buy'), ('selling', 'To sell')):
      <div><dt>{{title}}</dt><dd><span id="{{name}}">–</span> <small id="{{name}}-note"></small></dd></div>
% end
    </dl>
    <p id="new" class="quiet" hidden></p>
    <p id="said" class="refusal" role="alert" hidden></p>
  </section>

  <section class="panel stocks" id="stocks-panel" aria-labelledby="stocks-title" hidden>
    <header><h2 id="stocks-title">All its stocks here</h2>
% include('sources.tpl', source='account', what='all its stocks')
    </header>
    <div class="scroll" tabindex="0" role="group" aria-labelledby="stocks-title">
      <table>
        <thead><tr>
          <th scope="col">Stock</th>
          <th scope="col">Shares</th>
          <th scope="col">NAV</th>
          <th scope="col">Realised</th>
          <th scope="col">Unrealised</th>
          <th scope="col">Open orders</th>
        </tr></thead>
        <tbody id="stocks"></tbody>
      </table>
    </div>
  </section>

% include('chart.tpl')

% include('curves.tpl')

% include('ladder.tpl')

% include('orders.tpl', heading='Open orders')

% include('fills.tpl', heading='Fills', columns=(('time', 'Time, UTC'), ('side', 'Side'), ('price', 'Price'), ('qty', 'Shares'), ('position', 'Position'), ('role', 'Role')))
</main>
% include('source.tpl')
