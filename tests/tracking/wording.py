"""What several test modules say of refusals through the client."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from mlflow.exceptions import MlflowException


def refused(call: Callable[[], object], code: str = "INVALID_PARAMETER_VALUE") -> str:
    """Call what the server refuses with a code; returns the message."""
    with pytest.raises(MlflowException) as found:
        call()
    assert found.value.error_code == code, found.value
    return str(found.value)
