"""The server as a whole: every route without and with a viewer's token, the guard, pages of identity."""

from __future__ import annotations

import hmac
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from stellwerk.apps import server
from stellwerk.apps.prepare import prepare_home
from stellwerk.features import identity
from stellwerk.features.identity import sessions
from stellwerk.features.identity.attempts import Attempts
from stellwerk.features.identity.permissions import ROLES
from stellwerk.infra.database import Database
from stellwerk.infra.http.routing import plain_routes, served_routes
from stellwerk.infra.settings import Home, Settings
from stellwerk.kernel.actor import SYSTEM
from stellwerk.kernel.route import UndeclaredRoute, allow, rule_of

SAME = {"Origin": "http://localhost"}
PASSWORD = "seven quiet signals"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setattr(sessions, "_attempts", Attempts())
    prepare_home(tmp_path)
    return Home(tmp_path)


@pytest.fixture
def database(home: Home) -> Iterator[Database]:
    opened = Database(home.control)
    with opened.write(SYSTEM) as work:
        identity.add_person(work, "vera", "Vera Vogt")
        identity.grant(work, "vera", "validator", "lending")
    yield opened
    opened.close()


@pytest.fixture
def app(home: Home, database: Database) -> FastAPI:
    return server.create_app(home, Settings())


@pytest.fixture
def client(app: FastAPI) -> TestClient:
    return TestClient(app, base_url="http://localhost", raise_server_exceptions=False, follow_redirects=False)


def token(database: Database, role: str, team: str | None = None) -> dict[str, str]:
    with database.write(SYSTEM) as work:
        made = identity.create_token(work, f"a-{role.replace('_', '-')}", role, team=team)
    return {"Authorization": f"Bearer {made.secret.reveal()}"}


def link(database: Database) -> str:
    with database.write(SYSTEM) as work:
        return identity.make_link(work, "vera").reveal()


def addresses(app: FastAPI) -> list[tuple[str, str, object]]:
    return [(method, re.sub(r"{[^}]+}", "x", path), endpoint) for method, path, endpoint in served_routes(app)]


def test_every_route_declares_its_rule(app: FastAPI) -> None:
    walked = addresses(app)
    assert len(walked) > 20
    assert [address for *address, endpoint in walked if rule_of(endpoint) is None] == []


def test_every_public_route_is_meant_to_be(app: FastAPI) -> None:
    open_to_all = {(method, path) for method, path, endpoint in served_routes(app) if rule_of(endpoint).public}  # type: ignore[union-attr]
    assert open_to_all == {
        ("GET", "/healthz"), ("GET", "/readyz"), ("GET", "/openapi.json"), ("GET", "/static/{version}/{name:path}"),
        ("GET", "/sign-in"), ("POST", "/sign-in"), ("GET", "/sign-in/link/{secret}"), ("POST", "/sign-in/link"),
        ("GET", "/version"), ("GET", "/health"),
        *(("GET", f"/{api}/3.0/mlflow/{name}") for api in ("api", "ajax-api")
          for name in ("server-info", "server-features")),
        # A signature that expires stands in the address of each part.
        ("PUT", "/api/2.0/mlflow-artifacts/mpu/part/{upload_id}/{number}"),
        ("PUT", "/ajax-api/2.0/mlflow-artifacts/mpu/part/{upload_id}/{number}")}


def test_nothing_else_answers_without_a_credential(app: FastAPI, client: TestClient) -> None:
    for method, path, endpoint in addresses(app):
        rule = rule_of(endpoint)
        assert rule is not None
        if rule.public:
            continue
        answer = client.request(method, path, headers=SAME)
        assert answer.status_code == 401, (method, path, answer.status_code)
        if method != "HEAD":
            assert answer.json()["error_code"].lower() == "unauthenticated"


