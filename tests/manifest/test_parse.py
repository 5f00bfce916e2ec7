"""Every fault of a manifest is named with its line, and the published JSON Schema says the same."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from stellwerk.kernel.errors import BadInput
from stellwerk.kernel.yaml_source import nearest, read
from stellwerk.manifest import Limits, Manifest, load_manifest, parse_manifest
from stellwerk.manifest.schema import manifest_schema, published

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "mortgage-decisions" / "stellwerk.yaml"
PLAIN = """service: churn
title: Churn
purpose: Tell who leaves.
team: sales
risk: minimal
data:
  people: {contract: contracts/people.odcs.yaml, source: data/people.csv}
target: left
protected: [sex]
train: service:train
params: {C: 1.0, deep: {a: [1, x]}}
evaluate: {folds: 5, seed: 7}
gates:
  - {metric: roc_auc, at_least: 0.7}
serve: {threshold: 0.5, below: reject}
"""
VALIDATOR = jsonschema_rs.validator_for(manifest_schema())


def faults(text: str) -> list[dict[str, Any]]:
    with pytest.raises(BadInput) as caught:
        parse_manifest(text, "stellwerk.yaml")
    found: list[dict[str, Any]] = caught.value.details
    assert caught.value.message.startswith(f"stellwerk.yaml, line {found[0]['line']}: ")
    return found


def plain(text: str) -> Any:
    """Read a text as an editor does: the key ``on`` is no truth value."""
    top, _ = read(text, "stellwerk.yaml")
    return {name: top.anything(name) for name in top.names()}


def changed(old: str, new: str) -> str:
    assert PLAIN.count(old) == 1
    return PLAIN.replace(old, new)


def test_the_example_is_read() -> None:
    manifest = load_manifest(EXAMPLE)
    assert manifest.service == "mortgage-decisions"
    assert [gate.name for gate in manifest.gates] == [
        "roc_auc at least 0.75", "selection_rate_ratio by race at least 0.8",
        "roc_auc not worse than champion within 0.01"]
    assert (manifest.serve.record, manifest.serve.below) == ("sync", "review")
    assert manifest.not_inputs == {"approved", "application_id", "race", "insurance", "single"}
    assert VALIDATOR.is_valid(yaml.safe_load(EXAMPLE.read_text(encoding="utf-8")))


def test_what_is_left_out_has_its_default() -> None:
    short = "".join(line + "\n" for line in PLAIN.splitlines() if line.split(":")[0] not in (
        "protected", "params", "evaluate", "gates", "serve") and not line.startswith("  - "))
    manifest = parse_manifest(short, "stellwerk.yaml")
    assert isinstance(manifest, Manifest)
    assert (manifest.evaluate.folds, manifest.gates, manifest.approval, manifest.serve.record) == (
        None, (), None, "buffered")
    assert VALIDATOR.is_valid(yaml.safe_load(short))


FORM = [
    ("service: churn", "service: Churn", 1, "service", None),
    ("service: churn", "service: " + "a" * 61, 1, "service", None),
    ("service: churn", "servise: churn", 1, "servise", "Did you mean service?"),
    ("title: Churn\n", "", 1, "title", None),
    ("title: Churn", "title: 7", 2, "title", None),
    ("title: Churn", "title: ''", 2, "title", None),
    ("team: sales", "team: [sales]", 4, "team", None),
    ("risk: minimal", "risk: minimum", 5, "risk", "Did you mean minimal?"),
    ("contract: contracts", "contrakt: contracts", 7, "data.people.contrakt", "Did you mean contract?"),
    (", source: data/people.csv", "", 7, "data.people.source", None),
    ("source: data/people.csv", "source: ../people.csv", 7, "data.people.source", None),
    ("contract: contracts/", "contract: /contracts/", 7, "data.people.contract", None),
    ("target: left", "target: left\nzulu: {contract: a, source: b}", 9, "zulu", None),
    ("train: service:train", "train: service", 10, "train", None),
    ("params: {C: 1.0, deep: {a: [1, x]}}", "params: [1]", 11, "params", None),
    ("folds: 5", "folds: 1", 12, "evaluate.folds", None),
    ("folds: 5", "folds: 5.5", 12, "evaluate.folds", None),
    ("folds: 5", "fold: 5", 12, "evaluate.fold", "Did you mean folds?"),
    ("folds: 5", "holdout: 0.9", 12, "evaluate.holdout", None),
    ("seed: 7", "seed: -1", 12, "evaluate.seed", None),
    ("seed: 7", "seed: 4000000000", 12, "evaluate.seed", None),
    ("seed: 7", "metrics: [roc]", 12, "evaluate.metrics[0]", "Did you mean roc_auc?"),
    ("roc_auc, at", "roc_acu, at", 14, "gates[0].metric", "Did you mean roc_auc?"),
    ("at_least: 0.7", "at_least: high", 14, "gates[0].at_least", None),
    ("at_least: 0.7", "atleast: 0.7", 14, "gates[0].atleast", "Did you mean at_least?"),
    ("  - {metric: roc_auc, at_least: 0.7}", "  - roc_auc", 14, "gates[0]", None),
    ("at_least: 0.7", "not_worse_than: champions", 14, "gates[0].not_worse_than", "Did you mean champion?"),
    ("threshold: 0.5", "threshold: 1.5", 15, "serve.threshold", None),
    ("threshold: 0.5", "treshold: 0.5", 15, "serve.treshold", "Did you mean threshold?"),
    ("below: reject", "below: rejct", 15, "serve.below", "Did you mean reject?"),
    ("below: reject", "canary: 2", 15, "serve.canary", None),
    ("below: reject", "record: never", 15, "serve.record", None),
    ("below: reject", "review: {between: 3}", 15, "serve.review.between", None),
    ("protected: [sex]", "protected: sex", 9, "protected", None),
    ("protected: [sex]", "protected: [sex, sex]", 9, "protected[1]", None),
    ("protected: [sex]", "approval: {roles: [validatr]}", 9, "approval.roles[0]", "Did you mean validator?"),
    ("protected: [sex]", "approval: {roles: []}", 9, "approval.roles", None),
    ("protected: [sex]", "monitor: {windo: 7d}", 9, "monitor.windo", "Did you mean window?"),
    ("protected: [sex]", "monitor: {window: 7}", 9, "monitor.window", None),
    ("protected: [sex]", "monitor: {performance: {metric: roc}}", 9, "monitor.performance.metric",
     "Did you mean roc_auc?"),
    ("protected: [sex]", "monitor: {performance: {outcome_within: soon}}", 9, "monitor.performance.outcome_within",
     None),
    ("protected: [sex]", "monitor: {fairness: gate}", 9, "monitor.fairness", "Did you mean gates?"),
    ("protected: [sex]", "retrain: {on: drift}", 9, "retrain.on", None),
    ("protected: [sex]", "retrain:\n  on:\n    - drift\n    - newdata", 12, "retrain.on[1]", "Did you mean new_data?"),
    ("protected: [sex]", "retrain: {on: [{schedule: daily}]}", 9, "retrain.on[0].schedule", None),
    ("protected: [sex]", "retrain: {release: afterapproval}", 9, "retrain.release", "Did you mean after_approval?"),
    ("protected: [sex]", "limits: {time: 10}", 9, "limits.time", None),
    ("protected: [sex]", "limits: {memory: 2G}", 9, "limits.memory", None),
    ("protected: [sex]", "limits: {tim: 10m}", 9, "limits.tim", "Did you mean time?"),
    ("people: {contract", "../../people: {contract", 7, "data.../../people", None),
    ("people: {contract", "People: {contract", 7, "data.People", None),
    ("data:\n  people: {contract: contracts/people.odcs.yaml, source: data/people.csv}", "data: {people: }", 6,
     "data.people", None),
    ("title: Churn", "title: " + "x" * 201, 2, "title", None),
    ("below: reject", "canary: 1", 15, "serve.canary", None),
    ("roc_auc, at", "roc_auc, by: sex, at", 14, "gates[0].by", None),
    ("roc_auc, at", "selection_rate_ratio, at", 14, "gates[0].by", None),
    ("roc_auc, at_least: 0.7", "selection_rate_ratio, by: sex, not_worse_than: champion", 14,
     "gates[0].not_worse_than", None),
    ("at_least: 0.7", "at_least: 0.7, within: 0.1", 14, "gates[0].within", None),
    ("at_least: 0.7", "at_least: 0.7, at_most: 0.9", 14, "gates[0].at_least", None),
    ("at_least: 0.7", "judge: point", 14, "gates[0].at_least", None),
    ("folds: 5", "folds: 5, holdout: 0.2", 12, "evaluate.holdout", None),
    ("below: reject", "below: reject, review: {between: [0.5, 0.6]}", 15, "serve.review", None),
    ("below: reject", "review: {}", 15, "serve.review.between", None),
    ("risk: minimal", "risk: high", 1, "approval", None),
    ("risk: minimal", "risk: high\napproval: {roles: [validator], four_eyes: false}", 6, "approval", None),
]
MEANING = [
    ("protected: [sex]", "protected: [left]", 9, "protected"),
    ("protected: [sex]", "subject: sex\nprotected: [sex]", 10, "protected"),
    ("protected: [sex]", "exclude: [left]", 9, "exclude"),
    ("roc_auc, at", "selection_rate_ratio, by: age, at", 14, "gates[0].by"),
    ("  - {metric: roc_auc, at_least: 0.7}", "  - {metric: roc_auc, at_least: 0.7}\n  - {metric: roc_auc, at_least: 0.7}",
     15, "gates[1].metric"),
    ("below: reject", "review: {between: [0.7, 0.6]}", 15, "serve.review.between"),
    ("C: 1.0", "C: .inf", 11, "params.C"), ("[1, x]", "[1, {b: .nan}]", 11, "params.deep"),
    ("service: churn", "service: churn\nservice: other", 2, "service"),
    ("C: 1.0", "C: 1.0, C: 2.0", 11, "params.C"), ("[1, x]", "[1, {b: 1, b: 2}]", 11, "params.deep.a[1].b"),
]


@pytest.mark.parametrize(("old", "new", "line", "field", "hint"), FORM)
def test_faults_of_form(old: str, new: str, line: int, field: str, hint: str | None) -> None:
    text = changed(old, new)
    found = next(fault for fault in faults(text) if fault["field"] == field)
    assert found["line"] == line
    assert found.get("hint") == hint
    assert found.get("allowed") or "twice" in found["message"]
    assert not VALIDATOR.is_valid(plain(text)), "the JSON Schema lets it pass"


@pytest.mark.parametrize(("old", "new", "line", "field"), MEANING)
def test_faults_of_meaning(old: str, new: str, line: int, field: str) -> None:
    assert [(fault["line"], fault["field"]) for fault in faults(changed(old, new))] == [(line, field)]


def test_each_gate_without_a_limit_is_named() -> None:
    text = changed("  - {metric: roc_auc, at_least: 0.7}", "  - {metric: roc_auc}\n  - {metric: brier}\n  - {metric: ece}")
    assert [(fault["line"], fault["field"]) for fault in faults(text)] == [
        (14, "gates[0].at_least"), (15, "gates[1].at_least"), (16, "gates[2].at_least")]


def test_all_faults_come_at_once() -> None:
    text = changed("risk: minimal", "risk: none").replace("folds: 5", "folds: 99").replace("team", "tema")
    assert {fault["field"] for fault in faults(text)} == {"risk", "evaluate.folds", "tema", "team"}


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"There is no stellwerk\.yaml"):
        load_manifest(tmp_path / "stellwerk.yaml")
    (tmp_path / "stellwerk.yaml").write_bytes(b"service: \xff")
    with pytest.raises(BadInput, match="not UTF-8: byte 9"):
        load_manifest(tmp_path / "stellwerk.yaml")
    with pytest.raises(BadInput, match="cannot be read: Is a directory"):
        load_manifest(tmp_path)


def test_limits_and_what_is_kept_for_later() -> None:
    manifest = parse_manifest(PLAIN + """limits: {time: 90m, memory: 2GB}
