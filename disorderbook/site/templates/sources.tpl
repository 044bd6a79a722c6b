      <p class="sources">
% for kind in ('JSON', 'curl'):
        <button type="button" data-source="{{source}}" data-as="{{kind.lower()}}" aria-label="as {{kind}}: {{what}}">as {{kind}}</button>
% end
      </p>
