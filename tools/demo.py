"""The demo: one real service goes the whole way, driven by the command line and HTTP as a user would.

``python -m tools.demo`` leaves the platform running; ``--exit`` stops it and exits 0 only if each stage succeeded;
``--by-hand`` stops at the approval until the validator has answered in the browser.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stellwerk.apps.supervisor import GATEWAY_PORT, PORT
from stellwerk.infra.environments import find_environment, lock_hash
from stellwerk.infra.settings import Home, load_settings

ROOT = Path(__file__).resolve().parents[1]
EXAMPLE = ROOT / "examples" / "mortgage-decisions"
NAME = "mortgage-decisions"
LIVE, WAITS, GATES = 0, 3, 4
_COLOUR = sys.stdout.isatty()


class StageFailed(Exception):
    """A stage did not do what the story says."""


def say(text: str) -> None:
    """Print a line at once."""
    print(text, flush=True)


def bold(text: str) -> str:
    """Return the text in bold on a terminal."""
    return f"\033[1m{text}\033[0m" if _COLOUR else text


def expect(holds: bool, words: str) -> None:
    """Raise StageFailed with what was expected when it does not hold."""
    if not holds:
        raise StageFailed(words)


@dataclass
class Demo:
    """One run of the story on a home of its own."""

    home: Path
    by_hand: bool
    seconds: dict[str, float] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    supervisor: subprocess.Popen[bytes] | None = None
    answered: bool = False

    @contextlib.contextmanager
    def stage(self, title: str) -> Iterator[None]:
        """Time a stage and print its title before and its seconds after."""
        say(f"\n{bold('▶ ' + title)}")
        started = time.monotonic()
        yield
        self.seconds[title] = time.monotonic() - started
        say(f"  {self.seconds[title]:.1f} s")

    def command(self, who: str | None, *words: str, codes: Sequence[int] = (0,), quiet: bool = False) -> str:
        """Run a stellwerk command as a person, show it and what it prints; returns its standard output."""
        say("  $ stellwerk " + " ".join(words))
        environment = {**os.environ, "STELLWERK_HOME": str(self.home)}
        environment.pop("STELLWERK_URL", None)
        environment.pop("STELLWERK_GATEWAY_URL", None)
        environment["STELLWERK_TOKEN"] = self.tokens.get(who or "", "")
        process = subprocess.Popen([sys.executable, "-m", "stellwerk.cli", *words], env=environment,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT if not quiet else subprocess.PIPE,
                                   text=True)
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            if not quiet:
                say("    " + line.rstrip())
        code = process.wait()
        if code not in codes:
            more = process.stderr.read() if process.stderr else ""
            raise StageFailed(f"'stellwerk {' '.join(words)}' ended with {code}, not {list(codes)}: "
                              f"{more or ''.join(lines)[-2000:]}")
        return "".join(lines)

    def answer(self, who: str | None, *words: str, codes: Sequence[int] = (0,)) -> Any:
        """Run a command with --json and return the document."""
        return json.loads(self.command(who, *words, "--json", codes=codes, quiet=True))

    # The stages

    def start(self) -> None:
        """Start the platform on a fresh home."""
        if self.home.exists():
            stop_running(self.home)
            shutil.rmtree(self.home)
        log = (self.home.parent / f"{self.home.name}.log").open("wb")
        ports = ["--port", "0", "--gateway-port", "0"] if _taken(PORT) or _taken(GATEWAY_PORT) else []
        self.supervisor = subprocess.Popen(
            [sys.executable, "-m", "stellwerk.cli", "up", "--home", str(self.home), *ports], stdout=log, stderr=log,
            stdin=subprocess.DEVNULL, start_new_session=True)
        until = time.monotonic() + 30
        while not (self.home / "run" / "up.json").exists():
            expect(self.supervisor.poll() is None, f"the platform did not start; see {log.name}")
            expect(time.monotonic() < until, f"the platform was not ready within 30 s; see {log.name}")
            time.sleep(0.05)
        say(f"  ready at {self.running()['url']}, gateway at {self.running()['gateway_url']}")

    def running(self) -> dict[str, Any]:
        """Return addresses and process of the running platform."""
        found: dict[str, Any] = json.loads((self.home / "run" / "up.json").read_text(encoding="utf-8"))
        return found

    def people(self) -> None:
        """Add a builder, a validator and a product owner, and an application that asks for decisions."""
        for name, role in (("bea", "builder"), ("vera", "validator"), ("paul", "product_owner")):
            self.answer(None, "user", "add", name, "--role", role, "--team", "lending")
            made = self.answer(None, "token", "create", f"{name}-cli", "--role", role, "--team", "lending", "--person",
                               name)
            self.tokens[name] = made["token"]
        # The builder is a validator of the team too: only four eyes keep her from approving her own work.
        self.answer(None, "user", "grant", "bea", "validator", "--team", "lending")
        made = self.answer(None, "token", "create", "bea-validates", "--role", "validator", "--team", "lending",
                           "--person", "bea")
        self.tokens["bea as validator"] = made["token"]
        made = self.answer(None, "token", "create", "branch-office", "--role", "operator", "--team", "lending")
        self.tokens["branch office"] = made["token"]

    def ship(self, folder: Path, code: int) -> dict[str, Any]:
        """Ship the folder as the builder and return the newest version with its evaluation."""
        self.command("bea", "ship", str(folder), codes=(code,))
        versions = self.answer("bea", "versions", NAME)["versions"]
        detail: dict[str, Any] = self.answer("bea", "show", NAME, str(versions[0]["number"]))
        return detail

    def plain(self, folder: Path) -> None:
        """Version 1: four fifths by race fails, and no way releases it."""
        detail = self.ship(folder, GATES)
        verdict = _gate(detail)
        expect(verdict["verdict"] == "fail", f"four fifths should fail, it is {verdict['verdict']}")
        refused = self.command("bea", "release", NAME, "1", codes=(1,))
        expect("gate failed" in refused.lower(), "the release of a failed version was not refused by its gate")

    def threshold_only(self, folder: Path) -> None:
        """The threshold alone: undecided, on the same trained version."""
        edit(folder, {"threshold: 0.8": "threshold: 0.65"})
        detail = self.ship(folder, GATES)
        expect(_gate(detail)["verdict"] == "undecided", "four fifths should be undecided")
        expect(detail["version"]["number"] == 1, "a new threshold alone must not train a new version")

    def reweighed(self, folder: Path) -> None:
        """Version 2: reweighed, passes; the price is shown."""
        edit(folder, {"reweigh: false": "reweigh: true"})
        detail = self.ship(folder, WAITS)
        expect(detail["evaluation"]["verdict"] == "pass", "version 2 should pass its gates")
        before = self.answer("bea", "show", NAME, "1")
        say("  the price, of applicants whom the bank denied, how many are now approved automatically:")
        for earlier, now in zip(_price(before), _price(detail), strict=True):
            say(f"    {now[0]:<8} {earlier[1]} of {earlier[2]} -> {now[1]} of {now[2]}")
        parity = detail["version"]["parity"]
        expect(parity["holds"], "the compiled model should answer like the trained one")
        say(f"  parity of the compiled model: {parity['message']}")

    def approvals(self) -> None:
        """The builder's own approval is refused; validator and product owner approve with reasons."""
        refused = self.command("bea as validator", "approve", NAME, "2", "--reason", "I built it, it is good",
                               codes=(1,))
        expect("four eyes" in refused, "the builder's own approval was not refused for the right reason")
        if self.by_hand:
            self.wait_for_validator()
        else:
            self.command("vera", "approve", NAME, "2", "--reason",
                         "Both groups' intervals lie clear of four fifths; calibration looked at")
        self.command("paul", "approve", NAME, "2", "--reason", "The price is known to the department and accepted")

    def wait_for_validator(self) -> None:
        """Print the validator's link and wait for the answer that is given in the browser."""
        link = self.command(None, "user", "link", "vera", quiet=True).strip().splitlines()[-1].strip()
        say(f"\n  {bold('Sign in as the validator:')} {link}")
        say(f"  then approve here:         {self.running()['url']}/services/{NAME}/versions/2\n  waiting …")
        while True:
            detail = self.answer_quietly("paul", "show", NAME, "2")
            expect(detail["revision"]["state"] != "rejected", "the validator rejected version 2, so the way ends here")
            if "validator" not in detail["approvals"]["missing"]:
                return
            time.sleep(1)

    def answer_quietly(self, who: str, *words: str) -> Any:
        """Return the JSON of a command without showing it."""
        with contextlib.redirect_stdout(None):
            return self.answer(who, *words)

    def release(self, folder: Path) -> None:
        """The first release is champion at once; the next one answers a share first."""
        self.command("bea", "release", NAME, "2")
        edit(folder, {"C: 1.0": "C: 0.5"})
        detail = self.ship(folder, WAITS)
        expect(detail["version"]["number"] == 3, "other parameters should make version 3")
        for who in ("vera", "paul"):
            self.command(who, "approve", NAME, "3", "--reason", "As version 2, with a stronger penalty")
        self.command("bea", "release", NAME, "3", "--share", "0.2")

    def requests(self) -> str:
        """Ask for decisions on real applications over HTTP, canary and champion side by side."""
        import httpx

        rows = applications(60)
        address = f"{self.running()['gateway_url']}/v1/services/{NAME}/decisions"
        client = httpx.Client(headers={"Authorization": f"Bearer {self.tokens['branch office']}"}, timeout=10)
        self.until_live(client, address, rows[0], {2})
        versions: dict[int, int] = {}
        answers: dict[str, int] = {}
        last = ""
        for row in rows:
            answer = client.post(address, json=row)
            expect(answer.status_code == 200, f"a request was answered with {answer.status_code}: {answer.text}")
            body = answer.json()
            versions[body["model_version"]] = versions.get(body["model_version"], 0) + 1
            answers[body["decision"]] = answers.get(body["decision"], 0) + 1
            last = body["id"]
        say(f"  {len(rows)} answers: " + ", ".join(f"{count} {word}" for word, count in sorted(answers.items()))
            + "; " + ", ".join(f"version {number} {count}" for number, count in sorted(versions.items())))
        expect(set(versions) == {2, 3}, "champion and canary should both have answered")
        refused = client.post(address, json={**rows[0], "inputs": {**rows[0]["inputs"], "credit_history": 9}})
        expect(refused.status_code == 400, "a value outside the contract should be refused")
        say(f"  outside the contract: {refused.json()['message']}")
        self.command("bea", "release", NAME, "3")
        self.until_live(client, address, rows[0], {3})
        started = time.monotonic()
        self.command("bea", "rollback", NAME, "--reason", "show that it takes a second")
        self.until_live(client, address, rows[0], {2})
        say(f"  version 2 answers again {time.monotonic() - started:.1f} s after the command was typed")
        return last

    def until_live(self, client: Any, address: str, row: dict[str, Any], wanted: set[int]) -> None:
        """Ask until the wanted version answers; from the first answer on, every request must be answered."""
        until = time.monotonic() + 10
        while True:
            answer = client.post(address, json={**row, "subject": f"probe-{time.monotonic_ns()}"})
            if answer.status_code == 200:
                self.answered = True
                if answer.json()["model_version"] in wanted:
                    return
            else:
                expect(not self.answered, f"a request failed while the route changed: {answer.text}")
            expect(time.monotonic() < until, f"version {wanted} did not answer within 10 s: {answer.text}")
            time.sleep(0.05)

    def open_decision(self, decision_id: str) -> None:
        """Open one decision and answer the six questions."""
        self.command("bea", "show", decision_id)
        detail = self.answer("bea", "show", decision_id)
        expect(len(detail["approvals"]) == 2, "two people should stand behind the decision")
        parts = detail["explanation"]
        total = parts["base"] + sum(row["contribution"] for row in parts["contributions"])
        expect(abs(total - detail["decision"]["score"]) < 1e-6, "the explanation does not add up to the score")

    def prove(self, decision_id: str) -> None:
        """Prove ledger and decision; a byte changed in the database is found, with table and row."""
        until = time.monotonic() + 15
        while not self.answer_quietly("bea", "show", decision_id)["proof"]["sealed"]:
            expect(time.monotonic() < until, "the decision was not sealed within 15 s")
            time.sleep(0.2)
        self.command(None, "verify")
        outside = self.home / "outside"
        outside.mkdir(exist_ok=True)
        pack = outside / "decision.json"
        self.command("bea", "show", decision_id, "--export", str(pack), quiet=True)
        verifier = shutil.copy(ROOT / "src" / "stellwerk" / "verifier" / "stellwerk_verify.py", outside)
        key = (self.home / "keys" / "installation.pub").read_text(encoding="ascii").strip()
        say("  one file, alone, with no server: python stellwerk_verify.py decision.json")
        done = subprocess.run([sys.executable, "-I", verifier, str(pack), "--key", key],
                              capture_output=True, text=True, check=False, cwd=outside)
        say("    " + done.stdout.splitlines()[0])
        expect(done.returncode == 0, f"the exported decision does not verify: {done.stdout}")
        self.tamper()

    def tamper(self) -> None:
        """Change one byte in a copy of the database and verify that."""
        forged = self.home.parent / f"{self.home.name}-forged"
        shutil.rmtree(forged, ignore_errors=True)
        forged.mkdir()
        shutil.copytree(self.home / "keys", forged / "keys")
        shutil.copytree(self.home / "decisions", forged / "decisions")
        # Control first: its heads must not speak of more than the copy of tracking holds.
        for name in ("control.sqlite", "tracking.sqlite"):
            with contextlib.closing(sqlite3.connect(self.home / name)) as source, contextlib.closing(
                    sqlite3.connect(forged / name)) as target:
                source.backup(target)
        with contextlib.closing(sqlite3.connect(forged / "control.sqlite")) as target:
            target.execute("UPDATE approval SET reason = reason || '!' WHERE rowid = 1")
            target.commit()
        said = self.command(None, "verify", "--home", str(forged), codes=(1,))
        expect("approval" in said and "row changed" in said, "verify did not name table and row of the changed byte")
        shutil.rmtree(forged)

    def run(self, folder: Path) -> None:
        """Tell the whole story."""
        shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("__pycache__", "tests"))
        with self.stage("Start the platform on an empty home"):
            self.start()
        with self.stage("People: a builder, a validator, a product owner"):
            self.people()
        with self.stage("Version 1, plain, threshold 0.8: four fifths by race fails"):
            self.plain(folder)
        with self.stage("The threshold alone, 0.65: undecided"):
            self.threshold_only(folder)
        with self.stage("Version 2, reweighed, 0.65: passes, and shows its price"):
            self.reweighed(folder)
        with self.stage("Approvals: not by the builder, but by validator and product owner"):
            self.approvals()
        with self.stage("Release: version 2 as champion, version 3 as canary beside it"):
            self.release(folder)
        with self.stage("Real requests over HTTP; canary becomes champion; rollback"):
            decision_id = self.requests()
        with self.stage("One decision opened: data, code, environment, approvals, gates, why"):
            self.open_decision(decision_id)
        with self.stage("Proof: the ledger, the decision, and a forged copy"):
            self.prove(decision_id)


