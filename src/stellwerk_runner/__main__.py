"""``python -m stellwerk_runner TASK_DIR``: run the task that TASK_DIR/task.json describes.

All results go to TASK_DIR/out: ``result.json`` always, ``events.jsonl`` while it runs, and the files of the
task's kind. Exit code 0 when the task succeeded, 1 when result.json holds an error, 2 for a wrong call.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from stellwerk_runner import guard
from stellwerk_runner.failures import TaskError, describe
from stellwerk_runner.progress import Progress


def _kinds() -> dict[str, Callable[[dict[str, Any], Path, Progress], dict[str, Any]]]:
    # Imported only now, so that the limits hold before numpy and polars start their threads.
    from stellwerk_runner.adopt import adopt
    from stellwerk_runner.load import load
    from stellwerk_runner.train import train

    return {"adopt": adopt, "load": load, "train": train}


def _run(task: dict[str, Any], out: Path, progress: Progress) -> dict[str, Any]:
    bundle = Path(task["bundle"])
    try:
        os.chdir(bundle)
        sys.path.insert(0, str(bundle))
        try:
            kinds = _kinds()
        except ImportError as error:
            raise TaskError(
                "environment",
                f"The service's environment cannot import {error.name}.",
                hint="Add polars, numpy and skl2onnx to its requirements.in and compile the lock anew.",
            ) from error
        if task["kind"] not in kinds:
            raise TaskError("bad_task", f"This runner knows no task {task['kind']!r}; it knows {sorted(kinds)}.")
        return kinds[task["kind"]](task, out, progress)
    except (Exception, SystemExit) as error:  # the border to users' code: whatever it raises becomes a record
        return {"error": describe(error, bundle)}


def main(arguments: list[str]) -> int:
    """Run the task of the folder named by the only argument."""
    if len(arguments) != 1:
        print("usage: python -m stellwerk_runner TASK_DIR", file=sys.stderr)
        return 2
    folder = Path(arguments[0]).resolve()
    task = json.loads((folder / "task.json").read_text(encoding="utf-8"))
    guard.die_with_parent(task.get("parent"))
    guard.set_limits(task.get("limits") or {})
    out = folder / "out"
    out.mkdir(exist_ok=True)
    started = time.perf_counter()
    with Progress(out / "events.jsonl") as progress:
        result = _run(task, out, progress)
    result.setdefault("seconds", {})["total"] = round(time.perf_counter() - started, 3)
    result["peak_memory_mb"] = guard.peak_memory_mb()
    result["network"] = guard.network()
    sys.stdout.flush()
    sys.stderr.flush()
    part = out / "result.json.part"
    part.write_text(json.dumps(result, allow_nan=False), encoding="utf-8")
    os.replace(part, out / "result.json")
    return 1 if "error" in result else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
