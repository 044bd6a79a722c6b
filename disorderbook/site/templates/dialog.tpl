<dialog id="sure" aria-labelledby="sure-text">
  <p id="sure-text"></p>
  <p class="buttons">
    <button type="button" id="sure-no">No</button>
    <button type="button" class="main" id="sure-yes"></button>
  </p>
</dialog>
