"""What the routing snapshot says of tokens, and that a damaged one does not stop the next."""

from __future__ import annotations

from pathlib import Path

import pytest

from stellwerk.apps.prepare import prepare_home
from stellwerk.dataplane.snapshot import read
from stellwerk.features import identity
from stellwerk.features.releases.publishing import build_snapshot, publish_if_changed
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


@pytest.mark.parametrize("content", [b"", b'{"format":1', b'{"format":99}'])
def test_a_damaged_snapshot_is_followed_by_a_whole_one(tmp_path: Path, content: bytes) -> None:
    prepare_home(tmp_path)
    installation = open_installation(tmp_path)
    first = publish_if_changed(installation)
    folder = installation.home.snapshots
    (folder / f"{first}.json").write_bytes(content)
    assert publish_if_changed(installation) == first + 1
    assert read(folder / f"{first + 1}.json").generation == first + 1
    assert publish_if_changed(installation) == first + 1
