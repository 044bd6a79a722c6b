% if setup.rules:
<section id="rules">
% include('anchor.tpl', id='rules', name='Rules of this market')
<h2>Rules of this market</h2>
<p>The owner of this exchange has set rules, which every order must obey. What is said of a stock counts for
more than what is said of its venue, and that for more than what is said of every venue. An order that breaks a
rule is refused with a sentence, and has changed nothing.</p>
<details open><summary>The rules</summary>
<table><thead><tr><th scope="col">Where</th><th scope="col">Rule</th><th scope="col">Value</th>
<th scope="col">Meaning</th></tr></thead><tbody>
% for where, name, value, meaning in rule_rows(setup.rules, description):
<tr><th scope="row">{{where}}</th><td><code>{{name}}</code></td><td>{{value}}</td><td>{{!prose(meaning)}}</td></tr>
% end
</tbody></table>
</details>
</section>
% end
