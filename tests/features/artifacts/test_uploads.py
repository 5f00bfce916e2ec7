"""Uploads in parts: any order, again, forged, given up, completed twice; what is left over is swept."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from stellwerk.features import artifacts, runs
from stellwerk.features.artifacts import uploads
from stellwerk.infra.tracking_database import Statements
from tests.features.artifacts.conftest import ALL, LIMIT, Calls, Site, run_id

MPU = "/api/2.0/mlflow-artifacts/mpu"


class Upload:
    """An upload as the client makes it."""

    def __init__(self, calls: Calls, root: str, parts: int, name: str = "big.bin") -> None:
        self.calls, self.root, self.name = calls, root, name
        answer = calls.send("POST", f"{MPU}/create/{root}", json={"path": f"/tmp/x/{name}", "num_parts": parts})
        assert answer.status_code == 200, answer.text
        self.id, self.credentials = answer.json()["upload_id"], answer.json()["credentials"]
        self.tags: dict[int, str] = {}

    def send(self, number: int, content: Any, url: str | None = None, **headers: str) -> httpx.Response:
        """Send a part without the caller's token."""
        credential = self.credentials[number - 1]
        assert credential["part_number"] == number
        answer = self.calls.client.put(url or credential["url"], content=content, headers={**credential["headers"], **headers})
        if answer.status_code == 200:
            self.tags[number] = answer.headers["etag"]
        return answer

    def complete(self, **changed: Any) -> httpx.Response:
        """Complete it with the tags that were answered."""
        parts = [{"part_number": number, "etag": tag, "url": ""} for number, tag in self.tags.items()]
        return self.calls.send("POST", f"{MPU}/complete/{self.root}", json={
            "path": f"/tmp/x/{self.name}", "upload_id": self.id, "parts": parts, **changed})

    def abort(self) -> httpx.Response:
        """Give it up."""
        return self.calls.send("POST", f"{MPU}/abort/{self.root}", json={"path": self.name, "upload_id": self.id})


def test_parts_in_any_order_and_again_make_one_file(site: Site, calls: Calls, root: str) -> None:
    before = site.files()
    upload = Upload(calls, f"{root}/deep", 3)
    upload.send(3, b"third")
    upload.send(1, b"wrong")
    upload.send(2, b"second-")
    upload.send(1, b"first-")
    upload.send(2, b"second-")
    assert upload.complete().json() == {}
    assert calls.get(f"{root}/deep/big.bin").content == b"first-second-third"
    assert len(site.files()) == len(before) + 1
    assert upload.complete().status_code == 200
    assert upload.abort().status_code == 200
    assert calls.get(f"{root}/deep/big.bin").content == b"first-second-third"
    assert upload.send(1, b"late").status_code == 404
    assert len(site.files()) == len(before) + 1


def test_an_upload_of_one_part_to_a_model(site: Site, calls: Calls) -> None:
    root = site.model()
    upload = Upload(calls, root, 1, "C:\\Users\\x\\model.bin")
    upload.send(1, b"bytes")
    assert upload.complete().status_code == 200
    assert calls.get(f"{root}/model.bin").content == b"bytes"


def test_addresses_point_here_and_admit_one_part_only(site: Site, calls: Calls, root: str) -> None:
    upload = Upload(calls, root, 2)
    url = upload.credentials[0]["url"]
    assert url.startswith("http://localhost/api/2.0/mlflow-artifacts/mpu/part/")
    for forged in (url.replace("/1?", "/2?"), url.replace("/1?", "/3?"), url[:-1] + ("0" if url[-1] != "0" else "1"),
                   url.replace("expires=1", "expires=9"), url.replace(upload.id, "0" * 32)):
        assert upload.send(1, b"x", forged).status_code == 403
    for broken in (url.partition("?")[0], url.replace("/1?", "/x?"), url.replace("expires=", "expires=x")):
        assert upload.send(1, b"x", broken).status_code == 400
    assert upload.send(1, b"x", url.replace(upload.id, "..%2f..")).status_code in (400, 403, 404)
    # Another page may not send it, and other credentials in the header do not matter.
    assert upload.send(1, b"x", origin="http://evil.example").status_code == 403
    assert upload.send(1, b"x", authorization="Basic eDp5").status_code == 200


def test_an_address_ends(site: Site, calls: Calls, root: str) -> None:
    upload = Upload(calls, root, 1)
    past = int(time.time()) - 1
    signature = uploads._signature(site.installation.home.keys_dir, upload.id, 1, past)
    url = upload.credentials[0]["url"].partition("?")[0]
    assert upload.send(1, b"x", f"{url}?expires={past}&signature={signature}").status_code == 403


@pytest.mark.parametrize("parts", [0, -1, 10_001, 2**63, "x", 1.5])
def test_the_number_of_parts_is_bounded(calls: Calls, root: str, parts: Any) -> None:
    assert calls.send("POST", f"{MPU}/create/{root}", json={"path": "a", "num_parts": parts}).status_code == 400


@pytest.mark.parametrize(("place", "path"), [("", ".."), ("", ""), ("", "a\x00"), ("/..", "a"), ("/%2e%2e", "a"), ("", "a/.."),
                                             ("/a%00", "b"), ("", "x" * 251)])
