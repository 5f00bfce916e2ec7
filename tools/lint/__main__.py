"""Run all lints: ruff, mypy, import contracts and our own. Exit code 0 when nothing was found."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tools.lint import danger, size, slices
from tools.lint.finding import Finding, read_sources

ROOT = Path(__file__).resolve().parents[2]
CHECKS = (size.check, slices.check, danger.check)
FOREIGN = (("ruff", "check", "."), ("mypy",), ("importlinter", "lint"))


def own_findings(root: Path = ROOT) -> list[Finding]:
    """Return what our own checks find in the repository."""
    folders = [name for name in ("src", "tools", "tests", "examples", "bench") if (root / name).exists()]
    return sorted(found for source in read_sources(root, *folders) for check in CHECKS for found in check(source))


def run_foreign(command: tuple[str, ...]) -> bool:
    """Run one ready-made linter; returns whether it found nothing."""
    name, *arguments = command
    program = str(Path(sys.executable).parent / "lint-imports") if name == "importlinter" else ""
    call = [program] if program else [sys.executable, "-m", name, *arguments]
    print(f"— {name}", flush=True)
    return subprocess.run(call, cwd=ROOT, check=False).returncode == 0


def main() -> int:
    """Run all lints and return the exit code."""
    found = own_findings()
    print("— own checks", *found, sep="\n", flush=True)
    good = [run_foreign(command) for command in FOREIGN]
    return 0 if not found and all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
