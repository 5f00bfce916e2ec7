"""Which folders an MLflow database may send the command to, and what a location says of its owner."""

from __future__ import annotations

from pathlib import Path

import pytest

from stellwerk.cli.transfer.owners import VersionPlace, version_place
from stellwerk.cli.transfer.places import Places
from stellwerk.cli.transfer.source import Owner
from stellwerk.kernel.errors import BadInput

RUN, MODEL = "a" * 32, "m-" + "b" * 32


def _kept(root: Path, *parts: str, content: bytes = b"x") -> Path:
    folder = root.joinpath(*parts)
    folder.mkdir(parents=True)
    (folder / "f.txt").write_bytes(content)
    return folder


def _read(places: Places, location: str, owner: str = RUN, *, is_model: bool = False) -> list[str]:
    found = []
    for one in places.files(Owner(owner, is_model, location)):
        with one.content as path:
            found.append(f"{one.path}={path.read_text()}")
    return sorted(found)


@pytest.mark.parametrize("form", ["{root}/1/{run}/artifacts", "file://{root}/1/{run}/artifacts",
                                  "file:{root}/1/{run}/artifacts/", "1/{run}/artifacts", "./1/{run}/artifacts"])
def test_folders_on_this_machine_are_read(tmp_path: Path, form: str) -> None:
    _kept(tmp_path, "1", RUN, "artifacts")
    assert _read(Places(None, tmp_path), form.format(root=tmp_path, run=RUN)) == ["f.txt=x"]


@pytest.mark.parametrize("form", ["mlflow-artifacts:/1/{run}/artifacts", "mlflow-artifacts://host:5000/1/{run}/artifacts",
                                  "s3://bucket/some/where/1/{run}/artifacts", "/gone/elsewhere/1/{run}/artifacts"])
def test_a_named_folder_stands_in_for_the_servers_own(tmp_path: Path, form: str) -> None:
    _kept(tmp_path, "1", RUN, "artifacts")
    _kept(tmp_path, "1", "models", MODEL, "artifacts", content=b"y")
    places = Places(tmp_path, None)
    assert _read(places, form.format(run=RUN)) == ["f.txt=x"]
    assert _read(places, form.format(run=f"models/{MODEL}"), MODEL, is_model=True) == ["f.txt=y"]


def test_the_usual_folder_beside_the_database_is_found(tmp_path: Path) -> None:
    _kept(tmp_path / "mlartifacts", "1", RUN, "artifacts")
    assert _read(Places(None, tmp_path), f"mlflow-artifacts:/1/{RUN}/artifacts") == ["f.txt=x"]


@pytest.mark.parametrize("location", ["/etc", "file:///root/.ssh", "/etc/artifacts", f"/etc/{RUN}", "~/.ssh",
                                      f"/{'c' * 32}/artifacts", f"mlflow-artifacts:/1/{'c' * 32}/artifacts"])
def test_a_location_that_mlflow_would_not_choose_is_not_read(tmp_path: Path, location: str) -> None:
    with pytest.raises(BadInput, match="would not choose"):
        _read(Places(tmp_path, tmp_path), location)


def test_links_lead_nowhere(tmp_path: Path) -> None:
    secret = _kept(tmp_path, "secret")
    (tmp_path / "1" / RUN).mkdir(parents=True)
    (tmp_path / "1" / RUN / "artifacts").symlink_to(secret)
    assert _read(Places(None, tmp_path), f"{tmp_path}/1/{RUN}/artifacts") == []
    other = "d" * 32
    inside = _kept(tmp_path, "1", other, "artifacts")
    (inside / "out").symlink_to(secret / "f.txt")
    (inside / "folder").symlink_to(secret)
    (inside / "in").symlink_to(inside / "f.txt")
    places = Places(None, tmp_path)
    assert _read(places, f"{tmp_path}/1/{other}/artifacts", other) == ["f.txt=x", "in=x"]
    assert any("link" in words for words in places.notes())


def test_climbing_out_of_the_named_folder_is_no_use(tmp_path: Path) -> None:
    _kept(tmp_path / "outside", "1", RUN, "artifacts")
    (tmp_path / "named").mkdir()
    places = Places(tmp_path / "named", None)
    assert _read(places, f"mlflow-artifacts:/../outside/1/{RUN}/artifacts") == []
    assert _read(places, f"mlflow-artifacts:/%2e%2e/outside/1/{RUN}/artifacts") == []


def test_what_cannot_be_found_is_asked_for(tmp_path: Path) -> None:
    for scheme in ("mlflow-artifacts:/", "s3://bucket/", "https://host/"):
        with pytest.raises(BadInput) as caught:
            _read(Places(None, tmp_path), f"{scheme}1/{RUN}/artifacts")
        assert "--artifacts" in str(caught.value.hint)
    assert _read(Places(None, tmp_path, wanted=False), f"s3://bucket/1/{RUN}/artifacts") == []
    gone = Places(None, tmp_path)
    assert _read(gone, f"/nowhere/at-all/1/{RUN}/artifacts") == []
    assert any("/nowhere/at-all" in words for words in gone.notes())


@pytest.mark.parametrize(("location", "place"), [
    (f"runs:/{RUN}/model", (RUN, "model")), (f"runs:/{RUN}", (RUN, "")), (f"models:/{MODEL}", (MODEL, "")),
    (f"mlflow-artifacts:/1/{RUN}/artifacts/a/b", (RUN, "a/b")), (f"/data/1/{RUN}/artifacts", (RUN, "")),
    (f"file:///data/1/models/{MODEL}/artifacts", (MODEL, "")), (f"s3://b/1/{RUN}/artifacts/a%20b", (RUN, "a b"))])
def test_a_location_tells_its_owner(location: str, place: tuple[str, str]) -> None:
    assert version_place(location) == VersionPlace(*place)


@pytest.mark.parametrize("location", ["", "models:/churn/3", "models:/churn@best", "s3://bucket/model", "/etc/passwd",
                                      "dbfs:/x", "runs:/short/model"])
def test_other_locations_tell_nothing(location: str) -> None:
    assert version_place(location) is None
