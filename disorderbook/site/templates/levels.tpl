% rebase('frame.tpl', script='levels', place='/levels', title='Levels – disorderBook', description='The six levels of the game: what is to be done in each, and how they have ended.', styles=('levels',), has_key=True)
<main>
  <section class="opening" aria-labelledby="levels-title">
    <h2 id="levels-title">The levels</h2>
    <p>Each level is a market of its own, with bots that trade in it and a job for you. Play by hand
    here, or have a program play: it starts a level with
    <code>POST /gm/levels/NAME</code>.</p>
    <p id="key-note"></p>
    <p id="said" class="refusal" role="alert" hidden></p>
  </section>

  <ol class="cards" id="cards"></ol>
  <template id="card"><li class="panel card" tabindex="-1">
    <header><h3></h3><p class="state"></p></header>
    <p class="goal"></p>
    <dl>
      <div><dt>Limits</dt><dd class="limits"></dd></div>
      <div><dt>Time</dt><dd class="days"></dd></div>
      <div><dt>Best so far</dt><dd class="best"></dd></div>
    </dl>
    <div class="missing" hidden><p></p><pre>disorderbook --websockets</pre></div>
    <p class="buttons">
      <a class="button main" hidden>Play on</a>
      <button type="button" class="main" data-do="start">Start</button>
      <button type="button" data-do="restart" hidden>Restart</button>
      <button type="button" data-do="stop" hidden>Stop</button>
    </p>
  </li></template>

  <section class="panel results" aria-labelledby="results-title">
    <header><h2 id="results-title">Results</h2><p id="results-note"></p></header>
    <div class="scroll" tabindex="0" role="group" aria-labelledby="results-title">
      <table>
        <thead><tr>
          <th scope="col">Player</th>
          <th scope="col">Level</th>
          <th scope="col">Ended</th>
          <th scope="col">Day</th>
          <th scope="col">NAV</th>
          <th scope="col">Seed</th>
          <th scope="col">Try</th>
        </tr></thead>
        <tbody id="results"></tbody>
      </table>
    </div>
  </section>
</main>
% include('dialog.tpl')
