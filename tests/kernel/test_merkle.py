"""RFC 6962 hashing against a recursive transcription of the RFC and its published vectors."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stellwerk.kernel import merkle

# --- the RFC's definitions, word for word and slow


def split(n: int) -> int:
    k = 1
    while k * 2 < n:
        k *= 2
    return k


def mth(d: list[bytes]) -> bytes:
    if not d:
        return hashlib.sha256(b"").digest()
    if len(d) == 1:
        return hashlib.sha256(b"\x00" + d[0]).digest()
    k = split(len(d))
    return hashlib.sha256(b"\x01" + mth(d[:k]) + mth(d[k:])).digest()


def path(m: int, d: list[bytes]) -> list[bytes]:
    if len(d) == 1:
        return []
    k = split(len(d))
    if m < k:
        return [*path(m, d[:k]), mth(d[k:])]
    return [*path(m - k, d[k:]), mth(d[:k])]


def subproof(m: int, d: list[bytes], whole: bool) -> list[bytes]:
    n = len(d)
    if m == n:
        return [] if whole else [mth(d)]
    k = split(n)
    if m <= k:
        return [*subproof(m, d[:k], whole), mth(d[k:])]
    return [*subproof(m - k, d[k:], False), mth(d[:k])]


# --- helpers


def leaves(n: int) -> list[bytes]:
    return [b"leaf %d" % i for i in range(n)]


class Tiles:
    """Tiles in a dict, grown in the given steps."""

    def __init__(self, *steps: list[bytes]) -> None:
        self.kept: dict[tuple[int, int], bytes] = {}
        self.size = 0
        for step in steps:
            self.add(step)

    def load(self, level: int, index: int) -> bytes:
        return self.kept.get((level, index), b"")

    def add(self, data: list[bytes]) -> None:
        self.kept.update(merkle.appended_tiles(self.size, map(merkle.leaf_hash, data), self.load))
        self.size += len(data)

    def widths(self) -> dict[tuple[int, int], int]:
        return {name: len(content) // 32 for name, content in self.kept.items()}

    @property
    def node(self) -> merkle.Node:
        return merkle.tile_nodes(self.load)


SIZE = st.integers(1, 700)
BIG = Tiles(leaves(700))


# --- tests

VECTORS = [  # inputs and roots published with the Certificate Transparency reference implementation
    ("", "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"),
    ("00", "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"),
    ("10", "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"),
    ("2021", "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"),
    ("3031", "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4"),
    ("40414243", "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef"),
    ("5051525354555657", "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"),
    ("606162636465666768696a6b6c6d6e6f", "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"),
]


def test_published_roots() -> None:
    data: list[bytes] = []
    for text, expected in VECTORS:
        data.append(bytes.fromhex(text))
        tiles = Tiles(data)
        assert merkle.root(len(data), tiles.node).hex() == expected
    assert merkle.root(0, Tiles().node) == merkle.EMPTY_ROOT == mth([])


@given(SIZE)
def test_root_is_the_recursive_one_at_every_size(size: int) -> None:
    assert merkle.root(size, BIG.node) == mth(leaves(size))


@given(st.data(), SIZE)
def test_inclusion_proof_is_the_recursive_one_and_verifies(data: st.DataObject, size: int) -> None:
    index = data.draw(st.integers(0, size - 1))
    all_leaves = leaves(size)
    proof = merkle.inclusion_proof(index, size, BIG.node)
    assert proof == path(index, all_leaves)
    top = mth(all_leaves)
    leaf = merkle.leaf_hash(all_leaves[index])
    assert merkle.verify_inclusion(leaf, index, size, proof, top)
    other = data.draw(st.integers(0, size + 3).filter(lambda n: n != index))
    assert not merkle.verify_inclusion(leaf, other, size, proof, top)
    assert not merkle.verify_inclusion(merkle.leaf_hash(b"else"), index, size, proof, top)
    assert not merkle.verify_inclusion(leaf, index, size, [*proof, top], top)
    if proof:
        at = data.draw(st.integers(0, len(proof) - 1))
        forged = [*proof[:at], bytes(32), *proof[at + 1:]]
        assert not merkle.verify_inclusion(leaf, index, size, forged, top)
        assert not merkle.verify_inclusion(leaf, index, size, proof[:-1], top)


@given(st.data(), SIZE)
def test_consistency_proof_is_the_recursive_one_and_verifies(data: st.DataObject, second: int) -> None:
    first = data.draw(st.integers(1, second))
    all_leaves = leaves(second)
    proof = merkle.consistency_proof(first, second, BIG.node)
    assert proof == subproof(first, all_leaves, True)
    old, new = mth(all_leaves[:first]), mth(all_leaves)
    assert merkle.verify_consistency(first, second, old, new, proof)
    assert not merkle.verify_consistency(first, second, bytes(32), new, proof)
    assert not merkle.verify_consistency(first, second, old, bytes(32), proof)
    assert not merkle.verify_consistency(first, second, old, new, [*proof, old])
    assert not merkle.verify_consistency(second + 1, first, old, new, proof)
    if proof:
        at = data.draw(st.integers(0, len(proof) - 1))
        forged = [*proof[:at], bytes(32), *proof[at + 1:]]
        assert not merkle.verify_consistency(first, second, old, new, forged)


def test_every_pair_of_small_sizes() -> None:
    for second in range(1, 33):
        for first in range(1, second + 1):
            proof = merkle.consistency_proof(first, second, BIG.node)
            old, new = mth(leaves(first)), mth(leaves(second))
            assert merkle.verify_consistency(first, second, old, new, proof)
            if first < second:
                changed = mth([b"else", *leaves(first)[1:]])
                assert not merkle.verify_consistency(first, second, changed, new, proof)


def test_the_empty_tree_begins_every_tree() -> None:
    assert merkle.consistency_proof(0, 5, BIG.node) == []
    assert merkle.verify_consistency(0, 5, merkle.EMPTY_ROOT, mth(leaves(5)), [])
    assert not merkle.verify_consistency(0, 5, bytes(32), mth(leaves(5)), [])
    assert not merkle.verify_consistency(0, 5, merkle.EMPTY_ROOT, mth(leaves(5)), [bytes(32)])
    assert merkle.verify_consistency(0, 0, merkle.EMPTY_ROOT, merkle.EMPTY_ROOT, [])


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 300), min_size=1, max_size=5))
def test_tiles_do_not_depend_on_how_they_grew(steps: list[int]) -> None:
    data = leaves(sum(steps))
    grown = Tiles()
    at = 0
    for step in steps:
        grown.add(data[at:at + step])
        at += step
    assert grown.kept == Tiles(data).kept
    if data:
        assert merkle.root(len(data), grown.node) == mth(data)


def test_tiles_have_the_shape_of_the_standard() -> None:
    tiles = Tiles(leaves(256))
    assert tiles.widths() == {(0, 0): 256, (1, 0): 1}
    tiles.add([b"one more"])
    assert tiles.widths() == {(0, 0): 256, (1, 0): 1, (0, 1): 1}


def test_two_levels_of_full_tiles() -> None:
    data = [n.to_bytes(4, "big") for n in range(65_600)]
    tiles = Tiles(data)
    widths = {name: width for name, width in tiles.widths().items() if name[0] or name[1] > 254}
    assert widths == {(0, 255): 256, (0, 256): 64, (1, 0): 256, (2, 0): 1}
    top = merkle.root(len(data), tiles.node)
    for index in (0, 255, 256, 65_535, 65_536, 65_599):
        proof = merkle.inclusion_proof(index, len(data), tiles.node)
        assert merkle.verify_inclusion(merkle.leaf_hash(data[index]), index, len(data), proof, top)


def test_what_cannot_be_proven_is_refused() -> None:
    with pytest.raises(ValueError, match="leaf 5 is not in a tree of 5"):
        merkle.inclusion_proof(5, 5, BIG.node)
    with pytest.raises(ValueError, match="cannot continue"):
        merkle.consistency_proof(6, 5, BIG.node)
    with pytest.raises(ValueError, match="too few hashes"):
        merkle.root(701, BIG.node)
    with pytest.raises(ValueError, match="fewer hashes"):
        merkle.appended_tiles(900, [bytes(32)], BIG.load)
    assert not merkle.verify_inclusion(bytes(32), -1, 5, [], bytes(32))
