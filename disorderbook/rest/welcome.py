"""The two pages for people who open the exchange in a browser."""

from html import escape

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
<pre>curl -d \\
    '{"account": "ME", "direction": "buy", "orderType": "limit", "price": 5000, "qty": 9}' \\
    http://HOST/ob/api/venues/TESTEX/stocks/FOOBAR/orders</pre>
<p>Then look at <a href="/ob/api/venues/TESTEX/stocks/FOOBAR">the book</a>,
<a href="/ob/api/venues/TESTEX/stocks/FOOBAR/quote">the quote</a>,
<a href="/ob/api/venues/TESTEX/stocks/FOOBAR/scores">the scores</a> and
<a href="/ob/api/venues">all venues</a>. <a href="/ob/api/">Thanks</a> are due.</p>"""

THANKS = _FRAME.format("""\
<p>The programs' interface is below this address; <a href="/">the front page</a> says how to use
it.</p>
<p>Thanks to patio11 for the design of the game, and to eu90h, cite-reader, Medecau, DanielVF,
rjsamson and rami for their help with the server of 2016, after which this one is made.</p>""")


def welcome_page(host: str) -> str:
    """The front page, with an order to place at `host`, such as 127.0.0.1:8000."""
    return _FRAME.format(_WELCOME.replace("HOST", escape(host)))
