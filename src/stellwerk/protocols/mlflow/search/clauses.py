"""Reads a filter's tokens into clauses: operand, operator, operand. What they may say is judged elsewhere."""

from __future__ import annotations

from dataclasses import dataclass

from stellwerk.kernel.errors import BadInput
from stellwerk.protocols.mlflow.search.tokens import (
    MAX_BYTES,
    MAX_LIST_BYTES,
    Kind,
    Token,
    check_text,
    shown,
    tokenize,
)

MAX_CLAUSES = 50
_PATTERNS = frozenset({"LIKE", "ILIKE", "RLIKE", "REGEXP"})
# Words of the grammar that are operands nowhere; NULL is one, and is refused by what it is compared with.
_RESERVED = frozenset({"AND", "OR", "NOT", "IN", "IS", "BETWEEN", "TRUE", "FALSE"}) | _PATTERNS
_OPERANDS = frozenset({Kind.NAME, Kind.STRING, Kind.INTEGER, Kind.FLOAT})


@dataclass(frozen=True, slots=True)
class Clause:
    """One comparison as written: ``right`` is empty for the null tests; ``listed`` says that it is a list's inside."""

    left: Token
    op: str
    right: tuple[Token, ...] = ()
    listed: bool = False
    right_text: str = ""


def read_clauses(text: str | None, refusal: str = "Invalid clause(s) in filter string") -> list[Clause]:
    """Return the clauses of a filter, none for None and the empty text.

    As in MLflow, AND may be left out between clauses. ``refusal`` opens the message about what is no comparison.
    Raises BadInput for text that is too long, for more than 50 clauses, for more than one statement and for whatever
    is no comparison.
    """
    if text is None or text == "":
        return []
    tokens = tokenize(check_text(text, "filter", MAX_LIST_BYTES))
    if not tokens:
        raise BadInput(f"Invalid filter {shown(text)!r}. Could not be parsed.", field="filter", value=shown(text))
    if any(token.text == ";" for token in tokens[:-1]):
        message = f"Search filter contained multiple expression {shown(text)!r}. Provide AND-ed expression list."
        raise BadInput(message, field="filter", value=shown(text))
    clauses, strays = _read(tokens)
    if strays:
        found = shown(", ".join(f"'{shown(token.text)}'" for token in strays[:10]))
        raise BadInput(
            f"{refusal}: {found}. Expected a list of comparisons separated by 'AND'",
            field="filter",
            value=shown(text),
            hint="Put string values into quotes, and keys with special characters into backticks or double quotes.",
        )
    _check_size(text, clauses)
    return clauses


def _read(tokens: list[Token]) -> tuple[list[Clause], list[Token]]:
    clauses: list[Clause] = []
    strays: list[Token] = []
    at = 0
    while at < len(tokens):
        if tokens[at].word() == "AND":
            at += 1
            continue
        found = _clause(tokens, at)
        if found is None:
            strays.append(tokens[at])
            at += 1
            continue
        clause, at = found
        clauses.append(clause)
        if len(clauses) > MAX_CLAUSES:
            raise BadInput(f"Invalid filter: more than {MAX_CLAUSES} clauses", field="filter", allowed=MAX_CLAUSES)
    return clauses, strays


def _clause(tokens: list[Token], at: int) -> tuple[Clause, int] | None:
    """Return the clause that starts here and the place behind it, or None."""
    left = tokens[at]
    if not _is_operand(left):
        return None
    op, after = _operator(tokens, at + 1)
    if op in ("IS NULL", "IS NOT NULL"):
        return (Clause(left, op), after) if left.kind is Kind.NAME else None
    if op == "" or after >= len(tokens):
        return None
    if tokens[after].text == "(":
        closing = _closing(tokens, after)
        if closing < 0:
            return None
        inside = tuple(tokens[after + 1 : closing])
        written = " ".join(token.text for token in inside[:10])
        return Clause(left, op, inside, listed=True, right_text=f"({written})"), closing + 1
    if op in ("IN", "NOT IN") or not _is_operand(tokens[after]):
        return None
    right = tokens[after]
    return Clause(left, op, (right,), right_text=right.text), after + 1


def _is_operand(token: Token) -> bool:
    return token.kind in _OPERANDS and token.word() not in _RESERVED


def _operator(tokens: list[Token], at: int) -> tuple[str, int]:
    """Return the operator that starts here, in capitals, and the place behind it; the empty string for none."""
    if at < len(tokens) and tokens[at].kind is Kind.OPERATOR:
        return tokens[at].text, at + 1
    first, second, third = ((*(token.word() for token in tokens[at : at + 3]), "", "", ""))[:3]
    if first in _PATTERNS or first == "IN":
        return first, at + 1
    if first == "NOT" and (second in _PATTERNS or second == "IN"):
        return f"NOT {second}", at + 2
    if first == "IS" and second == "NULL":
        return "IS NULL", at + 2
    if (first, second, third) == ("IS", "NOT", "NULL"):
        return "IS NOT NULL", at + 3
    return "", at


def _closing(tokens: list[Token], at: int) -> int:
    """Return the place of the closing parenthesis, or -1; lists do not nest, which keeps this linear."""
    for place in range(at + 1, len(tokens)):
        if tokens[place].text == ")":
            return place
        if tokens[place].text == "(":
            return -1
    return -1


def _check_size(text: str, clauses: list[Clause]) -> None:
    lists = [clause.right for clause in clauses if clause.listed and clause.right]
    listed = sum(len(text[inside[0].start : inside[-1].end].encode()) for inside in lists)
    if len(text.encode()) - listed > MAX_BYTES:
        message = f"Invalid filter: longer than {MAX_BYTES} bytes outside its lists"
        raise BadInput(message, field="filter", value=shown(text), allowed=MAX_BYTES)
