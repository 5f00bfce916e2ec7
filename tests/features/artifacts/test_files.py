"""Files of runs and models: in, out, listed, removed; whose they are, and what no name may do."""

from __future__ import annotations

import hashlib
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stellwerk.features import artifacts, runs
from stellwerk.features.artifacts import ArtifactKey
from stellwerk.features.artifacts.service import delete_some
from stellwerk.infra.tracking_database import Statements
from tests.features.artifacts.conftest import ALL, LIMIT, PLACES, Calls, Site, run_id

API = "/api/2.0/mlflow"


def test_what_goes_in_comes_out(calls: Calls, root: str) -> None:
    assert calls.put(f"{root}/a/b c é.txt", b"hello").json() == {}
    answer = calls.get(f"{root}/a/b c é.txt")
    assert answer.content == b"hello"
    assert answer.headers["etag"] == f'"{hashlib.sha256(b"hello").hexdigest()}"'
    assert answer.headers["content-disposition"] == "attachment; filename=\"b c e.txt\"; filename*=UTF-8''b%20c%20%C3%A9.txt"
    head = calls.send("HEAD", f"{PLACES}/{quote(root)}/a/b c é.txt")
    assert (head.status_code, head.headers["content-length"], head.content) == (200, "5", b"")
    assert calls.put(f"{root}/empty", b"").status_code == 200
    assert calls.get(f"{root}/empty").content == b""


def test_a_file_put_again_is_the_new_one(calls: Calls, root: str) -> None:
    calls.put(f"{root}/a", b"old")
    calls.put(f"{root}/a", b"newer")
    assert calls.get(f"{root}/a").content == b"newer"
    assert calls.send("GET", PLACES, params={"path": root}).json() == {
        "files": [{"path": "a", "is_dir": False, "file_size": 5}]}


@pytest.mark.parametrize(("asked", "status", "content", "says"), [
    ("bytes=0-0", 206, b"0", "bytes 0-0/10"), ("bytes=3-5", 206, b"345", "bytes 3-5/10"), ("bytes=7-", 206, b"789", "bytes 7-9/10"),
    ("bytes=-3", 206, b"789", "bytes 7-9/10"), ("bytes=-99", 206, b"0123456789", "bytes 0-9/10"),
    ("bytes=5-99", 206, b"56789", "bytes 5-9/10"), ("bytes=10-", 416, None, "bytes */10"), ("bytes=-0", 416, None, "bytes */10"),
    ("bytes=5-2", 200, b"0123456789", None), ("bytes=0-1,3-4", 200, b"0123456789", None), ("lines=0-1", 200, b"0123456789", None),
    ("bytes=" + "1-2," * 5000, 200, b"0123456789", None), ("bytes=x", 200, b"0123456789", None)])
def test_one_range(calls: Calls, root: str, asked: str, status: int, content: bytes | None, says: str | None) -> None:
    calls.put(f"{root}/digits", b"0123456789")
    answer = calls.get(f"{root}/digits", range=asked)
    assert (answer.status_code, answer.headers.get("content-range")) == (status, says)
    assert content is None or answer.content == content


def test_a_range_of_a_large_file_and_one_that_changed(calls: Calls, root: str) -> None:
    content = bytes(range(256)) * 12_000
    calls.put(f"{root}/large", content)
    tag = calls.get(f"{root}/large").headers["etag"]
    assert calls.get(f"{root}/large", range="bytes=500-2500499", if_range=tag).content == content[500:2_500_500]
    assert calls.get(f"{root}/large", range="bytes=0-1", if_range='"other"').content == content


def test_what_did_not_change_is_not_sent_again(calls: Calls, root: str) -> None:
    calls.put(f"{root}/a", b"content")
    tag = calls.get(f"{root}/a").headers["etag"]
    for header in (tag, f"W/{tag}", f'"x", {tag}', "*"):
        answer = calls.get(f"{root}/a", if_none_match=header)
        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", tag)
    assert calls.get(f"{root}/a", if_none_match='"x"').status_code == 200


