"""One small class per rule of a transition; each says what must hold and, where it does not, the way out."""

from __future__ import annotations

from typing import Protocol

from stellwerk.features.releases.facts import Facts
from stellwerk.kernel.errors import BadInput, Conflict, Forbidden, StellwerkError


class Rule(Protocol):
    """What must hold before a transition."""

    def refusal(self, facts: Facts) -> StellwerkError | None:
        """Return why the transition is refused, or None when the rule holds."""


def _gate_words(verdict: object) -> str:
    assert isinstance(verdict, dict)
    return f"{verdict['gate']}: {verdict['reason']}"


class ReasonGiven:
    """A person's yes or no carries words that someone can read years later."""

    def refusal(self, facts: Facts) -> StellwerkError | None:
        """Refuse an empty reason."""
        if len(facts.reason.strip()) >= 3:
            return None
        return BadInput("A reason is missing.", field="reason", value=facts.reason,
                        allowed="at least 3 characters", hint="Say in a sentence what you looked at.")


class NothingChangedSince:
    """What is signed is what was seen: the newest revision of the version, under the digest shown."""

    def refusal(self, facts: Facts) -> StellwerkError | None:
        """Refuse an answer on something that changed since it was shown."""
        superseded = facts.newest_of_version != facts.revision["id"]
        if not superseded and facts.seen_digest in (None, facts.digest):
            return None
        return Conflict("This has changed since you looked at it; nothing was signed.", field="digest",
                        value=facts.seen_digest, allowed=facts.digest,
                        hint="Look at the version again, then answer.")


class GatesHold:
    """No gate has failed, and each undecided one is accepted by a named person until a date."""

    def refusal(self, facts: Facts) -> StellwerkError | None:
        """Refuse while a gate fails or is undecided."""
        failed = [row for row in facts.verdicts if row["verdict"] == "fail"]
        if failed:
            return Conflict("A gate failed: " + "; ".join(map(_gate_words, failed)), field="gates",
                            value=[row["gate"] for row in failed], allowed="pass",
                            hint="Change features, weights or threshold and ship again; a failed gate cannot be "
                                 "accepted.")
        open_gates = [row for row in facts.verdicts if row["verdict"] == "undecided"
                      and row["gate"] not in facts.accepted and row["gate"] not in facts.accepts_now]
        if open_gates:
            return Conflict("A gate is undecided: " + "; ".join(map(_gate_words, open_gates)), field="gates",
                            value=[row["gate"] for row in open_gates], allowed="pass, or accepted by a named person",
                            hint="Gather more data, or accept it with reason and expiry: stellwerk approve "
                                 f"{facts.revision['service']} {facts.revision['version']} --accept-undecided GATE "
                                 "--until DATE --reason WORDS")
        return None


class AcceptsOnlyUndecided:
    """Only a gate that is undecided can be accepted."""

    def refusal(self, facts: Facts) -> StellwerkError | None:
        """Refuse accepting a gate that failed, passed or does not exist."""
        undecided = {row["gate"] for row in facts.verdicts if row["verdict"] == "undecided"}
        wrong = sorted(facts.accepts_now - undecided)
        if not wrong:
            return None
        return BadInput("Only an undecided gate can be accepted.", field="accept_undecided", value=wrong,
                        allowed=sorted(undecided))


class ParityHolds:
    """The compiled model answers like the one that was trained."""

    def refusal(self, facts: Facts) -> StellwerkError | None:
        """Refuse a compiled model beyond the tolerance."""
        if facts.parity["holds"]:
            return None
        return Conflict("The compiled model differs from the trained one: " + str(facts.parity["message"]),
                        field="parity", value=facts.parity.get("flips"), allowed=facts.parity.get("allowed"),
                        hint="Use a form that converts exactly: scaled linear models, trees without a scaler.")


class ApprovalAsked:
    """There is something to approve: the manifest names roles."""

    def refusal(self, facts: Facts) -> StellwerkError | None:
        """Refuse where the manifest asks for no approval, or all have given theirs."""
        if not facts.required_roles and not facts.accepts_now:
            return Conflict("This service asks for no approval.", field="approval",
                            hint="Add approval: {roles: […]} to the manifest to ask for one.")
        return None


