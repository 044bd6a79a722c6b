<dialog id="source" aria-labelledby="source-title">
  <h2 id="source-title"></h2>
  <pre id="source-text" tabindex="0"></pre>
  <p id="source-note" class="quiet"></p>
  <p class="buttons">
    <button type="button" data-copy="source-text">Copy</button>
    <button type="button" class="main" id="source-close">Close</button>
  </p>
</dialog>
