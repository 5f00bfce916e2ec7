"""A child that succeeds, and every way in which one can go wrong."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from stellwerk.engines import child, sandbox
from stellwerk.engines.child import Limits, run_child

SOURCE = """
import os, socket, sys, time
import polars as pl

def good():
    print("reading the source")
    return pl.DataFrame({"a": [1, 2]})

def environment():
    return pl.DataFrame({"name": sorted(os.environ)})

def raises():
    return 1 / 0

def leaves():
    sys.exit(0)

def hangs():
    time.sleep(600)

def loops():
    while True:
        pass

def grows():
    kept = []
    while True:
        kept.append(bytearray(b"x" * (8 << 20)))
        time.sleep(0.01)

def crashes():
    os.kill(os.getpid(), 11)

def wants_much():
    bytearray(1 << 45)

def links():
    os.symlink("/etc/passwd", os.environ["HOME"] + "/out/model.onnx")
    return good()

def looks():
    return pl.DataFrame({"seen": os.listdir(os.environ["SEEN"] if "SEEN" in os.environ else "/")})

def calls():
    socket.create_connection(("192.0.2.1", 80), timeout=1)

def talks():
    for number in range(5000):
        print("line", number)
    return good()
"""


class Follow:
    """What a run told while it ran."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.lines: list[str] = []


def go(tmp_path: Path, name: str, limits: Limits | None = None, *,
       cancel: bool = False) -> tuple[dict[str, Any], Follow]:
    bundle = tmp_path / "bundle"
    bundle.mkdir(exist_ok=True)
    (bundle / "service.py").write_text(SOURCE, encoding="utf-8")
    follow = Follow()
    task = {"kind": "load", "bundle": str(bundle), "entry": f"service:{name}"}
    result = run_child(Path(sys.executable), tmp_path / "task", task, limits or Limits(), follow.events.append,
                       follow.lines.append, lambda: cancel)
    return result, follow


def test_a_good_run_gives_files_events_and_lines(tmp_path: Path) -> None:
    result, follow = go(tmp_path, "good")
    assert "error" not in result
    assert pl.read_ipc(Path(result["out"]) / "data.arrow")["a"].to_list() == [1, 2]
    assert follow.lines == ["reading the source"]
    assert [event["message"] for event in follow.events] == ["calling good", "2 rows, 1 columns"]
    assert result["peak_memory_mb"] > 20


def test_the_environment_holds_nothing_of_the_parents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STELLWERK_TOKEN", "secret")
    result, _ = go(tmp_path, "environment")
    names = pl.read_ipc(Path(result["out"]) / "data.arrow")["name"].to_list()
    assert "STELLWERK_TOKEN" not in names
    assert {"PATH", "HOME", "PYTHONHASHSEED"} <= set(names)


@pytest.mark.parametrize(("name", "limits", "kind", "says"), [
    ("raises", Limits(), "user_raised", "ZeroDivisionError"),
    ("leaves", Limits(), "user_raised", "SystemExit"),
    ("missing", Limits(), "bad_entry", "no function missing"),
    ("hangs", Limits(idle_seconds=0.5), "hang", "did nothing"),
    ("loops", Limits(wall_seconds=1.5), "killed_timeout", "longer than 1.5 s"),
    ("loops", Limits(cpu_seconds=1), "killed_timeout", "CPU time"),
    ("grows", Limits(memory_mb=250), "killed_memory", "it may take 250"),
    ("wants_much", Limits(), "out_of_memory", "more memory"),
    ("crashes", Limits(), "crashed", "SIGSEGV"),
    ("links", Limits(), "bad_output", "model.onnx"),
])
def test_bad_days(tmp_path: Path, name: str, limits: Limits, kind: str, says: str) -> None:
    result, _ = go(tmp_path, name, limits)
    assert result["error"]["kind"] == kind
    assert says in result["error"]["message"]
    assert result["error"]["hint"]


def test_the_traceback_shows_only_own_frames(tmp_path: Path) -> None:
    error = go(tmp_path, "raises")[0]["error"]
    assert 'File "service.py"' in error["traceback"]
    assert "return 1 / 0" in error["traceback"]
    assert "stellwerk_runner" not in error["traceback"]


def test_cancel_stops_the_child(tmp_path: Path) -> None:
    result, _ = go(tmp_path, "hangs", cancel=True)
    assert result["error"]["kind"] == "cancelled"


def test_long_output_is_cut_and_its_end_kept(tmp_path: Path) -> None:
    result, follow = go(tmp_path, "talks")
    assert len(follow.lines) == 2001
    assert "left out" in follow.lines[-1]
    assert result["log_tail"].splitlines()[-2:] == ["line 4999", "reading the source"]


def test_every_attempt_starts_in_a_fresh_folder(tmp_path: Path) -> None:
    first, _ = go(tmp_path, "good")
    second, _ = go(tmp_path, "raises")
    assert first["out"] != second["out"]
    assert not Path(first["out"]).exists()
    assert not (Path(second["out"]) / "data.arrow").exists()


def test_the_sandbox_forbids_network_and_hides_files(tmp_path: Path) -> None:
    if sandbox.find(Path(sys.executable)) is None:
        pytest.skip("bubblewrap does not work here")
    (tmp_path / "keys").mkdir()
    result, _ = go(tmp_path, "calls")
    assert result["network"] == "forbidden"
    assert result["error"]["kind"] == "user_raised"
    seen = pl.read_ipc(Path(go(tmp_path, "looks")[0]["out"]) / "data.arrow")["seen"].to_list()
    assert "home" not in seen
    assert "var" not in seen


def test_without_a_sandbox_the_result_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "find", lambda python: None)
    result, _ = go(tmp_path, "good")
    assert "error" not in result
    expected = "open" if any(name != "lo" for name in os.listdir("/sys/class/net")) else "forbidden"
    assert result["network"] == expected


@pytest.mark.parametrize("boxed", [True, False])
def test_a_child_dies_with_its_parent(tmp_path: Path, boxed: bool) -> None:
    if boxed and sandbox.find(Path(sys.executable)) is None:
        pytest.skip("bubblewrap does not work here")
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    # The function holds a lock on a file; the test gets it once the function's process is gone.
    (bundle / "service.py").write_text(textwrap.dedent("""
        import fcntl, os, time
        def load():
            held = open(os.environ["HOME"] + "/out/held", "w")
            fcntl.flock(held, fcntl.LOCK_EX)
            print("holding", flush=True)
            time.sleep(600)
    """), encoding="utf-8")
    parent = subprocess.Popen([sys.executable, "-c", textwrap.dedent(f"""
        from pathlib import Path
        import sys
        from stellwerk.engines import child, sandbox
        if not {boxed}:
            sandbox.find = lambda python: None
        child.run_child(Path(sys.executable), Path({str(tmp_path / "task")!r}),
                        {{"kind": "load", "bundle": {str(bundle)!r}, "entry": "service:load"}}, child.Limits(),
                        lambda event: None, lambda line: print(line, flush=True), lambda: False)
    """)], stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(child.runner_package().parent)})
    assert parent.stdout is not None
    assert parent.stdout.readline() == b"holding\n"
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    held = next((tmp_path / "task").glob("attempt-*/out/held"))
    assert subprocess.run(["flock", "--timeout", "10", str(held), "true"], check=False).returncode == 0
