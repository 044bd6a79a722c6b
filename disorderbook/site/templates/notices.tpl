<aside class="notices" aria-label="Notices">
  <div role="status"><p id="notice-text"></p></div>
  <div><p id="notice-time"></p></div>
  <div role="alert"><p id="notice-state"></p></div>
  <p class="unseen" id="notice-left" role="status"></p>
</aside>
