"""Run the benches: ``python -m bench [NAME] [options]``; without a name gateway and tracking."""

from __future__ import annotations

import argparse
import sys

from bench import gateway
from bench.tracking import run as tracking
from bench.tracking import scale, takeover
from bench.tracking.run import Plan


def main() -> int:
    """Run the bench that is named; all of them without a name."""
    parser = argparse.ArgumentParser(prog="bench")
    names = parser.add_subparsers(dest="name")
    one = names.add_parser("gateway", help="decisions against bare FastAPI endpoints")
    one.add_argument("--seconds", type=float, default=4.0, help="length of each cell")
    one.add_argument("--rounds", type=int, default=3, help="how often each cell is measured; medians are printed")
    two = names.add_parser("tracking", help="tracking against the stock MLflow server")
    two.add_argument("--rounds", type=int, default=5, help="how often each row is measured; medians are printed")
    two.add_argument("--quick", action="store_true", help="few calls and small data: whether it runs, not how fast")
    two.add_argument("--postgres", action="store_true", help="ours on a private PostgreSQL instead of SQLite")
    two.add_argument("--only", choices=["peer", "ours"], help="measure one side alone")
    two.add_argument("--runs", type=int, default=100_000, help="how many runs the large search has before it")
    three = names.add_parser("tracking-scale", help="tracking with many runs and points on this machine")
    three.add_argument("--runs", type=int, default=1_000_000)
    three.add_argument("--points", type=int, default=100_000_000, help="of metrics, over all runs")
    three.add_argument("--postgres", action="store_true", help="on a private PostgreSQL instead of SQLite")
    three.add_argument("--clients", type=int, default=16, help="that fill in the runs at once")
    four = names.add_parser("tracking-import", help="bringing an MLflow database on this machine")
    four.add_argument("--runs", type=int, default=500)
    four.add_argument("--points", type=int, default=5_000_000, help="of metrics, over all runs")
    four.add_argument("--postgres", action="store_true", help="to a private PostgreSQL instead of SQLite")
    chosen = parser.parse_args()
    good = True
    if chosen.name in (None, "gateway"):
        gateway.main(getattr(chosen, "seconds", 4.0), getattr(chosen, "rounds", 3))
    if chosen.name is None:
        good = tracking.main(Plan())
    elif chosen.name == "tracking":
        good = tracking.main(Plan(chosen.rounds, chosen.quick, chosen.postgres, chosen.only, chosen.runs))
    elif chosen.name == "tracking-scale":
        good = scale.main(scale.Scale(chosen.runs, chosen.points, chosen.postgres, chosen.clients))
    elif chosen.name == "tracking-import":
        good = takeover.main(takeover.Takeover(chosen.runs, chosen.points, chosen.postgres))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
