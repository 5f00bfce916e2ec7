"""The connection to server and gateway; httpx is imported when the first request is made."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote

from stellwerk.client.bundle import Packed
from stellwerk.client.commit import Commit
from stellwerk.client.wire import Decision, Event, Job, JobKind
from stellwerk.kernel.errors import StellwerkError, Unavailable

if TYPE_CHECKING:
    import httpx

_API = "/api/v1"
_SECONDS = 60.0
_PIECE = 1 << 20


class ApiError(StellwerkError):
    """What the server or gateway answered instead of doing what was asked."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        parts = {name: body.get(name) for name in ("field", "value", "allowed", "hint", "details")}
        super().__init__(str(body.get("message") or f"The server answered with status {status}."), **parts)
        self.code = str(body.get("error_code") or "unexpected_answer")
        self.status = status


class Unreachable(Unavailable):
    """Nothing answered at the address, or the connection broke."""

    code = "unreachable"


def segment(text: object) -> str:
    """Return a text as one segment of an address."""
    return quote(str(text), safe="")


class Connection:
    """Requests to one address with one token. Raises ApiError for refusals, Unreachable for no answer."""

    def __init__(self, address: str, token: str | None) -> None:
        self.address = address.rstrip("/")
        self._token = token
        self._http: httpx.Client | None = None

    def _client(self) -> httpx.Client:
        if self._http is None:
            import httpx

            headers = {"authorization": f"Bearer {self._token}"} if self._token else {}
            # Loopback and in-house addresses: a proxy of the environment would only be in the way.
            self._http = httpx.Client(base_url=self.address, headers=headers, timeout=_SECONDS, trust_env=False)
        return self._http

    def close(self) -> None:
        """Close the connection."""
        if self._http is not None:
            self._http.close()
            self._http = None

    def send(self, method: str, path: str, **parts: Any) -> httpx.Response:
        """Send one request and return the answer whatever its status; raises Unreachable."""
        import httpx

        try:
            return self._client().request(method, path, **parts)
        except httpx.InvalidURL as error:
            raise Unreachable(f"{self.address} is no address: {error}", field="url", value=self.address,
                              allowed="http://HOST:PORT") from None
        except httpx.TransportError as error:
            raise Unreachable(f"{self.address} does not answer: {str(error) or type(error).__name__}", field="url",
                              value=self.address,
                              hint="Start it with stellwerk up, or say where it runs with --url or STELLWERK_URL.",
                              ) from None

    def json(self, method: str, path: str, **parts: Any) -> Any:
        """Send one request and return the JSON of its answer; raises ApiError for a status of 400 and more."""
        answer = self.send(method, path, **parts)
        body = _json_of(answer)
        if answer.status_code >= 400:
            raise ApiError(answer.status_code, body if isinstance(body, dict) else {})
        if body is None and answer.content:
            raise ApiError(answer.status_code, {"message": f"{self.address} did not answer in JSON.",
                                                "hint": "Is this the address of a Stellwerk?"})
        return body


def _json_of(answer: httpx.Response) -> Any:
    try:
        return answer.json()
    except ValueError:
        return None


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        while piece := stream.read(_PIECE):
            yield piece


class Client:
    """All that a command does through the server."""

    def __init__(self, url: str, token: str | None) -> None:
        self.server = Connection(url, token)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.server.close()

    def get(self, path: str, **query: Any) -> Any:
        """Read something below the API's prefix; parameters that are None are left out."""
        chosen = {name: value for name, value in query.items() if value is not None}
        return self.server.json("GET", _API + path, params=chosen)

    def post(self, path: str, body: Any) -> Any:
        """Ask for a change below the API's prefix."""
        return self.server.json("POST", _API + path, json=body)

    def has_object(self, sha256: str) -> bool:
        """Return whether the platform keeps this content already."""
        answer = self.server.send("HEAD", f"{_API}/objects/{sha256}")
        if answer.status_code in (200, 204):
            return True
        if answer.status_code == 404:
            return False
        # HEAD carries no body; the same question by GET says what was wrong.
        self.server.json("GET", f"{_API}/objects/{sha256}")
        return True

    def put_object(self, sha256: str, content: bytes | Path) -> bool:
        """Bring a content unless it is there already; returns whether it was sent."""
        if self.has_object(sha256):
            return False
        size = content.stat().st_size if isinstance(content, Path) else len(content)
        body = _pieces(content) if isinstance(content, Path) else content
        self.server.json("PUT", f"{_API}/objects/{sha256}", content=body,
                         headers={"content-type": "application/octet-stream", "content-length": str(size)})
        return True

    def upload(self, packed: Packed) -> int:
        """Bring a bundle and its data files, only what is missing; returns how many were sent."""
        sent = sum(self.put_object(file.sha256, file.path) for file in packed.data_files)
        return sent + self.put_object(packed.sha256, packed.data)

    def start_job(self, service: str, kind: JobKind, packed: Packed, commit: Commit | None, *,
                  again: bool = False) -> Job:
        """Ask for a job on an uploaded bundle; returns it as queued."""
        job: Job = self.post(f"/services/{segment(service)}/jobs", {
            "kind": kind, "bundle": packed.sha256, "commit": commit, "again": again,
            "files": {file.name: file.sha256 for file in packed.data_files}})
        return job

    def job(self, job_id: str) -> Job:
        """Return a job as it stands."""
        found: Job = self.get(f"/jobs/{segment(job_id)}")
        return found

    def events(self, job_id: str, after: int, wait: float) -> tuple[list[Event], bool]:
        """Return the events after a number, waiting up to ``wait`` seconds for one, and whether the job has ended."""
        body = self.get(f"/jobs/{segment(job_id)}/events", after=after, wait=wait)
        return body["events"], bool(body["done"])

    def cancel(self, job_id: str) -> None:
        """Ask a job to stop."""
        self.post(f"/jobs/{segment(job_id)}/cancel", {})


class Gateway:
    """What a command asks of the gateway."""

    def __init__(self, url: str, token: str | None) -> None:
        self.connection = Connection(url, token)

    def decide(self, service: str, body: dict[str, Any]) -> Decision:
        """Ask for one decision."""
        answer: Decision = self.connection.json("POST", f"/v1/services/{segment(service)}/decisions", json=body)
        return answer
