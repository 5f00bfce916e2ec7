"""What holds for all tests."""

from hypothesis import settings

from tests.required import pytest_runtest_makereport

# How long one example takes says more about the machine than about the code.
settings.register_profile("stellwerk", deadline=None)
settings.load_profile("stellwerk")

__all__ = ["pytest_runtest_makereport"]