def _gate(detail: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = next(row for row in detail["evaluation"]["verdicts"] if row["by"] == "race")
    return found


def _price(detail: dict[str, Any]) -> list[tuple[str, int, int]]:
    groups = detail["evaluation"]["result"]["price"]["race"]
    rows = groups["groups"] if isinstance(groups, dict) else groups
    return [(row["group"], row["selected"], row["of"]) for row in rows]


def edit(folder: Path, changes: dict[str, str]) -> None:
    """Change words in the manifest, as a person would in an editor."""
    file = folder / "stellwerk.yaml"
    text = file.read_text(encoding="utf-8")
    for old, new in changes.items():
        expect(old in text, f"the manifest does not say {old!r}")
        say(f"  stellwerk.yaml: {old} -> {new}")
        text = text.replace(old, new)
    file.write_text(text, encoding="utf-8")


def applications(count: int) -> list[dict[str, Any]]:
    """Return request bodies made of the example's own applications, by its own function and environment."""
    lock = (EXAMPLE / "requirements.lock").read_bytes()
    environment = find_environment(Path(load_settings(Home(ROOT)).environments), lock_hash(lock))
    expect(environment is not None, "the example's environment is missing: run make setup")
    assert environment is not None
    script = (f"import json; from service import load_applications as load; rows = load().head({count}).to_dicts(); "
              "print(json.dumps(rows))")
    done = subprocess.run([environment.python, "-c", script], cwd=EXAMPLE, capture_output=True, text=True, check=True,
                          env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
    apart = ("application_id", "race", "approved", "insurance", "single")
    return [{"inputs": {name: value for name, value in row.items() if name not in apart},
             "subject": str(row["application_id"]), "protected": {"race": row["race"]}}
            for row in json.loads(done.stdout)]


def _taken(port: int) -> bool:
    import socket

    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def stop_running(home: Path) -> None:
    """Stop what an earlier demo left running on this home."""
    try:
        pid = int(json.loads((home / "run" / "up.json").read_text(encoding="utf-8"))["pid"])
        os.kill(pid, signal.SIGTERM)
    except (OSError, ValueError, KeyError):
        return
    until = time.monotonic() + 20
    while time.monotonic() < until:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)


def _finish(demo: Demo, leave: bool, passed: bool) -> None:
    if demo.supervisor is None:
        return
    if leave and passed:
        link = demo.command(None, "user", "link", "admin", quiet=True).strip().splitlines()[-1].strip()
        say(f"\n{bold('It keeps running.')} Look around:  {demo.running()['url']}")
        say(f"  sign in once:  {link}")
        say(f"  stop it with:  kill {demo.supervisor.pid}")
        return
    demo.supervisor.send_signal(signal.SIGTERM)
    demo.supervisor.wait(timeout=30)


def main() -> int:
    """Run the demo; returns 0 when every stage succeeded."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--exit", action="store_true", help="stop everything at the end")
    parser.add_argument("--by-hand", action="store_true", help="approve as validator in the browser")
    parser.add_argument("--home", type=Path, default=ROOT / "demo-home")
    chosen = parser.parse_args()
    demo = Demo(home=chosen.home.resolve(), by_hand=chosen.by_hand)
    folder = demo.home.parent / f"{demo.home.name}-service"
    shutil.rmtree(folder, ignore_errors=True)
    passed = False
    # An end from outside must not leave the platform running unseen.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        demo.run(folder / NAME)
        passed = True
    except StageFailed as failure:
        say(f"\nFAILED: {failure}")
    except KeyboardInterrupt:
        say("\nstopped on request")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        _finish(demo, leave=not chosen.exit, passed=passed)
    if passed:
        say("\n" + bold("Seconds"))
        for title, seconds in demo.seconds.items():
            say(f"  {seconds:5.1f}  {title}")
        say(f"  {sum(demo.seconds.values()):5.1f}  all")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
