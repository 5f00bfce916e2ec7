import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from stellwerk.cli.app import COMMANDS, cli

HEAVY = {"httpx", "sqlalchemy", "polars", "numpy", "msgspec", "yaml", "fastapi", "starlette", "pydantic", "cryptography",
         "asyncio", "subprocess", "jinja2", "dbos", "alembic", "argon2"}


def leaves(command: click.Command, words: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], click.Command]]:
    if not isinstance(command, click.Group):
        return [(words, command)]
    context = click.Context(command)
    return [leaf for name in command.list_commands(context)
            for leaf in leaves(command.get_command(context, name), (*words, name))]


ALL = leaves(cli)


def python(code: str, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True,
                          env={**os.environ, "STELLWERK_DEBUG": ""})


def test_help_imports_no_command_and_nothing_heavy():
    done = python("import sys; sys.argv = ['stellwerk', '--help']\n"
                  "from stellwerk.cli.app import invoke\n"
                  "code = invoke(['--help'])\n"
                  "print('\\n'.join(['MODULES', *sys.modules]))")
    text, _, modules = done.stdout.partition("MODULES\n")
    loaded = set(modules.split())
    assert all(name in text for name in COMMANDS)
    assert HEAVY & loaded == set()
    assert {name for name in loaded if name.startswith("stellwerk.cli.commands")} == set()


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_a_command_needs_no_server_library(name):
    done = python("import sys\nfrom stellwerk.cli.app import invoke\ninvoke(sys.argv[1:])\n"
                  "print('\\n'.join(['MODULES', *sys.modules]))", name, "--help")
    text, _, modules = done.stdout.partition("MODULES\n")
    assert "Usage:" in text
    assert (HEAVY - {"asyncio", "subprocess"}) & set(modules.split()) == set()


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_says_what_the_command_says_of_itself(name):
    command = cli.get_command(click.Context(cli), name)
    assert command.help.strip().split("\n\n")[0].replace("\n", " ") == COMMANDS[name][2]


@pytest.mark.parametrize(("words", "command"), ALL, ids=[" ".join(words) for words, _ in ALL])
def test_each_command_teaches_by_example_and_takes_the_shared_options(words, command):
    assert "Example" in command.help
    assert f"stellwerk {' '.join(words)}" in command.help
    options = {name for parameter in command.params for name in parameter.opts}
    assert options >= {"--json", "--url", "--gateway-url", "--token", "--home"}
    assert all(parameter.help for parameter in command.params if isinstance(parameter, click.Option))


def test_all_commands_of_the_way_are_there():
    assert set(COMMANDS) == {
        "up", "new", "check", "train", "ship", "versions", "approve", "reject", "release", "rollback", "decide",
        "decisions", "show", "import", "export", "verify", "status", "user", "token"}


def test_an_unknown_command_names_the_closest(call):
    said = call("shipp", "x")
    assert said.code == 1
    assert "Did you mean ship?" in said.err


def test_wrong_usage_is_one_message_and_json_where_asked(call):
    said = call("approve", "churn", "2")
    assert said.code == 1
    assert "--reason" in said.err
    assert "stellwerk approve --help" in said.err
    said = call("approve", "churn", "two", "--reason", "x", "--json")
    assert said.json["error_code"] == "usage"
    assert "two" in said.json["message"]


def test_no_server_says_how_to_start_one(call):
    said = call("status")
    assert said.code == 1
    assert "does not run" in said.err
    assert "stellwerk up --home" in said.err
    assert call("versions", "churn", "--json").json["error_code"] == "unavailable"


def test_no_token_says_how_to_get_one(call, server, monkeypatch):
    monkeypatch.delenv("STELLWERK_TOKEN")
    said = call("versions", "churn")
    assert said.code == 1
    assert "stellwerk token create" in said.err


def test_a_refusal_of_the_server_is_shown_whole_and_cannot_steer_the_terminal(call, server):
    server.routes["GET", "/api/v1/services/churn/versions"] = lambda *parts: (403, {
        "error_code": "forbidden", "message": "Not \u001b[31myou\u202e.", "field": "role", "value": ["viewer"],
        "allowed": ["builder", "admin"], "hint": "Ask."})
    said = call("versions", "churn")
    assert said.code == 1
    assert said.err.splitlines() == ["error: Not [31myou.", "  field    role", "  value    viewer",
                                     "  allowed  builder, admin", "  hint     Ask."]
    assert call("versions", "churn", "--json").json["allowed"] == ["builder", "admin"]


def test_a_fault_of_our_own_is_no_traceback(tmp_path):
    code = ("import sys\nfrom stellwerk.cli import app, session\n"
            "def broken(home): raise ZeroDivisionError('of ours')\n"
            "session.read_running = broken\napp.run(['status'])")
    done = python(code)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "ZeroDivisionError: of ours" in done.stderr
    assert "STELLWERK_DEBUG=1" in done.stderr


def test_a_reader_that_has_gone_is_no_fault(tmp_path):
    done = subprocess.run(["bash", "-c", f"{sys.executable} -m stellwerk.cli user --help | head -c 1"], text=True,
                          capture_output=True)
    assert done.stderr == ""


def test_a_file_that_cannot_be_written_is_named(call, server):
    server.routes["GET", "/api/v1/decisions/01a20cfd-5240-7000-8000-00d19d020c1e"] = lambda *parts: (200, {})
    server.routes["GET", "/api/v1/decisions/01a20cfd-5240-7000-8000-00d19d020c1e/proof"] = lambda *parts: (200, {})
    said = call("show", "01a20cfd-5240-7000-8000-00d19d020c1e", "--export", "/nowhere/x.json")
    assert said.code == 1
    assert "/nowhere/x.json" in said.err


def test_the_addresses_of_what_runs_are_found_by_the_home(call, server, monkeypatch, tmp_path):
    monkeypatch.delenv("STELLWERK_URL")
    monkeypatch.delenv("STELLWERK_GATEWAY_URL")
    run = tmp_path / "home" / "run"
    run.mkdir(parents=True)
    (run / "up.json").write_text(f'{{"pid": {os.getpid()}, "url": "{server.url}", "gateway_url": "{server.url}"}}')
    server.routes["GET", "/readyz"] = lambda *parts: (200, {"components": {"worker": {"state": "running"}}})
    server.routes["GET", "/api/v1/services"] = lambda *parts: (200, {"services": []})
    said = call("status")
    assert said.code == 0
    assert "worker" in said.out
    assert "stellwerk new" in said.out
    (run / "up.json").write_text('{"pid": 4194304, "url": "http://x", "gateway_url": "http://x"}')  # above the highest
    assert "does not run" in call("status").err


def test_status_without_an_answer_is_a_failure(call, server):
    server.routes["GET", "/readyz"] = lambda *parts: (503, {"components": {"worker": {"state": "silent"}}})
    said = call("status", "--json")
    assert said.code == 1
    assert said.json["server"]["state"] == "not ready"


def test_status_shows_what_runs_also_to_a_token_that_is_no_good(call, server):
    server.routes["GET", "/readyz"] = lambda *parts: (200, {"components": {}})
    server.routes["GET", "/api/v1/services"] = lambda *parts: (401, {"error_code": "unauthenticated", "message": "No."})
    said = call("status")
    assert said.code == 1
    assert "● ready" in said.out
    assert "error: No." in said.err
    assert call("status", "--json").json["error"]["error_code"] == "unauthenticated"


def test_the_version_is_that_of_the_package(call):
    from stellwerk import __version__

    assert call("--version").out.strip() == __version__
    assert f'version = "{__version__}"' in (Path(__file__).parents[2] / "pyproject.toml").read_text()
