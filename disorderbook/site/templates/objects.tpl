<section id="objects">
% include('anchor.tpl', id='objects', name='Objects')
<h2>Objects</h2>
<p>What the fields of answers mean. One that is optional is left out when there is nothing to say;
no field is ever null.</p>
% for name, schema in objects(description):
<article id="schema-{{name}}">
% include('anchor.tpl', id=f'schema-{name}', name=name)
<details><summary><h3>{{name}}</h3></summary>
<p>{{!prose(schema['description'])}}</p>
% include('table.tpl', headings=FIELDS, rows=field_rows(schema, description))
</details>
</article>
% end
</section>
