"""The one table of a revision's states: from where, to where, by which rules, in this order."""

from __future__ import annotations

from dataclasses import dataclass

from stellwerk.features.releases import rules
from stellwerk.features.releases.facts import Facts
from stellwerk.kernel.errors import Conflict

CANDIDATE, APPROVED, CANARY, CHAMPION, RETIRED, REJECTED = (
    "candidate", "approved", "canary", "champion", "retired", "rejected")
STATES = (CANDIDATE, APPROVED, CANARY, CHAMPION, RETIRED, REJECTED)


@dataclass(frozen=True)
class Transition:
    """A change of state: its name, the states it may start from, the state it ends in, and its rules."""

    name: str
    sources: tuple[str, ...]
    target: str
    rules: tuple[rules.Rule, ...]

    def check(self, facts: Facts) -> None:
        """Raise the first refusal; return when every rule holds."""
        state = facts.revision["state"]
        if state not in self.sources:
            raise Conflict(f"A revision that is {state} cannot be {_PAST[self.name]}.", field="state", value=state,
                           allowed=list(self.sources))
        for rule in self.rules:
            refusal = rule.refusal(facts)
            if refusal is not None:
                raise refusal


TRANSITIONS: dict[str, Transition] = {
    transition.name: transition
    for transition in (
        Transition("approve", (CANDIDATE,), APPROVED, (
            rules.ReasonGiven(), rules.NothingChangedSince(), rules.ApprovalAsked(), rules.FourEyes(),
            rules.NotTwice(), rules.HoldsAMissingRole(), rules.AcceptsOnlyUndecided(), rules.GatesHold())),
        Transition("reject", (CANDIDATE, APPROVED), REJECTED, (
            rules.ReasonGiven(), rules.NothingChangedSince(), rules.ApprovalAsked(), rules.HoldsARequiredRole())),
        Transition("canary", (CANDIDATE, APPROVED), CANARY, (
            rules.ShareIsPart(), rules.GatesHold(), rules.ParityHolds(), rules.ApprovalsComplete(),
            rules.NoOtherUnderWay(), rules.HasChampion())),
        Transition("champion", (CANDIDATE, APPROVED, CANARY), CHAMPION, (
            rules.GatesHold(), rules.ParityHolds(), rules.ApprovalsComplete(), rules.NoOtherUnderWay())),
        Transition("rollback", (RETIRED,), CHAMPION, (rules.OnceChampion(),)),
        Transition("retire", (CANARY, CHAMPION), RETIRED, ()),
    )
}

_PAST = {"approve": "approved", "reject": "rejected", "canary": "released as canary", "champion": "released",
         "rollback": "rolled back to", "retire": "retired"}
