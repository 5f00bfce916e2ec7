"""What ``stellwerk new`` writes passes check and ships unchanged, whatever the file looks like."""

from __future__ import annotations

import csv
import itertools
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from stellwerk.cli.scaffold import slug
from stellwerk.features.datasets import bring_to_types, read_csv
from stellwerk.features.releases import positive_label
from stellwerk.infra.environments import default_lock, find_environment, lock_hash
from stellwerk.kernel.errors import BadInput, Conflict
from stellwerk.manifest import Manifest, load_manifest
from stellwerk.protocols.odcs import Contract, parse_contract
from tests.cli.scaffold.conftest import Ship, Write, people, write_csv

pytestmark = pytest.mark.slow


def read(folder: Path) -> tuple[Manifest, Contract]:
    manifest = load_manifest(folder / "stellwerk.yaml")
    return manifest, parse_contract((folder / manifest.data.contract).read_text("utf-8"), manifest.data.contract)


def lines_of(folder: Path) -> int:
    return sum(len((folder / name).read_text("utf-8").splitlines()) for name in ("stellwerk.yaml", "service.py"))


def test_what_is_written_is_short_checks_and_ships(write: Write, ship: Ship, tmp_path: Path) -> None:
    data = people(400) | {"customer_id": list(range(5000, 5400)), "sex": ["f", "m"] * 200}
    written = write(data, subject="customer_id", protected=["sex"], team="lending")
    assert written.files == ("contracts/people.odcs.yaml", "data/people.csv", "service.py", "stellwerk.yaml",
                             "tests/test_service.py")
    assert lines_of(written.folder) <= 40
    manifest, contract = read(written.folder)
    assert (manifest.risk, manifest.team, manifest.subject, manifest.protected) == (
        "minimal", "lending", "customer_id", ("sex",))
    assert manifest.inputs(contract.columns) == ("amount_eur", "age_years", "plan")
    assert (manifest.serve.threshold, manifest.serve.below, manifest.evaluate.folds) == (0.5, "reject", 5)
    assert [gate.name for gate in manifest.gates] == [f"roc_auc at least {written.baseline.limit:g}"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["fresh", "people.csv"]
    result = ship(written.folder)
    assert (result["exit"], result["outcome"]) == (0, "live")
    # Measured as the platform measures: the same folds, seeds and environment.
    assert result["gates"][0]["value"] == pytest.approx(written.baseline.value, abs=1e-4)
    assert 0.5 <= written.baseline.limit <= written.baseline.low


def test_observed_things_warn_and_never_refuse(write: Write) -> None:
    _, contract = read(write(people() | {"gap": ["", "1"] * 100}).folder)
    amount = contract.column("amount_eur")
    assert (amount.type, amount.required, amount.unit, amount.minimum, amount.maximum) == (
        "number", True, "EUR", None, None)
    assert not contract.column("gap").required
    assert contract.column("plan").enum is None
    rules = {rule.column: rule for rule in contract.quality}
    assert {rule.severity for rule in rules.values()} == {"warning"}
    assert rules["amount_eur"].metric == "between"
    assert rules["plan"].arguments == {"validValues": ["basic", "plus", "pro"]}


def test_the_written_test_runs_without_the_platform(write: Write, environments: Path) -> None:
    data = people() | {"active": ["TRUE", "false"] * 100}
    folder = write(data).folder
    done = subprocess.run([sys.executable, "-m", "pytest", "-q", "-c", os.devnull, "-p", "no:cacheprovider",
                           str(folder / "tests")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    found = find_environment(environments, lock_hash(default_lock()))
    assert found is not None
    alone = subprocess.run([str(found.python), "-I", "-c",
                            "import runpy; runpy.run_path('tests/test_service.py')['test_the_model_tells_the_labels_"
                            "apart']()"], cwd=folder, capture_output=True, text=True, check=False)
    assert alone.returncode == 0, alone.stderr


def test_blank_lines_in_the_file_are_no_rows(write: Write, tmp_path: Path) -> None:
    file = write_csv(tmp_path / "people.csv", people(100))
    lines = file.read_text().splitlines()
    file.write_text("\n".join([*lines[:50], "", *lines[50:], "", "", ""]))
    written = write(file)
    assert written.rows == 100
    assert read(written.folder)[1].column("left").required
    done = subprocess.run([sys.executable, "-m", "pytest", "-q", "-c", os.devnull, str(written.folder / "tests")],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def hard_rows(path: Path) -> Path:
    """Write a file as a German office program does: semicolons, decimal commas, a byte order mark, long headers."""
    plain = people(300, seed=4)
    columns: dict[str, list[Any]] = {
        "Kunden-Nr.": [f"{number:06}" for number in range(300)],
        "Beitrag (€)": [f"{1000 + value:.2f}".replace(".", ",") for value in plain["amount_eur"]],
        "Alter in Jahre": plain["age_years"],
        "Größe \"XL\"": ["ja", "nein"] * 150,
        "a: b, c # d": plain["plan"],
        "probabilities": plain["age_years"],
        "Schäden": ["", 0, 1] * 100,
        "aktiv": ["true", "FALSE", ""] * 100,
        "Umsatz": [f"{1 + number % 9}.{100 + number:03},50" for number in range(300)],
        "Beginn": ["31.12.2023", "01.02.2024"] * 150,
        "US date": ["12/31/2023", "1/2/2024"] * 150,
        "leer": [""] * 300, "immer": ["x"] * 300, "PLZ": ["01067", "80331", "50667"] * 100,
        "Notiz": [f"Text {number * 7 % 300}" for number in range(300)],
        "lfd": list(range(300, 0, -1)), "Zeit": [1_700_000_000_000 + number * 7 % 1000 for number in range(300)],
        "Ergebnis": ["Ja" if each == "yes" else "NEIN" for each in plain["left"]],
    }
    with path.open("w", encoding="utf-8-sig", newline="") as stream:
        writer = csv.writer(stream, delimiter=";")
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
    return path


def test_a_hard_file_ships_too(write: Write, ship: Ship, tmp_path: Path) -> None:
    written = write(hard_rows(tmp_path / "Kündigungen 2024 (neu).csv"), target="Ergebnis")
    manifest, contract = read(written.folder)
    assert manifest.data.source == "data/kuendigungen-2024-neu.csv"
    assert manifest.inputs(contract.columns) == (
        "Beitrag (€)", "Alter in Jahre", 'Größe "XL"', "a: b, c # d", "Schäden", "aktiv", "Umsatz", "PLZ")
    assert {column: contract.column(column).type for column in contract.columns[1:9]} == {
        "Beitrag (€)": "number", "Alter in Jahre": "integer", 'Größe "XL"': "string", "a: b, c # d": "string",
        "probabilities": "integer", "Schäden": "integer", "aktiv": "boolean", "Umsatz": "number"}
    assert contract.column("Beitrag (€)").unit == "EUR"
    assert contract.column("PLZ").type == "string"
    reasons = {name: reason.split(",")[0].split(";")[0] for name, reason in written.excluded.items()}
    assert reasons == {
        "Kunden-Nr.": "an id", "Beginn": "a date", "US date": "a date", "leer": "has no values",
        "immer": "has the same value everywhere", "Notiz": "has another text in nearly each row",
        "probabilities": "has the name of a compiled model's output", "lfd": "a running number",
        "Zeit": "has numbers too long for a compiled model"}
    assert written.positive == "Ja"
    assert lines_of(written.folder) <= 40
    done = subprocess.run([sys.executable, "-m", "pytest", "-q", "-c", os.devnull, str(written.folder / "tests")],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert ship(written.folder)["outcome"] == "live"


def test_three_hundred_columns_stay_within_the_lines(write: Write, ship: Ship) -> None:
    rng = np.random.default_rng(8)
    plain = people(120)
    wide: dict[str, list[Any]] = {f"measured_value_{n}": rng.normal(size=120).round(3).tolist() for n in range(150)}
    wide |= {f"answer_number_{n}_of_the_survey": rng.choice(["never", "often", "always"], 120).tolist()
             for n in range(100)}
    wide |= {f"empty_{n}": [""] * 120 for n in range(50)}
    written = write(plain | wide)
    assert len(written.inputs) == 253
    assert lines_of(written.folder) <= 40
    assert ship(written.folder)["exit"] in (0, 4)


@pytest.mark.parametrize(("yes", "no", "positive", "evident"), [
    ("1", "0", 1, True), ("true", "false", True, True), ("Yes", "No", "Yes", True), ("1.0", "0.0", 1, True),
    ("gone", "there", "gone", False), ("2", "1", 2, False), ("1", "2", 1, False), ("a: #", "it's", "a: #", False), ("no", "n/a", "no", False),
])
def test_any_two_labels_are_a_target(write: Write, yes: str, no: str, positive: Any, evident: bool) -> None:
    data = people(150)
    # The sought label is the rarer one.
    data["left"] = [yes if number < 60 else no for number in range(150)]
    written = write(data)
    manifest, contract = read(written.folder)
    assert written.positive == positive
    assert (manifest.positive is None) == evident
    frame = bring_to_types(read_csv(written.folder / manifest.data.source, "x"), contract).frame
    assert positive_label(manifest, frame) == positive
    assert any("positive label" in note for note in written.notes) != evident


def test_a_column_that_tells_all_is_named_and_kept(write: Write) -> None:
    data = people()
    data["contract_end"] = [9 if each == "yes" else "" for each in data["left"]]
    data["closed"] = [f"by {each}" for each in data["left"]]
    data["days_since"] = [3 + number % 2 if each == "yes" else "" for number, each in enumerate(data["left"])]
    written = write(data)
    assert [note.split(" ")[0] for note in written.notes] == ["closed", "days_since"]
    assert {"closed", "days_since"} <= set(written.inputs)
    assert written.excluded["contract_end"] == "has the same value everywhere"


def test_an_id_in_several_rows_is_no_input_and_named(write: Write) -> None:
    data = people() | {"customer_id": [number // 2 for number in range(200)]}
    written = write(data)
    assert written.excluded["customer_id"].startswith("an id")
    assert "name it by --subject" in written.notes[0]
    assert not write(data, name="other", subject="customer_id").notes


def test_numbers_that_are_none_yet_are_named(write: Write) -> None:
    data = people() | {"sum": [f"{900 + number:,}" for number in range(200)],
                       "share": [f"{number % 30}.5 %" for number in range(200)],
                       "price": [f"€ {number % 30},50" for number in range(200)]}
    excluded = write(data).excluded
    assert "commas that may group thousands" in excluded["sum"]
    assert "a sign beside them" in excluded["share"]
    assert "a sign beside them" in excluded["price"]


def test_no_signal_is_said_and_the_gate_stays_at_chance(write: Write) -> None:
    for seed in itertools.count(1):
        rng = np.random.default_rng(seed)
        data = {"x": rng.normal(size=100).round(3).tolist(), "left": rng.choice(["yes", "no"], 100).tolist()}
        written = write(data, name=f"fresh{seed}")
        assert written.baseline.limit >= 0.5
        if written.baseline.value < 0.5:
            assert "no better than chance" in written.notes[-1]
            return


def test_nothing_stays_when_something_fails(write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from stellwerk.cli.scaffold import baseline

    monkeypatch.setattr(baseline, "run_child", lambda *_: {
        "error": {"kind": "user_error", "message": "no", "hint": "h", "traceback": "t"}, "log_tail": ""})
    with pytest.raises(BadInput, match="No model could be fitted"):
        write(people())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["people.csv"]


def test_an_existing_folder_is_left_alone(write: Write, tmp_path: Path) -> None:
    (tmp_path / "fresh").mkdir()
    with pytest.raises(Conflict, match="exists already"):
        write(people())
    assert list((tmp_path / "fresh").iterdir()) == []
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(Conflict):
        write(people(), name="link")


@pytest.mark.parametrize(("name", "near"), [
    ("Churn", "churn"), ("my service", "my-service"), ("Kündigung", "kuendigung"), ("churn_model", "churn-model"),
    ("CreditRisk", "credit-risk"), ("2024-churn", "churn"), ("--", None), ("a" * 61, "a" * 60),
])
def test_odd_names_are_answered_with_a_near_one(write: Write, name: str, near: str | None) -> None:
    with pytest.raises(BadInput) as caught:
        write(people(), name=name)
    assert caught.value.field == "NAME"
    assert caught.value.hint == (f"Use {near}." if near else None)
    with pytest.raises(BadInput) as caught:
        write(people(), team=name)
    assert caught.value.field == "--team"


def test_slugs() -> None:
    assert [slug(text) for text in ("Über  Straße 7", "2024", "日本", "a.b_c")] == ["ueber-strasse-7", "", "", "a-b-c"]


@pytest.mark.parametrize(("options", "field", "words", "hint"), [
    ({"target": "letf"}, "--target", "no column 'letf'", "Did you mean left?"),
    ({"subject": "age_year"}, "--subject", "no column 'age_year'", "Did you mean age_years?"),
    ({"protected": ["plan", "pla"]}, "--protected", "no column 'pla'", "Did you mean plan?"),
    ({"protected": ["left"]}, "--protected", "named by --target already", None),
    ({"protected": ["plan", "plan"]}, "--protected", "named by --protected already", None),
    ({"target": "plan"}, "--target", "3 different values", None),
    ({"target": "amount_eur"}, "--target", "different values, not two", None),
])
def test_wrong_columns_are_named(write: Write, options: dict[str, Any], field: str, words: str,
                                 hint: str | None) -> None:
    with pytest.raises(BadInput) as caught:
        write(people(), **options)
    assert caught.value.field == field
    assert words in caught.value.message
    assert caught.value.allowed
    if hint:
        assert caught.value.hint == hint


@pytest.mark.parametrize(("change", "words"), [
    ({"left": ["yes"] * 200}, "1 different values, not two"),
    ({"Plan": ["a"] * 200}, "differ in capital letters only: plan, Plan"),
    ({"left": [""] * 200}, "0 different values, not two"),
    ({"left": ["yes"] * 3 + ["no"] * 197}, "Only 3 rows have left = 'yes'"),
    ({"left": ["", "yes"] + ["no", "yes"] * 99}, "missing in 1 rows, first in row 1"),
    ({"left": ["2024-01-01", "2024-01-02"] * 100}, "not two"),
    ({name: ["same"] * 200 for name in ("amount_eur", "age_years", "plan")}, "no column that could be an input"),
])
def test_data_of_which_nothing_can_be_learnt(write: Write, change: dict[str, list[Any]], words: str) -> None:
    with pytest.raises(BadInput) as caught:
        write(people() | change)
    assert words in caught.value.message
    assert caught.value.allowed


def test_too_few_rows(write: Write, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="has 2 rows, too few"):
        write({name: values[:2] for name, values in people(2).items()} | {"left": ["yes", "no"]})
    empty = tmp_path / "empty.csv"
    empty.write_text("a,b\n")
    with pytest.raises(BadInput, match="no rows"):
        write(empty, target="b")


def test_a_subject_must_be_known_and_there_must_be_enough(write: Write) -> None:
    with pytest.raises(BadInput, match="missing in 1 rows, first in row 2"):
        write(people() | {"who": ["a", ""] + ["b", "c"] * 99}, subject="who")
    with pytest.raises(BadInput, match="different subjects"):
        write(people() | {"who": ["a", "b"] * 100}, subject="who")


def test_protected_columns_need_groups(write: Write) -> None:
    with pytest.raises(BadInput, match="dates, which make no groups"):
        write(people() | {"born": ["2000-01-01", "1990-02-03"] * 100}, protected=["born"])
    notes = write(people(), protected=["age_years"]).notes
    assert notes == (notes[0],)
    assert "derive bands" in notes[0]


def test_a_parent_folder_that_is_not_there(write: Write, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="No folder can be made"):
        write(write_csv(tmp_path / "x.csv", people()), name="nowhere/fresh")


def test_ten_thousand_rows_are_quick(write: Write) -> None:
    frame = pl.DataFrame(people(10_000) | {f"x{n}": np.arange(10_000) * (n + 3) % 97 for n in range(8)})
    import time

    started = time.monotonic()
    written = write(frame.to_dict(as_series=False))
    assert written.rows == 10_000
    # Generous, as other tests may keep the machine busy.
    assert time.monotonic() - started < 20
