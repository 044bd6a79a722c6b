% rebase('frame.tpl', script='instance', place='', title='A level – disorderBook', description='A level of the game, played by hand.', styles=('levels',), has_key=True)
% has_sources = True
<main>
  <section class="panel gone" id="gone" aria-labelledby="gone-title" hidden>
    <h2 id="gone-title"></h2>
    <p id="gone-text"></p>
    <p><a href="/levels">All levels</a></p>
  </section>

  <div class="briefing">
  <section class="panel standing" aria-labelledby="title">
    <header>
      <h2 id="title">…</h2>
      <p class="state" id="state"></p>
      <p id="place"></p>
      <p><a id="account-page" href="/" hidden>The account's page</a></p>
      <div class="buttons" role="group" aria-label="The level's clock">
        <button type="button" id="pause">Pause</button>
        <button type="button" id="advance">One day further</button>
        <button type="button" id="restart">Restart</button>
        <button type="button" id="stop">Stop</button>
      </div>
    </header>
    <div class="bars">
      <div class="bar" id="calendar"><p><span>Day</span> <strong></strong></p>
        <div class="track" role="progressbar" aria-label="Trading days"><i></i></div>
        <div class="track thin" id="today" role="progressbar" aria-label="The day"><i></i></div>
      </div>
      <div class="bar" id="bought" hidden><p><span>Shares</span> <strong></strong></p>
        <div class="track" role="progressbar" aria-label="Shares, of the goal"><i></i></div>
        <p class="quiet" id="average"></p>
      </div>
      <div class="bar" id="worth" hidden><p><span>Net asset value</span> <strong></strong></p>
        <div class="track" role="progressbar" aria-label="Net asset value, of the goal"><i></i></div>
      </div>
      <div class="bar" id="exposure" hidden><p><span>Position</span> <strong></strong></p>
        <div class="track" role="progressbar" aria-label="Position, of the limit"><i></i></div>
      </div>
      <dl class="bar" id="holding">
        <div id="position-fact"><dt>Position</dt><dd id="position"></dd></div>
        <div><dt>Cash</dt><dd id="cash"></dd></div>
        <div id="nav-fact"><dt>Net asset value</dt><dd id="nav"></dd></div>
        <div><dt>Rank</dt><dd id="rank"></dd></div>
      </dl>
    </div>
    <p class="flash" id="flash" role="status" hidden></p>
    <p class="quiet" id="assisted" hidden>Paused or taken a day further by hand: the result will say
    so.</p>
    <p id="said" class="refusal" role="alert" hidden></p>
  </section>

  <section class="panel verdict" id="verdict" aria-labelledby="verdict-title" hidden>
    <h2 id="verdict-title"></h2>
    <p id="verdict-text"></p>
    <form id="again" class="buttons" autocomplete="off">
      <button type="button" class="main" id="again-new">Again with another seed</button>
      <button id="again-same">Again with the seed</button>
      <label class="unseen" for="seed">Seed</label>
      <input id="seed" name="seed" inputmode="numeric" aria-describedby="seed-error">
      <span class="refusal" id="seed-error" role="alert"></span>
    </form>
  </section>

  <details class="panel story" id="story" open>
    <summary><h2>What to do</h2></summary>
    <div id="story-text"></div>
  </details>
  </div>

% include('quote.tpl')

% include('chart.tpl')

% include('curves.tpl')

% include('ladder.tpl')

  <section class="panel ticket" aria-labelledby="ticket-title">
    <header><h2 id="ticket-title">Order</h2></header>
    <form id="ticket" autocomplete="off" novalidate>
      <fieldset class="spans">
        <legend class="unseen">Direction</legend>
        <label><input type="radio" name="direction" value="buy" checked> <span>Buy</span></label>
        <label><input type="radio" name="direction" value="sell"> <span>Sell</span></label>
      </fieldset>
      <p class="field"><label for="qty">Shares</label>
        <input id="qty" name="qty" inputmode="numeric" value="100" aria-describedby="qty-error">
        <span class="refusal" id="qty-error" role="alert"></span></p>
      <p class="field"><label for="orderType">Type</label>
        <select id="orderType" name="orderType" aria-describedby="orderType-error">
          <option value="market">market</option>
          <option value="limit">limit</option>
          <option value="immediate-or-cancel">immediate-or-cancel</option>
          <option value="fill-or-kill">fill-or-kill</option>
        </select>
        <span class="refusal" id="orderType-error" role="alert"></span></p>
      <p class="field"><label for="price">Price in dollars</label>
        <input id="price" name="price" inputmode="decimal" disabled aria-describedby="price-error">
        <span class="refusal" id="price-error" role="alert"></span></p>
      <button class="main" id="send"></button>
      <p class="refusal" id="ticket-error" role="alert"></p>
      <p class="quiet" id="ticket-said" role="status"></p>
    </form>
  </section>

% include('orders.tpl', heading='Your open orders')

% include('fills.tpl', heading='Your fills', columns=(('day', 'Day'), ('side', 'You'), ('price', 'Price'), ('qty', 'Shares'), ('order', 'Order')))

  <section class="panel judge" id="judge" aria-labelledby="judge-title" hidden>
    <header><h2 id="judge-title">Accuse an account</h2></header>
    <form id="accusation" autocomplete="off" novalidate>
      <p class="quiet">You have one accusation, and will be asked once more before it is made.</p>
      <p class="field"><label for="account">Account</label>
        <input id="account" name="account" spellcheck="false" autocapitalize="none" autocorrect="off" aria-describedby="account-error">
        <span class="refusal" id="account-error" role="alert"></span></p>
      <p class="field"><label for="explanation_link">Link to an explanation (need not be given)</label>
        <input id="explanation_link" name="explanation_link" type="url"></p>
      <p class="field"><label for="executive_summary">Summary (need not be given)</label>
        <textarea id="executive_summary" name="executive_summary" rows="3"></textarea></p>
      <button class="main" id="accuse">Accuse…</button>
    </form>
  </section>
</main>
% include('dialog.tpl')
% include('source.tpl')
% for name, sections in stories():
<template id="story-{{name}}">
% for heading, text in sections:
<section><h3>{{heading}}</h3>
{{!markdown(text)}}</section>
% end
</template>
% end
