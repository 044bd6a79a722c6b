"""The table of all routes."""

from disorderbook.rest.routes import ROUTES


def test_no_route_stands_twice() -> None:
    routes = [(method, path) for method, path, _ in ROUTES]
    assert len(set(routes)) == len(routes)
