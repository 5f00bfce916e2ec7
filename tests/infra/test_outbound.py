"""The outbound gate: where it lets requests go, what it sends, and how long and how much it listens."""

from __future__ import annotations

import datetime as dt
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from stellwerk.infra.outbound import Outbound, Refused, Unreachable
from stellwerk.infra.outbound.addresses import is_public, parse
from stellwerk.infra.settings import Settings

LOCAL = Settings(outbound_hosts="127.0.0.1", outbound_http=True)
Serve = Callable[[socket.socket], None]


@contextmanager
def server(serve: Serve, tls: ssl.SSLContext | None = None) -> Iterator[int]:
    """Run a server of bytes: ``serve`` gets each connection."""
    listening = socket.create_server(("127.0.0.1", 0))

    def run() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with ExitStack() as stack:
                stack.enter_context(connection)
                try:
                    if tls is not None:
                        connection = stack.enter_context(tls.wrap_socket(connection, server_side=True))
                    serve(connection)
                except OSError:
                    continue

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield listening.getsockname()[1]
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join(timeout=10)


def answering(answer: bytes, seen: list[bytes] | None = None) -> Serve:
    def serve(connection: socket.socket) -> None:
        received = b""
        while b"\r\n\r\n" not in received:
            received += (chunk := connection.recv(65_536))
            if not chunk:
                return
        head, _, body = received.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
        while len(body) < length:
            body += connection.recv(65_536)
        if seen is not None:
            seen.append(head + b"\r\n\r\n" + body)
        connection.sendall(answer)
    return serve


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nRetry-After: 7\r\n\r\nhi"


@pytest.mark.parametrize("url", [
    "", "   ", "hooks", "//hooks.example/x", "ftp://hooks.example", "file:///etc/passwd", "gopher://127.0.0.1:70/_x",
    "https://", "https:///path", "https://user@hooks.example", "https://user:secret@hooks.example",
    "https://hooks.example\\@evil.example", "https://hooks.example:0", "https://hooks.example:", "https://[::1",
    "https://hooks.example:99999", "https://hooks.example:x", "https://hooks example/", "https://hooks.example/\r\nX: y",
    "https://hooks.exam\tple", "https://b\u00fccher.example", "https://-hooks.example", "https://hooks..example",
    "https://[fe80::1%25eth0]/", "https://[::1%lo]/", "https://[127.0.0.1]/", "https://" + "a" * 3000,
    "https://2130706433/", "https://0x7f000001/", "https://0x7f.1/", "https://127.1/", "https://0177.0.0.1/",
    "https://127.0.0.1.5/", "https://hooks.0x10/", "https://0/", "https://①②⑦.0.0.1/", "https://%31%32%37.0.0.1/",
])
def test_what_is_no_plain_address_is_refused(url: str) -> None:
    with pytest.raises(Refused) as refused:
        Outbound(Settings()).check(url)
    assert refused.value.field == "url"


@pytest.mark.parametrize("url", [
    "https://127.0.0.1/", "https://127.255.255.254/", "https://127.0.0.1./", "https://0.0.0.0/", "https://10.0.0.1/",
    "https://172.31.255.255/", "https://192.168.1.1/", "https://169.254.169.254/latest/meta-data/",
    "https://100.100.100.200/", "https://168.63.129.16/", "https://192.0.0.192/", "https://198.18.0.1/",
    "https://224.0.0.1/", "https://255.255.255.255/", "https://[::1]/", "https://[::]/", "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:8.8.8.8]/", "https://[::ffff:7f00:1]/", "https://[::127.0.0.1]/", "https://[fe80::1]/",
    "https://[fd00:ec2::254]/", "https://[fec0::1]/", "https://[ff02::1]/", "https://[2001:db8::1]/",
    "https://[2002:7f00:1::]/", "https://[2001:0:7f00:1::]/", "https://[64:ff9b::7f00:1]/",
    "https://[64:ff9b:1::808:808]/", "https://localhost/",
])
def test_what_is_not_public_is_refused(url: str) -> None:
    with pytest.raises(Refused, match="not on the public internet"):
        Outbound(Settings()).check(url)


@pytest.mark.parametrize("address", ["8.8.8.8", "172.32.0.1", "2606:4700::1111", "64:ff9b::808:808"])
def test_public_addresses_are_public(address: str) -> None:
    assert is_public(address)


def test_an_address_that_is_none_is_not_public() -> None:
    assert not is_public("hooks.example")
    assert not is_public("2606:4700::1111%eth0")


