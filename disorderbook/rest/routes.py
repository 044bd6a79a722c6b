"""All routes: method, path, and the function that answers."""

from disorderbook.rest import api, game, watch

ROUTES = [*watch.ROUTES, *api.ROUTES, *game.ROUTES]