def test_a_viewer_reaches_only_what_viewers_may(app: FastAPI, client: TestClient, database: Database) -> None:
    viewer = token(database, "viewer", "lending")
    for method, path, endpoint in addresses(app):
        rule = rule_of(endpoint)
        assert rule is not None
        if rule.public or not path.startswith("/api/"):
            continue
        answer = client.request(method, path, headers=viewer)
        if rule.permission not in ROLES["viewer"] or rule.resource == "installation":
            assert answer.status_code == 403, (method, path, answer.status_code)
        else:
            assert answer.status_code not in (401, 403, 500), (method, path, answer.status_code)


def test_every_permission_of_a_route_is_granted_by_some_role(app: FastAPI) -> None:
    granted = frozenset().union(*ROLES.values())
    rules = [rule_of(endpoint) for *_, endpoint in served_routes(app)]
    asked = {rule.permission for rule in rules if rule is not None and not rule.public}
    assert asked <= granted


def test_an_app_with_an_undeclared_route_does_not_start(home: Home) -> None:
    stray = plain_routes(tag="stray")
    stray.get("/things/{name}", allow("services.read", "unknown_kind:name"))(lambda name: None)
    with pytest.raises(UndeclaredRoute):
        server.create_app(home, Settings(), more=(stray,))


def test_foreign_hosts_and_sites_are_refused(client: TestClient, database: Database) -> None:
    admin = token(database, "admin")
    assert client.get("/healthz", headers={"Host": "evil.example"}).status_code == 403
    assert client.get("/api/v1/users", headers={**admin, "Host": "evil.example"}).status_code == 403
    evil = {**admin, "Origin": "http://evil.example"}
    assert client.post("/api/v1/users", json={"name": "otto"}, headers=evil).status_code == 403
    both = {**admin, "Cookie": "stellwerk_session=x"}
    assert client.post("/api/v1/users", json={"name": "otto"}, headers=both).status_code == 403
    assert client.post("/api/v1/users", json={"name": "otto"}, headers=admin).status_code == 201


def test_content_type_and_body_cap(client: TestClient, database: Database) -> None:
    admin = token(database, "admin")
    plain = client.post("/api/v1/users", content=b'{"name": "otto"}', headers={**admin, "Content-Type": "text/plain"})
    assert plain.status_code == 415
    huge = client.post("/api/v1/users", json={"name": "o" * (1 << 20)}, headers=admin)
    assert huge.status_code == 413


def test_tokens_are_compared_in_constant_time(client: TestClient, database: Database,
                                              monkeypatch: pytest.MonkeyPatch) -> None:
    viewer = token(database, "viewer")
    seen: list[str] = []
    real = hmac.compare_digest
    monkeypatch.setattr(hmac, "compare_digest", lambda left, right: seen.append(left) or real(left, right))
    assert client.get("/api/v1/me", headers=viewer).status_code == 200
    assert len(seen) == 1
    assert len(seen[0]) == 64


def test_health_readiness_and_metrics(client: TestClient, database: Database, home: Home) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    ready = client.get("/readyz").json()
    assert ready == {"status": "ready", "components": {"worker": {"state": "not started"},
                                                       "database": {"state": "running"}}}
    assert client.get("/metrics").status_code == 401
    text = client.get("/metrics", headers=token(database, "operator")).text
    assert 'stellwerk_http_requests_total{method="GET",route="/healthz",status="200"} 1' in text.splitlines()
    public = TestClient(server.create_app(home, Settings(metrics_public=True)), base_url="http://localhost")
    assert public.get("/metrics").status_code == 200


def test_a_link_never_reaches_the_metrics(client: TestClient, database: Database) -> None:
    secret = link(database)
    client.get(f"/sign-in/link/{secret}")
    text = client.get("/metrics", headers=token(database, "operator")).text
    assert secret not in text
    assert 'route="/sign-in/link/{secret}"' in text


