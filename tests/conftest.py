"""What holds for all tests."""

from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.postgres import Postgres, programs, running
from tests.required import pytest_runtest_makereport

# How long one example takes says more about the machine than about the code.
settings.register_profile("stellwerk", deadline=None)
settings.load_profile("stellwerk")

__all__ = ["pytest_runtest_makereport"]


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A private PostgreSQL server; skips where none is installed."""
    binaries = programs()
    if binaries is None:
        pytest.skip("PostgreSQL is not installed")
    with running(binaries) as found:
        yield found
