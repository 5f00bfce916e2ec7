"""Why a decision came out as it did: computed on demand from the revision's own model and frozen background."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from stellwerk.dataplane.decision_log.record import Record
from stellwerk.infra.installation import Installation
from stellwerk.kernel import canonical_json
from stellwerk.kernel.errors import NotFound

_MODELS = 8


def explain_record(installation: Installation, record: Record, serving: Mapping[str, Any]) -> dict[str, Any]:
    """Return base, score and the contribution of each input, heaviest first; the same whenever asked.

    Contributions are in the unit of the score (probability) and sum with the base to the score.
    """
    from stellwerk.engines.explain import explain

    fields = {field["name"]: field for field in serving["inputs"]}
    types = tuple((name, field["type"]) for name, field in fields.items())
    model, background = _load(installation, serving["model"], serving["background"], types)
    inputs: dict[str, Any] = canonical_json.loads(record.inputs)
    row = {name: _model_value(inputs.get(name), fields[name]["type"]) for name in background}
    found = explain(model.score, row, background, seed=_seed(record.id))
    contributions = [
        {"field": entry["input"], "label": fields[entry["input"]]["description"] or entry["input"],
         "value": inputs.get(entry["input"]), "unit": fields[entry["input"]]["unit"],
         "contribution": entry["contribution"], "error": entry["error"]} for entry in found.as_json()["inputs"]]
    return {"base": found.base, "score": found.score, "exact": found.exact, "rows_scored": found.rows_scored,
            "contributions": contributions}


def _seed(decision_id: str) -> int:
    return int(decision_id.replace("-", "")[-8:], 16)


def _model_value(value: Any, kind: str) -> Any:
    if kind == "string":
        return "" if value is None else value
    return float("nan") if value is None else float(value)


@functools.lru_cache(maxsize=_MODELS)
def _load(installation: Installation, model: str, background: str, types: tuple[tuple[str, str], ...]) -> Any:
    import numpy as np

    from stellwerk.engines.onnx import OnnxModel

    if not installation.objects.has(model):
        raise NotFound("The model of this decision is no longer stored, so it cannot be explained.", field="model",
                       value=model, hint="Restore the objects folder from a backup.")
    loaded = OnnxModel(installation.objects.read(model), types)
    rows = canonical_json.loads(installation.objects.read(background))
    columns = {name: np.array([_model_value(value, kind) for value in rows[name]],
                              dtype=object if kind == "string" else np.float64) for name, kind in types}
    return loaded, columns
