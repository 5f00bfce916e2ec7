import hashlib
import json
import os
import signal
import subprocess
import sys
import threading

import pytest

from stellwerk.cli.progress import Progress, seconds_between
from tests.client.fake_server import DROP

AT = "2026-11-24T09:00:0{}.000000Z"


def event(seq, status, message="", stage="train"):
    return {"seq": seq, "at": AT.format(seq), "stage": stage, "status": status, "message": message, "data": None}


@pytest.fixture
def platform(server, folder):
    """A server that takes any object and runs a job of these events to this end."""
    objects = {}

    def set_up(job, *events, name="small"):
        def put(digest):
            server.routes["PUT", f"/api/v1/objects/{digest}"] = lambda query, body: (
                objects.__setitem__(digest, body) or (201, {}))

        for file in (folder / "data" / "rows.csv",):
            put(hashlib.sha256(file.read_bytes()).hexdigest())
        from stellwerk.client.bundle import pack_folder

        put(pack_folder(folder, ["data/rows.csv"]).sha256)
        whole = {"id": "j1", "kind": "ship", "service": name, "state": "succeeded", "stage": "release", "error": None,
                 "created_at": AT.format(0), "finished_at": AT.format(9), "result": None, **job}
        server.routes["POST", f"/api/v1/services/{name}/jobs"] = lambda *parts: (202, {**whole, "state": "queued"})
        server.routes["GET", "/api/v1/jobs/j1/events"] = lambda *parts: (200, {"events": list(events), "done": True})
        server.routes["GET", "/api/v1/jobs/j1"] = lambda *parts: (200, whole)
        return objects

    return set_up


RESULTS = [
    (0, "live", []), (3, "waiting", ["approval by validator"]), (4, "gates", ["gate roc_auc: fail"]),
    (5, "contract", []), (1, "error", []),
]


@pytest.mark.parametrize(("code", "outcome", "waits"), RESULTS)
@pytest.mark.parametrize("command", ["ship", "train"])
def test_the_exit_code_is_that_of_the_result(call, platform, folder, command, code, outcome, waits):
    platform({"result": {"exit": code, "outcome": outcome, "message": "So it went.", "version": 2, "waits_for": waits}})
    said = call(command, str(folder))
    assert said.code == code
    assert "So it went." in said.out
    assert all(reason in said.out for reason in waits)
    said = call(command, str(folder), "--json")
    assert said.code == code
    assert said.json["result"]["outcome"] == outcome


def test_what_is_sent_is_bundle_data_and_commit(call, platform, folder, server):
    objects = platform({"result": {"exit": 0, "outcome": "live", "message": "Live."}})
    assert call("ship", str(folder), "--again").code == 0
    asked = next(json.loads(body) for method, path, _, body, _ in server.seen if method == "POST")
    assert asked["kind"] == "ship"
    assert asked["again"] is True
    assert asked["commit"] is None
    assert set(objects) == {asked["bundle"], asked["files"]["data/rows.csv"]}
    assert all(hashlib.sha256(content).hexdigest() == digest for digest, content in objects.items())


def test_a_failed_job_says_what_and_the_way_out(call, platform, folder):
    platform({"state": "failed", "result": {"exit": 1, "outcome": "error", "message": "short"},
              "error": {"error_code": "function_failed", "message": "train raised KeyError: 'x'", "hint": "Mend it.",
                        "details": {"kind": "raised", "traceback": "File service.py, line 3"}}})
    said = call("ship", str(folder))
    assert said.code == 1
    assert "error: train raised KeyError: 'x'" in said.err
    assert "Mend it." in said.err
    assert "line 3" in said.err


def test_plain_progress_is_a_line_a_stage_with_its_seconds_and_users_output(call, platform, folder):
    platform({"result": {"exit": 0, "outcome": "live", "message": "Live."}},
             event(1, "started"), event(2, "log", "fit\u001b[2J\nagain"), event(3, "progress", "fold 1"),
             event(4, "done", "version 2"), event(5, "started", stage="release"), event(6, "failed", "no", "release"))
    said = call("ship", str(folder))
    assert said.err.splitlines() == ["  | fit[2J", "  | again", "  train                  fold 1",
                                     "✓ train          3.00 s  version 2", "✗ release        1.00 s  no"]


def test_a_lost_connection_is_said_and_followed_through(call, platform, folder, server, monkeypatch):
    monkeypatch.setattr("stellwerk.client.follow._FIRST_PAUSE", 0.0)
    platform({"result": {"exit": 0, "outcome": "live", "message": "Live."}})
    answers = iter([DROP, (200, {"events": [], "done": True})])
    server.routes["GET", "/api/v1/jobs/j1/events"] = lambda *parts: next(answers)
    said = call("ship", str(folder))
    assert said.code == 0
    assert "connection lost" in said.err


def test_ctrl_c_stops_the_job(platform, folder, server):
    platform({"result": None})
    following, cancelled = threading.Event(), threading.Event()

    def wait(query, body):
        following.set()
        cancelled.wait(20)
        return 200, {"events": [], "done": False}

    server.routes["GET", "/api/v1/jobs/j1/events"] = wait
    server.routes["POST", "/api/v1/jobs/j1/cancel"] = lambda *parts: cancelled.set() or (200, {})
    process = subprocess.Popen([sys.executable, "-m", "stellwerk.cli", "ship", str(folder)], text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=dict(os.environ))
    assert following.wait(30)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert cancelled.is_set()
    assert "Traceback" not in errors
    assert "stopping the job" in errors


def test_a_folder_that_is_no_service_is_said_to_be_none(call, tmp_path, server):
    said = call("ship", str(tmp_path / "none"))
    assert said.code == 1
    assert "stellwerk new" in said.err
    (tmp_path / "empty").mkdir()
    assert "has no stellwerk.yaml" in call("ship", str(tmp_path / "empty")).err


def test_a_faulty_manifest_is_named_by_line_before_anything_is_sent(call, folder, server):
    text = (folder / "stellwerk.yaml").read_text()
    (folder / "stellwerk.yaml").write_text(text.replace("target: good", "tarket: good"))
    said = call("ship", str(folder), "--json")
    assert said.code == 1
    assert "tarket" in json.dumps(said.json)
    assert "target" in json.dumps(said.json)
    assert server.seen == []


class Terminal:
    def __init__(self):
        self.text = ""
        self.turns = threading.Event()

    def isatty(self):
        return True

    def write(self, text):
        self.text += text
        if "fitting" in text:
            self.turns.set()

    def flush(self):
        pass


def test_on_a_terminal_the_stage_under_way_turns_and_users_output_is_dim():
    terminal = Terminal()
    with Progress(terminal) as progress:
        progress.event(event(1, "started", "fitting"))
        assert terminal.turns.wait(20)
        progress.event(event(2, "log", "epoch 1"))
        progress.event(event(3, "done", "version 2"))
    assert "⠋" in terminal.text
    assert "\x1b[2m  | epoch 1\x1b[0m" in terminal.text
    assert "\x1b[32m✓\x1b[0m train          2.00 s  version 2\n" in terminal.text


def test_seconds_are_those_of_the_server():
    assert seconds_between("2026-11-24T09:00:00.500000Z", "2026-11-24T09:01:00.000000Z") == 59.5
