"""The two pages for people who open the exchange in a browser."""

from html import escape
from urllib.parse import quote

from disorderbook.engine.book import OrderBook

_FRAME = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>disorderBook</title>
<style>
body {{ font: 1.1em/1.5 system-ui, sans-serif; max-width: 44em; margin: 3em auto; padding: 0 1em; }}
pre {{ background: #8882; padding: 0.8em; overflow-x: auto; }}
:root {{ color-scheme: light dark; }}
</style>
</head>
<body>
<h1>disorderBook</h1>
{}
</body>
</html>
"""

_WELCOME = """\
<p>This is a stock exchange for trading bots. It runs on your own machine and speaks the protocol
of Stockfighter. Point a client at <code>/ob/api/</code> on this host, or place an order now:</p>
<pre>curl KEY-d \\
    '{"account": "ME", "direction": "buy", "orderType": "limit", "price": 5000, "qty": 9}' \\
    'http://HOST/ob/api/STOCK/orders'</pre>
<p>Then look at <a href="/ob/api/STOCK">the book</a>,
<a href="/ob/api/STOCK/quote">the quote</a>, <a href="/ob/api/STOCK/scores">the scores</a> and
<a href="/ob/api/venues">all venues</a>. <a href="/ob/api/">Thanks</a> are due.</p>"""

THANKS = _FRAME.format("""\
<p>The programs' interface is below this address; <a href="/">the front page</a> says how to use
it.</p>
<p>Thanks to patio11 for the design of the game, and to eu90h, cite-reader, Medecau, DanielVF,
rjsamson and rami for their help with the server of 2016, after which this one is made.</p>""")


def welcome_page(host: str, book: OrderBook, needs_key: bool) -> str:
    """The front page, with an order to place in a book at `host`, such as 127.0.0.1:8000."""
    stock = f"venues/{quote(book.venue, safe='')}/stocks/{quote(book.symbol, safe='')}"
    page = _WELCOME.replace("STOCK", escape(stock)).replace("HOST", escape(host))
    key = "-H 'X-Starfighter-Authorization: YOUR_KEY' " if needs_key else ""
    return _FRAME.format(page.replace("KEY-d", f"{key}-d"))
