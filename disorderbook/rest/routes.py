"""All routes: method, path, and the function that answers."""

from disorderbook.rest import api, game, watch

ROUTES = [*watch.ROUTES, *api.ROUTES, *game.ROUTES]

PAGES = frozenset(("/", "/docs", "/ob/api"))  # the paths of pages for people