@pytest.mark.parametrize(("name", "kind"), [
    ("MLmodel", "text/plain; charset=utf-8"), ("x.yaml", "text/plain; charset=utf-8"), ("x.LOG", "text/plain; charset=utf-8"),
    ("x.json", "text/plain; charset=utf-8"), ("x.png", "image/png"), ("x.pkl", "application/octet-stream"),
    ("x.html", "application/octet-stream"), ("x.svg", "application/octet-stream"), ("x.xhtml", "application/octet-stream"),
    ("x.xml", "application/octet-stream"), ("x.js", "application/octet-stream"), ("noname", "application/octet-stream")])
def test_nothing_runs_in_our_origin(calls: Calls, root: str, name: str, kind: str) -> None:
    calls.put(f"{root}/{name}", b"<html><script>alert(1)</script>")
    by_run = calls.send("GET", "/get-artifact", params={"run_uuid": run_id(root), "path": name})
    for answer in (calls.get(f"{root}/{name}"), by_run):
        assert answer.headers["content-type"] == kind
        assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-disposition"] == f"attachment; filename={name}"


def test_folders_are_listed_one_level_deep(calls: Calls, root: str) -> None:
    for name in ("a", "a.txt", "b/c", "b/d/e", "b/d/f", "b.txt", "b0", "z/y/x"):
        calls.put(f"{root}/{name}", name.encode())
    assert calls.names(root) == ["a", "a.txt", "b/", "b.txt", "b0", "z/"]
    assert calls.names(f"{root}/") == calls.names(root)
    assert calls.names(f"{root}/b") == ["c", "d/"]
    assert calls.names(f"{root}/b/d/") == ["e", "f"]
    for nothing in (f"{root}/a", f"{root}/nothing", f"{root}/b/c"):
        assert calls.send("GET", PLACES, params={"path": nothing}).json() == {}
    by_run = calls.send("GET", f"{API}/artifacts/list", params={"run_id": run_id(root), "path": "b"}).json()
    assert by_run == {"root_uri": f"mlflow-artifacts:/{root}", "files": [
        {"path": "b/c", "is_dir": False, "file_size": 3}, {"path": "b/d", "is_dir": True}]}
    assert calls.send("GET", PLACES).json() == {}


def _fill(site: Site, owner: str, names: list[str]) -> None:
    digest = site.installation.objects.put_bytes(b"x")

    def change(stx: Statements) -> None:
        for name in names:
            artifacts.put_artifact(stx, owner, ArtifactKey.parse(name), digest, 1)

    site.installation.tracking.write(change)


def test_a_large_folder_comes_in_pages(site: Site, calls: Calls, root: str) -> None:
    names = [f"f{number:05}" for number in range(5500)] + [f"g{number:03}/{inner}" for number in range(300) for inner in "ab"]
    _fill(site, run_id(root), names)
    expected = [f"f{number:05}" for number in range(5500)] + [f"g{number:03}/" for number in range(300)]
    assert calls.names(root) == expected

    found, token = [], None
    while True:
        query = {"run_uuid": run_id(root), **({"page_token": token} if token else {})}
        page = calls.send("GET", f"{API}/artifacts/list", params=query).json()
        found += [one["path"] + "/" * one["is_dir"] for one in page["files"]]
        token = page.get("next_page_token")
        if token is None:
            break
        foreign = calls.send("GET", f"{API}/artifacts/list", params={**query, "page_token": token, "path": "g001"})
        assert foreign.status_code == 400
    assert found == expected


NAMES = st.lists(st.lists(st.sampled_from(["a", "a.b", "a0", "b", "ä"]), min_size=1, max_size=3).map("/".join), max_size=12,
                 unique=True)


