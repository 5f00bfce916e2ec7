"""Every fault of a manifest is named with its line, and the published JSON Schema says the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from stellwerk.kernel.errors import BadInput
from stellwerk.kernel.yaml_source import nearest
from stellwerk.manifest import Manifest, load_manifest, parse_manifest
from stellwerk.manifest.schema import manifest_schema

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
    ("target: left", "target: left\nmore: {contract: a, source: b}", 9, "more", None),
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
]
MEANING = [
    ("protected: [sex]", "protected: [left]", 9, "protected"),
    ("protected: [sex]", "subject: sex\nprotected: [sex]", 10, "protected"),
    ("protected: [sex]", "exclude: [left]", 9, "exclude"),
    ("folds: 5", "folds: 5, holdout: 0.2", 12, "evaluate.holdout"),
    ("roc_auc, at", "selection_rate_ratio, at", 14, "gates[0].by"),
    ("at_least: 0.7", "by: age, at_least: 0.7", 14, "gates[0].by"),
    ("at_least: 0.7", "at_least: 0.7, at_most: 0.9", 14, "gates[0].at_least"),
    ("at_least: 0.7", "within: 0.7", 14, "gates[0].at_least"),
    ("  - {metric: roc_auc, at_least: 0.7}", "  - {metric: roc_auc, at_least: 0.7}\n  - {metric: roc_auc, at_least: 0.7}",
     15, "gates[1].metric"),
    ("below: reject", "review: {between: [0.7, 0.6]}", 15, "serve.review.between"),
    ("below: reject", "below: reject, review: {between: [0.5, 0.6]}", 15, "serve.review"),
    ("risk: minimal", "risk: high", 1, "approval"),
    ("C: 1.0", "C: .inf", 11, "params.C"), ("[1, x]", "[1, {b: .nan}]", 11, "params.deep"),
    ("service: churn", "service: churn\nservice: other", 2, "service"),
]


@pytest.mark.parametrize(("old", "new", "line", "field", "hint"), FORM)
def test_faults_of_form(old: str, new: str, line: int, field: str, hint: str | None) -> None:
    text = changed(old, new)
    found = next(fault for fault in faults(text) if fault["field"] == field)
    assert found["line"] == line
    assert found.get("hint") == hint
    assert found.get("allowed") or "twice" in found["message"]
    assert not VALIDATOR.is_valid(yaml.safe_load(text)), "the JSON Schema lets it pass"


@pytest.mark.parametrize(("old", "new", "line", "field"), MEANING)
def test_faults_of_meaning(old: str, new: str, line: int, field: str) -> None:
    assert (line, field) in [(fault["line"], fault["field"]) for fault in faults(changed(old, new))]


def test_all_faults_come_at_once() -> None:
    text = changed("risk: minimal", "risk: none").replace("folds: 5", "folds: 99").replace("team", "tema")
    assert {fault["field"] for fault in faults(text)} == {"risk", "evaluate.folds", "tema", "team"}


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"There is no stellwerk\.yaml"):
        load_manifest(tmp_path / "stellwerk.yaml")
    (tmp_path / "stellwerk.yaml").write_bytes(b"service: \xff")
    with pytest.raises(BadInput, match="not UTF-8: byte 9"):
        load_manifest(tmp_path / "stellwerk.yaml")


JSON = st.recursive(st.none() | st.booleans() | st.integers(-9, 9) | st.floats(0, 2) | st.text("ab:/.1", max_size=6),
                    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab", max_size=3), inner, max_size=3),
                    max_leaves=6)


@settings(max_examples=200, deadline=None)
@given(name=st.sampled_from([*yaml.safe_load(PLAIN), "subject", "exclude", "approval", "environment", "positive"]),
       value=JSON)
def test_what_the_parser_takes_the_schema_takes(name: str, value: Any) -> None:
    document = {**yaml.safe_load(PLAIN), name: value}
    try:
        parse_manifest(yaml.safe_dump(document), "stellwerk.yaml")
    except BadInput as error:
        assert error.details[0]["line"] >= 1
        return
    # An empty key is an absent key.
    kept = {key: content for key, content in document.items() if content is not None}
    assert VALIDATOR.is_valid(kept)


def test_nearest_names() -> None:
    assert nearest("colour", ["color", "size"]) == "color"
    assert nearest("x", ["color", "size"]) is None
