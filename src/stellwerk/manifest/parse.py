"""Reading a manifest: every fault with its line, what was found, what is allowed, the nearest name."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, cast

from stellwerk.kernel.errors import BadInput
from stellwerk.kernel.yaml_source import Section, is_number, nearest, read
from stellwerk.manifest.model import (
    GROUP_METRICS,
    METRICS,
    ROLES,
    Approval,
    DataSource,
    Evaluate,
    Gate,
    Limits,
    Manifest,
    Serve,
)

NAME = r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*"
FUNCTION = r"[A-Za-z_][A-Za-z0-9_.]*:[A-Za-z_][A-Za-z0-9_]*"
MODEL = r"models:/[^/@#?;:\x00-\x1f]{1,250}(?:@[A-Za-z0-9_-]{1,250}|/[1-9][0-9]{0,8})"
FILE = r"(?!/)(?!.*\.\.)(?!.*\\)[^:\x00-\x1f]+"
# It names a folder of the lake too.
DATASET = r"[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*"
DURATION = r"[1-9][0-9]{0,5}[smhd]"
MEMORY = r"[1-9][0-9]{0,5}[MG]B"
CRON = r"[0-9*/,-]+(?: [0-9*/,-]+){4}"
CANARY = (0.001, 0.999)
FAIRNESS, RELEASE, OCCASIONS = ("gates",), ("after_approval",), ("drift", "new_data")
NAME_LENGTH, LINE_LENGTH, TEXT_LENGTH = 60, 200, 4000
_NAME_WORDS = "lower-case words joined by hyphens, such as mortgage-decisions, at most 60 characters"
_MODEL_WORDS = "models:/NAME@ALIAS or models:/NAME/VERSION"
_DURATION_WORDS = "a whole number with its unit s, m, h or d, such as 30m"
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def load_manifest(path: Path) -> Manifest:
    """Read the manifest file; raises BadInput when it is missing, not readable, not UTF-8 or has faults."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise BadInput(f"There is no {path.name} in {path.parent}.", field="manifest", value=str(path),
                       hint="Name a folder that holds one, or make a service: stellwerk new NAME --data FILE.csv "
                            "--target COLUMN") from None
    except OSError as error:
        raise BadInput(f"{path.name} in {path.parent} cannot be read: {error.strerror}.", field="manifest",
                       value=str(path), allowed="a file that may be read") from None
    except UnicodeDecodeError as error:
        raise BadInput(f"{path.name} is not UTF-8: byte {error.start}.", field=path.name, allowed="UTF-8") from None
    return parse_manifest(text, path.name)


def parse_manifest(text: str, file: str) -> Manifest:
    """Read a manifest; raises BadInput for the first fault, with all of them in ``details``."""
    top, faults = read(text, file)
    risk = top.choice("risk", ("minimal", "limited", "high"), "minimal", required=True)
    protected = top.texts("protected")
    manifest = Manifest(
        service=top.text("service", required=True, pattern=NAME, allowed=_NAME_WORDS, limit=NAME_LENGTH),
        title=top.text("title", required=True, limit=LINE_LENGTH, allowed=f"text of at most {LINE_LENGTH} characters"),
        purpose=top.text("purpose", required=True, limit=TEXT_LENGTH),
        team=top.text("team", required=True, pattern=NAME, allowed=_NAME_WORDS, limit=NAME_LENGTH),
        risk=cast(Any, risk), data=_data(top),
        target=top.text("target", required=True, limit=LINE_LENGTH), positive=_positive(top),
        train=top.text("train", pattern=FUNCTION, allowed="module:function, such as service:train"),
        model=top.text("model", pattern=MODEL, allowed=_MODEL_WORDS),
        environment=top.text("environment", pattern=FILE, allowed="a requirements lock inside the folder") or None,
        subject=top.text("subject", limit=LINE_LENGTH) or None, protected=protected, exclude=top.texts("exclude"),
        params=_params(top), evaluate=_evaluate(top), gates=_gates(top, protected), approval=_approval(top),
        serve=_serve(top, risk), limits=_limits(top), monitor=_monitor(top), retrain=_retrain(top), text=text)
    _check_roles_of_columns(top, manifest)
    _check_origin(top, manifest)
    if risk == "high" and (manifest.approval is None or not manifest.approval.four_eyes):
        top.fault("approval", "is missing or without four eyes, which risk: high asks for",
                  allowed="approval: {roles: [validator], four_eyes: true}")
    top.finish()
    faults.raise_any()
    return manifest