def test_hostile_names_begin_nothing(calls: Calls, root: str, place: str, path: str) -> None:
    answer = calls.send("POST", f"http://localhost{MPU}/create/{root}{place}", json={"path": path, "num_parts": 1})
    assert answer.status_code in (400, 404)


def test_parts_that_are_missing_or_others_make_nothing(site: Site, calls: Calls, root: str) -> None:
    upload = Upload(calls, root, 2)
    upload.send(1, b"first")
    tag = upload.tags[1]
    assert upload.complete().status_code == 400
    upload.tags = {1: tag, 2: ""}
    assert "Part 2 was not sent" in upload.complete().json()["message"]
    upload.tags = {1: tag, 2: f'"{"0" * 64}"'}
    assert upload.complete().status_code == 400
    upload.send(2, b"second")
    for parts in ([], [{"part_number": 1, "etag": tag}] * 2, [{"etag": tag}], [{"part_number": 3, "etag": tag}], "x", None):
        assert upload.complete(parts=parts).status_code == 400
    assert upload.complete(upload_id="0" * 32).status_code == 404
    assert upload.complete(upload_id="../../x").status_code == 404
    assert upload.complete(path="other").status_code == 404
    assert calls.names(root) == []
    assert upload.complete().status_code == 200


def test_giving_up_leaves_nothing(site: Site, calls: Calls, root: str) -> None:
    before = site.files()
    upload = Upload(calls, root, 2)
    upload.send(1, b"x" * 100_000)
    assert upload.abort().json() == {}
    assert site.files() == before
    assert upload.send(2, b"x").status_code == 404
    assert upload.complete().status_code == 404
    assert upload.abort().status_code == 404
    assert site.files() == before


def test_whole_uploads_have_the_limit_of_one_file(site: Site, calls: Calls, root: str) -> None:
    upload = Upload(calls, root, 3)
    assert upload.send(1, b"x" * LIMIT).status_code == 200
    assert upload.send(2, b"x").status_code == 413
    assert upload.send(1, b"x" * (LIMIT // 2)).status_code == 200
    assert upload.send(2, b"y" * (LIMIT // 2 + 1)).status_code == 413
    assert upload.send(2, (b"y" for _ in range(10)), **{"transfer-encoding": "chunked"}).status_code == 200
    assert upload.send(3, b"").status_code == 200
    assert upload.complete().status_code == 200
    assert len(calls.get(f"{root}/big.bin").content) == LIMIT // 2 + 10
    calls.put(f"{root}/file", b"x")
    assert calls.send("POST", f"{MPU}/create/{root}/file", json={"path": "a", "num_parts": 1}).status_code == 400


def test_only_who_may_write_begins_and_completes(site: Site, calls: Calls) -> None:
    root = site.run(site.experiment("lending"))
    own, foreign, viewer = site.caller(team="lending"), site.caller(team="claims"), site.caller("viewer", "lending")
    for who, status in ((foreign, 404), (viewer, 403)):
        assert who.send("POST", f"{MPU}/create/{root}", json={"path": "a", "num_parts": 1}).status_code == status
    upload = Upload(own, root, 1)
    upload.send(1, b"x")
    for who, status in ((foreign, 404), (viewer, 403)):
        upload.calls = who
        assert upload.complete().status_code == upload.abort().status_code == status
    upload.calls = own
    site.installation.tracking.write(lambda stx: runs.service.set_lifecycle(stx, ALL, run_id(root), "deleted"))
    assert upload.complete().status_code == 400


def test_completing_at_once_from_many_sides_is_one_completion(site: Site, calls: Calls, root: str) -> None:
    upload = Upload(calls, root, 4)
    for number in range(1, 5):
        upload.send(number, bytes([number]) * 500_000)
    at_once = threading.Barrier(6)

    def complete(_number: int) -> int:
        at_once.wait()
        return upload.complete().status_code

    with ThreadPoolExecutor(6) as pool:
        assert set(pool.map(complete, range(6))) == {200}
    assert calls.get(f"{root}/big.bin").content == b"".join(bytes([number]) * 500_000 for number in range(1, 5))


def test_the_sweep_takes_old_uploads_and_leaves_those_under_way(site: Site, calls: Calls, root: str) -> None:
    before = site.files()
    old, alive = Upload(calls, root, 1), Upload(calls, root, 2, "other")
    old.send(1, b"old")
    alive.send(1, b"alive ")
    (site.installation.home.work / "uploads" / alive.id / ".incoming-dead").write_bytes(b"half")

    def age(stx: Statements) -> None:
        stx.modify("UPDATE upload SET started_at = started_at - 90000000 WHERE id = ?", (old.id,))

    site.installation.tracking.write(age)
    assert old.send(1, b"x").status_code == 404

    artifacts.sweep(site.installation)

    assert old.complete().status_code == 404
    alive.send(2, b"and well")
    assert alive.complete().status_code == 200
    assert calls.get(f"{root}/other").content == b"alive and well"
    assert artifacts.sweep(site.installation) == 0
    assert [name for name in site.files() if "uploads" in name] == [name for name in before if "uploads" in name]