monitor: {window: 1d, performance: {metric: brier, outcome_within: 30d}, fairness: gates}
retrain: {on: [drift, {schedule: "0 3 * * 1"}]}
""", "stellwerk.yaml")
    assert manifest.limits == Limits(seconds=5400, memory_mb=2048)
    assert manifest.monitor == {"window": "1d", "performance": {"metric": "brier", "outcome_within": "30d"},
                                "fairness": "gates"}
    assert manifest.retrain == {"on": ["drift", {"schedule": "0 3 * * 1"}], "release": "after_approval"}
    assert manifest.not_acted_on == ("monitor", "retrain")
    assert parse_manifest(PLAIN, "stellwerk.yaml").not_acted_on == ()
    assert parse_manifest(PLAIN + "limits: {memory: 300MB}", "s").limits == Limits(memory_mb=300)


WORDS = ["a", "sex", "roc_auc", "selection_rate_ratio", "champion", "review", "reject", "sync", "validator", "gates",
         "drift", "after_approval", "1d", "2GB", "0 3 * * 1", "a/b", "m:f", "../a", "", "high", "interval"]
KEYS = ["metric", "by", "at_least", "at_most", "not_worse_than", "within", "judge", "folds", "holdout", "seed", "roles",
        "metrics", "four_eyes", "threshold", "below", "review", "between", "canary", "record", "time", "memory",
        "window", "performance", "outcome_within", "fairness", "on", "schedule", "release", "contract", "source", "a"]
VALUE = st.recursive(
    st.sampled_from(WORDS) | st.booleans() | st.integers(-1, 21) | st.sampled_from([0.0, 0.25, 0.5, 1.0, 1.5]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4), max_leaves=8)
GATE = st.fixed_dictionaries({"metric": st.sampled_from(["roc_auc", "selection_rate_ratio", "roc"])}, optional={
    "by": st.sampled_from(["sex", "age"]), "at_least": st.sampled_from([0.5, "x"]), "at_most": st.just(0.9),
    "not_worse_than": st.just("champion"), "within": st.sampled_from([0.1, -1]), "judge": st.just("point")})
LIKELY = {
    "gates": st.lists(GATE, max_size=2), "risk": st.sampled_from(["minimal", "high"]),
    "approval": st.fixed_dictionaries({"roles": st.lists(st.sampled_from(["validator", "builder", "boss"]))},
                                      optional={"four_eyes": st.booleans()}),
    "evaluate": st.fixed_dictionaries({}, optional={"folds": st.integers(1, 21), "holdout": st.floats(0, 1)}),
    "serve": st.fixed_dictionaries({}, optional={
        "below": st.sampled_from(["review", "reject"]), "canary": st.sampled_from([0, 0.001, 0.5, 1]),
        "review": st.fixed_dictionaries({}, optional={"between": st.lists(st.floats(0, 1), max_size=3)})}),
    "data": st.dictionaries(st.sampled_from(["a", "a_b-c", "A", "../x", "a" * 61]), st.just(
        {"contract": "c.yaml", "source": "s:f"}), max_size=2),
    "limits": VALUE, "monitor": VALUE, "retrain": VALUE, "protected": st.lists(st.sampled_from(["sex", "age", "left"])),
}
# What one place asks of another, which no JSON Schema says.
ACROSS = ("already", "none of the allowed values", "with the same limit", "not a range of scores",
          "names no protected column")


@settings(max_examples=400, deadline=None)
@given(likely=st.fixed_dictionaries({}, optional=LIKELY),
       odd=st.dictionaries(st.sampled_from([*yaml.safe_load(PLAIN), *LIKELY, "subject", "positive"]), VALUE, max_size=1))
def test_parser_and_schema_agree(likely: dict[str, Any], odd: dict[str, Any]) -> None:
    document = {**yaml.safe_load(PLAIN), **likely, **odd}
    try:
        parse_manifest(json.dumps(document), "stellwerk.yaml")
    except BadInput as error:
        assert all(fault["line"] >= 1 for fault in error.details)
        if VALIDATOR.is_valid(document):
            assert all(any(words in fault["message"] for words in ACROSS) for fault in error.details), error.details
        return
    assert VALIDATOR.is_valid(document), next(VALIDATOR.iter_errors(document)).message


def test_the_published_schema_is_the_present_one() -> None:
    file = Path(__file__).parents[2] / "docs" / "manifest.schema.json"
    assert file.read_text(encoding="utf-8") == published()
    jsonschema_rs.meta.validate(manifest_schema())


def test_every_key_is_documented_and_none_is_made_up() -> None:
    text = (Path(__file__).parents[2] / "docs" / "manifest.md").read_text(encoding="utf-8")
    named = {name for row in re.findall(r"^\| (`.*?`) \|", text, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)}
    assert named == set(manifest_schema()["properties"])
    inner = {name for part in manifest_schema()["properties"].values() for name in part.get("properties", {})}
    assert {name for name in inner if not re.search(rf"\b{name}\b", text)} == set()


def test_nearest_names() -> None:
    assert nearest("colour", ["color", "size"]) == "color"
    assert nearest("x", ["color", "size"]) is None


def test_a_range_for_people_says_by_itself_where_selecting_begins() -> None:
    plain = PLAIN.replace("serve: {threshold: 0.5, below: reject}", "serve: {review: {between: [0.4, 0.6]}}")
    made = parse_manifest(plain, "stellwerk.yaml")
    assert (made.serve.between, made.serve.threshold) == ((0.4, 0.6), 0.6)
    with pytest.raises(BadInput, match="stands beside threshold"):
        parse_manifest(plain.replace("serve: {", "serve: {threshold: 0.5, "), "stellwerk.yaml")


class TestModelTrainedElsewhere:
    """``model:`` in the place of ``train:``."""

    def _text(self, **changes: str) -> str:
        lines = {"service": "a", "title": "A", "purpose": "P", "team": "t", "risk": "minimal",
                 "data": "{rows: {contract: c.yaml, source: rows.csv}}", "target": "y", **changes}
        return "\n".join(f"{name}: {value}" for name, value in lines.items())

    @pytest.mark.parametrize("uri", ["models:/churn@candidate", "models:/churn/3", "models:/a b.c@x_1-y"])
    def test_a_registered_model_takes_the_place_of_training(self, uri: str) -> None:
        manifest = parse_manifest(self._text(model=uri), "stellwerk.yaml")

        assert (manifest.model, manifest.train) == (uri, "")

    @pytest.mark.parametrize(("changes", "field"), [
        ({}, "train"),
        ({"model": "models:/churn/3", "train": "service:train"}, "model"),
        ({"model": "models:/churn/3", "params": "{C: 1}"}, "params"),
        ({"model": "models:/churn/3", "evaluate": "{folds: 3}"}, "evaluate"),
        ({"model": "models:/churn"}, "model"),
        ({"model": "models:/churn/0"}, "model"),
        ({"model": "models:/../churn/1"}, "model"),
        ({"model": "file:///tmp/churn"}, "model"),
    ])
    def test_other_forms_are_refused_by_parser_and_schema(self, changes: dict[str, str], field: str) -> None:
        text = self._text(**changes)
        with pytest.raises(BadInput) as refused:
            parse_manifest(text, "stellwerk.yaml")

        assert refused.value.field == field
        assert not VALIDATOR.is_valid(yaml.safe_load(text))
