"""A key is claimed once: by one request, with one body, also among threads and processes."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from stellwerk.dataplane.decision_log.idempotency import ABANDONED_SECONDS, Claims
from stellwerk.kernel.errors import Conflict, Unavailable

ROOT = Path(__file__).parents[3]


class Clock:
    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def claims(tmp_path: Path, clock: Clock) -> Iterator[Claims]:
    made = Claims(tmp_path / "decisions" / "idempotency.sqlite", now=clock)
    yield made
    made.close()


def test_the_first_claims_and_the_second_learns_of_it(claims: Claims) -> None:
    assert claims.claim("loans", "till", "k", b"{}", "one") is None
    assert claims.claim("loans", "till", "k", b"{}", "two") == "one"
    assert claims.claim("loans", "till", "k", b"{}", "three") == "one"


def test_a_key_belongs_to_its_service_and_caller(claims: Claims) -> None:
    assert claims.claim("loans", "till", "k", b"{}", "one") is None
    assert claims.claim("cards", "till", "k", b"{}", "two") is None
    assert claims.claim("loans", "desk", "k", b"{}", "three") is None


def test_another_body_conflicts_and_changes_nothing(claims: Claims) -> None:
    claims.claim("loans", "till", "k", b'{"a":1}', "one")
    with pytest.raises(Conflict) as caught:
        claims.claim("loans", "till", "k", b'{"a":2}', "two")
    assert caught.value.field == "idempotency_key"
    assert claims.claim("loans", "till", "k", b'{"a":1}', "three") == "one"


def test_a_key_given_back_is_new_again(claims: Claims) -> None:
    claims.claim("loans", "till", "k", b"{}", "one")
    claims.release("loans", "till", "k", "one")
    assert claims.claim("loans", "till", "k", b"other", "two") is None


def test_only_the_holder_gives_a_key_back(claims: Claims) -> None:
    claims.claim("loans", "till", "k", b"{}", "one")
    claims.release("loans", "till", "k", "another")
    assert claims.claim("loans", "till", "k", b"{}", "two") == "one"


def test_a_claim_under_way_is_waited_for_an_abandoned_one_taken_over_once(claims: Claims, clock: Clock) -> None:
    claims.claim("loans", "till", "k", b"{}", "one")
    clock.seconds += ABANDONED_SECONDS - 1
    with pytest.raises(Unavailable):
        claims.take_over("loans", "till", "k", "one", "two")
    clock.seconds += 2
    claims.take_over("loans", "till", "k", "one", "two")
    with pytest.raises(Unavailable):
        claims.take_over("loans", "till", "k", "one", "three")
    assert claims.claim("loans", "till", "k", b"{}", "four") == "two"


def test_of_many_threads_one_claims(claims: Claims) -> None:
    with ThreadPoolExecutor(16) as pool:
        for number in range(40):
            won = list(pool.map(lambda who, key=f"k{number}": claims.claim("loans", "till", key, b"{}", str(who)),
                                range(16)))
            assert won.count(None) == 1
            winner = str(won.index(None))
            assert set(won) == {None, winner}


CLAIMING = """
import sys
from pathlib import Path
from stellwerk.dataplane.decision_log.idempotency import Claims
claims = Claims(Path(sys.argv[1]))
sys.stdin.readline()
print(sum(claims.claim("loans", "till", str(key), b"{}", sys.argv[2]) is None for key in range(200)))
"""


def test_of_many_processes_one_claims(tmp_path: Path) -> None:
    children = [subprocess.Popen([sys.executable, "-c", CLAIMING, str(tmp_path / "i.sqlite"), str(number)], cwd=ROOT,
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=dict(os.environ))
                for number in range(3)]
    for child in children:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
    assert sum(int(child.communicate(timeout=100)[0]) for child in children) == 200


def test_a_file_that_cannot_be_written_refuses_and_recovers(tmp_path: Path) -> None:
    claims = Claims(tmp_path / "i.sqlite")
    claims.claim("loans", "till", "before", b"{}", "one")
    claims._connection.execute("PRAGMA max_page_count=1")
    claims._connection.execute("PRAGMA query_only=ON")
    for _ in range(3):
        with pytest.raises(Unavailable):
            claims.claim("loans", "till", "k", b"{}", "two")
    claims._connection.execute("PRAGMA query_only=OFF")
    claims._connection.execute("PRAGMA max_page_count=1000000")
    assert claims.claim("loans", "till", "k", b"{}", "three") is None
    claims.close()


def test_another_process_in_the_way_is_unavailable_not_a_fault(tmp_path: Path) -> None:
    claims = Claims(tmp_path / "i.sqlite", patience_ms=1)
    with sqlite3.connect(tmp_path / "i.sqlite", isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable):
            claims.claim("loans", "till", "k", b"{}", "one")
        other.execute("ROLLBACK")
    assert claims.claim("loans", "till", "k", b"{}", "two") is None
    claims.close()
    other.close()
