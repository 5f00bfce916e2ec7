"""Reads the entries of an order: a name and, if need be, a direction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from stellwerk.kernel.errors import BadInput
from stellwerk.protocols.mlflow.search.comparison import Order
from stellwerk.protocols.mlflow.search.filters import identify
from stellwerk.protocols.mlflow.search.surface import REGISTERED_MODELS, RUNS, Surface
from stellwerk.protocols.mlflow.search.tokens import MAX_BYTES, Kind, check_text, shown, tokenize
from stellwerk.protocols.mlflow.search.values import unquoted

MAX_ENTRIES = 20


def parse_order(entries: Sequence[str], surface: Surface) -> tuple[Order, ...]:
    """Return the keys to order by; raise BadInput for unknown, ill-formed, too many or duplicate ones.

    Where MLflow lets duplicates pass, the later ones are left out: they order nothing.
    """
    check_count(entries)
    orders = [_one(entry, surface) for entry in entries]
    distinct = unique(orders)
    if len(distinct) < len(orders) and not surface.duplicates:
        found = shown(list(entries))
        raise BadInput(f"`order_by` contains duplicate fields: {found}", field="order_by", value=found)
    return distinct


def check_count(entries: Sequence[object]) -> None:
    """Raise BadInput for anything but a list of at most 20 entries."""
    if isinstance(entries, str | bytes) or not isinstance(entries, Sequence):
        raise BadInput("Invalid order_by: expected a list", field="order_by", value=shown(repr(entries)))
    if len(entries) > MAX_ENTRIES:
        message = f"Invalid order_by: more than {MAX_ENTRIES} entries"
        raise BadInput(message, field="order_by", value=len(entries), allowed=MAX_ENTRIES)


def unique(orders: Iterable[Order]) -> tuple[Order, ...]:
    """Return the orders without those whose key came before, whichever their direction."""
    seen: dict[tuple[str | None, ...], Order] = {}
    for order in orders:
        seen.setdefault((order.kind, order.key, order.dataset_name, order.dataset_digest), order)
    return tuple(seen.values())


def _one(entry: str, surface: Surface) -> Order:
    text = check_text(entry, "order_by", MAX_BYTES)
    tokens = tokenize(text)
    if not 1 <= len(tokens) <= 2 or any(token.kind is not Kind.NAME for token in tokens):
        message = f"Invalid order_by clause '{shown(text)}'. Could not be parsed."
        raise BadInput(message, field="order_by", value=shown(text), allowed="a name, then ASC or DESC or nothing")
    direction = tokens[1].word() if len(tokens) == 2 else "ASC"
    if direction not in ("ASC", "DESC"):
        message = f"Invalid ordering key in order_by clause '{shown(text)}'."
        raise BadInput(message, field="order_by", value=shown(tokens[1].text), allowed=["ASC", "DESC"])
    kind, key = _identify(tokens[0].text, surface)
    return Order(kind, key, direction == "DESC")


def _identify(written: str, surface: Surface) -> tuple[str, str]:
    known = sorted(surface.orders)
    # Registered models are ordered by bare names only, and MLflow words their errors differently.
    if surface is REGISTERED_MODELS:
        if unquoted(written) in surface.orders:
            return "attribute", surface.orders[unquoted(written)]
        message = f"Invalid order by key '{shown(written)}' specified. Valid keys are {known}"
        raise BadInput(message, field="order_by", value=shown(written), allowed=known)
    kind, key = identify(written, surface, surface.orders, "order_by")
    if kind not in surface.order_kinds:
        message = f"Invalid identifier type '{kind}'" if surface is RUNS else f"Invalid order_by entity: {kind}"
        raise BadInput(message, field="order_by", value=shown(written), allowed=sorted(surface.order_kinds))
    return kind, surface.orders[key] if kind == "attribute" else key
