% rebase('frame.tpl', script='learn', look='text', place='/learn', title='Learn – disorderBook', description='Six experiments on the running exchange, of five minutes each.', styles=('lines', 'text'), is_text=True)
<main>
<article class="panel">
{{!title}}
<nav class="experiments" aria-label="Experiments"><ol>
% for name, heading, symbol in experiments:
<li><a href="#{{name}}">{{heading}}</a> <a class="watch" href="{{place_of(symbol)}}" target="_blank" aria-label="Watch {{symbol}} on the front page">watch</a></li>
% end
</ol></nav>
{{!text}}
</article>
</main>
<p class="unseen" id="said" role="status"></p>
