<div class="curl"><pre><code>{{call.line}}</code></pre>
<button type="button" hidden aria-label="Copy: {{name}}">Copy</button></div>
<p class="promise">answers <b>{{call.status}}</b> with <b>{{call.kind}}</b></p>