@settings(max_examples=40)
@given(names=NAMES, size=st.integers(1, 4))
def test_pages_of_any_folder_hold_each_entry_once(site: Site, names: list[str], size: int) -> None:
    kept: list[str] = []
    for name in names:
        if not any(name.startswith(f"{other}/") or other.startswith(f"{name}/") for other in kept):
            kept.append(name)
    owner = f"h{hash((tuple(names), size)) & 0xFFFFFFFFFFFF:x}"
    _fill(site, owner, kept)
    for folder in ("", "a", "a/b"):
        prefix = f"{folder}/" if folder else ""
        inside = [name.removeprefix(prefix) for name in kept if name.startswith(prefix)]
        expected = sorted({name.partition("/")[0] for name in inside})
        found, position = [], None
        while True:
            entries, position = site.installation.tracking.read(lambda stx, folder=folder, position=position: artifacts.list_folder(
                stx, owner, ArtifactKey.folder(folder), position, size))
            found += [one.path.removeprefix(prefix) for one in entries]
            if position is None:
                break
        assert sorted(found) == expected
    # So that examples do not meet.
    site.installation.tracking.write(lambda stx: [delete_some(stx, ALL, owner, ArtifactKey(name)) for name in kept])


def test_files_and_folders_cannot_have_one_name(calls: Calls, root: str) -> None:
    calls.put(f"{root}/a", b"file")
    calls.put(f"{root}/d/e/f", b"file")
    for name in ("a/b", "a/b/c", "d", "d/e", "d/e/f/g"):
        answer = calls.put(f"{root}/{name}", b"x")
        assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE"), name
    assert calls.get(f"{root}/d").json()["message"] == "Artifact path refers to a directory, not a file: 'd'"
    assert calls.names(root) == ["a", "d/"]


def test_deleting_files_and_folders(site: Site, calls: Calls, root: str) -> None:
    for name in ("a", "ab", "d/e", "d/f/g", "d0"):
        calls.put(f"{root}/{name}", b"x")
    assert calls.send("DELETE", f"{PLACES}/{root}/d").status_code == 200
    assert calls.send("DELETE", f"{PLACES}/{root}/a").status_code == 200
    assert calls.names(root) == ["ab", "d0"]
    assert calls.get(f"{root}/d/e").status_code == 404
    assert calls.send("DELETE", f"{PLACES}/{root}/nothing").status_code == 200
    _fill(site, run_id(root), [f"many/{number}" for number in range(1201)])
    assert calls.send("DELETE", f"{PLACES}/{root}/many/").status_code == 200
    assert calls.names(root) == ["ab", "d0"]


@pytest.mark.parametrize("ending", ["", "/", "/.", "/..", "/%2e", "/./", "//", "/%2e%2e", "/%252e", "/*/.."])
def test_no_delete_reaches_the_root_or_above(calls: Calls, root: str, ending: str) -> None:
    calls.put(f"{root}/kept", b"x")
    answer = calls.send("DELETE", f"http://localhost{PLACES}/{root}{ending}")
    assert answer.status_code in (400, 404, 405), answer.text
    assert calls.names(root) == ["kept"]


def test_no_delete_of_all_experiments(calls: Calls, root: str) -> None:
    calls.put(f"{root}/kept", b"x")
    for path in ("", "/", "/.", "/%2e", "/0", f"/{root.rpartition('/')[0]}", "/..%2f.."):
        assert calls.send("DELETE", f"{PLACES}{path}").status_code in (400, 404, 405)
    assert calls.names(root) == ["kept"]


@pytest.mark.parametrize("name", [
    "../a", "..%2fa", "%2e%2e/a", "%2e%2e%2fa", "%252e%252e/a", "%252e%252e%252fa", "a/..%2f..%2f..%2fetc/passwd", "a%00b", "a%5cb",
    "..%5ca", "%2fetc/passwd", "/etc/passwd", "a//b", "a%0ab", "a%23b", "C:%2fa", "a%e2%80%aeb", "%ed%a0%80", "%ff", "a%2f%2e", "file:/a",
    "a" * 251, "a/" * 500 + "b", "%E5%98%8A" * 90])
@pytest.mark.parametrize("method", ["PUT", "GET", "DELETE", "HEAD"])
def test_hostile_names_are_refused(site: Site, calls: Calls, root: str, method: str, name: str) -> None:
    before = site.files()
    answer = calls.send(method, f"{PLACES}/{root}/{name}", **({"content": b"x"} if method == "PUT" else {}))
    assert answer.status_code in (400, 404)
    assert site.files() == before
    assert calls.names(root) == []


