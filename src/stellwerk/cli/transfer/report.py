"""What a transfer came to, for people and for scripts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import click

from stellwerk.cli.output import clean, lamp, table
from stellwerk.cli.transfer.bring import Brought
from stellwerk.cli.transfer.meter import counted, lasting
from stellwerk.cli.transfer.prove import Proof

_SHOWN = 20
_MAPPED = 20


@dataclass
class Report:
    """Everything that one call of ``import`` found."""

    source: str
    brought: Brought
    proof: Proof
    names: dict[str, str]
    left_out: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Tell whether all has come and is the same on both sides."""
        return not self.proof.differences and not self.brought.refused

    def body(self) -> dict[str, Any]:
        """Return the report as JSON."""
        return {
            "source": self.source, "transfer": self.brought.transfer, "holds": self.holds,
            "experiments": [{"source_id": source_id, "experiment_id": str(number),
                             "name": self.names.get(source_id, ""), "merged": source_id in self.brought.merged}
                            for source_id, number in self.brought.experiments.items()],
            "counts": {kind: {"source": source, "here": here}
                       for kind, (source, here) in self.proof.counts.items()},
            "differences": [row._asdict() for row in self.proof.differences],
            "refused": [row._asdict() for row in self.brought.refused], "left_out": self.left_out,
            "runs_here_before": self.brought.skipped_runs, "points_brought": self.brought.points,
            "seconds": round(self.brought.seconds, 3)}

    def show(self) -> None:
        """Print the report."""
        self._mapping()
        table(["kind", "source", "here"],
              [[kind, f"{source:,}", f"{here:,}"] for kind, (source, here) in self.proof.counts.items()])
        if self.brought.skipped_runs:
            click.echo(f"  {counted(self.brought.skipped_runs)} runs had come whole before")
        for words in self.left_out:
            click.echo(f"  left out: {clean(words)}")
        self._list("refused", [(row.what, row.why) for row in self.brought.refused])
        self._list("differs", [(row.what, f"source {row.source}; here {row.here}") for row in self.proof.differences])
        if self.holds:
            click.echo(f"{lamp('pass')}  everything of {clean(self.source)} is here, the same on both sides; "
                       f"brought in {lasting(self.brought.seconds)}")
        else:
            click.echo(f"{lamp('fail')}  {len(self.brought.refused)} refused, "
                       f"{len(self.proof.differences)} differences")

    def _mapping(self) -> None:
        rows = [[source_id, number, clean(self.names.get(source_id, ""))]
                for source_id, number in self.brought.experiments.items()]
        table(["id there", "id here", "experiment"], rows[:_MAPPED])
        if len(rows) > _MAPPED:
            click.echo(f"  and {len(rows) - _MAPPED} more experiments: --json shows all")
        click.echo()

    @staticmethod
    def _list(word: str, rows: list[tuple[str, str]]) -> None:
        for what, why in rows[:_SHOWN]:
            click.echo(f"  {word}: {clean(what)}: {clean(why)}")
        if len(rows) > _SHOWN:
            click.echo(f"  {word}: {len(rows) - _SHOWN} more: --json shows all")
