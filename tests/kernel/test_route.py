import pytest

from stellwerk.kernel.route import Rule, UndeclaredRoute, allow, check_declared, declare, public, rule_of


def test_a_rule_is_attached_and_found() -> None:
    def endpoint() -> None: ...

    assert rule_of(endpoint) is None
    assert declare(endpoint, allow("services.read", "service:name")) is endpoint
    assert rule_of(endpoint) == Rule("services.read", "service:name")
    assert allow("services.read", "service:name").kind_and_parameter == ("service", "name")
    assert allow("decide").kind_and_parameter is None
    assert public("a: b").kind_and_parameter is None


@pytest.mark.parametrize("permission", ["", "Services.read", "a.b.c", "*", "services.", "services.read\n"])
def test_a_permission_outside_the_grammar_is_refused(permission: str) -> None:
    with pytest.raises(ValueError, match="no permission"):
        allow(permission)


@pytest.mark.parametrize("resource", ["", "everything", "service:", ":name", "a:b:c", "any\n"])
def test_a_resource_outside_the_grammar_is_refused(resource: str) -> None:
    with pytest.raises(ValueError, match="no resource"):
        allow("decide", resource)


def test_public_needs_a_reason() -> None:
    assert public("liveness for the supervisor").public
    with pytest.raises(ValueError, match="why"):
        public("  ")


def test_two_rules_on_one_endpoint_are_refused() -> None:
    def endpoint() -> None: ...

    declare(endpoint, allow("decide"))
    declare(endpoint, allow("decide"))
    with pytest.raises(ValueError, match="twice"):
        declare(endpoint, public("no longer"))


def test_undeclared_routes_are_named() -> None:
    def declared() -> None: ...

    def forgotten() -> None: ...

    declare(declared, allow("decide"))
    check_declared([("GET /a", declared)])
    with pytest.raises(UndeclaredRoute, match="POST /b"):
        check_declared([("GET /a", declared), ("POST /b", forgotten)])
