import json
import os
from pathlib import Path

import pytest

from stellwerk.infra.http.health import worker_component


def test_no_heartbeat_means_not_started(tmp_path: Path) -> None:
    assert worker_component(tmp_path / "worker.json", 0.0) == {"state": "not started"}


@pytest.mark.parametrize(("age", "state"), [(0.0, "running"), (15.0, "running"), (15.5, "silent"), (9000.0, "silent")])
def test_a_heartbeat_ages(tmp_path: Path, age: float, state: str) -> None:
    file = tmp_path / "worker.json"
    file.write_text(json.dumps({"pid": 7, "secret": "x"}))
    os.utime(file, (1000.0, 1000.0))
    assert worker_component(file, 1000.0 + age) == {"state": state, "heartbeat_age_seconds": age, "pid": 7}


@pytest.mark.parametrize("content", ["{", "", "\xff"])
def test_a_broken_heartbeat_is_unknown(tmp_path: Path, content: str) -> None:
    file = tmp_path / "worker.json"
    file.write_text(content, encoding="latin-1")
    assert worker_component(file, 0.0)["state"] == "unknown"
