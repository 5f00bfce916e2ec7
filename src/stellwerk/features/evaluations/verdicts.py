"""From figures to verdicts: pass, fail, undecided, or not_applicable, each with its reason in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from stellwerk.features.evaluations.metrics import HIGHER_IS_BETTER

PASS, FAIL, UNDECIDED, NOT_APPLICABLE = "pass", "fail", "undecided", "not_applicable"
_WORST_FIRST = (FAIL, UNDECIDED, PASS, NOT_APPLICABLE)


def against_limit(figure: Mapping[str, Any], side: str, limit: float, judge: str) -> str:
    """Return the verdict of one figure with value, low and high against a limit.

    By interval: pass when the 95 % bound lies on the right side of the limit, fail when the whole interval lies
    beyond it, undecided when it spans it. By point: pass or fail by the value alone.
    """
    if figure["value"] is None:
        return UNDECIDED
    sign = 1 if side == "at_least" else -1
    if judge == "point":
        return PASS if sign * figure["value"] >= sign * limit else FAIL
    worse, better = (figure["low"], figure["high"]) if sign == 1 else (figure["high"], figure["low"])
    if sign * worse >= sign * limit:
        return PASS
    return FAIL if sign * better < sign * limit else UNDECIDED


def judge(plan: Mapping[str, Any], result: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return one verdict per gate of the plan, in the order of the manifest.

    Each has gate, metric, by, side, limit, judge, value, low, high, n, verdict, reason; a group gate also group,
    reference and parts (every group with its own verdict).
    """
    found = []
    for gate in plan["gates"]:
        if gate["side"] == "champion":
            part = _champion(gate, result)
        elif gate["by"]:
            part = _by_group(gate, result)
        else:
            part = _overall(gate, result, plan["minimum"])
        found.append({"gate": gate["id"], **{name: gate[name] for name in ("metric", "by", "side", "limit", "judge")},
                      **part})
    return found


def overall(verdicts: Sequence[Mapping[str, Any]]) -> str:
    """Return the verdict over all gates: fail before undecided before pass; gates that do not apply do not count."""
    found = {row["verdict"] for row in verdicts}
    return FAIL if FAIL in found else UNDECIDED if UNDECIDED in found else PASS


def words(figure: Mapping[str, Any], limit: float | None = None) -> str:
    """Return a figure as people read it, ``0.72 [0.65, 0.77]``, with more digits where two would hide the interval
    or on which side of ``limit`` a number lies."""
    if figure["value"] is None:
        return "not defined"
    numbers = [figure[name] for name in ("value", "low", "high")]
    digits = 2 if figure["high"] - figure["low"] >= 0.02 else 3
    while digits < 6 and limit is not None and any(
            round(number, digits) == round(limit, digits) != number for number in numbers):
        digits += 1
    return f"{figure['value']:.{digits}f} [{figure['low']:.{digits}f}, {figure['high']:.{digits}f}]"


def _figures(figure: Mapping[str, Any]) -> dict[str, Any]:
    return {name: figure[name] for name in ("value", "low", "high", "n")}


def _limit_words(gate: Mapping[str, Any]) -> str:
    return f"{'at least' if gate['side'] == 'at_least' else 'at most'} {gate['limit']:g}"


def _reason(verdict: str, figure: Mapping[str, Any], gate: Mapping[str, Any], subject: str) -> str:
    limit = _limit_words(gate)
    if figure["value"] is None:
        return f"{subject} is not defined here; wanted {limit}"
    if gate["judge"] == "point":
        return f"{subject} is {words(figure, gate['limit'])}, judged by its value; wanted {limit}"
    told = {PASS: "lies wholly on the right side", FAIL: "lies wholly beyond the limit", UNDECIDED: "spans the limit"}
    return f"{subject} is {words(figure, gate['limit'])}; the interval {told[verdict]}; wanted {limit}"


def _overall(gate: Mapping[str, Any], result: Mapping[str, Any], minimum: Mapping[str, int]) -> dict[str, Any]:
    figure = result["metrics"][gate["metric"]]
    smaller = min(result["positives"], result["negatives"])
    if result["n"] < minimum["group"] or smaller < minimum["class"]:
        return {**_figures(figure), "verdict": UNDECIDED,
                "reason": f"too few people: {result['n']}, {smaller} of the smaller class; {minimum['group']} and "
                          f"{minimum['class']} are needed. {gate['metric']} is {words(figure)}"}
    verdict = against_limit(figure, gate["side"], gate["limit"], gate["judge"])
    return {**_figures(figure), "verdict": verdict, "reason": _reason(verdict, figure, gate, gate["metric"])}


def _by_group(gate: Mapping[str, Any], result: Mapping[str, Any]) -> dict[str, Any]:
    parts = [_part(gate, figure, group, reference, few)
             for figure, group, reference, few in _group_figures(gate, result["groups"][gate["by"]])]
    if not parts:
        nobody = {"value": None, "low": None, "high": None, "n": result["n"]}
        return {**nobody, "group": None, "reference": None, "parts": [], "verdict": UNDECIDED,
                "reason": f"{gate['by']} has only one group, so nothing can be compared"}
    worse_first = 1 if gate["side"] == "at_least" else -1
    worst = min(parts, key=lambda part: (_WORST_FIRST.index(part["verdict"]),
                                         worse_first * (part["value"] if part["value"] is not None else 0.0)))
    return {**worst, "parts": parts}


def _part(gate: Mapping[str, Any], figure: Mapping[str, Any], group: str, reference: str,
          few: str | None) -> dict[str, Any]:
    subject = f"{gate['metric']} of {group} against {reference}"
    if few is not None:
        verdict, reason = UNDECIDED, f"too few people: {few}. {subject} is {words(figure)}; wanted {_limit_words(gate)}"
    else:
        verdict = against_limit(figure, gate["side"], gate["limit"], gate["judge"])
        reason = _reason(verdict, figure, gate, subject)
    return {"group": group, "reference": reference, **_figures(figure), "verdict": verdict, "reason": reason}


def _group_figures(gate: Mapping[str, Any], part: Mapping[str, Any]) -> list[tuple[Any, str, str, str | None]]:
    rate, _, kind = gate["metric"].rpartition("_")
    return [(row[kind], row["group"], row["reference"], row["few"]) for row in part["comparisons"][rate]]


def _champion(gate: Mapping[str, Any], result: Mapping[str, Any]) -> dict[str, Any]:
    champion = result["champion"]
    nobody = {"value": None, "low": None, "high": None, "n": 0}
    if champion is None:
        return {**nobody, "verdict": NOT_APPLICABLE, "reason": "there is no champion yet to compare with"}
    figure = champion["differences"].get(gate["metric"], nobody)
    if figure["value"] is None:
        return {**nobody, "verdict": UNDECIDED, "reason": f"version {champion['version']}, the champion, was scored on "
                "none of these rows by a model that had not seen them"}
    higher = HIGHER_IS_BETTER[gate["metric"]]
    side, limit = ("at_least", -gate["limit"]) if higher else ("at_most", gate["limit"])
    verdict = against_limit(figure, side, limit, gate["judge"])
    return {**_figures(figure), "verdict": verdict,
            "reason": f"{gate['metric']} differs from version {champion['version']}, the champion, by {words(figure)} "
                      f"on {figure['n']} shared people, judged by {gate['judge']}; allowed: worse by {gate['limit']:g}"}
