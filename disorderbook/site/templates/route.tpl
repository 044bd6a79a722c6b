% form = examples.form_of(operation, setup)
<article id="{{operation.id}}">
% include('anchor.tpl', id=operation.id, name=f'{operation.method} {operation.path}')
<details><summary><h3><span class="method {{operation.method.lower()}}">{{operation.method}}</span> {{!prose(f'`{operation.path}`')}}</h3>
<span class="brief">{{operation.summary}}</span></summary>
<div class="columns">
<div class="told">
% for paragraph in paragraphs(operation.description):
<p>{{!prose(paragraph)}}</p>
% end
% if operation.parameters:
<h4>Parameters</h4>
% include('table.tpl', headings=PARAMETERS, rows=parameter_rows(operation))
% end
% if operation.request_body:
% body = description.resolve(operation.request_body['content'][JSON]['schema'])
<h4>Body</h4>
<p>{{!prose(operation.request_body['description'])}}</p>
% include('table.tpl', headings=FIELDS, rows=field_rows(body, description))
<p>{{!prose(body['description'])}}</p>
% end
<h4>Answer</h4>
% meaning = operation.responses[SUCCESS]['description'] + ' '
% for kind, part in operation.responses[SUCCESS]['content'].items():
% names = names_of(part['schema'])
<p>{{meaning}}<b>{{SUCCESS}} {{kind}}</b>\\
% for number, name in enumerate(names):
{{' or' if number else ', fields:'}} <a href="#schema-{{name}}">{{name}}</a>\\
% end
</p>
% meaning = ''
% if kind == JSON and not names:
% include('table.tpl', headings=FIELDS, rows=field_rows(part['schema'], description))
% end
% for summary, value in examples_of(part):
% if summary:
<p>{{summary}}</p>
% end
<pre class="example"><code>{{pretty(value) if kind == JSON else value.replace('\r\n', '\n').rstrip()}}</code></pre>
% end
% end
<h4>Refusals</h4>
% refusals = refusals_of(operation)
% own = [refusal for refusal in refusals if refusal not in common]
% usual = sorted({refusal.status for refusal in refusals if refusal in common})
% if own:
% include('table.tpl', headings=REFUSALS, rows=refusal_rows(own))
% end
% if usual:
<p><a href="#refusals">As most routes do</a>, it can answer {{', '.join(usual)}}.</p>
% end
</div>
<div class="tried">
<h4>Try it</h4>
% for call in examples.calls(operation, setup):
% if call.shows:
<p>{{call.shows}}</p>
% end
% if call.why:
<p>{{call.why}}</p>
% end
% include('call.tpl', call=call, name=f'{operation.method} {operation.path} {call.shows}'.strip())
% end
% if form:
<div class="send scripted" data-form="{{json(form)}}"></div>
% end
</div>
</div>
</details>
</article>
