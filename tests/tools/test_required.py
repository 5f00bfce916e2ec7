import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TESTS = """
import pytest

def test_in_the_test():
    pytest.skip("no browser here")

@pytest.mark.skip(reason="no sandbox here")
def test_by_mark():
    pass

def test_withheld():
    pytest.skip("mounting is not allowed here")

@pytest.mark.xfail(reason="known", strict=True)
def test_known():
    raise AssertionError

def test_good():
    pass
"""


@pytest.mark.parametrize(("value", "code", "words"), [("1", 1, ["1 failed, 1 passed, 1 skipped, 1 xfailed, 1 error", "no browser here"]),
                                                      ("", 0, ["1 passed, 3 skipped, 1 xfailed"])])
def test_a_skipped_test_fails_where_everything_is_required(tmp_path, value, code, words):
    (tmp_path / "test_x.py").write_text(TESTS)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    done = subprocess.run([sys.executable, "-m", "pytest", "-p", "tests.required", "-p", "no:cacheprovider", "-q",
                           str(tmp_path)], capture_output=True, text=True, cwd=ROOT,
                          env={**os.environ, "STELLWERK_REQUIRE_ALL": value})
    assert done.returncode == code, done.stdout
    assert all(word in done.stdout for word in words), done.stdout


def test_the_whole_check_requires_everything():
    assert "STELLWERK_REQUIRE_ALL=1 make test" in (ROOT / ".ci" / "run").read_text()
