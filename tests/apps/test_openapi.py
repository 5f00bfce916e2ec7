"""Schemathesis throws at every documented address what its document allows and what it does not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error

from stellwerk.apps.prepare import prepare_home
from stellwerk.apps.server import create_app
from stellwerk.features.identity import create_token
from stellwerk.infra.database import Database
from stellwerk.infra.settings import Home, Settings
from stellwerk.kernel.actor import SYSTEM

pytestmark = pytest.mark.slow


def test_no_request_breaks_the_server(tmp_path: Path) -> None:
    prepare_home(tmp_path / "home")
    database = Database(Home(tmp_path / "home").control)
    with database.write(SYSTEM) as work:
        token = create_token(work, "fuzz", "admin").secret.reveal()
    database.close()
    app = create_app(Home(tmp_path / "home"), Settings())
    schema = schemathesis.openapi.from_asgi("/openapi.json", app, headers={"Host": "localhost"})
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) > 20
    for operation in operations:
        fuzz(operation, {"Host": "localhost", "Authorization": f"Bearer {token}"})


def fuzz(operation: Any, headers: dict[str, str]) -> None:
    @given(case=operation.as_strategy())
    @settings(max_examples=12, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    def run(case: Any) -> None:
        # Waiting for progress is a feature; here it would only take time.
        if case.query and "wait" in case.query:
            case.query["wait"] = 0
        case.call_and_validate(headers=headers, checks=[not_a_server_error])

    run()


def test_the_document_is_openapi_3_1(tmp_path: Path) -> None:
    prepare_home(tmp_path / "home")
    document = create_app(Home(tmp_path / "home"), Settings()).openapi()
    assert document["openapi"].startswith("3.1")
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert operation.get("summary") or operation.get("description"), f"{method} {path}"