class HoldsAMissingRole:
    """The one who answers holds a role whose answer is still missing."""

    def refusal(self, facts: Facts) -> StellwerkError | None:
        """Refuse someone without such a role in the team."""
        if facts.own_role is not None or (facts.accepts_now and not facts.missing_roles):
            return None
        roles = facts.missing_roles or list(facts.required_roles)
        return Forbidden(f"{facts.actor.name} holds none of the roles whose answer is missing.", field="role",
                         value=sorted(role for team, role in facts.actor.roles if team == facts.revision["team"]),
                         allowed=roles, hint=f"Ask someone of the team {facts.revision['team']} with the role "
                                             + " or ".join(roles) + ".")


class HoldsARequiredRole:
    """The one who says no holds one of the roles that the manifest names."""

    def refusal(self, facts: Facts) -> StellwerkError | None:
        """Refuse someone without such a role in the team."""
        if any((facts.revision["team"], role) in facts.actor.roles for role in facts.required_roles):
            return None
        return Forbidden(f"{facts.actor.name} holds none of the roles that may reject this.", field="role",
                         value=sorted(role for team, role in facts.actor.roles if team == facts.revision["team"]),
                         allowed=list(facts.required_roles))


class FourEyes:
    """Who asked for the run, or brought code or manifest since the last approved version, does not approve it."""

    def refusal(self, facts: Facts) -> StellwerkError | None:
        """Refuse the builder's own yes."""
        person = facts.actor.person_id
        if not facts.four_eyes or person is None or person not in facts.builders:
            return None
        return Forbidden(f"{facts.actor.name} built this version, and four eyes must see it.", field="person",
                         value=facts.actor.name, allowed="someone who neither asked for the run nor changed manifest "
                                                         "or code since the last approved version",
                         hint="Ask another person with the role to look at it.")


class NotTwice:
    """One person answers once."""

    def refusal(self, facts: Facts) -> StellwerkError | None:
        """Refuse a second yes of the same person on the same digest."""
        if any(row["person_id"] == facts.actor.person_id for row in facts.given):
            return Conflict(f"{facts.actor.name} has approved this already.", field="person", value=facts.actor.name,
                            allowed="another person")
        return None


class ApprovalsComplete:
    """Each role that the manifest names has said yes to this very digest."""

    def refusal(self, facts: Facts) -> StellwerkError | None:
        """Refuse while a yes is missing or lapsed."""
        missing = facts.missing_roles
        if not missing:
            return None
        lapsed = [row for row in facts.approvals if row["verdict"] == "approve" and row["digest"] != facts.digest]
        return Conflict("The approval of " + " and ".join(missing) + " is missing"
                        + (" (an earlier one lapsed when the content changed)" if lapsed else "") + ".",
                        field="approval", value=[row["role"] for row in facts.given],
                        allowed=list(facts.required_roles),
                        hint=f"stellwerk approve {facts.revision['service']} {facts.revision['version']} "
                             "--reason WORDS, by a person with that role.")


class NoOtherUnderWay:
    """One release at a time: no other canary takes traffic."""

    def refusal(self, facts: Facts) -> StellwerkError | None:
        """Refuse a second release beside one that is under way."""
        if facts.route is None or facts.route["canary"] in (None, facts.revision["id"]):
            return None
        return Conflict("Another release of this service is under way.", field="canary",
                        value=facts.route["canary"],
                        hint="Make it champion with stellwerk release, or end it with stellwerk rollback.")


class HasChampion:
    """A canary needs a champion beside it."""

    def refusal(self, facts: Facts) -> StellwerkError | None:
        """Refuse a canary where nothing is live yet."""
        if facts.route is not None:
            return None
        return Conflict("There is no champion beside which a canary could run.", field="share", value=facts.share,
                        hint=f"Release it fully: stellwerk release {facts.revision['service']} "
                             f"{facts.revision['version']}")


class ShareIsPart:
    """A canary takes a part of the traffic."""

    def refusal(self, facts: Facts) -> StellwerkError | None:
        """Refuse a share outside (0, 1)."""
        if facts.share is not None and 0 < facts.share < 1:
            return None
        return BadInput("The share of a canary is not a part.", field="share", value=facts.share,
                        allowed="more than 0 and less than 1")


class OnceChampion:
    """A rollback goes to a revision that was live before."""

    def refusal(self, facts: Facts) -> StellwerkError | None:
        """Refuse a revision that never was champion."""
        if facts.revision["champion_at"] is not None:
            return None
        return Conflict("This revision was never live, so it cannot be rolled back to.", field="version",
                        value=facts.revision["version"], allowed="a version that was champion before",
                        hint="Release it instead.")
