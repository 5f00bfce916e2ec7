"""Run the benches: ``python -m bench gateway [--seconds S] [--rounds N]``."""

from __future__ import annotations

import argparse
import sys

from bench import gateway

BENCHES = {"gateway": gateway.main}


def main() -> int:
    """Run the bench that is named; all of them without a name."""
    parser = argparse.ArgumentParser(prog="bench")
    parser.add_argument("name", nargs="?", choices=sorted(BENCHES))
    parser.add_argument("--seconds", type=float, default=4.0, help="length of each cell")
    parser.add_argument("--rounds", type=int, default=3, help="how often each cell is measured; medians are printed")
    chosen = parser.parse_args()
    for name, run in BENCHES.items():
        if chosen.name in (None, name):
            run(chosen.seconds, chosen.rounds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
