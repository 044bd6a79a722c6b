<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="description" content="Who has made how much, for a projector.">
<title>Scores – disorderBook</title>
<link rel="icon" href="data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Cpath fill='%232f7fd6' d='M1 3h6v2H1zM3 7h4v2H3zM5 11h2v2H5z'/%3E%3Cpath fill='%23e0782a' d='M9 3h2v2H9zM9 7h4v2H9zM9 11h6v2H9z'/%3E%3C/svg%3E">
<link rel="stylesheet" href="/static/page.css">
<link rel="stylesheet" href="/static/notices.css">
<link rel="stylesheet" href="/static/scores.css">
<script src="/static/places.js"></script>
<script type="module" src="/static/scores.js"></script>
</head>
<body class="board">
<header>
  <div class="what">
    <h1><bdi id="market">Scores</bdi> <bdi id="stock"></bdi></h1>
    <p id="basis"></p>
  </div>
  <p id="frozen" role="status" hidden></p>
  <p id="connection" role="status" data-state="connecting">Connecting…</p>
</header>
% include('notices.tpl')

<main>
  <div class="list" id="list">
    <table>
      <caption class="unseen">Accounts, the highest net asset value first</caption>
      <colgroup>
        <col class="rank"><col class="name"><col class="nav"><col class="change"><col class="line">
        <col class="trades"><col class="cash"><col class="shares">
      </colgroup>
      <thead><tr>
        <th scope="col" class="rank"><span class="unseen">Rank</span></th>
        <th scope="col" class="name">Account</th>
        <th scope="col">Net asset value</th>
        <th scope="col">In the last minute</th>
        <th scope="col" class="line">Over time</th>
        <th scope="col" class="trades">Trades</th>
        <th scope="col" class="held">Cash</th>
        <th scope="col" class="held">Shares</th>
      </tr></thead>
      <tbody id="scores"></tbody>
    </table>
    <p id="nothing" hidden></p>
  </div>
  <p id="more" hidden></p>
</main>

<section id="control" aria-label="What is shown">
  <a href="/">Market</a>
  <label for="venue">Venue</label><select id="venue"></select>
  <label for="symbol">Stock</label><select id="symbol"></select>
  <button type="button" id="theme">Dark or light <kbd>T</kbd></button>
  <button type="button" id="full">Full screen <kbd>S</kbd></button>
  <form id="key-form" autocomplete="off">
    <label for="key">Teacher’s key</label>
    <input id="key" spellcheck="false" autocapitalize="none" autocorrect="off" autocomplete="off">
    <button>Use</button>
  </form>
  <button type="button" id="holdings" aria-pressed="true" hidden>Cash and shares <kbd>C</kbd></button>
  <button type="button" id="freeze" hidden>Freeze <kbd>F</kbd></button>
  <p id="said" class="refusal" role="alert" hidden></p>
</section>
% include('dialog.tpl')
<noscript>
  <p class="noscript">This page needs JavaScript; all that it shows is also below /api/v1.</p>
</noscript>
</body>
</html>