@pytest.mark.parametrize("path", ["../a", "..", ".", "/etc/passwd", "%2e%2e/a", "a\\b", "a//b", "a#b", "a\x00b", "file:///etc/passwd"])
def test_hostile_names_in_queries_are_refused(site: Site, calls: Calls, root: str, path: str) -> None:
    before = site.files()
    owner, model = run_id(root), run_id(site.model())
    for method, address, query in (
            ("GET", "/get-artifact", {"run_id": owner, "path": path}), ("GET", f"{API}/artifacts/list", {"run_id": owner, "path": path}),
            ("GET", PLACES, {"path": f"{root}/{path}"}), ("POST", "/ajax-api/2.0/mlflow/upload-artifact", {"run_uuid": owner, "path": path}),
            ("GET", f"{API}/logged-models/{model}/artifacts/directories", {"artifact_directory_path": path}),
            ("GET", f"{API}/logged-models/{model}/artifacts/files", {"artifact_file_path": path})):
        answer = calls.send(method, address, params=query, **({"content": b"x"} if method == "POST" else {}))
        assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE"), address
        assert str(site.installation.home.path) not in answer.text
    assert site.files() == before


def test_artifacts_of_models(site: Site, calls: Calls) -> None:
    root = site.model()
    calls.put(f"{root}/MLmodel", b"flavors:\n")
    calls.put(f"{root}/data/model.skops", b"bytes")
    model = f"/ajax-api/2.0/mlflow/logged-models/{run_id(root)}/artifacts"
    assert calls.names(root) == ["MLmodel", "data/"]
    assert calls.send("GET", f"{model}/directories").json()["files"][1] == {"path": "data", "is_dir": True}
    listed = calls.send("GET", f"{model}/directories", params={"artifact_directory_path": "data"}).json()
    assert listed == {"root_uri": f"mlflow-artifacts:/{root}", "files": [
        {"path": "data/model.skops", "is_dir": False, "file_size": 5}]}
    assert calls.send("GET", f"{model}/files", params={"artifact_file_path": "MLmodel"}).text == "flavors:\n"
    assert calls.send("GET", f"{model}/files").status_code == 400
    assert calls.send("GET", f"{API}/logged-models/m-{'0' * 32}/artifacts/directories").status_code == 404


def test_small_files_from_pages(calls: Calls, root: str) -> None:
    address = "/ajax-api/2.0/mlflow/upload-artifact"
    query = {"run_uuid": run_id(root), "path": "notes/a.json"}
    assert calls.send("POST", address, params=query, content=b"{}").status_code == 200
    assert calls.get(f"{root}/notes/a.json").content == b"{}"
    for changed, content, says in (({"path": ""}, b"x", "must specify path"), ({"run_uuid": ""}, b"x", "must specify run_uuid"),
                                   ({}, b"", "must specify data"), ({}, b"x" * (10 << 20) + b"x", "Max size is 10MB")):
        answer = calls.send("POST", address, params={**query, **changed}, content=content)
        assert answer.status_code == 400
        assert says in answer.json()["message"]


def test_what_this_server_does_not_offer_says_so(calls: Calls, root: str) -> None:
    assert calls.send("GET", f"/api/2.0/mlflow-artifacts/presigned/{root}/a").json()["error_code"] == "NOT_IMPLEMENTED"
    body = {"run_id": run_id(root), "path": "a"}
    for what in ("upload", "download"):
        answer = calls.send("POST", f"{API}/artifacts/presigned-{what}-url", json=body)
        assert answer.status_code == 400
        assert f"Presigned {what} is not supported" in answer.json()["message"]
    assert calls.send("POST", f"{API}/artifacts/presigned-upload-url", json={"path": "a"}).status_code == 400


