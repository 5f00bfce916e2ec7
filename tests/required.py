"""Where STELLWERK_REQUIRE_ALL is set, a skipped test is a failed one: nobody may take it for a passed one."""

from __future__ import annotations

import os
from collections.abc import Generator
from typing import Any

import pytest

VARIABLE = "STELLWERK_REQUIRE_ALL"
# Rights over the machine that a container may rightly withhold; everything else can be installed.
WITHHELD = "mounting"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: Any) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn the report of a skipped test into a failure that says why it was skipped."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and os.environ.get(VARIABLE):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if WITHHELD not in reason:
            report.outcome = "failed"
            report.longrepr = f"{item.nodeid} was skipped although {VARIABLE} is set: {reason}"
    return report
