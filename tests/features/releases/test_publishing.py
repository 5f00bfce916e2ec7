"""What the routing snapshot says of tokens."""

from __future__ import annotations

from pathlib import Path

from stellwerk.apps.prepare import prepare_home
from stellwerk.features import identity
from stellwerk.features.releases.publishing import build_snapshot
from stellwerk.infra.installation import open_installation
from stellwerk.kernel.actor import SYSTEM


def test_each_token_may_what_its_role_grants_and_no_more(tmp_path: Path) -> None:
    prepare_home(tmp_path)
    installation = open_installation(tmp_path)
    with installation.database.write(SYSTEM) as work:
        for name, role, team in (("till", "builder", "lending"), ("ops", "operator", "lending"),
                                 ("watcher", "auditor", None), ("reader", "viewer", "lending")):
            identity.create_token(work, name, role, team=team)
    with installation.database.read() as connection:
        found = {entry.name: entry for entry in build_snapshot(connection, installation).tokens}
    assert {name: (entry.decide, entry.metrics, entry.team) for name, entry in found.items()} == {
        "till": (True, False, "lending"), "ops": (True, True, "lending"), "watcher": (False, True, None)}
