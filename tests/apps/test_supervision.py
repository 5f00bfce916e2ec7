import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from stellwerk.apps.ports import bind_port, holder_of
from stellwerk.kernel.errors import BadInput, Conflict

HERE = Path(__file__).parent
SOURCE = HERE.parents[1] / "src"


def up(home: Path, *arguments: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": f"{SOURCE}{os.pathsep}{HERE}", "STELLWERK_TOKEN": "stw_of_a_user"}
    return subprocess.Popen([sys.executable, str(HERE / "fake_up.py"), "--home", str(home), "--port", "0",
                             "--gateway-port", "0", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            text=True, env=environment)


@contextlib.contextmanager
def running(home: Path) -> Iterator[tuple[subprocess.Popen[str], dict]]:
    process = up(home, "--json")
    try:
        line = process.stdout.readline()
        assert line, process.stderr.read()
        yield process, json.loads(line)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=30)


def ask(url: str) -> int:
    with urllib.request.urlopen(f"{url}/healthz", timeout=20) as answer:
        return int(answer.read())


def until(condition, what: str) -> None:
    for _ in range(600):
        if condition():
            return
        time.sleep(0.02)
    pytest.fail(f"never came true: {what}")


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def pids(home: Path, name: str) -> list[int]:
    return [int(line) for line in (home / f"{name}.pids").read_text().split()]


def test_announces_addresses_and_the_link_and_writes_them_down(tmp_path):
    with running(tmp_path) as (process, said):
        assert ask(said["url"]) == pids(tmp_path, "server")[0]
        assert ask(said["gateway_url"]) == pids(tmp_path, "gateway")[0]
        assert said["link"] == said["url"] + "/link/once"
        written = json.loads((tmp_path / "run" / "up.json").read_text())
        assert written == {"pid": process.pid, "url": said["url"], "gateway_url": said["gateway_url"]}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stops_gateway_then_worker_then_server(tmp_path, number):
    with running(tmp_path) as (process, said):
        until((tmp_path / "worker.pids").exists, "the worker runs")
        process.send_signal(number)
        assert process.wait(timeout=30) == 0
    order = (tmp_path / "order").read_text().splitlines()
    assert order == ["gateway SIGTERM", "worker SIGTERM", "server SIGTERM"]
    assert not (tmp_path / "run" / "up.json").exists()
    with pytest.raises(OSError):
        ask(said["url"])


def test_restarts_a_child_that_is_killed_without_refusing_a_request(tmp_path):
    with running(tmp_path) as (process, said):
        first = ask(said["gateway_url"])
        os.kill(first, signal.SIGKILL)
        until(lambda: gone(first), "the gateway is gone")
        assert ask(said["gateway_url"]) != first  # waited in the queue of the listener
        assert ask(said["url"]) == pids(tmp_path, "server")[0]
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=30)
    assert "gateway was killed by SIGKILL; starting it again" in errors


def test_children_die_with_the_supervisor(tmp_path):
    with running(tmp_path) as (process, _):
        until((tmp_path / "worker.pids").exists, "the worker runs")
        children = [pids(tmp_path, name)[0] for name in ("server", "gateway", "worker")]
        process.kill()
        process.wait()
        for child in children:
            until(lambda child=child: gone(child), f"{child} is gone")


def test_a_home_is_usable_again_after_the_supervisor_was_killed(tmp_path):
    with running(tmp_path) as (process, _):
        process.kill()
        process.wait()
    with running(tmp_path) as (_, said):
        assert ask(said["url"])


def test_a_second_up_on_the_same_home_names_the_first(tmp_path):
    with running(tmp_path) as (process, said):
        second = up(tmp_path)
        _, errors = second.communicate(timeout=30)
        assert second.returncode == 1
        assert f"process {process.pid} at {said['url']}" in errors
        assert "another --home" in errors
        assert ask(said["url"])


def test_a_taken_port_is_named_with_its_holder_and_the_way_out(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = up(tmp_path, "--gateway-port", str(port), "--json")
        output, _ = process.communicate(timeout=30)
    assert process.returncode == 1
    said = json.loads(output)
    assert str(port) in said["message"]
    assert f"pid {os.getpid()}" in said["message"]
    assert said["field"] == "--gateway-port"
    assert "--gateway-port PORT" in said["hint"]
    assert not (tmp_path / "server.pids").exists()


def test_a_child_that_never_starts_ends_the_start_with_its_last_words(tmp_path):
    (tmp_path / "server-broken").touch()
    process = up(tmp_path, "--json")
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "this cannot start" in json.loads(output)["message"]
    assert "server.log" in json.loads(output)["hint"]
    assert errors.count("starting it again") >= 3
    for name in ("gateway", "worker"):
        for child in pids(tmp_path, name):
            assert gone(child)


def test_logs_are_json_lines_and_only_warnings_reach_the_terminal(tmp_path):
    with running(tmp_path) as (process, _):
        until((tmp_path / "worker.pids").exists, "the worker runs")
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=30)
    lines = [json.loads(line) for line in (tmp_path / "logs" / "server.log").read_text().splitlines()]
    assert [line["message"] for line in lines] == ["server started", "server warns", "no json"]
    assert lines[2]["level"] == "output"
    assert "server: server warns" in errors
    assert "server started" not in errors
    assert "no json" not in errors


def test_a_token_of_the_user_is_not_handed_down(tmp_path):
    with running(tmp_path) as (_, _said):
        environment = Path(f"/proc/{pids(tmp_path, 'server')[0]}/environ").read_bytes()
    assert b"stw_of_a_user" not in environment


def test_the_resident_supervisor_imports_the_standard_library_only():
    code = ("import sys, stellwerk.apps.supervisor; foreign = {name.split('.')[0] for name in sys.modules}"
            " - sys.stdlib_module_names - {'stellwerk', '__main__'}; print(sorted(foreign))")
    done = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True,
                          env={"PYTHONPATH": str(SOURCE)})
    assert done.stdout.strip() == "[]", done.stderr


def test_an_unknown_host_and_a_wrong_port_are_refused():
    with pytest.raises(BadInput, match="is not known"):
        bind_port("no-such-host.invalid", 0, "--port")
    with pytest.raises(BadInput, match="is no port"):
        bind_port("127.0.0.1", 70000, "--port")


def test_the_holder_of_a_port_is_found():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert holder_of(port).startswith(f"pid {os.getpid()} (")
        with pytest.raises(Conflict, match=f"The port {port} is taken by pid"):
            bind_port("127.0.0.1", port, "--port")
    assert holder_of(port) is None
