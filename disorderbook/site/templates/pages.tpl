<ul class="pages">
% for operation in operations:
<li id="{{operation.id}}">\\
% if '{' in operation.path:
<code>{{operation.path}}</code>\\
% else:
<a href="{{operation.path}}"><code>{{operation.path}}</code></a>\\
% end
 {{operation.summary}}</li>
% end
</ul>