def test_not_ready_without_a_schema(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.make()
    answer = TestClient(server.create_app(home, Settings()), base_url="http://localhost").get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["components"]["database"]["state"] == "failed"


def test_the_description_is_openapi_3_1_with_security_and_one_error(client: TestClient) -> None:
    description = client.get("/openapi.json").json()
    assert description["openapi"].startswith("3.1")
    assert set(description["components"]["securitySchemes"]) == {"bearer", "basic"}
    assert description["security"] == [{"bearer": []}, {"basic": []}]
    assert description["paths"]["/healthz"]["get"]["security"] == []
    operation = description["paths"]["/api/v1/users"]["post"]
    assert operation["x-stellwerk-permission"] == "identity.admin"
    assert operation["responses"]["422"]["content"]["application/json"]["schema"] == {
        "$ref": "#/components/schemas/Error"}
    assert "HTTPValidationError" not in description["components"]["schemas"]
    assert not [path for path in description["paths"] if path.startswith(("/sign", "/account", "/static"))]


def test_static_files_are_kept_for_ever_at_their_address(client: TestClient) -> None:
    page = client.get("/sign-in").text
    found = re.findall(r'(?:href|src)="(/static/[^"]+)"', page)
    assert len(found) >= 5
    for address in found:
        answer = client.get(address)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["Cache-Control"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    version = found[0].split("/")[2]
    for path in (f"/static/{version}/..%2ftokens.py", f"/static/{version}/%2e%2e/assets.py", "/static/other/base.css",
                 f"/static/{version}/", f"/static/{version}//etc/passwd"):
        assert client.get(path).status_code == 404


def sign_in_by_link(client: TestClient, database: Database) -> None:
    answer = client.post("/sign-in/link", data={"secret": link(database)}, headers=SAME)
    assert answer.status_code == 303
    assert answer.headers["Location"] == "/account"


def form_token(page: str) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found is not None
    return found.group(1)


def test_the_way_of_a_person(client: TestClient, database: Database) -> None:
    secret = link(database)
    looked = client.get(f"/sign-in/link/{secret}")
    assert looked.status_code == 200
    assert "Vera Vogt" in looked.text
    assert "set-cookie" not in looked.headers
    entered = client.post("/sign-in/link", data={"secret": secret}, headers=SAME)
    cookie = entered.headers["Set-Cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert "path=/" in cookie
    assert client.get(f"/sign-in/link/{secret}").status_code == 410
    account = client.get("/account")
    assert account.status_code == 200
    assert "no password yet" in account.text
    fields = {"csrf_token": form_token(account.text), "new_password": PASSWORD}
    assert client.post("/account/password", data=fields | {"csrf_token": "x"}, headers=SAME).status_code == 403
    weak = client.post("/account/password", data=fields | {"new_password": "short"}, headers=SAME)
    assert weak.status_code == 400
    assert "at least 12" in weak.text
    assert "short" not in weak.text
    assert client.post("/account/password", data=fields, headers=SAME).headers["Location"] == "/account?saved=true"
    out = client.post("/sign-out", data={"csrf_token": fields["csrf_token"]}, headers=SAME)
    assert out.status_code == 303
    assert client.get("/account", headers={"Accept": "text/html"}).headers["Location"] == "/sign-in?next=/account"
    back = client.post("/sign-in", data={"name": "vera", "password": PASSWORD, "next": "/account"}, headers=SAME)
    assert back.status_code == 303
    assert back.headers["Location"] == "/account"
    assert client.get("/account").status_code == 200


def test_a_wrong_password_shows_the_form_again(client: TestClient) -> None:
    answer = client.post("/sign-in", data={"name": "<b>vera", "password": "wrong-word"}, headers=SAME)
    assert answer.status_code == 401
    assert "do not match" in answer.text
    assert "wrong-word" not in answer.text
    assert "&lt;b&gt;vera" in answer.text
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("target", ["//evil.example", "https://evil.example", "/\\evil.example", "\\\\evil",
                                    "javascript:x",
                                    "/a\nb", "evil.example", "/\t/evil.example"])
def test_signing_in_leads_nowhere_else(client: TestClient, database: Database, target: str) -> None:
    sign_in_by_link(client, database)
    assert client.get("/sign-in", params={"next": target}).headers["Location"] == "/"


def test_forms_from_elsewhere_change_nothing(client: TestClient, database: Database) -> None:
    secret = link(database)
    for headers in ({}, {"Origin": "http://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}):
        assert client.post("/sign-in/link", data={"secret": secret}, headers=headers).status_code == 403
    assert client.post("/sign-in/link", data={"secret": secret}, headers=SAME).status_code == 303


def test_under_tls_the_cookie_is_bound_to_the_host(app: FastAPI, database: Database) -> None:
    client = TestClient(app, base_url="https://localhost", follow_redirects=False)
    answer = client.post("/sign-in/link", data={"secret": link(database)}, headers={"Origin": "https://localhost"})
    assert answer.headers["Set-Cookie"].startswith("__Host-stellwerk_session=")
    assert "Secure" in answer.headers["Set-Cookie"]
    assert client.get("/account").status_code == 200


def test_errors_are_pages_for_people_and_json_for_programs(client: TestClient) -> None:
    page = client.get("/nothing", headers={"Accept": "text/html"})
    assert page.status_code == 404
    assert page.headers["Content-Type"].startswith("text/html")
    assert "Status 404" in page.text
    assert client.get("/nothing").json()["error_code"] == "not_found"
    assert client.get("/api/v1/nothing", headers={"Accept": "text/html"}).json()["error_code"] == "not_found"


def test_the_api_of_people_and_tokens(client: TestClient, database: Database) -> None:
    admin = token(database, "admin")
    assert client.post("/api/v1/users", json={"name": "otto", "title": "Otto"}, headers=admin).status_code == 201
    assert client.post("/api/v1/users", json={"name": "otto"}, headers=admin).status_code == 409
    assert client.post("/api/v1/users", json={"name": "x", "admin": True}, headers=admin).status_code == 422
    role = {"role": "builder", "team": "lending"}
    assert client.post("/api/v1/users/otto/roles", json=role, headers=admin).status_code == 201
    users = {row["name"]: row for row in client.get("/api/v1/users", headers=admin).json()}
    assert users["otto"]["roles"] == [role]
    assert client.request("DELETE", "/api/v1/users/otto/roles", params=role, headers=admin).status_code == 204
    path = client.post("/api/v1/users/otto/link", headers=admin).json()["path"]
    assert "Otto" in client.get(path).text
    made = client.post("/api/v1/tokens", json={"name": "ci", **role}, headers=admin).json()
    ci = {"Authorization": f"Bearer {made['token']}"}
    me = client.get("/api/v1/me", headers=ci).json()
    assert me["roles"] == [role]
    assert me["permissions"]["jobs.create"] == ["lending"]
    assert me["person"] is None
    assert client.get("/api/v1/tokens", headers=ci).status_code == 403
    listed = client.get("/api/v1/tokens", headers=admin)
    assert made["token"] not in listed.text
    assert {row["name"] for row in listed.json()} == {"ci", "a-admin"}
    assert client.delete("/api/v1/tokens/ci", headers=admin).status_code == 204
    assert client.get("/api/v1/me", headers=ci).status_code == 401
    assert client.put("/api/v1/users/otto/state", json={"active": False}, headers=admin).status_code == 200
    assert client.get(path).status_code == 410
    used = client.post("/sign-in/link", data={"secret": path.rpartition("/")[2]}, headers=SAME)
    assert used.status_code == 410


def test_the_server_imports_no_heavy_engine() -> None:
    script = ("import sys, stellwerk.apps.server as s\nfrom stellwerk.infra.settings import Home, Settings\n"
              "from pathlib import Path\nimport tempfile\ns.create_app(Home(Path(tempfile.mkdtemp())), Settings())\n"
              "heavy = {'polars', 'deltalake', 'onnxruntime', 'numpy', 'dbos', 'alembic', 'sklearn'}\n"
              "print(sorted(heavy & set(sys.modules)))")
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
