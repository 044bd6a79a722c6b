% rebase('frame.tpl', script='documentation', place='/docs', title='Documentation – disorderBook', description='Every route of this exchange, with lines to copy and to send.', styles=('lines', 'documentation'), is_text=True)
<div class="book">
<nav class="contents" aria-label="Contents">
<a class="skip" href="#content">Skip to the text</a>
<div role="search" class="scripted">
<label class="unseen" for="search">Search the documentation</label>
<input id="search" type="search" placeholder="Search" autocomplete="off" spellcheck="false" aria-keyshortcuts="/"><kbd aria-hidden="true">/</kbd>
<p id="found" role="status"></p>
</div>
<details open><summary>Contents</summary>
<ul>
<li><a href="#introduction">Introduction</a></li>
% if setup.rules:
<li><a href="#rules">Rules of this market</a></li>
% end
% for tag, operations in groups:
<li><a href="#tag-{{tag['name']}}">{{tag['name'].capitalize()}}</a>
% if tag['name'] != PAGES:
<ul>
% for operation in operations:
<li><a href="#{{operation.id}}"><span class="method {{operation.method.lower()}}">{{operation.method}}</span> {{operation.summary}}</a></li>
% end
</ul>\\
% end
</li>
% end
<li><a href="#refusals">Refusals of most routes</a></li>
<li><a href="#order-types">Order types</a>
<ul>
% for name in ORDER_TYPE_NAMES.values():
<li><a href="#order-type-{{name}}">{{name}}</a></li>
% end
</ul></li>
<li><a href="#tape">The tape (websockets)</a></li>
<li><a href="#objects">Objects</a></li>
</ul>
</details></nav>
<main id="content">
<section id="introduction">
% include('anchor.tpl', id='introduction', name='Documentation')
<h2>Documentation</h2>
% info = description.document['info']
<p class="summary">{{info['summary']}}</p>
<p>Paste any line that begins with <code>curl</code> into a terminal, and what stands below
<b>Python</b> into Python. Requests that only read, and orders, can be sent from this page as well. The
lines work from top to bottom on an exchange that has just been started; later, put in the ids that
your own answers name.
% if setup.needs_keys:
<strong>This exchange needs keys</strong>: put your account for <code>{{examples.YOUR_ACCOUNT}}</code> and
its key for <code>{{examples.YOUR_KEY}}</code>.
% end
% if setup.has_admin_key:
<span class="for-admin">What the admin alone may do needs the key of <code>--admin-key-file</code>: put it for
<code>{{examples.ADMIN_KEY}}</code>.</span>
% end
</p>
<p id="shell" hidden><label>The lines are for <select>
<option value="powershell">PowerShell</option>
<option value="cmd">the Command Prompt</option>
<option value="posix">Git or WSL</option></select></label></p>
% include('mine.tpl', placeholders=examples.placeholders(setup))
% for paragraph in paragraphs(info['description']):
<p>{{!prose(paragraph)}}</p>
% end
<p>For programs, all routes below are in <a href="/openapi.json">openapi.json</a>. See also
<a href="/learn">six experiments</a> that show what a market does, <a href="/">the front page</a>
and <a href="/ob/api/">what stands below /ob/api/</a>.</p>
</section>
% include('market_rules.tpl')
% for tag, operations in groups:
<section id="tag-{{tag['name']}}">
% include('anchor.tpl', id=f"tag-{tag['name']}", name=tag['name'])
<h2>{{tag['name'].capitalize()}}</h2>
<p>{{!prose(tag['description'])}}</p>
% if tag['name'] == PAGES:
% include('pages.tpl', operations=operations)
% else:
% for operation in operations:
% include('route.tpl', operation=operation)
% end
% end
</section>
% end
<section id="refusals">
% include('anchor.tpl', id='refusals', name='Refusals of most routes')
<h2>Refusals of most routes</h2>
<p>A refusal is <code>{"ok": false, "error": "..."}</code> with one of these sentences, word for
word, and has changed nothing. The header <code>X-Error-Detail</code> says what exactly was wrong,
where there is more to say.</p>
<details><summary>The sentences, and how to see one</summary>
% include('table.tpl', headings=REFUSALS, rows=refusal_rows(common + refusals_elsewhere(description)))
<p>To see one:</p>
% include('call.tpl', call=UNKNOWN_PATH, name='a refusal')
</details>
</section>
% include('order_types.tpl')
% include('tape.tpl')
% include('objects.tpl')
</main>
</div>
<p class="unseen" id="said" role="status"></p>
