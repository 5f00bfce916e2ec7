"""What a version page shows of an evaluation: the verdict in plain words, gates, groups, price, checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from stellwerk.uikit.formats import number, percent

Lamp = Literal["clear", "caution", "stop", "unset", "way"]
VERDICT_LAMPS: dict[str, tuple[Lamp, str]] = {
    "pass": ("clear", "pass"), "fail": ("stop", "fail"), "undecided": ("caution", "undecided"),
    "not_applicable": ("unset", "not applicable")}
STATE_LAMPS: dict[str, tuple[Lamp, str]] = {
    "candidate": ("caution", "candidate"), "approved": ("way", "approved"), "canary": ("way", "canary"),
    "champion": ("clear", "live"), "retired": ("unset", "retired"), "rejected": ("stop", "rejected")}
# Name on the page, and what it means to someone without statistics.
METRICS: dict[str, tuple[str, str]] = {
    "roc_auc": ("Ranking (ROC AUC)", "of 100 pairs of a yes and a no, how many the model puts in the right order"),
    "pr_auc": ("Precision over recall (PR AUC)", "how pure the selection stays as it grows"),
    "log_loss": ("Log loss", "how surprised the scores are by what happened; lower is better"),
    "brier": ("Brier score", "mean squared distance of score and outcome; lower is better"),
    "ece": ("Calibration error (ECE)", "how far scores lie from the rates that come true; lower is better"),
    "accuracy": ("Accuracy", "share of rows decided as recorded"),
    "precision": ("Precision", "share of the selected whose recorded outcome is yes"),
    "recall": ("Recall", "share of those with recorded outcome yes who are selected"),
    "false_positive_rate": ("False positive rate", "share of those with recorded outcome no who are selected"),
    "selection_rate": ("Selection rate", "share that is selected"),
    "true_positive_rate": ("True positive rate", "share of those with recorded outcome yes who are selected"),
}
_SHARES = frozenset({"accuracy", "precision", "recall", "false_positive_rate", "selection_rate", "true_positive_rate"})


@dataclass(frozen=True)
class Drawn:
    """An interval on its own scale, as the macro ``ui.interval`` takes it."""

    low: float
    point: float
    high: float
    limit: float | None
    start: float
    end: float
    state: str
    label: str


@dataclass(frozen=True)
class GateRow:
    """One gate as a line of the table."""

    gate: str
    title: str
    about: str
    value: str
    span: str
    n: str
    limit: str
    lamp: Lamp
    word: str
    reason: str
    drawn: Drawn | None
    accepted: Mapping[str, Any] | None


def metric_title(metric: str) -> str:
    """Return a metric's name as people read it."""
    for ending, words in (("_ratio", "ratio"), ("_difference", "difference")):
        if metric.endswith(ending):
            return f"{metric_title(metric.removesuffix(ending))} {words}"
    return METRICS.get(metric, (metric.replace("_", " ").capitalize(), ""))[0]


def figure_words(figure: Mapping[str, Any], share: bool = False) -> tuple[str, str]:
    """Return a figure and its interval in words; both say so where nothing is defined."""
    if figure["value"] is None:
        return "not enough data", ""
    shown = percent if share else number
    digits = 1 if share else 2 if (figure["high"] or 0) - (figure["low"] or 0) >= 0.02 else 3
    if figure["low"] is None or figure["high"] is None:
        return shown(figure["value"], digits), ""
    return shown(figure["value"], digits), f"{shown(figure['low'], digits)} to {shown(figure['high'], digits)}"


def drawn(figure: Mapping[str, Any], limit: float | None, state: str, label: str) -> Drawn | None:
    """Return the drawing of a figure with its limit on a scale that holds both, or None where nothing is defined."""
    if figure["value"] is None or figure["low"] is None or figure["high"] is None:
        return None
    marks = [figure["low"], figure["high"], *([limit] if limit is not None else [])]
    room = max((max(marks) - min(marks)) * 0.25, 0.01)
    return Drawn(low=figure["low"], point=figure["value"], high=figure["high"], limit=limit,
                 start=min(marks) - room, end=max(marks) + room, state=state, label=label)


def gate_rows(verdicts: Sequence[Mapping[str, Any]], accepted: Mapping[str, Mapping[str, Any]]) -> list[GateRow]:
    """Return the gates in the order of the manifest."""
    return [_gate_row(verdict, accepted.get(verdict["gate"])) for verdict in verdicts]


