"""Sending one request: checked host, checked address, no redirects, limits on time and size."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from stellwerk.infra.outbound import addresses
from stellwerk.infra.outbound.addresses import Target
from stellwerk.infra.settings import Settings
from stellwerk.kernel.errors import BadInput, StellwerkError

Resolve = Callable[[str, int], Sequence[str]]
"""Gives the IP addresses of a host name; raises OSError where it has none."""

_CONNECT_SECONDS = 5.0
_HEADER_BYTES = 32_768
_INTERIM = 8
_ADDRESSES = 4
_READ = 65_536
# Looking up names cannot be stopped, so only so many may hang at once.
_lookups = threading.BoundedSemaphore(16)


class Refused(BadInput):
    """A destination that must not be reached from here; trying again does not help."""

    code = "destination_refused"


class Unreachable(StellwerkError):
    """The destination gave no proper answer in time; it may do so later."""

    code = "destination_unreachable"
    status = 502


@dataclass(frozen=True)
class OutboundAnswer:
    """What came back; header names are in small letters, ``complete`` tells whether the body was read to its end."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    complete: bool = True


def system_addresses(host: str, port: int) -> list[str]:
    """Return the IP addresses that the system knows for a name."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class Outbound:
    """Makes requests to others; everything that leaves a process of the platform goes through here."""

    def __init__(self, settings: Settings, resolve: Resolve = system_addresses) -> None:
        self.schemes = ("https", "http") if settings.outbound_http else ("https",)
        self._trusted = settings.outbound_host_list
        self._resolve = resolve

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return ssl.create_default_context()

    def parse(self, url: str, field: str = "url") -> Target:
        """Return the parts of an address; raises Refused for one that no request may go to."""
        try:
            target = addresses.parse(url)
        except ValueError as error:
            raise Refused(f"The address is not allowed: {error}.", field=field,
                          allowed=f"{' or '.join(self.schemes)}://HOST[:PORT][/PATH]") from None
        if target.scheme not in self.schemes:
            raise Refused(f"The address is not allowed: its scheme is {target.scheme!r}.", field=field,
                          value=target.scheme, allowed=list(self.schemes),
                          hint="The setting outbound_http allows plain http." if target.scheme == "http" else None)
        return target

    def check(self, url: str, field: str = "url") -> Target:
        """Return the parts of an address whose host may be reached.

        Raises Refused where it may not, Unreachable where nobody knows the host now.
        """
        target = self.parse(url, field)
        self._addresses(target, time.monotonic() + _CONNECT_SECONDS, field)
        return target

    def send(self, method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes = b"",
             seconds: float = 10.0, most_bytes: int = _READ) -> OutboundAnswer:
        """Send a request and return its answer, whatever its status; a redirect is an answer like others.

        ``seconds`` covers everything from the look-up of the name to the last byte; of the answer's body at most
        ``most_bytes`` are read. Raises Refused, or Unreachable where no proper answer comes in time.
        """
        until = time.monotonic() + seconds
        target = self.parse(url)
        connection = self._connect(target, self._addresses(target, until), until)
        try:
            return _exchange(_Wire(connection, until), target, method, headers or {}, body, most_bytes)
        finally:
            connection.close()

    def _addresses(self, target: Target, until: float, field: str = "url") -> list[str]:
        found = _within(lambda: self._resolve(target.host, target.port), until)
        if not found:
            raise Unreachable(f"Nobody knows the host {target.host}.", field=field, value=target.host)
        known = {target.written, f"{target.written}:{target.port}"}
        # One address that is not public spoils all: a name that has both is made to get in.
        if not known & self._trusted and not all(map(addresses.is_public, found)):
            raise Refused(f"The host {target.host} is not on the public internet.", field=field, value=target.host,
                          allowed="public hosts, and those that the setting outbound_hosts names",
                          hint="The setting outbound_hosts can name it.")
        return list(found[:_ADDRESSES])

    def _connect(self, target: Target, found: Sequence[str], until: float) -> socket.socket:
        problem = "it took too long"
        for address in found:
            left = until - time.monotonic()
            if left <= 0:
                break
            connection = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
            try:
                connection.settimeout(min(left, _CONNECT_SECONDS))
                connection.connect((address, target.port))
                return self._secured(connection, target, until)
            except (OSError, ValueError) as error:
                connection.close()
                problem = _words(error)
        raise Unreachable(f"No connection to {target.authority}: {problem}.", field="url", value=target.authority)

    def _secured(self, connection: socket.socket, target: Target, until: float) -> socket.socket:
        if target.scheme == "http":
            return connection
        connection.settimeout(max(until - time.monotonic(), 0.001))
        # The name is what the certificate must be made for, whatever address was dialled.
        return self._tls.wrap_socket(connection, server_hostname=target.host)


class _Wire:
    """A connection on which each step has only what is left of the time."""

    def __init__(self, connection: socket.socket, until: float) -> None:
        self._connection = connection
        self._until = until

    def _wait(self) -> None:
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._connection.settimeout(left)

    def write(self, data: bytes) -> None:
        """Send all of the data."""
        rest = memoryview(data)
        while rest:
            self._wait()
            rest = rest[self._connection.send(rest[:_READ]):]

    def read(self) -> bytes:
        """Return the next bytes, none at the end."""
        self._wait()
        return self._connection.recv(_READ)


def _exchange(wire: _Wire, target: Target, method: str, headers: Mapping[str, str], body: bytes,
              most_bytes: int) -> OutboundAnswer:
    import h11

    protocol = h11.Connection(h11.CLIENT, max_incomplete_event_size=_HEADER_BYTES)
    sent = {"Host": target.authority, "User-Agent": "Stellwerk", "Accept-Encoding": "identity",
            "Content-Length": str(len(body)), "Connection": "close", **headers}
    request = protocol.send(h11.Request(method=method, target=target.path, headers=list(sent.items())))
    content = protocol.send(h11.Data(data=body)) if body else b""
    protocol.send(h11.EndOfMessage())
    try:
        _write(wire, (request or b"") + (content or b""))
        return _answer(wire, protocol, most_bytes)
    except h11.RemoteProtocolError:
        raise Unreachable(f"What {target.authority} answered is no HTTP, or its headers are too long.", field="url",
                          value=target.authority) from None
    except OSError as error:
        raise Unreachable(f"{target.authority} did not answer: {_words(error)}.", field="url",
                          value=target.authority) from error


def _write(wire: _Wire, data: bytes) -> None:
    try:
        wire.write(data)
    except TimeoutError:
        raise
    except OSError:
        # Some close as soon as they have seen enough, with a proper answer on the wire.
        return


def _answer(wire: _Wire, protocol: object, most_bytes: int) -> OutboundAnswer:
    import h11

    assert isinstance(protocol, h11.Connection)
    head: h11.Response | None = None
    content = bytearray()
    interim = 0
    while True:
        event = protocol.next_event()
        if event is h11.NEED_DATA:
            protocol.receive_data(wire.read())
        elif isinstance(event, h11.InformationalResponse):
            interim += 1
            if interim > _INTERIM:
                raise h11.RemoteProtocolError("too many interim answers")
        elif isinstance(event, h11.Response):
            head = event
        elif isinstance(event, h11.Data):
            content += event.data
            if len(content) > most_bytes:
                return _made(head, bytes(content[:most_bytes]), complete=False)
        else:
            return _made(head, bytes(content), complete=isinstance(event, h11.EndOfMessage))


def _made(head: object, body: bytes, *, complete: bool) -> OutboundAnswer:
    import h11

    if not isinstance(head, h11.Response):
        raise h11.RemoteProtocolError("no answer")
    headers: dict[str, str] = {}
    for name, value in head.headers:
        headers.setdefault(name.decode("latin-1"), value.decode("latin-1"))
    return OutboundAnswer(head.status_code, headers, body, complete)


def _within(look_up: Callable[[], Sequence[str]], until: float) -> Sequence[str]:
    """Run a look-up in a thread and return its result, or nothing where it fails; raises Unreachable when late."""
    found: list[Sequence[str]] = []

    def run() -> None:
        try:
            found.append(look_up())
        except (OSError, UnicodeError):
            found.append(())
        finally:
            _lookups.release()

    if not _lookups.acquire(timeout=max(until - time.monotonic(), 0)):
        raise Unreachable("Too many names are being looked up.")
    thread = threading.Thread(target=run, name="look-up", daemon=True)
    thread.start()
    thread.join(timeout=max(until - time.monotonic(), 0))
    if not found:
        raise Unreachable("Looking up the host took too long.")
    return found[0]


def _words(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "it took too long"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not accepted ({error.verify_message})"
    if isinstance(error, ssl.SSLError):
        return "it does not speak TLS as it should"
    if isinstance(error, ConnectionRefusedError):
        return "it refuses connections"
    return "the connection failed"
