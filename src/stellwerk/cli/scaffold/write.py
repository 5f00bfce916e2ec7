"""The texts of a new service: manifest, functions, contract and one test."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from stellwerk.cli.scaffold.look import FOLDS, Column, Look
from stellwerk.cli.scaffold.yaml_text import flow, scalar
from stellwerk.kernel.errors import BadInput

SEED = 7
PARAMS = {"C": 1.0}
MOST_LINES = 40
_WIDTH = 118
_CATEGORIES = 50
_CATEGORY_CHARACTERS = 500
_CONTRACT_BYTES = 250_000
_TEST = '''\
"""Runs in the service's own environment, without the platform: pytest, or any caller of the function."""

import sys
from pathlib import Path

import polars as pl

FOLDER = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(FOLDER))

import service

TARGET = {target}{truths}


def test_the_model_tells_the_labels_apart():
    data = pl.read_csv(FOLDER / {source}, separator={separator}, infer_schema=False)
    data = data.rename({rename}).drop_nulls(TARGET).with_columns(
        {body}
    )
    model = service.train(data, {params})
    scores = model.predict_proba(data.select({inputs}))[:, 1]
    positive = data[TARGET].to_numpy()
    assert scores[positive].mean() > scores[~positive].mean()
'''


@dataclass(frozen=True)
class Names:
    """How a new service and its parts are called."""

    service: str
    team: str
    dataset: str
    file: str

    @property
    def contract(self) -> str:
        """The contract's place in the folder."""
        return f"contracts/{self.dataset}.odcs.yaml"

    @property
    def source(self) -> str:
        """The data file's place in the folder."""
        return f"data/{self.file}"


def title_of(service: str) -> str:
    """Return a service's name as a title."""
    words = service.replace("-", " ")
    return words[:1].upper() + words[1:]


def _literal(text: str) -> str:
    """Return a text as Python source with double quotes."""
    return json.dumps(text, ensure_ascii=False) if text.isprintable() else repr(text)


def _names_list(variable: str, names: Sequence[str], wide: bool) -> list[str]:
    line = f"{variable} = [{', '.join(map(_literal, names))}]"
    if wide or len(line) <= _WIDTH:
        return [line]
    # Broken between names only: a name with spaces stays whole.
    lines = [f"{variable} = ["]
    for name in names:
        word = _literal(name) + ","
        if len(lines) > 1 and len(lines[-1]) + len(word) < _WIDTH:
            lines[-1] += " " + word
        else:
            lines.append("    " + word)
    return [*lines, "]"]


@dataclass(frozen=True)
class _Layout:
    """Which parts stand on one long line each, so that manifest and functions keep within their lines."""

    wide_lists: bool
    wide_exclude: bool


def _layout(look: Look, names: Names) -> _Layout:
    for layout in (_Layout(False, False), _Layout(True, False)):
        texts = (_manifest(look, names, layout, gate=0.5, measured=""), _functions(look, names, layout))
        if sum(len(text.splitlines()) for text in texts) <= MOST_LINES:
            return layout
    return _Layout(True, True)


def functions(look: Look, names: Names) -> str:
    """Return service.py: the inputs by kind, and how a model is fitted."""
    return _functions(look, names, _layout(look, names))


def _functions(look: Look, names: Names, layout: _Layout) -> str:
    numbers, texts = look.numbers, look.texts
    steps = []
    if numbers:
        steps.append("(make_pipeline(SimpleImputer(), StandardScaler()), NUMBERS)")
    if texts:
        steps.append('(OneHotEncoder(handle_unknown="ignore"), TEXTS)')
    lists = (_names_list("NUMBERS", numbers, layout.wide_lists) if numbers else []) + (
        _names_list("TEXTS", texts, layout.wide_lists) if texts else [])
    scalers = [name for name, used in (("OneHotEncoder", texts), ("StandardScaler", numbers)) if used]
    opening = "    prepared = make_column_transformer("
    joined = (",\n" + " " * len(opening)).join(steps)
    return "\n".join([
        f'"""How a model of {names.service} is fitted on {names.dataset}."""',
        "import polars as pl",
        "from sklearn.compose import make_column_transformer",
        *(["from sklearn.impute import SimpleImputer"] if numbers else []),
        "from sklearn.linear_model import LogisticRegression",
        "from sklearn.pipeline import make_pipeline",
        f"from sklearn.preprocessing import {', '.join(scalers)}",
        "", *lists, "", "",
        "def train(data: pl.DataFrame, params: dict):",
        f"{opening}{joined})",
        '    model = make_pipeline(prepared, LogisticRegression(C=params["C"], max_iter=1000))',
        f"    return model.fit(data.select({' + '.join(_used(look))}), data[{_literal(look.target.name)}])", ""])


def _used(look: Look) -> list[str]:
    return (["NUMBERS"] if look.numbers else []) + (["TEXTS"] if look.texts else [])


def manifest(look: Look, names: Names, *, gate: float, measured: str) -> str:
    """Return stellwerk.yaml; ``measured`` says beside the gate where its limit comes from."""
    return _manifest(look, names, _layout(look, names), gate=gate, measured=measured)


def _manifest(look: Look, names: Names, layout: _Layout, *, gate: float, measured: str) -> str:
    target, subject, protected = look.target, look.names("subject"), look.names("protected")
    positive = str(target.positive).lower() if isinstance(target.positive, bool) else target.positive
    purpose = f"Tell from {names.dataset} whether {target.name} is {positive}."
    lines = [
        f"service: {names.service}",
        f"title: {scalar(title_of(names.service))}",
        f"purpose: {json.dumps(purpose, ensure_ascii=False) if purpose.isprintable() else scalar(purpose)}",
        f"team: {names.team}",
        "risk: minimal",
        "data:",
        f"  {names.dataset}: {{contract: {names.contract}, source: {names.source}}}",
        f"target: {scalar(target.name)}",
        *([] if target.evident else [f"positive: {scalar(target.positive)}"]),
        *([f"subject: {scalar(subject[0])}"] if subject else []),
        *([f"protected: {flow(protected)}"] if protected else []),
        *_exclude(look.columns, layout.wide_exclude),
        "train: service:train",
        f"params: {{{', '.join(f'{name}: {scalar(value)}' for name, value in PARAMS.items())}}}",
        f"evaluate: {{folds: {FOLDS}, seed: {SEED}}}",
        "gates:",
        f"  - {{metric: roc_auc, at_least: {gate:.2f}}}  # {measured}",
        "serve: {threshold: 0.5, below: reject}",
    ]
    return "\n".join(lines) + "\n"


def _exclude(columns: Sequence[Column], wide: bool) -> list[str]:
    by_reason: dict[str, list[str]] = {}
    for column in columns:
        if column.role == "excluded":
            by_reason.setdefault(column.reason, []).append(scalar(column.name))
    if not by_reason:
        return []
    if wide:
        reasons = "; ".join(f"{', '.join(found)}: {reason}" for reason, found in by_reason.items())
        return [f"exclude: [{', '.join(', '.join(found) for found in by_reason.values())}]  # {reasons}"]
    return ["exclude: [", *(f"  {', '.join(found)},  # {reason}" for reason, found in by_reason.items()), "]"]


def contract(look: Look, names: Names) -> str:
    """Return the contract: types, nullability and units as rules, what was only observed as warnings.

    A contract too long to be read back leaves out the categories of texts, then all that was observed.
    """
    for categories, ranges in ((True, True), (False, True), (False, False)):
        text = "\n".join([
            "# Open Data Contract Standard. Types, nullability and units are rules; what was only observed warns.",
            "apiVersion: v3.1.0", "kind: DataContract", f"id: {names.service}-{names.dataset}",
            f"name: {names.dataset}", "version: 1.0.0", "status: active", "schema:", f"  - name: {names.dataset}",
            "    properties:",
            *(line for column in look.columns
              for line in _property(column, look.frame[column.name], categories, ranges))]) + "\n"
        if len(text.encode()) <= _CONTRACT_BYTES:
            return text
    raise BadInput(f"{names.file} has {len(look.columns)} columns, too many for one contract.", field="--data",
                   value=len(look.columns), allowed=f"a contract of at most {_CONTRACT_BYTES // 1000} kB",
                   hint="Keep the columns that matter.")


def _property(column: Column, values: pl.Series, categories: bool, ranges: bool) -> list[str]:
    required = ", required: true" if not column.missing or column.role == "target" else ""
    seen = _observed(column, values, categories) if ranges and column.role != "excluded" else []
    if not seen and column.unit is None:
        return [f"      - {{name: {scalar(column.name)}, logicalType: {column.type}{required}}}"]
    unit = [f"        customProperties: [{{property: unit, value: {scalar(column.unit)}}}]"] if column.unit else []
    return [f"      - name: {scalar(column.name)}", f"        logicalType: {column.type}",
            *(["        required: true"] if required else []), *unit, *seen]


def _observed(column: Column, values: pl.Series, categories: bool) -> list[str]:
    known = values.drop_nulls()
    name = f"        - {{name: {scalar(column.name + ' as seen')}, "
    if column.role == "subject" or known.is_empty():
        return []
    if column.type in ("integer", "number"):
        return ["        quality:", "  " + name + "type: custom, engine: stellwerk, severity: warning,",
                f"             implementation: {{between: {flow([known.min(), known.max()])}}}}}"]
    if column.type != "string" or not categories or known.n_unique() > _CATEGORIES:
        return []
    found = flow(known.unique().sort().to_list())
    if len(found) > _CATEGORY_CHARACTERS:
        return []
    return ["        quality:", "  " + name + "type: library, metric: invalidValues, mustBe: 0, severity: warning,",
            f"             arguments: {{validValues: {found}}}}}"]


def test(look: Look, names: Names, separator: str) -> str:
    """Return tests/test_service.py: one test that needs neither the platform nor its types."""
    numbers = [column for column in look.columns if column.role == "input" and column.type in ("integer", "number")]
    truths = [column.name for column in look.columns if column.role == "input" and column.type == "boolean"]
    changes = []
    if numbers:
        which = "[name for name in service.NUMBERS if name not in TRUTHS]" if truths else "service.NUMBERS"
        changes.append(f"pl.col({which}).str.strip_chars(){_decimal(look, numbers)}"
                       ".cast(pl.Float64, strict=False),")
    if truths:
        changes.append('(pl.col(TRUTHS).str.strip_chars().str.to_lowercase() == "true").cast(pl.Float64),')
    if look.texts:
        changes.append('pl.col(service.TEXTS).fill_null(""),')
    changes.append(f"pl.col(TARGET).is_in([{', '.join(map(_literal, look.target.spelled))}]),")
    # Data frames keep doubled quotes in headers as they stand in the file.
    quoted = any('"' in column.name for column in look.columns)
    rename = """lambda name: name.replace('""', '"').strip()""" if quoted else "str.strip"
    body = "\n".join("        " + change for change in changes).strip()
    inputs = " + ".join(f"service.{name}" for name in _used(look))
    return _TEST.format(target=_literal(look.target.name), truths=_truths(truths), source=_literal(names.source),
                        separator=_literal(separator), body=body, params=json.dumps(PARAMS), inputs=inputs,
                        rename=rename)


def _truths(names: Sequence[str]) -> str:
    return "\n" + "\n".join(_names_list("TRUTHS", names, wide=False)) if names else ""


def _decimal(look: Look, numbers: Sequence[Column]) -> str:
    texts = [look.raw[column.name] for column in numbers]
    if not any(text.str.contains(",", literal=True).any() for text in texts):
        return ""
    thousands = any(text.str.contains(r"\.\d{3}[.,]").any() for text in texts)
    points = '.str.replace_all(".", "", literal=True)' if thousands else ""
    return points + '\n        .str.replace(",", ".", literal=True)'
