  <section class="quote" aria-label="Quote">
    <p class="last" id="last" data-direction="none">
      <span class="arrow" id="arrow"></span><span class="figure" id="last-price">–</span>
      <span class="detail"><span id="change"></span><span id="last-detail"></span></span>
    </p>
    <dl class="facts">
      <div class="fact buy">
        <dt>Bid</dt><dd><span id="bid">–</span> <small id="bid-size"></small></dd>
      </div>
      <div class="fact sell">
        <dt>Ask</dt><dd><span id="ask">–</span> <small id="ask-size"></small></dd>
      </div>
      <div class="fact"><dt>Spread</dt><dd id="spread">–</dd></div>
      <div class="fact"><dt id="volume-label">Volume</dt><dd id="volume">–</dd></div>
    </dl>
  </section>
