"""A decision in plain words: the answer, its inputs in the contract's words and units, and why it came out so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from stellwerk.uikit import Chart
from stellwerk.uikit.charts import Contribution, waterfall
from stellwerk.uikit.formats import number, percent

Lamp = Literal["clear", "caution", "stop", "unset", "way"]
ANSWERS: dict[str, tuple[Lamp, str]] = {
    "selected": ("clear", "selected"), "review": ("caution", "handed to a person"), "rejected": ("stop", "rejected")}
_STRONG = {"selected": "selected automatically", "review": "handed to a person", "rejected": "rejected automatically"}
_MARKS = {"outside_training_range": "outside what training saw", "not_in_training_data": "never seen in training"}
# More bars than this tell nothing more; the rest is one bar.
_SHOWN = 8
_SHORT_UNIT = 4


def value_words(value: Any) -> str:
    """Return an input as people read it."""
    if value is None:
        return "not known"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return number(int(value)) if value.is_integer() else f"{value:,.4g}".replace("-", "\u2212")
    return number(value) if isinstance(value, int) else str(value)


def sentence(decision: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return the answer in plain words: what stands before, the strong part, what stands after."""
    about = f"{decision['subject']} was " if decision["subject"] else "The case was "
    score, threshold = percent(decision["score"]), percent(decision["threshold"])
    place = "reaches" if decision["score"] >= decision["threshold"] else "lies below"
    return about, _STRONG[decision["decision"]], f": the score of {score} {place} the threshold of {threshold}."


def input_rows(detail: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the inputs, those with a mark first, each with label, value, unit and the mark in words."""
    decision, fields = detail["decision"], detail["fields"]
    marks = {mark["field"]: _mark_words(mark) for mark in decision["marks"]}
    rows = [{"field": name, "label": name.replace("_", " "), "about": fields.get(name, {}).get("description"),
             "value": value_words(value), "unit": fields.get(name, {}).get("unit") or "", "mark": marks.get(name)}
            for name, value in decision["inputs"].items()]
    return sorted(rows, key=lambda row: row["mark"] is None)


def _mark_words(mark: Mapping[str, Any]) -> str:
    words = _MARKS.get(mark["mark"], str(mark["mark"]).replace("_", " "))
    seen = mark.get("seen")
    if mark["mark"] == "outside_training_range" and seen:
        return f"{words}: {value_words(seen[0])} to {value_words(seen[1])}"
    return words


def why_chart(detail: Mapping[str, Any]) -> Chart | None:
    """Return the way from the usual score to this one, the weightiest inputs first; None without an explanation."""
    explanation = detail["explanation"]
    if explanation is None:
        return None
    ordered = sorted(explanation["contributions"], key=lambda row: -abs(row["contribution"]))
    items = [Contribution(_name(row), _with_unit(row), row["contribution"]) for row in ordered[:_SHOWN]]
    rest = ordered[_SHOWN:]
    if rest:
        items.append(Contribution(f"{len(rest)} other inputs", "", sum(row["contribution"] for row in rest)))
    return waterfall("contributions", _why_title(ordered, explanation), explanation["base"], items,
                     base_label="Usual score", end_label="This score", threshold=detail["decision"]["threshold"],
                     under="How many points each input moved the score, against the mean of the frozen background. "
                           f"Dashed: the threshold, {percent(detail['decision']['threshold'], 0)}")


def _name(row: Mapping[str, Any]) -> str:
    # The contract's description is a sentence; beside a bar stands the short name.
    return str(row["field"]).replace("_", " ")


def _with_unit(row: Mapping[str, Any]) -> str:
    text, unit = value_words(row["value"]), row["unit"] or ""
    return f"{text} {unit}" if 0 < len(unit) <= _SHORT_UNIT else text


def _why_title(ordered: Sequence[Mapping[str, Any]], explanation: Mapping[str, Any]) -> str:
    usual, score = percent(explanation["base"], 0), percent(explanation["score"], 0)
    if not ordered or abs(ordered[0]["contribution"]) < 0.005:
        return f"No input moves the score far: usually {usual}, here {score}"
    first, name = ordered[0], _name(ordered[0])
    moved = "lifts" if first["contribution"] > 0 else "lowers"
    second = ""
    if len(ordered) > 1 and abs(ordered[1]["contribution"]) >= abs(first["contribution"]) / 3:
        way = "lifts" if ordered[1]["contribution"] > 0 else "lowers"
        second = f", {_name(ordered[1])} {way} it" if way != moved else f", then {_name(ordered[1])}"
    return f"{name.capitalize()} {moved} the score most{second}: usually {usual}, here {score}"
