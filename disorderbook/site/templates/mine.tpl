% if placeholders:
<div id="mine" class="scripted">
% for label, placeholder in placeholders:
<label>{{label}} <input type="text" data-stands-for="{{placeholder}}" autocomplete="off" spellcheck="false" autocapitalize="none" autocorrect="off"></label>
% end
<p class="quiet">What stands here is put into the lines of this page. A key stays in this tab.</p>
</div>
% end
