"""What sets runs apart: params that differ, parallel coordinates, and two columns against each other."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stellwerk.features.tracking_pages.columns import RunColumn
from stellwerk.features.tracking_pages.figures import figure, is_infinite
from stellwerk.features.tracking_pages.interest import falls
from stellwerk.uikit import Chart
from stellwerk.uikit.run_charts import Axis, Dot, Thread, dots, parallel

Values = Mapping[str, Any]
# An axis whose values span more than this is drawn by their logarithm.
_WIDE = 1000
_NAMED = 8
_LEAST = 5


def differing(by_run: Sequence[Mapping[str, str]]) -> tuple[list[str], list[str]]:
    """Return the keys in which runs differ, and those in which all agree."""
    keys = sorted({key for values in by_run for key in values})
    apart = [key for key in keys if len({values.get(key) for values in by_run}) > 1]
    return apart, [key for key in keys if key not in apart]


def as_number(value: Any) -> float | None:
    """Return a value as a finite number, None where it is none."""
    try:
        found = float(value)
    except (TypeError, ValueError):
        return None
    return found if math.isfinite(found) and not is_infinite(found) else None


@dataclass(frozen=True)
class Scale:
    """How a column becomes an axis: by its numbers, their logarithm, or its names."""

    kind: str
    low: float = 0.0
    high: float = 1.0
    names: tuple[str, ...] = ()

    def place(self, value: Any) -> float | None:
        """Return where a value stands from 0 to 1."""
        if self.kind == "names":
            if value is None:
                return None
            return 0.5 if len(self.names) == 1 else self.names.index(str(value)) / (len(self.names) - 1)
        number = as_number(value)
        if number is None:
            return None
        if self.low == self.high:
            return 0.5
        if self.kind == "log":
            return math.log(number / self.low) / math.log(self.high / self.low)
        return (number / 2 - self.low / 2) / (self.high / 2 - self.low / 2)

    def marks(self) -> list[tuple[float, str]]:
        """Return what is written on the axis."""
        if self.kind != "names":
            if self.low == self.high:
                return [(0.5, figure(self.low))]
            middle = math.sqrt(self.low) * math.sqrt(self.high) if self.kind == "log" else self.low / 2 + self.high / 2
            return [(0.0, figure(self.low, 3)), (0.5, figure(middle, 3)), (1.0, figure(self.high, 3))]
        shown = self.names if len(self.names) <= _NAMED else (self.names[0], self.names[-1])
        return [(place, name[:24]) for name in shown if (place := self.place(name)) is not None]


def scale_of(values: Sequence[Any]) -> Scale:
    """Return the axis for values: names where one of them is no number."""
    known = [value for value in values if value is not None]
    numbers = [number for value in known if (number := as_number(value)) is not None]
    odd = [value for value in known if as_number(value) is None and isinstance(value, str)]
    if odd or not numbers:
        return Scale("names", names=tuple(sorted({str(value) for value in known})))
    low, high = min(numbers), max(numbers)
    return Scale("log" if low > 0 and high / low >= _WIDE else "numbers", low, high)


def text_of(value: Any) -> str:
    """Return a value as tables write it."""
    if value is None:
        return "–"
    return value if isinstance(value, str) else figure(value)


def parallel_chart(columns: Sequence[RunColumn], labels: Sequence[str], rows: Sequence[Values]) -> Chart:
    """Return parallel coordinates of runs; the last metric among the columns gives the colour."""
    scales = [scale_of([row.get(column.name) for row in rows]) for column in columns]
    leading = max((place for place, column in enumerate(columns) if column.kind == "metric"), default=len(columns) - 1)
    threads = []
    falling = bool(columns) and columns[leading].kind == "metric" and falls(columns[leading].key)
    for label, row in zip(labels, rows, strict=True):
        values = [row.get(column.name) for column in columns]
        places = [scale.place(value) for scale, value in zip(scales, values, strict=True)]
        weight = places[leading] if columns else None
        if weight is not None and falling:
            weight = 1 - weight
        threads.append(Thread(label, places, [text_of(value) for value in values], weight or 0.0))
    axes = [Axis(column.label + (" (log)" if scale.kind == "log" else ""), scale.marks())
            for column, scale in zip(columns, scales, strict=True)]
    best = max(threads, key=lambda thread: thread.weight, default=None)
    name = columns[leading].label
    end = "lowest" if falling else "highest"
    title = f"{best.label} has the {end} {name}: {best.texts[leading]}" if best else name
    return parallel("chart-parallel", title, _unique(axes), threads,
                    under=f"One line for each run; the stronger its colour, the {'lower' if falling else 'higher'} "
                          f"{name}.")


def _unique(axes: Sequence[Axis]) -> list[Axis]:
    """Return axes with names that differ: a param and a metric may share theirs."""
    seen: dict[str, int] = {}
    found = []
    for axis in axes:
        seen[axis.name] = seen.get(axis.name, 0) + 1
        found.append(axis if seen[axis.name] == 1 else Axis(f"{axis.name} ({seen[axis.name]})", axis.marks))
    return found


def dots_chart(x: RunColumn, y: RunColumn, labels: Sequence[str], rows: Sequence[Values]) -> Chart | None:
    """Return two columns against each other, None where no run has both."""
    known = [(label, row[x.name], row[y.name]) for label, row in zip(labels, rows, strict=True)
             if row.get(x.name) is not None and row.get(y.name) is not None]
    x_scale, y_scale = scale_of([item[1] for item in known]), scale_of([item[2] for item in known])
    items = [Dot(label, px, py, (text_of(first), text_of(second))) for label, first, second in known
             if (px := _coordinate(first, x_scale)) is not None and (py := _coordinate(second, y_scale)) is not None]
    if not items:
        return None
    kinds = {"names": "names", "log": "log", "numbers": "linear"}
    return dots("chart-dots", _relation(x, y, items), items, x_axis=x.label, y_axis=y.label,
                x_scale=kinds[x_scale.kind], y_scale=kinds[y_scale.kind])


def _coordinate(value: Any, scale: Scale) -> float | str | None:
    return str(value) if scale.kind == "names" else as_number(value)


def _relation(x: RunColumn, y: RunColumn, items: Sequence[Dot]) -> str:
    pairs = [(dot.x, dot.y) for dot in items if isinstance(dot.x, float) and isinstance(dot.y, float)]
    found = rank_correlation(pairs) if len(pairs) == len(items) and len(items) >= _LEAST else None
    if found is None:
        return f"{y.label} against {x.label}, {len(items)} {'run' if len(items) == 1 else 'runs'}"
    direction = "rises with" if found > 0 else "falls with"
    strength = "clearly" if abs(found) >= 0.7 else "somewhat" if abs(found) >= 0.3 else "hardly"
    return f"{y.label} {strength} {direction} {x.label}: rank correlation {figure(found, 2)} over {len(items)} runs"


def rank_correlation(pairs: Sequence[tuple[float, float]]) -> float | None:
    """Return Spearman's rank correlation, None where one side does not vary."""
    ranks = [_ranks([pair[side] for pair in pairs]) for side in (0, 1)]
    mean = (len(pairs) - 1) / 2
    spread = [sum((rank - mean) ** 2 for rank in side) for side in ranks]
    if not all(spread):
        return None
    together = sum((one - mean) * (other - mean) for one, other in zip(*ranks, strict=True))
    return float(together / math.sqrt(spread[0] * spread[1]))


def _ranks(values: Sequence[float]) -> list[float]:
    order = sorted(range(len(values)), key=lambda place: values[place])
    ranks = [0.0] * len(values)
    start = 0
    while start < len(order):
        end = start
        while end + 1 < len(order) and values[order[end + 1]] == values[order[start]]:
            end += 1
        for place in order[start:end + 1]:
            ranks[place] = (start + end) / 2
        start = end + 1
    return ranks
