"""The page for people who open the interface's address in a browser."""

_FRAME = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
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


WELCOME = _FRAME.format("""\
<p>The programs' interface is below this address. The market is to be seen on
<a href="/">the front page</a>, and <a href="/ob/api/venues">the venues</a> are a place to
begin.</p>
<p>Thanks to patio11 for the design of the game, and to eu90h, cite-reader, Medecau, DanielVF,
rjsamson and rami for their help with the server of 2016, after which this one is made.</p>""")