def _gate_row(verdict: Mapping[str, Any], accepted: Mapping[str, Any] | None) -> GateRow:
    lamp, word = VERDICT_LAMPS[verdict["verdict"]]
    if verdict["verdict"] == "undecided" and accepted is not None:
        lamp, word = "clear", "accepted"
    value, span = figure_words(verdict, share=False)
    limit = verdict["limit"]
    champion = verdict["side"] == "champion"
    bound = -limit if champion else limit
    title = metric_title(verdict["metric"]) + (f" by {verdict['by']}" if verdict["by"] else "")
    return GateRow(
        gate=verdict["gate"], title=f"{title} against the champion" if champion else title,
        about=_about(verdict), value="–" if verdict["verdict"] == "not_applicable" else value, span=span,
        n=number(verdict["n"]) if verdict["n"] else "–",
        limit=f"at most {limit:g} worse" if champion else _limit_words(verdict), lamp=lamp, word=word,
        reason=verdict["reason"], accepted=accepted,
        drawn=drawn(verdict, bound, verdict["verdict"], f"{value}, 95 % interval {span}, limit {bound:g}"))


def _limit_words(verdict: Mapping[str, Any]) -> str:
    return f"{'at least' if verdict['side'] == 'at_least' else 'at most'} {number(verdict['limit'])}"


def _about(verdict: Mapping[str, Any]) -> str:
    if verdict["side"] == "champion":
        return "how it compares with the version that is live"
    if verdict.get("group") and verdict.get("reference"):
        return f"{verdict['group']} against {verdict['reference']}"
    if verdict.get("group"):
        return str(verdict["group"])
    return METRICS.get(verdict["metric"], ("", ""))[1]


@dataclass(frozen=True)
class Sentence:
    """The verdict of a page: what is strong stands in bold."""

    before: str
    strong: str
    after: str


def role_words(roles: Sequence[str]) -> str:
    """Return roles as a person says them: ``validator and product owner``."""
    words = [role.replace("_", " ") for role in roles]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def verdict_sentence(detail: Mapping[str, Any]) -> Sentence:
    """Return the verdict on a version in plain words, with the number that matters."""
    version = f"Version {detail['version']['number']} "
    revision = detail["revision"]
    if revision is None:
        return Sentence(version, "was trained and is not evaluated yet", ".")
    state = revision["state"]
    if state == "champion":
        live = detail["service"]["live"]
        rest = f"; {_share(live['share'])} of the requests go to a canary." if live and live["canary"] else "."
        return Sentence(version, "is live", f": it decides as revision {revision['number']}{rest}")
    if state == "rejected":
        no = next((row for row in detail["approvals"]["answers"] if row["verdict"] == "reject"), None)
        return Sentence(version, "was rejected", f" by {no['person']}." if no else ".")
    if state == "retired":
        return Sentence(version, "was live before",
                        " and has been replaced. It can be brought back without a new approval.")
    if state == "canary":
        live = detail["service"]["live"]
        return Sentence(version, f"answers {_share(live['share'])} of the requests" if live else "is the canary",
                        " as canary beside the version that is live.")
    return _candidate_sentence(version, detail)


def _share(value: float) -> str:
    return percent(value, 0)


def _candidate_sentence(version: str, detail: Mapping[str, Any]) -> Sentence:
    verdicts, accepted = detail["evaluation"]["verdicts"], detail["accepted"]
    failed = [row for row in verdicts if row["verdict"] == "fail"]
    if failed:
        return Sentence(version, "cannot be released", f": {gate_sentence(failed[0])}.")
    open_gates = [row for row in verdicts if row["verdict"] == "undecided" and row["gate"] not in accepted]
    if open_gates:
        return Sentence(version, "is undecided", f": {gate_sentence(open_gates[0])}.")
    count = len([row for row in verdicts if row["verdict"] != "not_applicable"])
    passes = f"passes {'its gate' if count == 1 else f'all {count} gates'}" if count else "has no gates"
    if detail["revision"]["state"] == "candidate" and detail["approvals"]["missing"]:
        return Sentence(version, passes, f" and waits for approval by {role_words(detail['approvals']['missing'])}.")
    return Sentence(version, passes, ", is approved and waits for its release." if detail["approvals"]["required"]
                    else " and waits for its release.")


def gate_sentence(verdict: Mapping[str, Any]) -> str:
    """Return why a gate does not hold, for people without statistics."""
    limit = f"the gate asks for {_limit_words(verdict)}" if verdict["side"] != "champion" else (
        f"the gate allows it to be worse by {verdict['limit']:g}")
    if verdict["value"] is None or verdict["reason"].startswith("too few"):
        return str(verdict["reason"]).rstrip(".")
    value = number(verdict["value"])
    if verdict.get("reference") and verdict["metric"].endswith("_ratio"):
        rate = metric_title(verdict["metric"].removesuffix("_ratio")).lower()
        said = f"the {rate} of the group “{verdict['group']}” is {value} times that of “{verdict['reference']}”"
    else:
        of = f" of {verdict['group']}" if verdict.get("group") else ""
        said = f"{metric_title(verdict['metric'])}{of} is {value}"
    if verdict["verdict"] == "undecided":
        said += f", and with {number(verdict['n'])} people it may lie between {number(verdict['low'])} and " \
                f"{number(verdict['high'])}"
    return f"{said}; {limit}"