@pytest.mark.parametrize(("url", "host", "port", "path", "authority"), [
    ("https://Hooks.Example", "hooks.example", 443, "/", "hooks.example"),
    ("HTTPS://hooks.example.:8443/a%20b?c=d&e#f", "hooks.example", 8443, "/a%20b?c=d&e", "hooks.example:8443"),
    ("https://[2606:4700:0::1111]:444?x", "2606:4700::1111", 444, "/?x", "[2606:4700::1111]:444"),
    ("http://my_hooks:80/", "my_hooks", 80, "/", "my_hooks"),
])
def test_an_address_is_read_into_its_parts(url: str, host: str, port: int, path: str, authority: str) -> None:
    target = parse(url)
    assert (target.host, target.port, target.path, target.authority) == (host, port, path, authority)


@pytest.mark.parametrize("found", [["127.0.0.1"], ["8.8.8.8", "10.0.0.7"], ["::1"], ["fe80::1%2"], ["nonsense"]])
def test_a_name_is_judged_by_every_address_it_has(found: list[str]) -> None:
    gate = Outbound(Settings(), lambda host, port: found)
    with pytest.raises(Refused, match="public internet"):
        gate.check("https://hooks.example")
    with pytest.raises(Refused, match="public internet"):
        gate.send("POST", "https://hooks.example")


def test_a_name_that_turns_private_after_the_check_is_refused_when_sending() -> None:
    answers = iter([["8.8.8.8"], ["127.0.0.1"]])
    gate = Outbound(Settings(), lambda host, port: next(answers))
    gate.check("https://hooks.example")
    with pytest.raises(Refused):
        gate.send("POST", "https://hooks.example")


def test_plain_http_is_sent_only_where_a_setting_allows_it() -> None:
    with pytest.raises(Refused, match="scheme is 'http'") as refused:
        Outbound(Settings(outbound_hosts="127.0.0.1")).check("http://127.0.0.1/")
    assert refused.value.allowed == ["https"]
    assert Outbound(LOCAL).check("http://127.0.0.1/").port == 80


@pytest.mark.parametrize(("allowed", "url", "passes"), [
    ("127.0.0.1", "https://127.0.0.1:8443/", True),
    ("other, 127.0.0.1:8443", "https://127.0.0.1:8443/", True),
    ("127.0.0.1:8443", "https://127.0.0.1:9000/", False),
    ("[::1]", "https://[0:0::1]/", True),
    ("LOCALHOST", "https://localhost/", True),
    ("127.0.0.1", "https://localhost/", False),
    ("localhost", "https://127.0.0.1/", False),
    ("example", "https://hooks.example/", False),
])
def test_only_hosts_that_are_named_exactly_may_be_private(allowed: str, url: str, passes: bool) -> None:
    gate = Outbound(Settings(outbound_hosts=allowed), lambda host, port: ["::1" if ":" in host else "127.0.0.1"])
    if passes:
        gate.check(url)
    else:
        with pytest.raises(Refused):
            gate.check(url)


def test_the_request_says_what_it_should_and_the_answer_comes_back() -> None:
    seen: list[bytes] = []
    with server(answering(OK, seen)) as port:
        answer = Outbound(LOCAL).send("POST", f"http://127.0.0.1:{port}/in?a=b#c", headers={"X-Word": "w"}, body=b"{}")
    assert (answer.status, answer.body, answer.complete, answer.headers["retry-after"]) == (200, b"hi", True, "7")
    lines = seen[0].split(b"\r\n")
    assert lines[0] == b"POST /in?a=b HTTP/1.1"
    assert f"Host: 127.0.0.1:{port}".encode() in lines
    assert b"X-Word: w" in lines
    assert seen[0].endswith(b"\r\n\r\n{}")


def test_the_name_is_looked_up_once_and_the_checked_address_is_dialled() -> None:
    seen: list[bytes] = []
    asked: list[str] = []

    def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    with server(answering(OK, seen)) as port:
        Outbound(Settings(outbound_hosts="hooks.example", outbound_http=True), resolve).send(
            "POST", f"http://hooks.example:{port}/")
    assert asked == ["hooks.example"]
    assert f"Host: hooks.example:{port}".encode() in seen[0]


def test_the_next_address_is_tried_where_one_does_not_answer() -> None:
    with server(answering(OK)) as port:
        gate = Outbound(Settings(outbound_hosts="hooks.example", outbound_http=True), lambda host, port: ["::1", "127.0.0.1"])
        assert gate.send("POST", f"http://hooks.example:{port}/").status == 200


