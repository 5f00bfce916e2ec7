"""Guards are asked before an alias, a stage or a deletion, by a thread, and only about what the caller may do."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

import pytest

from stellwerk.features import registry
from stellwerk.kernel.actor import Actor
from stellwerk.kernel.errors import Conflict
from tests.features.registry.conftest import Caller, Calls, unique


@dataclass
class Watch:
    """Writes down what it is asked, and refuses what ``no`` names."""

    no: tuple[Any, ...] = ()
    asked: list[tuple[Any, ...]] = field(default_factory=list)
    threads: set[str] = field(default_factory=set)

    def _ask(self, *what: Any) -> None:
        self.asked.append(what)
        self.threads.add(threading.current_thread().name)
        if self.no == what:
            raise Conflict("A service deploys from it.", field="alias", hint="Release another version first.")

    def before_create(self, model: str, actor: Actor) -> None:
        self._ask("create", model)

    def before_alias(self, model: str, alias: str, version: int | None, actor: Actor) -> None:
        self._ask("alias", model, alias, version)

    def before_stage(self, model: str, stage: str, version: int, actor: Actor) -> None:
        self._ask("stage", model, stage, version)

    def before_delete(self, model: str, version: int | None, actor: Actor) -> None:
        self._ask("delete", model, version)


@pytest.fixture
def ann(caller: Caller) -> Calls:
    return caller()


@pytest.fixture
def name(ann: Calls) -> str:
    """A model with two versions."""
    made = unique("guarded")
    run = ann.ok("POST", "runs/create", experiment_id="0")["run"]["info"]["run_id"]
    ann.ok("POST", "registered-models/create", name=made)
    for _ in range(2):
        ann.ok("POST", "model-versions/create", name=made, source=f"runs:/{run}/m", run_id=run)
    return made


def guarded(*no: Any) -> Watch:
    watch = Watch(no)
    registry.GUARDS.clear()
    registry.register_guard(watch)
    registry.register_guard(watch)
    return watch


def test_each_change_is_asked_about_once_and_in_its_own_words(ann: Calls, name: str) -> None:
    watch, new = guarded(), unique("new")

    ann.ok("POST", "model-versions/create", name=name, source=f"models:/{name}/1")
    ann.ok("POST", "registered-models/alias", name=name, alias="champion", version="1")
    ann.ok("DELETE", "registered-models/alias", name=name, alias="champion")
    ann.ok("POST", "model-versions/transition-stage", name=name, version="1", stage="production")
    ann.ok("POST", "model-versions/transition-stage", name=name, version="2", stage="Production",
           archive_existing_versions=True)
    ann.ok("DELETE", "model-versions/delete", name=name, version="2")
    ann.ok("POST", "registered-models/rename", name=name, new_name=name)
    ann.ok("POST", "registered-models/rename", name=name, new_name=new)
    ann.ok("DELETE", "registered-models/delete", name=new)

    assert watch.asked == [
        ("create", name), ("alias", name, "champion", 1), ("alias", name, "champion", None),
        ("stage", name, "Production", 1), ("stage", name, "Archived", 1), ("stage", name, "Production", 2),
        ("delete", name, 2), ("delete", name, None), ("create", new), ("delete", new, None)]


def test_a_guard_may_take_its_time_without_holding_other_calls(ann: Calls, name: str) -> None:
    watch = guarded()
    ann.ok("POST", "registered-models/alias", name=name, alias="champion", version="1")

    assert watch.threads == {"AnyIO worker thread"}


@pytest.mark.parametrize("case", ["alias", "no alias", "stage", "archive", "delete", "delete model", "rename",
                                  "rename into a service"])
def test_what_a_guard_refuses_does_not_happen(ann: Calls, name: str, case: str) -> None:
    ann.ok("POST", "registered-models/alias", name=name, alias="champion", version="1")
    ann.ok("POST", "model-versions/transition-stage", name=name, version="1", stage="Production")
    before = ann.ok("GET", "registered-models/get", name=name)
    method, path, body, no = {
        "alias": ("POST", "registered-models/alias", {"alias": "champion", "version": "2"},
                  ("alias", name, "champion", 2)),
        "no alias": ("DELETE", "registered-models/alias", {"alias": "champion"}, ("alias", name, "champion", None)),
        "stage": ("POST", "model-versions/transition-stage", {"version": "2", "stage": "Staging"},
                  ("stage", name, "Staging", 2)),
        "archive": ("POST", "model-versions/transition-stage",
                    {"version": "2", "stage": "Production", "archive_existing_versions": True},
                    ("stage", name, "Archived", 1)),
        "delete": ("DELETE", "model-versions/delete", {"version": "1"}, ("delete", name, 1)),
        "delete model": ("DELETE", "registered-models/delete", {}, ("delete", name, None)),
        "rename into a service": ("POST", "registered-models/rename", {"new_name": "of-a-service"},
                                  ("create", "of-a-service")),
        "rename": ("POST", "registered-models/rename", {"new_name": unique("new")}, ("delete", name, None)),
    }[case]
    guarded(*no)

    message = ann.refused(method, path, name=name, **body)

    assert message == "A service deploys from it. Release another version first."
    assert ann.ok("GET", "registered-models/get", name=name) == before


def test_guards_hear_nothing_of_what_the_caller_may_not_do(caller: Caller, ann: Calls, name: str) -> None:
    watch, viewer = guarded(), caller("viewer")
    for method, path, body in (
            ("POST", "registered-models/alias", {"alias": "a", "version": "1"}),
            ("DELETE", "registered-models/alias", {"alias": "a"}),
            ("POST", "model-versions/transition-stage", {"version": "1", "stage": "Production"}),
            ("DELETE", "model-versions/delete", {"version": "1"}), ("DELETE", "registered-models/delete", {}),
            ("POST", "registered-models/rename", {"new_name": "x"})):
        viewer.refused(method, path, 403, "PERMISSION_DENIED", name=name, **body)
    ann.refused("POST", "registered-models/alias", 404, "RESOURCE_DOES_NOT_EXIST", name=name, alias="a", version="9")
    ann.refused("POST", "registered-models/alias", name=name, alias="latest", version="1")
    ann.refused("POST", "model-versions/transition-stage", name=name, version="1", stage="other")
    ann.refused("POST", "registered-models/rename", name=name, new_name="a/b")

    assert watch.asked == []


def test_others_ask_the_guards_by_themselves() -> None:
    who = Actor("person", "ann", "Ann")
    watch = guarded("stage", "m", "Production", 1)

    registry.check_alias("m", "a", 1, who)
    registry.check_delete("m", None, who)
    with pytest.raises(Conflict):
        registry.check_stage("m", "Production", 1, who)

    assert watch.asked == [("alias", "m", "a", 1), ("delete", "m", None), ("stage", "m", "Production", 1)]
