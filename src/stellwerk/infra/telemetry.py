"""Structured logs, one JSON object a line, and metrics in the Prometheus text format (version 0.0.4)."""

from __future__ import annotations

import bisect
import json
import logging
import sys
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from stellwerk.kernel import clock

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class JsonFormatter(logging.Formatter):
    """One line of JSON per record: control characters are escaped, unknown values become their ``str``."""

    def __init__(self, process: str) -> None:
        super().__init__()
        self.process = process

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line; ``extra={"facts": {...}}`` adds fields of its own."""
        line: dict[str, Any] = {
            "at": clock.iso(datetime.fromtimestamp(record.created, UTC)), "level": record.levelname.lower(),
            "process": self.process, "logger": record.name, "message": record.getMessage(),
        }
        facts = getattr(record, "facts", None)
        if isinstance(facts, dict):
            line.update(facts)
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        # ASCII only: terminal control and bidirectional characters cannot forge a line.
        return json.dumps(line, ensure_ascii=True, default=str)


def configure_logging(process: str, level: int = logging.INFO) -> None:
    """Send all logs of this process to standard error as JSON lines."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter(process))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        foreign = logging.getLogger(name)
        foreign.handlers.clear()
        foreign.propagate = True
    # Our own access line carries the route's template; the foreign one would carry raw paths.
    logging.getLogger("uvicorn.access").disabled = True


def _labelled(names: Sequence[str], values: Sequence[str], extra: str = "") -> str:
    parts = [f'{name}="{_escape(value)}"' for name, value in zip(names, values, strict=True)]
    if extra:
        parts.append(extra)
    return "{" + ",".join(parts) + "}" if parts else ""


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


class _Metric(ABC):
    kind = "untyped"

    def __init__(self, name: str, text: str, labels: tuple[str, ...]) -> None:
        self.name = name
        self.text = text
        self.labels = labels
        self.lock = threading.Lock()

    def key(self, given: dict[str, str]) -> tuple[str, ...]:
        """Return the label values in their declared order; raises KeyError for a missing label."""
        return tuple(given[label] for label in self.labels)

    @abstractmethod
    def lines(self) -> list[str]:
        """Return the sample lines."""


class Counter(_Metric):
    """A number that only grows."""

    kind = "counter"

    def __init__(self, name: str, text: str, labels: tuple[str, ...] = ()) -> None:
        super().__init__(name, text, labels)
        self.values: dict[tuple[str, ...], float] = {}

    def add(self, amount: float = 1.0, **labels: str) -> None:
        """Add an amount."""
        key = self.key(labels)
        with self.lock:
            self.values[key] = self.values.get(key, 0.0) + amount

    def lines(self) -> list[str]:
        """Return the sample lines."""
        with self.lock:
            return [f"{self.name}{_labelled(self.labels, key)} {value:g}" for key, value in sorted(self.values.items())]


class Gauge(_Metric):
    """A number read at the moment of the question."""

    kind = "gauge"

    def __init__(self, name: str, text: str, read: Callable[[], float]) -> None:
        super().__init__(name, text, ())
        self.read = read

    def lines(self) -> list[str]:
        """Return the sample line."""
        return [f"{self.name} {self.read():g}"]


class Histogram(_Metric):
    """Durations in seconds, counted in fixed buckets."""

    kind = "histogram"

    def __init__(self, name: str, text: str, labels: tuple[str, ...] = ()) -> None:
        super().__init__(name, text, labels)
        self.values: dict[tuple[str, ...], list[float]] = {}

    def observe(self, seconds: float, **labels: str) -> None:
        """Count one duration."""
        key = self.key(labels)
        with self.lock:
            row = self.values.setdefault(key, [0.0] * (len(_BUCKETS) + 2))
            row[bisect.bisect_left(_BUCKETS, seconds)] += 1
            row[-1] += seconds

    def lines(self) -> list[str]:
        """Return the sample lines: cumulative buckets, sum and count."""
        result: list[str] = []
        with self.lock:
            for key, row in sorted(self.values.items()):
                total = 0.0
                for edge, count in zip((*map(str, _BUCKETS), "+Inf"), row[:-1], strict=True):
                    total += count
                    edge_label = f'le="{edge}"'
                    result.append(f"{self.name}_bucket{_labelled(self.labels, key, edge_label)} {total:g}")
                result.append(f"{self.name}_sum{_labelled(self.labels, key)} {row[-1]:.6f}")
                result.append(f"{self.name}_count{_labelled(self.labels, key)} {total:g}")
        return result


class Registry:
    """The metrics of one process."""

    def __init__(self) -> None:
        self.metrics: dict[str, _Metric] = {}

    def _put(self, metric: _Metric) -> None:
        if metric.name in self.metrics:
            raise ValueError(f"the metric {metric.name} exists already")
        self.metrics[metric.name] = metric

    def counter(self, name: str, text: str, labels: tuple[str, ...] = ()) -> Counter:
        """Make a counter; raises ValueError for a name in use."""
        metric = Counter(name, text, labels)
        self._put(metric)
        return metric

    def gauge(self, name: str, text: str, read: Callable[[], float]) -> Gauge:
        """Make a gauge that calls ``read`` when asked; raises ValueError for a name in use."""
        metric = Gauge(name, text, read)
        self._put(metric)
        return metric

    def histogram(self, name: str, text: str, labels: tuple[str, ...] = ()) -> Histogram:
        """Make a histogram of seconds; raises ValueError for a name in use."""
        metric = Histogram(name, text, labels)
        self._put(metric)
        return metric

    def render(self) -> str:
        """Return all metrics in the Prometheus text format."""
        lines: list[str] = []
        for metric in self.metrics.values():
            lines += [f"# HELP {metric.name} {metric.text}", f"# TYPE {metric.name} {metric.kind}", *metric.lines()]
        return "\n".join(lines) + "\n"
