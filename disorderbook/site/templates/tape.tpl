% messages = examples.example_messages(setup)
<section id="tape">
% include('anchor.tpl', id='tape', name='The tape (websockets)')
<h2>The tape (websockets)</h2>
<p>An exchange that was started with <code>--websockets</code> tells who listens what happens, on \\
% if setup.tape_port is None:
this port, and on port {{examples.TAPE_PORT}} or that of <code>--wsport</code>. \\
% else:
this port, and on port {{setup.tape_port}} for programs of old. \\
% end
Instead of asking for the quote again and again, open one of these URLs with any websocket client,
here for the account {{setup.account}}. The venue or stock need not exist yet. You never have to
send anything.</p>
<details><summary>The URLs and the messages</summary>
<p>\\
% if setup.needs_keys:
This exchange needs keys. The two <code>executions</code> URLs want that of their account: in a
header or cookie as everywhere, or, where a client can send neither, as <code>?api_key=KEY</code> at
the end of the URL, or as <code>/key/KEY</code> before its <code>/ob/api/ws/</code>. The ticks are
for everybody.\\
% else:
This exchange needs no keys, so anybody may listen to anybody's executions.\\
% end
</p>
<p>Any other URL gets one message, <code>{"ok": false, "error": "..."}</code>, and is closed with
code 1008; so is a wrong key. The reason of that close frame is what the message says, as far as it
fits, and both come a second late: clients that reconnect at once would otherwise do nothing
else.</p>
<dl>
% for url, meaning in examples.socket_urls(setup):
<dt><code>{{url}}</code></dt><dd>{{meaning}}</dd>
% end
</dl>
<p>Suppose BEN offers 40 shares at 50.10, and then you buy 25 of them. Three messages follow, in
this order. (On the wire each is one line without blanks.)</p>
<h3 id="tape-execution">Executions</h3>
<p>BEN, whose order waited in the book, is told first:</p>
<pre><code>{{pretty(messages.seller)}}</code></pre>
<p>You are told the same trade, with your own order in it:</p>
<pre><code>{{pretty(messages.buyer)}}</code></pre>
% rows = [(f'`{name}`', meaning) for name, meaning in execution_fields()]
% include('table.tpl', headings=('Field', 'Meaning'), rows=rows)
<h3 id="tape-tick">A tick</h3>
<p>Then everybody gets the <a href="#schema-Quote">quote</a> as it is after the whole order:</p>
<pre><code>{{pretty(messages.tick)}}</code></pre>
<p>An order that trades three times makes six executions and one tick. A cancel makes a tick too; a
fill-or-kill order that is not filled makes none.</p>
</details>
</section>
