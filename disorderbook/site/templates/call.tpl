<div class="call" data-name="{{name}}">
<pre class="curl"><code>{{call.line}}</code></pre>
<pre class="python"><code>{{call.python}}</code></pre>
<p class="promise">answers <b>{{call.status}}</b> with <b>{{call.kind}}</b></p>
</div>
