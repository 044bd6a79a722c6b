<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="description" content="{{description}}">
<title>{{title}}</title>
<link rel="icon" href="data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Cpath fill='%232f7fd6' d='M1 3h6v2H1zM3 7h4v2H3zM5 11h2v2H5z'/%3E%3Cpath fill='%23e0782a' d='M9 3h2v2H9zM9 7h4v2H9zM9 11h6v2H9z'/%3E%3C/svg%3E">
<link rel="stylesheet" href="/static/page.css">
<link rel="stylesheet" href="/static/notices.css">
% for style in styles:
<link rel="stylesheet" href="/static/{{style}}.css">
% end
<script src="/static/places.js"></script>
<script src="/static/shell.js"></script>
% if get('script'):
<script type="module" src="/static/{{script}}.js"></script>
% end
</head>
<body class="{{get('look', get('script'))}}">
<header class="top">
  <h1><svg class="mark" viewBox="0 0 16 16" aria-hidden="true">
    <path class="buy" d="M1 3h6v2H1zM3 7h4v2H3zM5 11h2v2H5z"/>
    <path class="sell" d="M9 3h2v2H9zM9 7h4v2H9zM9 11h6v2H9z"/>
  </svg>disorder<span>Book</span></h1>
  <nav class="places" aria-label="Places">
% for path, name in places:
    <a href="{{path}}" aria-current="{{'page' if path == place else 'false'}}">{{name}}</a>
% end
  </nav>
% if get('has_chooser'):
  <div class="chooser">
    <label for="venue">Venue</label><select id="venue"></select>
    <label for="symbol">Stock</label><select id="symbol"></select>
  </div>
% end
% if get('has_key'):
  <form class="chooser" id="key-form" autocomplete="off">
    <label for="key">Key</label><input id="key" spellcheck="false" autocapitalize="none" autocorrect="off" autocomplete="off">
    <button>Use</button>
  </form>
% end
% if not get('is_text'):
  <p id="connection" role="status" data-state="connecting">Connecting…</p>
% end
</header>
% if get('script'):
%   include('notices.tpl')
% end

{{!base}}
<footer class="bottom">
  <p>A stock exchange for trading bots, on your own machine.</p>
  <nav aria-label="More"><a href="/learn">Learn</a> <a href="/docs">Documentation</a> <a href="/ob/api/">About</a></nav>
</footer>
% if not get('is_text'):
<noscript>
  <p class="noscript">This page needs JavaScript; all that it shows is also below /api/v1.</p>
</noscript>
% end
</body>
</html>
