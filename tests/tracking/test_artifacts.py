"""Artifacts through the stock client: logged, listed, downloaded, removed; whole, in parts, as models."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pytest
from mlflow import MlflowClient
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
from sklearn.linear_model import LogisticRegression

from tests.tracking.serving import Raw

LARGE = os.urandom(1 << 20) * 5


@pytest.fixture
def run_id(client: MlflowClient, experiment: str) -> str:
    found: str = client.create_run(experiment).info.run_id
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "made"
    for name, content in (("a.txt", "first"), ("sub/b c é.txt", "second"), ("sub/deep/100%.txt", "third")):
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        (made / name).write_text(content)
    return made


def _tree(client: MlflowClient, run_id: str, path: str | None = None) -> dict[str, int]:
    found = {}
    for one in client.list_artifacts(run_id, path):
        found |= _tree(client, run_id, one.path) if one.is_dir else {one.path: one.file_size}
    return found


def test_files_and_folders_there_and_back(client: MlflowClient, run_id: str, folder: Path, tmp_path: Path) -> None:
    client.log_artifact(run_id, folder / "a.txt")
    client.log_artifact(run_id, folder / "a.txt", "other/place")
    client.log_artifacts(run_id, folder, "all")
    assert _tree(client, run_id) == {"a.txt": 5, "other/place/a.txt": 5, "all/a.txt": 5, "all/sub/b c é.txt": 6,
                                     "all/sub/deep/100%.txt": 5}
    assert [(one.path, one.is_dir) for one in client.list_artifacts(run_id, "all")] == [
        ("all/a.txt", False), ("all/sub", True)]
    assert client.list_artifacts(run_id, "a.txt") == client.list_artifacts(run_id, "nothing") == []
    out = Path(client.download_artifacts(run_id, "all", str(tmp_path)))
    assert {str(path.relative_to(out)): path.read_text() for path in out.rglob("*") if path.is_file()} == {
        "a.txt": "first", "sub/b c é.txt": "second", "sub/deep/100%.txt": "third"}
    with pytest.raises(Exception, match="nothing"):
        client.download_artifacts(run_id, "nothing", str(tmp_path))


def test_what_is_logged_by_content(client: MlflowClient, experiment: str, run_id: str) -> None:
    client.log_text(run_id, "Grüße", "notes/x.md")
    client.log_dict(run_id, {"a": [1]}, "d.json")
    client.log_dict(run_id, {"a": [1]}, "d.yaml")
    client.log_image(run_id, np.zeros((8, 9, 3), dtype=np.uint8), "img.png")
    client.log_table(run_id, {"x": [1, 2]}, "table.json")
    client.log_table(run_id, {"x": [3]}, "table.json")
    uri = f"runs:/{run_id}"
    assert mlflow.artifacts.load_text(f"{uri}/notes/x.md") == "Grüße"
    assert mlflow.artifacts.load_dict(f"{uri}/d.json") == {"a": [1]}
    assert mlflow.artifacts.load_text(f"{uri}/d.yaml") == "a:\n- 1\n"
    assert mlflow.artifacts.load_image(f"{uri}/img.png").size == (9, 8)
    assert list(client.load_table(experiment, "table.json", [run_id])["x"]) == [1, 2, 3]


def test_removing(client: MlflowClient, run_id: str, folder: Path) -> None:
    client.log_artifacts(run_id, folder)
    repository = get_artifact_repository(client.get_run(run_id).info.artifact_uri)
    repository.delete_artifacts("sub/deep")
    repository.delete_artifacts("nothing")
    assert set(_tree(client, run_id)) == {"a.txt", "sub/b c é.txt"}
    with pytest.raises(Exception, match="root of all artifacts"):
        repository.delete_artifacts()
    repository.delete_artifacts("a.txt")
    assert set(_tree(client, run_id)) == {"sub/b c é.txt"}


def test_what_is_refused(client: MlflowClient, run_id: str, folder: Path) -> None:
    client.log_text(run_id, "x", "file")
    with pytest.raises(Exception, match="'file' is a file already"):
        client.log_text(run_id, "x", "file/below")
    client.delete_run(run_id)
    with pytest.raises(Exception, match="must be in the 'active' state"):
        client.log_artifact(run_id, folder / "a.txt")
    assert set(_tree(client, run_id)) == {"file"}


@pytest.mark.parametrize("chunk", [1 << 20, 1_000_003, 6 << 20])
def test_large_files_in_parts(client: MlflowClient, run_id: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                              chunk: int) -> None:
    monkeypatch.setenv("MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD", "true")
    monkeypatch.setenv("MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE", "1000")
    monkeypatch.setenv("MLFLOW_MULTIPART_UPLOAD_CHUNK_SIZE", str(chunk))
    (tmp_path / "large.bin").write_bytes(LARGE)
    client.log_artifact(run_id, str(tmp_path / "large.bin"), "deep")
    assert _tree(client, run_id) == {"deep/large.bin": len(LARGE)}
    assert Path(client.download_artifacts(run_id, "deep/large.bin")).read_bytes() == LARGE


def test_models_are_kept_and_loaded(client: MlflowClient, raw: Raw, experiment: str, folder: Path) -> None:
    rows = np.arange(40.0).reshape(20, 2)
    fitted = LogisticRegression().fit(rows, rows[:, 0] > 20)
    with mlflow.start_run(experiment_id=experiment) as run:
        made: Any = mlflow.sklearn.log_model(fitted, name="model", pip_requirements=["scikit-learn"])
    for uri in (made.model_uri, f"models:/{made.model_id}", f"runs:/{run.info.run_id}/model"):
        assert (mlflow.sklearn.load_model(uri).predict(rows) == fitted.predict(rows)).all()
    client.log_model_artifact(made.model_id, str(folder / "a.txt"))
    names = {one.path for one in client.list_logged_model_artifacts(made.model_id)}
    assert {"MLmodel", "a.txt", "requirements.txt"} <= names
    listed = raw.get(f"logged-models/{made.model_id}/artifacts/directories")["files"]
    assert {one["path"] for one in listed} == names
