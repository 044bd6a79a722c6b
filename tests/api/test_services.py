"""What an application serves: every route, from whichever feature."""

from wsgi import Client

from disorderbook.api.services import ROUTES


def test_no_route_stands_twice() -> None:
    routes = [(method, path) for method, path, _ in ROUTES]
    assert len(set(routes)) == len(routes)


def test_every_feature_answers_the_routes_of_its_table() -> None:
    tables = [table for _, table in Client().services.features()]
    assert [route for table in tables for route in table] == ROUTES
