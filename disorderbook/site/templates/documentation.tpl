<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; base-uri 'none'">
<link rel="icon" href="data:,">
<title>disorderBook: documentation</title>
<style>
{{!style}}</style>
</head>
<body>
<a class="skip" href="#content">Skip to the text</a>
<nav aria-label="Contents"><details open><summary>Contents</summary>
<ul>
<li><a href="#introduction">Introduction</a></li>
% for tag, operations in groups:
<li><a href="#tag-{{tag['name']}}">{{tag['name'].capitalize()}}</a>
<ul>
% for operation in operations:
<li><a href="#{{operation.id}}"><span class="method {{operation.method.lower()}}">{{operation.method}}</span> {{operation.summary}}</a></li>
% end
</ul></li>
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
<h1>disorderBook</h1>
% info = description.document['info']
<p class="summary">{{info['summary']}}</p>
<p>Every line that begins with <code>curl</code> can be pasted into a terminal as it is. They work
from top to bottom on an exchange that has just been started; after that, put in the ids that your
own answers name.
% if setup.needs_keys:
<strong>This exchange needs keys</strong>: put your account for <code>{{examples.YOUR_ACCOUNT}}</code> and
its key for <code>{{examples.YOUR_KEY}}</code>.
% end
% if setup.has_admin_key:
What the admin alone may do needs the key of <code>--admin-key-file</code>: put it for
<code>{{examples.ADMIN_KEY}}</code>.
% end
</p>
<p id="shell" hidden><label>The lines are for <select>
<option value="powershell">PowerShell</option>
<option value="cmd">the Command Prompt</option>
<option value="posix">Git or WSL</option></select></label></p>
% placeholders = examples.placeholders(setup)
% if placeholders:
<p id="mine" hidden>
% for label, placeholder in placeholders:
<label>{{label}} <input type="text" data-stands-for="{{placeholder}}" autocomplete="off" spellcheck="false"></label>
% end
They are put into the lines below and stay in this page.</p>
% end
% for paragraph in paragraphs(info['description']):
<p>{{!prose(paragraph)}}</p>
% end
<p>For programs, all routes below are in <a href="/openapi.json">openapi.json</a>. See also
<a href="/">the front page</a> and <a href="/ob/api/">what stands below /ob/api/</a>.</p>
</section>
% for tag, operations in groups:
<section id="tag-{{tag['name']}}">
<h2>{{tag['name'].capitalize()}}</h2>
<p>{{!prose(tag['description'])}}</p>
% for operation in operations:
% include('route.tpl', operation=operation)
% end
</section>
% end
<section id="refusals">
<h2>Refusals of most routes</h2>
<p>A refusal is <code>{"ok": false, "error": "..."}</code> with one of these sentences, word for
word, and has changed nothing.</p>
% include('table.tpl', headings=REFUSALS, rows=refusal_rows(common + refusals_elsewhere(description)))
<p>To see one:</p>
% include('curl.tpl', call=UNKNOWN_PATH, name='a refusal')
</section>
% include('order_types.tpl')
% include('tape.tpl')
% include('objects.tpl')
</main>
<p class="unseen" role="status"></p>
<script>
{{!script}}</script>
</body>
</html>
