"""Names of metrics, params and tags as numbers, remembered for each connection."""

from __future__ import annotations

from collections.abc import Sequence

from stellwerk.infra.tracking_database import Statements
from stellwerk.infra.tracking_database.statements import marks

_MOST = 50_000


def number_of(st: Statements, name: str) -> int:
    """Return the number of a name, giving it one where it has none."""
    known = st.memo.get(name)
    if known is not None:
        return known
    number = st.fetch_value("SELECT no FROM key WHERE name = ?", (name,))
    if number is None:
        number = st.fetch_value("INSERT INTO key (name) VALUES (?) ON CONFLICT DO NOTHING RETURNING no", (name,))
    if number is None:  # another process was faster
        number = st.fetch_value("SELECT no FROM key WHERE name = ?", (name,))
    return _remember(st, name, int(number))


def known_number(st: Statements, name: str) -> int:
    """Return the number of a name, or -1, which no name has."""
    known = st.memo.get(name)
    if known is not None:
        return known
    number = st.fetch_value("SELECT no FROM key WHERE name = ?", (name,))
    return -1 if number is None else _remember(st, name, int(number))


def names_of(st: Statements, numbers: Sequence[int]) -> dict[int, str]:
    """Return the names behind numbers."""
    found: dict[int, str] = {}
    lacking = []
    for number in numbers:
        name = st.names.get(number)
        if name is None:
            lacking.append(number)
        else:
            found[number] = name
    for start in range(0, len(lacking), 500):
        part = lacking[start:start + 500]
        for number, name in st.fetch_all(f"SELECT no, name FROM key WHERE no IN ({marks(len(part))})", part):
            found[number] = name
            _remember(st, name, number)
    return found


def _remember(st: Statements, name: str, number: int) -> int:
    if len(st.memo) >= _MOST:
        st.forget()
    st.memo[name] = number
    st.names[number] = name
    return number
