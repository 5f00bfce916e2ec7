"""Merkle trees of RFC 6962, section 2.1: roots, proofs that a leaf is in, proofs that a tree only grew.

A node is named by (level, index): the hash over the 2**level leaves from ``index << level`` on. Trees are
kept as tiles in the manner of C2SP tlog-tiles: a tile holds up to 256 neighbouring nodes of one level, and
the levels kept are those divisible by 8.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence

TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT
HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()

Node = Callable[[int, int], bytes]
"""Gives the hash of the complete node (level, index)."""
LoadTile = Callable[[int, int], bytes]
"""Gives the hashes kept in tile (tile level, tile index), end to end; empty bytes for a tile not begun."""


def leaf_hash(data: bytes) -> bytes:
    """Return the hash of a leaf."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def _spans(start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield from left to right the complete nodes (level, index) that cover the leaves start..end.

    ``start`` must be a multiple of the largest power of two that is not above ``end - start``.
    """
    while start < end:
        level = (end - start).bit_length() - 1
        yield level, start >> level
        start += 1 << level


def _range_hash(start: int, end: int, node: Node) -> bytes:
    hashes = [node(level, index) for level, index in _spans(start, end)]
    whole = hashes.pop()
    while hashes:
        whole = node_hash(hashes.pop(), whole)
    return whole


def root(size: int, node: Node) -> bytes:
    """Return the root of the tree over the first ``size`` leaves."""
    return _range_hash(0, size, node) if size else EMPTY_ROOT


def inclusion_proof(index: int, size: int, node: Node) -> list[bytes]:
    """Return the hashes that lead from leaf ``index`` to the root of ``size`` leaves (RFC 6962, 2.1.1).

    Raises ValueError when the leaf is not among them.
    """
    if not 0 <= index < size:
        raise ValueError(f"leaf {index} is not in a tree of {size} leaves")
    proof: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + (1 << (end - start - 1).bit_length() - 1)
        if index < middle:
            proof.append(_range_hash(middle, end, node))
            end = middle
        else:
            proof.append(_range_hash(start, middle, node))
            start = middle
    proof.reverse()
    return proof


def consistency_proof(first: int, second: int, node: Node) -> list[bytes]:
    """Return the hashes which show that the tree of ``second`` leaves begins with that of ``first`` (2.1.2).

    Raises ValueError unless 0 <= first <= second.
    """
    if not 0 <= first <= second:
        raise ValueError(f"a tree of {second} leaves cannot continue one of {first}")
    if first in (0, second):
        return []
    proof: list[bytes] = []
    start, end = 0, second
    while first != end:
        middle = start + (1 << (end - start - 1).bit_length() - 1)
        if first <= middle:
            proof.append(_range_hash(middle, end, node))
            end = middle
        else:
            proof.append(_range_hash(start, middle, node))
            start = middle
    if start:
        proof.append(_range_hash(start, end, node))
    proof.reverse()
    return proof


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], tree_root: bytes) -> bool:
    """Tell whether the proof leads from the leaf hash to the root (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    position, last, current = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if position & 1 or position == last:
            current = node_hash(sibling, current)
            while position and not position & 1:
                position >>= 1
                last >>= 1
        else:
            current = node_hash(current, sibling)
        position >>= 1
        last >>= 1
    return last == 0 and current == tree_root


def verify_consistency(first: int, second: int, first_root: bytes, second_root: bytes,
                       proof: Sequence[bytes]) -> bool:
    """Tell whether the proof shows that the second tree begins with the first (RFC 9162, 2.1.4.2)."""
    if first == second:
        return not proof and first_root == second_root
    if first == 0:
        return second > 0 and not proof and first_root == EMPTY_ROOT
    if not 0 < first < second or not proof:
        return False
    path = [first_root, *proof] if first & (first - 1) == 0 else list(proof)
    position, last = first - 1, second - 1
    while position & 1:
        position >>= 1
        last >>= 1
    old = new = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if position & 1 or position == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while position and not position & 1:
                position >>= 1
                last >>= 1
        else:
            new = node_hash(new, sibling)
        position >>= 1
        last >>= 1
    return last == 0 and old == first_root and new == second_root


def _folded(hashes: bytes) -> bytes:
    """Return the node over a power of two of neighbouring hashes laid end to end."""
    layer = [hashes[at:at + HASH_BYTES] for at in range(0, len(hashes), HASH_BYTES)]
    while len(layer) > 1:
        layer = [node_hash(layer[at], layer[at + 1]) for at in range(0, len(layer), 2)]
    return layer[0]


def tile_nodes(load: LoadTile) -> Node:
    """Return the node function over stored tiles; it raises ValueError where a tile is too short."""

    def node(level: int, index: int) -> bytes:
        tile_level, inner = divmod(level, TILE_HEIGHT)
        first = index << inner
        start = (first % TILE_WIDTH) * HASH_BYTES
        hashes = load(tile_level, first // TILE_WIDTH)[start:start + (HASH_BYTES << inner)]
        if len(hashes) != HASH_BYTES << inner:
            raise ValueError(f"tile {tile_level}/{first // TILE_WIDTH} holds too few hashes")
        return _folded(hashes)

    return node


def appended_tiles(size: int, leaves: Iterable[bytes], load: LoadTile) -> dict[tuple[int, int], bytes]:
    """Return what the tiles (tile level, tile index) hold after leaf hashes join a tree of ``size`` leaves.

    Only tiles that change are loaded and returned. Raises ValueError when a stored tile is too short.
    """
    changed: dict[tuple[int, int], bytearray] = {}

    def push(level: int, position: int, value: bytes) -> None:
        name = (level, position // TILE_WIDTH)
        if name not in changed:
            kept = load(*name)[: position % TILE_WIDTH * HASH_BYTES]
            if len(kept) != position % TILE_WIDTH * HASH_BYTES:
                raise ValueError(f"tile {level}/{name[1]} holds fewer hashes than {size} leaves need")
            changed[name] = bytearray(kept)
        changed[name] += value
        if position % TILE_WIDTH == TILE_WIDTH - 1:
            push(level + 1, position // TILE_WIDTH, _folded(bytes(changed[name])))

    for offset, value in enumerate(leaves):
        push(0, size + offset, value)
    return {name: bytes(content) for name, content in changed.items()}