def _check_origin(top: Section, manifest: Manifest) -> None:
    """Note a fault unless the model is trained here or named, and one where training is described for a named one."""
    if "train" not in top and "model" not in top:
        top.fault("train", "is missing, and so is model", allowed=["train: service:train", f"model: {_MODEL_WORDS}"])
    if "model" not in top:
        return
    if "train" in top:
        top.fault("model", "stands beside train", allowed="one of the two")
    if "params" in top:
        top.fault("params", "stands beside model, which is not trained here", allowed="no params")
    if manifest.evaluate.folds is not None or manifest.evaluate.holdout is not None:
        top.fault("evaluate", "splits the data of a model that is not trained here",
                  allowed="seed and metrics: the model is judged on all rows of the data set")


def _check_roles_of_columns(top: Section, manifest: Manifest) -> None:
    seen: dict[str, str] = {manifest.target: "target"}
    subject = (manifest.subject,) if manifest.subject else ()
    for role, names in (("subject", subject), ("protected", manifest.protected), ("exclude", manifest.exclude)):
        for name in names:
            if name in seen:
                top.fault(role, f"names {name!r}, which is {seen[name]} already", allowed="one role per column")
            seen.setdefault(name, role)


def _positive(top: Section) -> Any:
    value = top.anything("positive")
    if isinstance(value, (list, dict)):
        top.fault("positive", "is not a single value", allowed="one of the target's two values")
        return None
    return value


def _data(top: Section) -> DataSource:
    data = top.section("data", required=True)
    empty = DataSource("", "", "")
    if data is None:
        return empty
    names = data.names()
    if len(names) != 1:
        data.fault(names[1] if names else "", f"is one of {len(names)} data sets", allowed="one data set")
        for name in names:
            data.look(name)
        return empty
    if len(names[0]) > NAME_LENGTH or not re.fullmatch(DATASET, names[0]):
        data.fault(names[0], "is no name of a data set",
                   allowed="lower-case words joined by hyphens or underscores, at most 60 characters")
    entry = data.section(names[0], required=True)
    if entry is None:
        return empty
    made = DataSource(
        name=names[0],
        contract=entry.text("contract", required=True, pattern=FILE, allowed="a file such as contracts/x.odcs.yaml"),
        source=entry.text("source", required=True, pattern=f"(?:{FUNCTION}|{FILE})",
                          allowed="module:function, or a CSV file inside the folder such as data/x.csv"))
    entry.finish()
    return made


def _params(top: Section) -> dict[str, Any]:
    section = top.section("params")
    if section is None:
        return {}
    values = {name: section.anything(name) for name in section.names()}
    for name, value in values.items():
        if not _is_json(value):
            section.fault(name, "holds a number that is none", allowed="finite numbers, texts, truth values, lists")
    return values


def _is_json(value: Any) -> bool:
    if isinstance(value, float):
        return is_number(value)
    if isinstance(value, dict):
        return all(map(_is_json, value.values()))
    return all(map(_is_json, value)) if isinstance(value, list) else True


def _evaluate(top: Section) -> Evaluate:
    section = top.section("evaluate")
    if section is None:
        return Evaluate()
    folds = section.integer("folds", 5, low=2, high=20) if "folds" in section else None
    holdout = section.number("holdout", low=0.05, high=0.5, allowed="a share from 0.05 to 0.5")
    if folds is not None and holdout is not None:
        section.fault("holdout", "stands beside folds", allowed="one of the two")
    section.choice("by", ("random",), "random")
    made = Evaluate(folds=folds, holdout=holdout, seed=section.integer("seed", 7, low=0, high=2**31 - 1),
                    metrics=section.texts("metrics", options=METRICS) or METRICS)
    section.finish()
    return made


def _gates(top: Section, protected: tuple[str, ...]) -> tuple[Gate, ...]:
    gates: list[Gate] = []
    for section in top.sections("gates"):
        before = len(section.faults.found)
        gate = _gate(section, protected)
        if len(section.faults.found) > before:
            # A faulty gate may lack the limit that names it.
            continue
        if any(gate.name == other.name for other in gates):
            section.fault("metric", "stands twice with the same limit", allowed="one gate for each limit")
        gates.append(gate)
    return tuple(gates)


def _gate(section: Section, protected: tuple[str, ...]) -> Gate:
    metric = section.choice("metric", METRICS + GROUP_METRICS, required=True)
    by = _by(section, metric, protected)
    champion = section.choice("not_worse_than", ("champion",)) or None
    low, high = section.number("at_least"), section.number("at_most")
    if [low, high, champion].count(None) != 2:
        section.fault("at_least", "a gate has one limit",
                      allowed=["at_least: NUMBER", "at_most: NUMBER", "not_worse_than: champion"])
    if champion and metric in GROUP_METRICS:
        section.fault("not_worse_than", f"does not go with {metric}", allowed=["at_least: NUMBER", "at_most: NUMBER"])
    if not champion and "within" in section:
        section.fault("within", "stands without not_worse_than", allowed="not_worse_than: champion beside it")
    judge = section.choice("judge", ("interval", "point"), "interval" if by else "point")
    made = Gate(metric=metric or METRICS[0], at_least=low, at_most=high, by=by, not_worse_than=cast(Any, champion),
                within=section.number("within", 0.0, low=0.0, allowed="a number from 0") or 0.0,
                judge=cast(Any, judge))
    section.finish()
    return made


