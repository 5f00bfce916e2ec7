import pytest
from fastapi import FastAPI

from stellwerk.infra.http.routing import GuardedRoute, api_routes, check_routes
from stellwerk.kernel.route import UndeclaredRoute, allow, public


def bare() -> FastAPI:
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    app.router.route_class = GuardedRoute
    return app


def test_a_route_without_a_rule_stops_the_start() -> None:
    app = bare()
    with pytest.raises(UndeclaredRoute, match="/forgotten"):
        app.get("/forgotten")(lambda: None)


def test_a_route_of_another_kind_without_a_rule_stops_the_start() -> None:
    app = bare()
    app.add_route("/raw", lambda request: None)  # type: ignore[arg-type,return-value]
    with pytest.raises(UndeclaredRoute, match="/raw"):
        check_routes(app, {})
    app = bare()
    app.mount("/mounted", FastAPI())
    with pytest.raises(UndeclaredRoute, match="/mounted"):
        check_routes(app, {})


def test_a_rule_on_a_kind_without_owner_stops_the_start() -> None:
    routes = api_routes(tag="things")
    routes.get("/things/{name}", allow("things.read", "thing:name"))(lambda name: None)
    app = bare()
    routes.install(app)
    with pytest.raises(UndeclaredRoute, match="owns a thing"):
        check_routes(app, {})
    check_routes(app, {"thing": lambda connection, name: None})


def test_a_rule_on_a_parameter_that_is_not_there_stops_the_start() -> None:
    routes = api_routes(tag="things")
    routes.get("/things", allow("things.read", "team:name"))(lambda: None)
    app = bare()
    routes.install(app)
    with pytest.raises(UndeclaredRoute, match="no parameter"):
        check_routes(app, {})


def test_public_routes_say_so_in_the_description() -> None:
    routes = api_routes(tag="things")
    routes.get("/open", public("a test"))(lambda: None)
    app = bare()
    routes.install(app)
    (route,) = [route for route in app.router.routes if isinstance(route, GuardedRoute)]
    assert route.openapi_extra == {"x-stellwerk-permission": "public", "security": []}
