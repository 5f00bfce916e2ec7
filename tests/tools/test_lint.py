"""All lints are clean, and our own checks find what they look for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tools.lint import danger, size, slices
from tools.lint.__main__ import own_findings
from tools.lint.finding import Source

ROOT = Path(__file__).parents[2]


def source(path: str, text: str) -> Source:
    return Source(path, text)


def test_our_own_checks_find_nothing() -> None:
    assert [str(found) for found in own_findings(ROOT)] == []


@pytest.mark.parametrize("command", [["ruff", "check", "."], ["mypy"]])
def test_ready_made_linters_find_nothing(command: list[str]) -> None:
    done = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:]


def test_the_packages_point_one_way() -> None:
    program = Path(sys.executable).parent / "lint-imports"
    done = subprocess.run([program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:]


@pytest.mark.parametrize(("path", "text"), [
    ("src/stellwerk/infra/x.py", "import pickle\n"),
    ("src/stellwerk/infra/x.py", "import onnxruntime\n"),
    ("src/stellwerk/engines/x.py", "import onnxruntime\n"),
    ("src/stellwerk/infra/x.py", "import yaml\nyaml.load('a')\n"),
    ("src/stellwerk/infra/x.py", "import subprocess\nsubprocess.run('ls', shell=True)\n"),
    ("src/stellwerk/infra/x.py", "try:\n    a = 1\nexcept Exception:\n    a = 2\n"),
    ("src/stellwerk/infra/x.py", "a = 1  # TO" + "DO later\n"),
    ("src/stellwerk/verifier/x.py", "import sqlalchemy\n"),
    ("src/stellwerk/features/x/service.py", "def f():\n    import httpx\n"),
    ("src/stellwerk/infra/x.py", "from urllib import request\n"),
    ("src/stellwerk/apps/x.py", "import http.client\n"),
])
def test_danger_is_found(path: str, text: str) -> None:
    assert list(danger.check(source(path, text)))


@pytest.mark.parametrize(("path", "text"), [
    ("src/stellwerk/features/runs/service.py", "from sqlalchemy import select\n"),
    ("src/stellwerk/features/runs/service.py", "def f(connection):\n    connection.execute('x')\n"),
    ("src/stellwerk/features/runs/repository.py", "def f(connection):\n    connection.commit()\n"),
    ("src/stellwerk/features/runs/service.py", "from stellwerk.features.jobs.repository import get\n"),
    ("src/stellwerk/features/runs/service.py", "from stellwerk.features.jobs import repository\n"),
])
def test_a_slice_that_does_not_keep_to_itself_is_found(path: str, text: str) -> None:
    assert list(slices.check(source(path, text)))


def test_length_is_found() -> None:
    long_function = "def f():\n" + "    a = 1\n" * 61
    assert list(size.check(source("src/stellwerk/infra/x.py", long_function)))
    assert list(size.check(source("src/stellwerk/infra/x.py", "a = 1\n" * 501)))
    assert not list(size.check(source("src/stellwerk/infra/x.py", "a = 1\n" * 400)))