def _by(section: Section, metric: str, protected: tuple[str, ...]) -> str | None:
    if "by" not in section:
        if metric in GROUP_METRICS:
            section.fault("by", "is missing: this metric compares groups",
                          allowed=list(protected) or "a column named under protected")
        return None
    if metric and metric not in GROUP_METRICS:
        section.fault("by", f"does not go with {metric}, which is about all rows", allowed=list(GROUP_METRICS))
        return None
    if not protected:
        section.fault("by", "names no protected column", allowed="a column named under protected")
        return None
    return section.choice("by", protected) or None


def _approval(top: Section) -> Approval | None:
    section = top.section("approval")
    if section is None:
        return None
    roles = section.texts("roles", options=ROLES)
    if not roles:
        section.fault("roles", "names no role", allowed=list(ROLES))
    made = Approval(roles=roles, four_eyes=section.flag("four_eyes", True))
    section.finish()
    return made


def _serve(top: Section, risk: str) -> Serve:
    record = "sync" if risk == "high" else "buffered"
    section = top.section("serve")
    if section is None:
        return Serve(record=cast(Any, record))
    share = "a number from 0 to 1"
    between = _between(section)
    threshold = section.number("threshold", 0.5, low=0, high=1, allowed=share) or 0.0
    made = Serve(
        # Who is between goes to a person, so it is the upper end from which on the service selects.
        threshold=between[1] if between else threshold,
        below=cast(Any, section.choice("below", ("review", "reject"), "reject")),
        between=between,
        canary=section.number("canary", low=CANARY[0], high=CANARY[1],
                              allowed=f"a share from {CANARY[0]} to {CANARY[1]}"),
        record=cast(Any, section.choice("record", ("sync", "buffered"), record)))
    section.finish()
    return made


def _between(serve: Section) -> tuple[float, float] | None:
    review = serve.section("review")
    if review is None:
        return None
    bounds = review.anything("between")
    review.finish()
    good = (isinstance(bounds, list) and len(bounds) == 2
            and all(map(is_number, bounds))
            and 0 <= bounds[0] < bounds[1] <= 1)
    if not good:
        review.fault("between", "is not a range of scores", allowed="[low, high] with 0 <= low < high <= 1")
        return None
    for name in ("below", "threshold"):
        if name in serve:
            serve.fault("review", f"stands beside {name}", allowed="one of the two")
    return float(bounds[0]), float(bounds[1])


def _duration(section: Section, name: str) -> str | None:
    return section.text(name, pattern=DURATION, allowed=_DURATION_WORDS) or None


def _limits(top: Section) -> Limits:
    section = top.section("limits")
    if section is None:
        return Limits()
    time = _duration(section, "time")
    memory = section.text("memory", pattern=MEMORY, allowed="a whole number of MB or GB, such as 2GB")
    section.finish()
    return Limits(seconds=int(time[:-1]) * _SECONDS[time[-1]] if time else None,
                  memory_mb=int(memory[:-2]) * (1024 if memory[-2] == "G" else 1) if memory else None)


def _monitor(top: Section) -> dict[str, Any] | None:
    section = top.section("monitor")
    if section is None:
        return None
    found: dict[str, Any] = {"window": _duration(section, "window")}
    performance = section.section("performance")
    if performance is not None:
        found["performance"] = {"metric": performance.choice("metric", METRICS, required=True),
                                "outcome_within": _duration(performance, "outcome_within")}
        performance.finish()
    found["fairness"] = section.choice("fairness", FAIRNESS) or None
    section.finish()
    return {name: value for name, value in found.items() if value is not None}


def _retrain(top: Section) -> dict[str, Any] | None:
    section = top.section("retrain")
    if section is None:
        return None
    occasions: list[Any] = []
    for index, entry in enumerate(section.entries("on", "[drift, new_data, {schedule: …}]")):
        if isinstance(entry, Section):
            occasions.append({"schedule": entry.text("schedule", required=True, pattern=CRON,
                                                     allowed='five fields of a cron line, such as "0 3 * * 1"')})
            entry.finish()
        elif entry in OCCASIONS:
            occasions.append(entry)
        else:
            close = nearest(str(entry), OCCASIONS)
            section.fault_in("on", index, "is no occasion to retrain", allowed=[*OCCASIONS, "{schedule: …}"],
                             hint=f"Did you mean {close}?" if close else None)
    found = {"on": occasions, "release": section.choice("release", RELEASE, RELEASE[0])}
    section.finish()
    return found
