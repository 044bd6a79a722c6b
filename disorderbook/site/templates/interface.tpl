% rebase('frame.tpl', look='text', place='/ob/api/', title='The interface – disorderBook', description='What stands below this address, and whom this exchange owes thanks.', styles=('text',), is_text=True)
<main>
  <article class="panel">
    <h2>The programs' interface</h2>
    <p>It is below this address. <a href="/docs">The documentation</a> explains each route, with lines
    to copy and to send from the page; <a href="/openapi.json">openapi.json</a> is the same for
    programs. <a href="/ob/api/venues">The venues</a> are a place to begin.</p>
    <pre><code>GET /ob/api/venues
GET /ob/api/venues/{venue}/stocks
GET /ob/api/venues/{venue}/stocks/{symbol}
GET /ob/api/venues/{venue}/stocks/{symbol}/quote
POST /ob/api/venues/{venue}/stocks/{symbol}/orders
DELETE /ob/api/venues/{venue}/stocks/{symbol}/orders/{orderId}</code></pre>
    <p>The market is to be seen on <a href="/">the front page</a>; <a href="/learn">six experiments</a>
    show what it does.</p>
    <h3>Thanks</h3>
    <p>To patio11 for the design of the game, and to eu90h, cite-reader, Medecau, DanielVF, rjsamson
    and rami for their help with the server of 2016, after which this one is made.</p>
  </article>
</main>