@dataclass(frozen=True)
class GroupTable:
    """How the groups of one protected attribute fare: a column per rate, a row per group."""

    attribute: str
    columns: Sequence[tuple[str, str]]
    rows: Sequence[Mapping[str, Any]]
    comparisons: Sequence[Mapping[str, Any]]


def group_tables(result: Mapping[str, Any], plan: Mapping[str, Any]) -> list[GroupTable]:
    """Return one table per protected attribute, the largest group first."""
    yes, no = outcome_words(plan)
    columns = (("n", "People"), ("selection_rate", "Selected"), ("review_share", "Handed to a person"),
               ("true_positive_rate", f"Selected, {yes}"), ("false_positive_rate", f"Selected, {no}"),
               ("calibration", "Expected · recorded"))
    return [GroupTable(attribute, columns, [_group_row(group) for group in part["groups"]],
                       [_pair_row(rate, pair) for rate, pairs in part["comparisons"].items() for pair in pairs])
            for attribute, part in result["groups"].items()]


def outcome_words(plan: Mapping[str, Any]) -> tuple[str, str]:
    """Return how the recorded outcome reads for yes and for no: ``approved yes``, ``approved no``."""
    target = str(plan["target"]).replace("_", " ")
    if isinstance(plan["positive"], bool):
        return f"{target} yes", f"{target} no"
    return f"{target} {plan['positive']}", f"{target} not {plan['positive']}"


def _group_row(group: Mapping[str, Any]) -> dict[str, Any]:
    rates = {}
    for name in ("selection_rate", "review_share", "true_positive_rate", "false_positive_rate"):
        value, span = figure_words(group[name], share=True)
        rates[name] = {"value": value, "span": span, "n": number(group[name]["n"])}
    score, rate = group["calibration"]["mean_score"], group["calibration"]["rate"]
    value, span = figure_words(rate, share=True)
    rates["calibration"] = {"value": f"{percent(score)} · {value}", "span": span, "n": ""}
    return {"group": group["group"], "n": number(group["n"]), **rates}


def _pair_row(rate: str, pair: Mapping[str, Any]) -> dict[str, Any]:
    ratio, ratio_span = figure_words(pair["ratio"])
    difference, difference_span = figure_words(pair["difference"], share=True)
    return {"rate": metric_title(rate), "group": pair["group"], "reference": pair["reference"], "ratio": ratio,
            "ratio_span": ratio_span, "difference": difference, "difference_span": difference_span, "few": pair["few"]}


def metric_rows(result: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return every metric with its interval and its meaning."""
    rows = []
    for name, figure in result["metrics"].items():
        value, span = figure_words(figure, share=name in _SHARES)
        title, meaning = METRICS.get(name, (name, ""))
        rows.append({"key": name, "metric": title, "meaning": meaning, "value": value, "span": span,
                     "n": number(figure["n"])})
    return rows


def checks(detail: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the two checks that have no gate: same subject on both sides, and compiled against trained model."""
    leak, parity = detail["evaluation"]["result"]["leakage"], detail["version"]["parity"]
    found = [{"title": "No leak" if leak["holds"] else "Leak", "lamp": "clear" if leak["holds"] else "stop",
              "text": _leak_words(leak)}]
    if parity:
        found.append({"title": "Compiled model", "lamp": "clear" if parity["holds"] else "stop",
                      "text": _parity_words(parity)})
    return found


def _leak_words(leak: Mapping[str, Any]) -> str:
    tested = number(leak["rows_tested"])
    if not leak["holds"]:
        return f"{number(leak['subjects_on_both_sides'])} subjects stand both in training and in test of {tested} rows."
    words = f"Each of the {tested} rows was scored by a model that had not seen its subject."
    twins = leak["rows_with_a_twin_in_training"]
    return words + (f" {number(twins)} rows have an equal row of someone else in training." if twins else "")


def _parity_words(parity: Mapping[str, Any]) -> str:
    flips, rows = parity["flips"], number(parity["rows"])
    limits = parity["allowed"]
    same = "decides like the trained one" if parity["holds"] else "differs from the trained one"
    far = "beyond any limit" if parity["p99"] is None else f"{parity['p99']:.1e}"
    return (f"The compiled model {same}: {number(flips)} of {rows} decisions flip (at most "
            f"{percent(limits['flip_share'])}), and 99 % of scores differ by at most {far} "
            f"(allowed {limits['p99']:.0e}).")
