"""Parts of the protocol that Stellwerk leaves to others: each call answers so, in words that clients show."""

from __future__ import annotations

from stellwerk.kernel.errors import NotOffered

_ALL = ("GET", "POST", "PUT", "PATCH", "DELETE")

# (version of the address, first part of the path, methods)
AREAS: tuple[tuple[int, str, tuple[str, ...]], ...] = (
    (2, "/mlflow/traces", _ALL), (3, "/mlflow/traces", _ALL), (2, "/mlflow/unified-traces", _ALL),
    (2, "/mlflow/get-online-trace-details", _ALL),
    (3, "/mlflow/gateway", _ALL), (3, "/mlflow/issues", _ALL), (3, "/mlflow/label-schemas", _ALL),
    (3, "/mlflow/review-queues", _ALL), (3, "/mlflow/scorers", _ALL), (3, "/mlflow/prompt-optimization", _ALL),
    (3, "/mlflow/assistant", _ALL), (3, "/mlflow/datasets", _ALL), (3, "/mlflow/workspaces", _ALL),
    (3, "/mlflow/jobs", _ALL), (2, "/mlflow/gateway-proxy", _ALL), (2, "/mlflow/runs/create-promptlab-run", _ALL),
    (2, "/mlflow/get-trace-artifact", _ALL),
)
_WORDS = {"traces": "traces of language models", "unified-traces": "traces of language models",
          "get-online-trace-details": "traces of language models", "gateway": "a gateway to language models",
          "gateway-proxy": "a gateway to language models", "issues": "issues found in traces",
          "label-schemas": "labelling of traces", "review-queues": "review of traces", "scorers": "scorers of traces",
          "prompt-optimization": "optimisation of prompts", "assistant": "an assistant",
          "datasets": "evaluation data sets of language models", "workspaces": "workspaces", "jobs": "these jobs"}


def refuse(area: str) -> NotOffered:
    """Return the error for a call of an area that is not offered."""
    name = area.removeprefix("/mlflow/").partition("/")[0]
    return NotOffered(f"Stellwerk does not offer {_WORDS.get(name, 'this call')} ({name}).",
                      hint="Experiments, runs, logged models, artifacts and the model registry are offered.")
