<a class="anchor" href="#{{id}}" aria-label="Link to {{name}}">#</a>
