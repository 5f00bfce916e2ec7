"""What every command shares: its options, where server, gateway and home are, and the token."""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stellwerk.kernel.errors import BadInput, NotFound, Unauthenticated, Unavailable

if TYPE_CHECKING:
    from stellwerk.client.http import Client, Gateway

DEFAULT_HOME = "~/.stellwerk"


@dataclass(frozen=True)
class Running:
    """The processes of a home as the supervisor wrote them down."""

    pid: int
    url: str
    gateway_url: str


def read_running(home: Path) -> Running | None:
    """Return what runs on a home, or None when nothing does."""
    try:
        content = json.loads((home / "run" / "up.json").read_text(encoding="utf-8"))
        found = Running(pid=int(content["pid"]), url=str(content["url"]), gateway_url=str(content["gateway_url"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    try:
        os.kill(found.pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        pass
    return found


@dataclass(frozen=True)
class Session:
    """The options of one call."""

    url: str | None
    gateway_url: str | None
    token: str | None
    home: Path
    as_json: bool

    def _running(self, variable: str) -> Running:
        found = read_running(self.home)
        if found is None:
            raise Unavailable(f"Stellwerk does not run on {self.home}.", field=variable,
                              hint=f"Start it with: stellwerk up --home {self.home} — or set {variable} to the address "
                                   "of one that runs.")
        return found

    @property
    def server_url(self) -> str:
        """The address of the server: option, variable, or what runs on the home. Raises Unavailable."""
        return self.url or self._running("STELLWERK_URL").url

    @property
    def gateway_address(self) -> str:
        """The address of the gateway: option, variable, or what runs on the home. Raises Unavailable."""
        return self.gateway_url or self._running("STELLWERK_GATEWAY_URL").gateway_url

    def _token(self) -> str:
        if not self.token:
            raise Unauthenticated(
                "No token is set.", field="STELLWERK_TOKEN",
                hint="export STELLWERK_TOKEN=$(stellwerk token create laptop --role builder --team TEAM)")
        return self.token

    def client(self) -> Client:
        """Return a client of the server. Raises Unavailable without address, Unauthenticated without token."""
        from stellwerk.client.http import Client

        return Client(self.server_url, self._token())

    def gateway(self) -> Gateway:
        """Return a client of the gateway. Raises Unavailable without address, Unauthenticated without token."""
        from stellwerk.client.http import Gateway

        return Gateway(self.gateway_address, self._token())

    def existing_home(self) -> Path:
        """Return the home folder; raises NotFound when there is none."""
        if not (self.home / "control.sqlite").exists():
            raise NotFound(f"{self.home} is no home of Stellwerk yet.", field="home", value=str(self.home),
                           hint=f"stellwerk up --home {self.home} makes one.")
        return self.home


_OPTIONS = (
    click.option("--json", "as_json", is_flag=True, help="Print one JSON document, for scripts."),
    click.option("--url", envvar="STELLWERK_URL", metavar="URL", help="Address of the server.  [STELLWERK_URL]"),
    click.option("--gateway-url", envvar="STELLWERK_GATEWAY_URL", metavar="URL",
                 help="Address of the gateway.  [STELLWERK_GATEWAY_URL]"),
    click.option("--token", envvar="STELLWERK_TOKEN", metavar="TOKEN", help="Token to act with.  [STELLWERK_TOKEN]"),
    click.option("--home", envvar="STELLWERK_HOME", metavar="DIR", default=DEFAULT_HOME,
                 help=f"Home folder.  [STELLWERK_HOME, {DEFAULT_HOME}]"),
)


def with_session(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the shared options and, as its first argument, the session that they make."""

    @functools.wraps(command)
    def call(*arguments: Any, as_json: bool, url: str | None, gateway_url: str | None, token: str | None, home: str,
             **parts: Any) -> Any:
        session = Session(url=url or None, gateway_url=gateway_url or None, token=token or None,
                          home=Path(home).expanduser().absolute(), as_json=as_json)
        return command(session, *arguments, **parts)

    wrapped: Callable[..., Any] = call
    for option in reversed(_OPTIONS):
        wrapped = option(wrapped)
    return wrapped


def service_folder(text: str) -> Path:
    """Return the folder that a command was given: a folder, or the name of one here. Raises NotFound."""
    from stellwerk.client.bundle import MANIFEST

    folder = Path(text)
    if folder.is_file() and folder.name == MANIFEST:
        folder = folder.parent
    if not folder.is_dir():
        raise NotFound(f"There is no folder {text!r} here.", field="folder", value=text,
                       allowed=f"a folder with a {MANIFEST}",
                       hint="Name the folder of the service, or make one: "
                            "stellwerk new NAME --data FILE.csv --target COLUMN")
    if not (folder / MANIFEST).is_file():
        raise BadInput(f"{folder} has no {MANIFEST}, so it is no service.", field="folder", value=text,
                       allowed=f"a folder with a {MANIFEST}")
    return folder
