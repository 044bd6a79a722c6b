<section class="rules" id="rules" aria-labelledby="rules-title" hidden>
  <details>
    <summary><h2 id="rules-title">Rules of this market</h2> <span id="rules-short"></span></summary>
    <dl id="rules-list"></dl>
  </details>
</section>
