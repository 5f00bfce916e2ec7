"""Fixtures of the gateway's tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gateway.live import Live, running


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    """Return a gateway in this process with the service ``loans`` live."""
    with running(tmp_path) as made:
        yield made


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """Return a gateway for many requests that change nothing but its log."""
    with running(tmp_path_factory.mktemp("home")) as made:
        yield made
