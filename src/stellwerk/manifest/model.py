"""What a manifest says, as types."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from stellwerk.kernel.hashing import sha256_hex

METRICS = ("roc_auc", "pr_auc", "log_loss", "brier", "ece")
GROUP_METRICS = ("selection_rate_ratio", "selection_rate_difference", "true_positive_rate_ratio",
                 "true_positive_rate_difference", "false_positive_rate_ratio", "false_positive_rate_difference")
ROLES = ("viewer", "builder", "validator", "product_owner", "operator")


@dataclass(frozen=True)
class DataSource:
    """The data set of a service: its contract, and the function or file that it comes from."""

    name: str
    contract: str
    source: str

    @property
    def is_function(self) -> bool:
        """Whether a function of the service delivers the data (``module:function``), rather than a file."""
        return ":" in self.source


@dataclass(frozen=True)
class Evaluate:
    """How a version is scored: by folds, or on a holdout share; the seed fixes who falls where."""

    folds: int | None = None
    holdout: float | None = None
    seed: int = 7
    metrics: tuple[str, ...] = METRICS


@dataclass(frozen=True)
class Gate:
    """A rule that an evaluation must satisfy."""

    metric: str
    at_least: float | None = None
    at_most: float | None = None
    by: str | None = None
    not_worse_than: Literal["champion"] | None = None
    within: float = 0.0
    judge: Literal["interval", "point"] = "point"

    @property
    def name(self) -> str:
        """The gate in words, which is also its name within the manifest."""
        words = self.metric + (f" by {self.by}" if self.by else "")
        if self.not_worse_than:
            return f"{words} not worse than {self.not_worse_than} within {self.within:g}"
        if self.at_least is not None:
            return f"{words} at least {self.at_least:g}"
        return f"{words} at most {self.at_most:g}"

    def plain(self) -> dict[str, Any]:
        """Return the gate as plain values, with its name."""
        return {"name": self.name, "metric": self.metric, "at_least": self.at_least, "at_most": self.at_most,
                "by": self.by, "not_worse_than": self.not_worse_than, "within": self.within, "judge": self.judge}


@dataclass(frozen=True)
class Approval:
    """Roles of which each must say yes, and whether builders are kept from approving their own work."""

    roles: tuple[str, ...]
    four_eyes: bool

    def plain(self) -> dict[str, Any]:
        """Return plain values."""
        return {"roles": list(self.roles), "four_eyes": self.four_eyes}


@dataclass(frozen=True)
class Serve:
    """How a score becomes an answer, how a new version takes over, and how its records are written."""

    threshold: float = 0.5
    below: Literal["review", "reject"] = "reject"
    between: tuple[float, float] | None = None
    canary: float | None = None
    record: Literal["sync", "buffered"] = "buffered"


@dataclass(frozen=True)
class Limits:
    """What one function of the service may take at most; the installation's own limits hold besides."""

    seconds: int | None = None
    memory_mb: int | None = None


@dataclass(frozen=True)
class Manifest:
    """A whole manifest."""

    service: str
    title: str
    purpose: str
    team: str
    risk: Literal["minimal", "limited", "high"]
    data: DataSource
    target: str
    # Exactly one of the two is set: a function that trains, or a registered model that was trained elsewhere.
    train: str = ""
    model: str = ""
    positive: Any = None
    environment: str | None = None
    subject: str | None = None
    protected: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    params: Mapping[str, Any] = field(default_factory=dict)
    evaluate: Evaluate = Evaluate()
    gates: tuple[Gate, ...] = ()
    approval: Approval | None = None
    serve: Serve = Serve()
    limits: Limits = Limits()
    monitor: Mapping[str, Any] | None = None
    retrain: Mapping[str, Any] | None = None
    text: str = ""

    @property
    def digest(self) -> str:
        """SHA-256 of the manifest's text."""
        return sha256_hex(self.text.encode())

    @property
    def not_acted_on(self) -> tuple[str, ...]:
        """Keys that are understood and kept, but change nothing yet."""
        return tuple(name for name in ("monitor", "retrain") if getattr(self, name) is not None)

    @property
    def not_inputs(self) -> frozenset[str]:
        """Columns that never reach the model."""
        subject = (self.subject,) if self.subject else ()
        return frozenset((self.target, *subject, *self.protected, *self.exclude))

    def inputs(self, columns: Sequence[str]) -> tuple[str, ...]:
        """Return the contract's columns that the model gets, in the contract's order."""
        return tuple(name for name in columns if name not in self.not_inputs)
