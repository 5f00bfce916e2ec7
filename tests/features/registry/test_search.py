"""Searches of models and versions: what filters mean, what orders mean, and pages that neither skip nor repeat."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from stellwerk.features import registry
from stellwerk.features.registry import models, versions
from stellwerk.features.registry.names import PROMPT_TAG
from stellwerk.features.registry.repository import models as model_rows
from stellwerk.features.registry.repository import search as searching
from stellwerk.infra.tracking_database import TrackingDatabase
from stellwerk.kernel.actor import Actor
from stellwerk.protocols.mlflow.search import (
    parse_model_version_filter,
    parse_model_version_order,
    parse_registered_model_filter,
    parse_registered_model_order,
)
from tests.features.registry.conftest import ANN, CARA, LENA, a_model, a_run, unique

Found = list[tuple[str, int]]


def find_models(tracking: TrackingDatabase, text: str, order: Sequence[str] = (), who: Actor = ANN,
                size: int = 1000, position: list[Any] | None = None) -> list[registry.RegisteredModel]:
    terms = searching.model_terms(parse_registered_model_order(order))
    return tracking.read(lambda st: searching.search_models(
        st, teams=who.teams("models.read"), filters=parse_registered_model_filter(text), terms=terms,
        position=position, limit=size))


def find_versions(tracking: TrackingDatabase, text: str, order: Sequence[str] = (), who: Actor = ANN,
                  size: int = 1000, position: list[Any] | None = None) -> list[registry.RegisteredVersion]:
    terms = searching.version_terms(parse_model_version_order(order))
    return tracking.read(lambda st: searching.search_versions(
        st, teams=who.teams("models.read"), filters=parse_model_version_filter(text), terms=terms, position=position,
        limit=size))


def named(found: list[registry.RegisteredModel], word: str) -> list[str]:
    return [one.name.removeprefix(word) for one in found]


def numbered(found: list[registry.RegisteredVersion], word: str) -> Found:
    return [(one.name.removeprefix(word), one.version) for one in found]


@pytest.fixture
def word(either: TrackingDatabase) -> str:
    """The beginning of the names of four models with a few tags."""
    begin = f"{unique('w')}-"
    for name, tags in (("B", {"k": "1"}), ("a", {"k": "2", "x": "Yes"}), ("c", {}), ("D", {"k": "1", "x": "yes"})):
        a_model(either, name=begin + name, tags=tags.items())
    return begin


@pytest.mark.parametrize(("text", "found"), [
    ("name LIKE '{w}%'", "BDac"), ("name = '{w}a'", "a"), ("name != '{w}a' AND name LIKE '{w}%'", "BDc"),
    ("name LIKE '{w}b'", ""), ("name ILIKE '{w}b'", "B"), ("name IN ('{w}a', '{w}c', 'nobody')", "ac"),
    ("name NOT IN ('{w}a') AND name LIKE '{w}%'", "BDc"),
    ("name LIKE '{w}%' AND tags.k = '1'", "BD"), ("name LIKE '{w}%' AND tags.k != '1'", "a"),
    ("name LIKE '{w}%' AND tags.x LIKE 'y%'", "D"), ("name LIKE '{w}%' AND tag.x ILIKE 'y%'", "Da"),
    ("name LIKE '{w}%' AND tags.k = '1' AND tags.x = 'yes'", "D"), ("name LIKE '{w}%' AND tags.k = '1' AND tags.k = '2'", ""),
    ("name LIKE '{w}%' AND tags.none = '1'", ""), ("name = 'nobody'", ""),
])
def test_a_filter_of_models_means_what_it_says(either: TrackingDatabase, word: str, text: str, found: str) -> None:
    assert named(find_models(either, text.format(w=word)), word) == list(found)


def test_models_are_ordered_by_name_or_by_their_last_change(either: TrackingDatabase, word: str) -> None:
    text = f"name LIKE '{word}%'"
    either.write(lambda st: [model_rows.touch(st, word + name, 1000 + rank)
                             for name, rank in (("a", 2), ("B", 1), ("c", 2), ("D", 3))])

    assert named(find_models(either, text), word) == ["B", "D", "a", "c"]
    assert named(find_models(either, text, ["name DESC"]), word) == ["c", "a", "D", "B"]
    assert named(find_models(either, text, ["last_updated_timestamp"]), word) == ["B", "a", "c", "D"]
    assert named(find_models(either, text, ["timestamp DESC"]), word) == ["D", "a", "c", "B"]
    assert named(find_models(either, text, ["timestamp DESC", "name DESC"]), word) == ["D", "c", "a", "B"]


def test_a_caller_finds_what_is_shared_and_what_is_their_teams(either: TrackingDatabase) -> None:
    begin = unique("t")
    for who, name in ((ANN, "shared"), (LENA, "lending"), (CARA, "cards")):
        a_model(either, who, name=f"{begin}-{name}", versions=1)
    text = f"name LIKE '{begin}-%'"

    for who, found in ((ANN, ["cards", "lending", "shared"]), (LENA, ["lending", "shared"]), (CARA, ["cards", "shared"])):
        assert named(find_models(either, text, who=who), f"{begin}-") == found
        assert numbered(find_versions(either, text, ["name ASC"], who=who), f"{begin}-") == [(name, 1) for name in found]


@pytest.fixture
def shelf(either: TrackingDatabase) -> str:
    """The beginning of the names of two models with three versions each, changed at known moments."""
    begin, run = f"{unique('v')}-", a_run(either)
    for name in ("a", "b"):
        a_model(either, name=begin + name)
        for path in ("x", "y", "z"):
            either.write(lambda st, n=name, p=path: registry.create_version(
                st, ANN, begin + n, f"runs:/{run.id}/{p}", tags=[("k", p), ("n", n)]))
    for name, number, moment in (("a", 1, 5), ("a", 2, 3), ("a", 3, 5), ("b", 1, 9), ("b", 2, 5), ("b", 3, 1)):
        either.write(lambda st, n=name, v=number, m=moment: versions.versions.set_stage(st, begin + n, v, "None", m))
    return begin


@pytest.mark.parametrize(("text", "found"), [
    ("", "a1 a2 a3 b1 b2 b3"), ("name = '{w}b'", "b1 b2 b3"), ("version_number > 2", "a3 b3"),
    ("version_number = '1'", "a1 b1"), ("version_number != 1 AND name = '{w}a'", "a2 a3"),
    ("version_number <= 2 AND version_number >= 2", "a2 b2"), ("source_path LIKE '%/y'", "a2 b2"),
    ("source_path ILIKE '%/Y'", "a2 b2"), ("tags.k = 'z' AND tags.n = 'b'", "b3"), ("tag.n != 'a'", "b1 b2 b3"),
    ("name IN ('{w}a') AND tags.k LIKE '_'", "a1 a2 a3"), ("run_id = 'nobody'", ""), ("tags.none = 'x'", ""),
])
def test_a_filter_of_versions_means_what_it_says(either: TrackingDatabase, shelf: str, text: str, found: str) -> None:
    text = f"name LIKE '{shelf}%'" + (f" AND {text.format(w=shelf)}" if text else "")

    assert numbered(find_versions(either, text, ["name ASC", "version_number ASC"]), shelf) == [
        (one[0], int(one[1])) for one in found.split()]


def test_versions_are_found_by_run(either: TrackingDatabase, shelf: str) -> None:
    run_id = find_versions(either, f"name = '{shelf}a'")[0].run_id
    other = a_model(either, versions=1)
    other_run = find_versions(either, f"name = '{other}'")[0].run_id

    assert len(find_versions(either, f"run_id = '{run_id}'")) == 6
    assert len(find_versions(either, f"run_id IN ('{run_id}', '{other_run}')")) == 7
    assert [one.name for one in find_versions(either, f"run_id != '{run_id}' AND name = '{other}'")] == [other]


@pytest.mark.parametrize(("order", "found"), [
    ((), "b1 a3 a1 b2 a2 b3"), (("name DESC",), "b3 b2 b1 a3 a2 a1"), (("version_number ASC",), "a1 b1 a2 b2 a3 b3"),
    (("last_updated_timestamp",), "b3 a2 a3 a1 b2 b1"),
    (("last_updated_timestamp DESC", "version_number", "name DESC"), "b1 a1 b2 a3 a2 b3"),
])
def test_versions_are_ordered_as_asked_and_then_by_name_and_number(
        either: TrackingDatabase, shelf: str, order: tuple[str, ...], found: str) -> None:
    assert numbered(find_versions(either, f"name LIKE '{shelf}%'", order), shelf) == [
        (one[0], int(one[1])) for one in found.split()]


@pytest.mark.parametrize("size", [1, 2, 4, 5, 6])
@pytest.mark.parametrize("order", [(), ("last_updated_timestamp ASC",), ("version_number DESC", "name DESC"),
                                   ("creation_timestamp DESC",)])
def test_pages_of_versions_join_to_the_whole(either: TrackingDatabase, shelf: str, size: int,
                                             order: tuple[str, ...]) -> None:
    text = f"name LIKE '{shelf}%'"
    whole = find_versions(either, text, order)
    terms, position, joined = searching.version_terms(parse_model_version_order(order)), None, []
    while page := find_versions(either, text, order, size=size, position=position):
        joined += page
        position = searching.position_of(page[-1], terms)

    assert joined == whole
    assert len(whole) == 6


def test_a_page_goes_on_where_the_last_one_ended_though_others_come_and_go(either: TrackingDatabase, word: str) -> None:
    text = f"name LIKE '{word}%'"
    first = find_models(either, text, size=2)
    a_model(either, name=f"{word}A")
    either.write(lambda st: models.delete_model(st, ANN, f"{word}a"))

    second = find_models(either, text, size=2, position=searching.position_of(first[-1], searching.model_terms(())))

    assert (named(first, word), named(second, word)) == (["B", "D"], ["c"])


def test_the_filter_by_which_clients_leave_prompts_out_hides_no_model(either: TrackingDatabase, word: str) -> None:
    text, tag = f"name LIKE '{word}%'", f"tag.`{PROMPT_TAG}`"
    run = a_run(either)
    for name in ("a", "c"):
        either.write(lambda st, n=name: registry.create_version(st, ANN, word + n, f"runs:/{run.id}/m"))
    assert named(find_models(either, f"{text} AND {tag} != 'true'"), word) == ["B", "D", "a", "c"]

    # As another server's database may hold one.
    either.write(lambda st: model_rows.set_tags(st, f"{word}c", [(PROMPT_TAG, "true")]))

    for said, found in (("", "BDa"), (f"AND {tag} != 'true'", "BDa"), (f"AND {tag} = 'false'", "BDa"),
                        (f"AND {tag} = 'true'", "c"), (f"AND {tag} != 'false'", "c")):
        assert named(find_models(either, f"{text} {said}"), word) == list(found)
    assert numbered(find_versions(either, text), word) == [("a", 1)]
    assert numbered(find_versions(either, f"{text} AND {tag} != 'true'"), word) == [("a", 1)]


def test_signs_in_a_value_stay_data(either: TrackingDatabase) -> None:
    begin = unique("q")
    name = a_model(either, name=f"{begin}-o'b%_--;)")
    a_model(either, name=f"{begin}-o'bcd--;)")

    assert named(find_models(either, f'name = "{name}"'), begin) == ["-o'b%_--;)"]
    assert len(find_models(either, f'name LIKE "{name}"')) == 2
    assert find_models(either, f'name = "{begin}\' OR 1=1 --"') == []