def test_a_team_sees_and_changes_only_what_is_its_own(site: Site, calls: Calls) -> None:
    root = site.run(site.experiment("lending"))
    own, foreign, viewer = site.caller(team="lending"), site.caller(team="claims"), site.caller("viewer", "lending")
    assert own.put(f"{root}/a", b"x").status_code == 200
    assert viewer.get(f"{root}/a").content == b"x"
    assert viewer.put(f"{root}/a", b"y").status_code == 403
    assert viewer.send("DELETE", f"{PLACES}/{root}/a").status_code == 403
    unknown = foreign.get(f"{root.replace(run_id(root), 'f' * 32)}/a")
    for answer in (foreign.get(f"{root}/a"), foreign.put(f"{root}/a", b"y"), foreign.send("DELETE", f"{PLACES}/{root}/a"),
                   foreign.send("GET", PLACES, params={"path": root}),
                   foreign.send("GET", "/get-artifact", params={"run_uuid": run_id(root), "path": "a"})):
        assert answer.status_code == unknown.status_code == 404
        assert answer.json()["message"].replace(run_id(root), "f" * 32) == unknown.json()["message"]
    assert calls.client.get(f"{PLACES}/{root}/a").status_code == 401
    assert own.get(f"{root}/a").content == b"x"


def test_a_path_of_another_experiment_is_not_found(site: Site, calls: Calls, root: str) -> None:
    calls.put(f"{root}/a", b"x")
    other = f"{site.experiment('lending')}/{run_id(root)}/artifacts"
    assert calls.get(f"{other}/a").status_code == 404
    assert calls.put(f"{other}/a", b"x").status_code == 404


def test_a_deleted_run_takes_nothing_but_gives(site: Site, calls: Calls, root: str) -> None:
    calls.put(f"{root}/a", b"x")
    before = site.files()
    site.installation.tracking.write(lambda stx: runs.service.set_lifecycle(stx, ALL, run_id(root), "deleted"))
    for answer in (calls.put(f"{root}/b", b"new bytes"), calls.send("DELETE", f"{PLACES}/{root}/a"),
                   calls.send("POST", f"{API}/upload-artifact", params={"run_uuid": run_id(root), "path": "b"}, content=b"new")):
        assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
        assert "must be in the 'active' state" in answer.json()["message"]
    assert calls.get(f"{root}/a").content == b"x"
    assert site.files() == before


def test_bytes_beyond_the_limit_are_refused_and_leave_nothing(site: Site, calls: Calls, root: str) -> None:
    before = site.files()

    def pieces() -> Iterator[bytes]:
        for _ in range(LIMIT // (1 << 20) + 2):
            yield b"x" * (1 << 20)

    for content in (b"x" * (LIMIT + 1), pieces()):
        answer = calls.put(f"{root}/a", content)
        assert (answer.status_code, answer.json()["error_code"]) == (413, "REQUEST_LIMIT_EXCEEDED")
    assert calls.put(f"{root}/a", b"y" * LIMIT).status_code == 200
    assert len(site.files()) == len(before) + 1


@contextmanager
def _small_disk(size: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_keeps_the_old_file_and_nothing_of_the_new(site: Site, calls: Calls, root: str) -> None:
    calls.put(f"{root}/a", b"old")
    before = site.files()
    with _small_disk(5 << 20):
        answer = calls.put(f"{root}/a", b"x" * (6 << 20))
    assert (answer.status_code, answer.json()["error_code"]) == (503, "TEMPORARILY_UNAVAILABLE")
    assert "disk is full" in answer.json()["message"]
    assert answer.headers["retry-after"] == "30"
    assert site.files() == before
    assert calls.get(f"{root}/a").content == b"old"


def test_what_other_slices_use(site: Site, root: str) -> None:
    owner = run_id(root)
    _fill(site, owner, ["model/MLmodel", "model/data/x", "other"])
    tracking = site.installation.tracking
    assert [one.path for one in tracking.read(lambda stx: list(artifacts.artifacts_of(stx, owner)))] == [
        "model/MLmodel", "model/data/x", "other"]
    assert [one.path for one in tracking.read(lambda stx: list(artifacts.artifacts_of(stx, owner, ArtifactKey("model"))))] == [
        "model/MLmodel", "model/data/x"]
    with tracking.read(lambda stx: artifacts.open_artifact(site.installation, stx, owner, ArtifactKey("other"))) as stream:
        assert stream.read() == b"x"
