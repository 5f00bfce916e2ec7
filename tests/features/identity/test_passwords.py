from argon2 import PasswordHasher, Type, extract_parameters

from stellwerk.features.identity import passwords
from stellwerk.kernel.secret import Secret


def test_a_hash_verifies_its_password_only() -> None:
    stored = passwords.hash_password(Secret("seven quiet signals"))
    assert PasswordHasher().verify(stored, "seven quiet signals")
    assert passwords.verify_password(Secret("seven quiet signals"), stored)
    assert not passwords.verify_password(Secret("seven quiet signalS"), stored)
    assert not passwords.verify_password(Secret("seven quiet signals"), "no hash")
    assert not passwords.verify_password(Secret("seven quiet signals"), None)


def test_the_stand_in_for_unknown_names_costs_what_a_hash_costs() -> None:
    real = extract_parameters(passwords.hash_password(Secret("seven quiet signals")))
    stand_in = extract_parameters(passwords._DUMMY)
    assert (stand_in.type, stand_in.time_cost, stand_in.memory_cost, stand_in.parallelism) == (
        Type.ID, real.time_cost, real.memory_cost, real.parallelism)
