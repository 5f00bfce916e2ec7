"""The figures as lines and as a Markdown table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Line:
    """One row as it came out: a figure of each server, the peer's first."""

    title: str
    unit: str
    goal: float
    figures: dict[str, float]
    more_is_better: bool = False

    @property
    def ratio(self) -> float | None:
        """How many times better ours is; None where only one server was measured."""
        if len(self.figures) < 2:
            return None
        peer, ours = self.figures.values()
        return ours / peer if self.more_is_better else peer / ours

    def cells(self) -> list[str]:
        """Return the cells of the table."""
        ratio = self.ratio
        verdict = [] if ratio is None else [f"{ratio:.1f}x", f"{self.goal:g}x", "yes" if ratio >= self.goal else "no"]
        return [self.title, self.unit, *(f"{value:,.2f}" for value in self.figures.values()), *verdict]

    def text(self) -> str:
        """Return the line as it is printed while the bench runs."""
        return " | ".join(self.cells())


def table(lines: Sequence[Line]) -> str:
    """Return the Markdown table."""
    both = all(line.ratio is not None for line in lines)
    head = ["row", "unit", *lines[0].figures, *(["peer/ours", "goal", "reached"] if both else [])]
    rows = [head, ["---"] * len(head), *(line.cells() for line in lines)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
