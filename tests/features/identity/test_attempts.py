import pytest

from stellwerk.features.identity.attempts import Attempts, TooManyAttempts


def test_five_of_a_name_from_an_address_then_a_pause_of_15_minutes() -> None:
    attempts = Attempts()
    for second in range(5):
        attempts.take("vera", "a", float(second))
    with pytest.raises(TooManyAttempts) as braked:
        attempts.take("vera", "a", 10.0)
    assert braked.value.retry_after == 891
    attempts.take("vera", "b", 10.0)
    attempts.take("otto", "a", 10.0)
    attempts.take("vera", "a", 901.0)


def test_one_address_cannot_try_many_names() -> None:
    attempts = Attempts()
    for number in range(30):
        attempts.take(f"n{number}", "a", 0.0)
    with pytest.raises(TooManyAttempts):
        attempts.take("another", "a", 1.0)
    attempts.take("another", "b", 1.0)


def test_many_addresses_cannot_try_one_name() -> None:
    attempts = Attempts()
    for number in range(30):
        attempts.take("vera", f"a{number}", 0.0)
    with pytest.raises(TooManyAttempts):
        attempts.take("vera", "another", 1.0)


def test_success_takes_the_attempt_back() -> None:
    attempts = Attempts()
    for _ in range(100):
        attempts.take("vera", "a", 0.0)
        attempts.succeeded("vera", "a")
    for _ in range(5):
        attempts.take("vera", "a", 0.0)


def test_memory_is_bounded() -> None:
    attempts = Attempts()
    for number in range(12_000):
        attempts.take(f"n{number}", f"a{number}", 0.0)
    assert len(attempts._failures) <= 10_000
