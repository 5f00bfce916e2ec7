"""Descriptions of models that are small to send and large to read are refused before they are read out."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from stellwerk.features.releases.way import adoption
from stellwerk.infra.objects import ObjectStore
from stellwerk.kernel.errors import BadInput

_ANCHORS = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12))
_MERGES = "a0: &a0 {k: v}\n" + "".join(f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 10)}]}}\n"
                                       for n in range(1, 12))


@pytest.mark.parametrize("text", [
    _MERGES + "flavors: {sklearn: *a11}\n",
    _ANCHORS + "flavors: {sklearn: {pickled_model: *a11, serialization_format: pickle}}\n",
    _ANCHORS + "flavors: {sklearn: {pickled_model: m, serialization_format: pickle, skops_trusted_types: *a11}}\n",
    "flavors: {sklearn: {pickled_model: m, serialization_format: pickle, skops_trusted_types: 5}}\n",
    "#" * (2 << 20) + "\nflavors: {sklearn: {pickled_model: m, serialization_format: pickle}}\n",
])
def test_a_description_that_grows_when_read_is_refused(tmp_path: Path, text: str) -> None:
    objects = ObjectStore(tmp_path)
    job: Any = SimpleNamespace(installation=SimpleNamespace(objects=objects))
    with pytest.raises(BadInput, match="cannot be taken"):
        adoption._how_to_read(job, {"uri": "models:/m/1", "files": {"MLmodel": objects.put_bytes(text.encode()),
                                                                    "m": "0" * 64}})
