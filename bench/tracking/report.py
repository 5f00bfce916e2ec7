"""The figures as lines and as a Markdown table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Line:
    """One row as it came out: a figure of each server, the peer's first; None where the server failed."""

    title: str
    unit: str
    goal: float | None
    figures: dict[str, float | None]
    more_is_better: bool = False
    failures: dict[str, str] = field(default_factory=dict)

    @property
    def ratio(self) -> float | None:
        """How many times better ours is; None where not both were measured."""
        found = [figure for figure in self.figures.values() if figure is not None]
        if len(found) < 2:
            return None
        peer, ours = found
        return ours / peer if self.more_is_better else peer / ours

    def cells(self) -> list[str]:
        """Return the cells of the table."""
        figures = ["failed" if figure is None else f"{figure:,.2f}" for figure in self.figures.values()]
        if len(figures) < 2:
            return [self.title, self.unit, *figures]
        ratio = self.ratio
        told = "" if ratio is None else f"{ratio:.1f}"
        goal = "" if self.goal is None else f"{self.goal:g}"
        reached = "" if self.goal is None else "yes" if ratio is not None and ratio >= self.goal else "no"
        return [self.title, self.unit, *figures, told, goal, reached]

    def text(self) -> str:
        """Return the line as it is printed while the bench runs, with the reason of a failure."""
        return "\n".join([" | ".join(self.cells()), *(f"  {name}: {text}" for name, text in self.failures.items())])


def table(lines: Sequence[Line]) -> str:
    """Return the Markdown table."""
    names = list(lines[0].figures)
    head = ["row", "unit", *names, *(["times better", "goal", "reached"] if len(names) > 1 else [])]
    rows = [head, ["---"] * len(head), *(line.cells() for line in lines)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