def test_a_redirect_is_not_followed() -> None:
    seen: list[bytes] = []
    with server(answering(OK, seen)) as inner:
        moved = f"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:{inner}/\r\nContent-Length: 0\r\n\r\n".encode()
        with server(answering(moved)) as port:
            answer = Outbound(LOCAL).send("POST", f"http://127.0.0.1:{port}/")
    assert answer.status == 302
    assert seen == []


def test_a_long_body_is_cut() -> None:
    long = b"HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n" + b"x" * 300_000
    with server(answering(long)) as port:
        answer = Outbound(LOCAL).send("GET", f"http://127.0.0.1:{port}/", most_bytes=1000)
    assert (len(answer.body), answer.complete) == (1000, False)


@pytest.mark.parametrize("answer", [
    b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000 + b"\r\n\r\n",
    b"HTTP/1.1 200 OK\r\n" + b"".join(b"X%d: y\r\n" % one for one in range(9000)) + b"\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\n" * 50 + OK,
    b"SSH-2.0-OpenSSH_9.0\r\n", b"", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhi",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nhi",
])
def test_what_is_no_proper_answer_is_none(answer: bytes) -> None:
    with server(answering(answer)) as port, pytest.raises(Unreachable):
        Outbound(LOCAL).send("POST", f"http://127.0.0.1:{port}/")


def test_an_answer_in_small_drops_ends_at_the_time_limit() -> None:
    ended = threading.Event()

    def drip(connection: socket.socket) -> None:
        connection.recv(65_536)
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        while not ended.wait(0.02):
            connection.sendall(b"X: y\r\n")

    with server(drip) as port:
        began = time.monotonic()
        with pytest.raises(Unreachable, match="too long"):
            Outbound(LOCAL).send("POST", f"http://127.0.0.1:{port}/", seconds=0.3)
        took = time.monotonic() - began
        ended.set()
    assert took < 5


def test_a_receiver_that_never_reads_ends_at_the_time_limit() -> None:
    ended = threading.Event()
    with server(lambda connection: ended.wait(30) and None) as port:
        with pytest.raises(Unreachable, match="too long"):
            Outbound(LOCAL).send("POST", f"http://127.0.0.1:{port}/", body=b"x" * 30_000_000, seconds=0.3)
        ended.set()


def test_a_port_where_nobody_listens_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(Unreachable, match="refuses connections"):
        Outbound(LOCAL).send("POST", f"http://127.0.0.1:{port}/")


def test_a_look_up_that_hangs_ends_at_the_time_limit() -> None:
    ended = threading.Event()

    def resolve(host: str, port: int) -> list[str]:
        ended.wait(30)
        return []

    with pytest.raises(Unreachable, match="took too long"):
        Outbound(Settings(), resolve).send("POST", "https://hooks.example/", seconds=0.1)
    ended.set()


def test_an_unknown_name_is_unreachable() -> None:
    def resolve(host: str, port: int) -> list[str]:
        raise socket.gaierror(-2, "Name or service not known")

    with pytest.raises(Unreachable, match="Nobody knows"):
        Outbound(Settings(), resolve).check("https://hooks.example/")


def certificate(folder: Path, name: str) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    made = (x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
            .serial_number(7).not_valid_before(now - dt.timedelta(days=1))
            .not_valid_after(now + dt.timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name), x509.IPAddress(ipaddress.ip_address("127.0.0.2"))]), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256()))
    chain, private = folder / "chain.pem", folder / "key.pem"
    chain.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                          serialization.NoEncryption()))
    return chain, private


def test_tls_asks_for_the_name_and_takes_no_other_certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chain, private = certificate(tmp_path, "hooks.example")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, private)
    named: list[str | None] = []
    context.sni_callback = lambda _socket, name, _context: named.append(name)
    settings = Settings(outbound_hosts="hooks.example,other.example")
    with server(answering(OK), context) as port:
        untrusting = Outbound(settings, lambda host, port: ["127.0.0.1"])
        with pytest.raises(Unreachable, match="certificate"):
            untrusting.send("POST", f"https://hooks.example:{port}/")
        monkeypatch.setenv("SSL_CERT_FILE", str(chain))
        gate = Outbound(settings, lambda host, port: ["127.0.0.1"])
        assert gate.send("POST", f"https://hooks.example:{port}/").status == 200
        with pytest.raises(Unreachable, match="certificate"):
            gate.send("POST", f"https://other.example:{port}/")
    assert named == ["hooks.example", "hooks.example", "other.example"]


def test_a_port_that_speaks_no_tls_is_unreachable() -> None:
    with server(answering(OK)) as port, pytest.raises(Unreachable):
        Outbound(Settings(outbound_hosts="127.0.0.1")).send("POST", f"https://127.0.0.1:{port}/", seconds=0.5)
