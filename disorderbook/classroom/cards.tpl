<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Cards</title>
<style>
@page { margin: 10mm; }
* { box-sizing: border-box; }
body { margin: 0; font: 10pt/1.35 system-ui, sans-serif; color: #000; background: #fff; }
.note { margin: 1em; max-width: 60em; }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(88mm, 1fr)); margin: 1em;
  align-items: stretch; }
.card { break-inside: avoid; overflow: hidden; padding: 3.5mm; border: 0.25mm dashed #777;
  margin: -0.125mm; }
h2 { margin: 0 0 1.5mm; font-size: 15pt; line-height: 1.15; overflow-wrap: anywhere; }
h2.long { font-size: 9pt; }
dl { display: grid; align-items: baseline; grid-template-columns: max-content 1fr; gap: 0.5mm 3mm; margin: 0 0 1.5mm; }
dt { color: #444; }
dd { margin: 0; overflow-wrap: anywhere; }
.key, .place { white-space: nowrap; font: bold 11pt/1.3 ui-monospace, monospace; }
.card p { margin: 1.5mm 0 0.3mm; font-size: 8pt; }
pre { margin: 0; font: 6.8pt/1.35 ui-monospace, monospace; white-space: pre-wrap;
  overflow-wrap: anywhere; }
.card .fingerprint { font: bold 6.8pt/1.35 ui-monospace, monospace; white-space: pre-wrap; }
@media print { .note { display: none; } .cards { display: block; columns: 2; column-gap: 0; margin: 0; }
  .card { margin: 0; } }
@media (max-width: 400px) { .cards { grid-template-columns: 1fr; } }
</style>
</head>
<body>
<p class="note">Print this and cut along the dashed lines. Whoever has a card can trade for its
account: this file is for you alone.</p>
<main class="cards">
% for card in cards:
<article class="card">
<h2{{!' class="long"' if len(card.account) > LONG else ""}}>{{card.account}}</h2>
<dl>
<dt>Address</dt><dd class="place">{{card.url}}</dd>
% if len(card.account) <= LONG:
<dt>Account</dt><dd>{{card.account}}</dd>
% end
<dt>Key</dt><dd class="key">{{card.key}}</dd>
</dl>
% if card.fingerprint:
<p>Fetch the certificate once, and see whose it is:</p>
<pre>{{card.fetch}}
{{card.compare}}</pre>
<p>That must print this (the browser warns, and shows the same):</p>
<p class="fingerprint">{{!card.fingerprint_lines}}</p>
<p>If it does, trust it in this shell:</p>
<pre>{{card.trust}}</pre>
% end
<p>The market, and your own account, in a browser:</p>
<pre>{{card.page}}</pre>
<p>An order, in a shell (for Windows see /docs there):</p>
<pre>{{!breakable(card.curl)}}</pre>
<p>The same in Python, with the package disorderbook:</p>
<pre>{{card.python}}</pre>
<p>PRACTICE does not count. In a round put its venue and stock in: all pages name them.</p>
</article>
% end
</main>
</body>
</html>
