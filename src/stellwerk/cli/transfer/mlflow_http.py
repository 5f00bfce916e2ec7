"""Calls of a foreign MLflow server, with the caller's credentials for it and never with ours."""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from stellwerk.client.http import ApiError, Unreachable
from stellwerk.kernel.errors import BadInput, Unauthenticated

if TYPE_CHECKING:
    import httpx

_SECONDS = 300.0
_PAUSES = (0.5, 2.0, 5.0)
_OURS = "stw_"
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def credentials(token_here: str | None, environment: Mapping[str, str] = os.environ) -> tuple[str, str, str]:
    """Return (user, password, token) for a source; a token of this installation is meant for it alone."""
    named = [environment.get(f"STELLWERK_SOURCE_{name}", "") for name in ("USER", "PASSWORD", "TOKEN")]
    if any(named):
        return named[0], named[1], named[2]
    user, password, token = (environment.get(f"MLFLOW_TRACKING_{name}", "")
                             for name in ("USERNAME", "PASSWORD", "TOKEN"))
    ours = {token_here} if token_here else set()
    if token.startswith(_OURS) or token in ours:
        token = ""
    if password.startswith(_OURS) or password in ours:
        user = password = ""
    return user, password, token


class MlflowHttp:
    """One MLflow server. Raises ApiError for refusals, Unreachable for no answer, Unauthenticated."""

    def __init__(self, address: str, secrets: tuple[str, str, str], workspace: str = "default") -> None:
        import httpx

        parts = urlsplit(address)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise BadInput(f"{address} is no address of an MLflow server.", field="source", value=address,
                           allowed="http://HOST:PORT or https://HOST")
        host = parts.netloc.rpartition("@")[2]
        self.address = urlunsplit((parts.scheme, host, parts.path.rstrip("/"), "", ""))
        user, password, token = secrets
        if parts.username:
            user, password, token = parts.username, parts.password or "", ""
        headers = {"authorization": f"Bearer {token}"} if token else {}
        if workspace != "default":
            headers["x-mlflow-workspace"] = workspace
        self._http = httpx.Client(base_url=self.address, headers=headers, timeout=_SECONDS, follow_redirects=False,
                                  auth=(user, password) if user or password else None,
                                  trust_env=parts.hostname not in _LOOPBACK)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def get(self, path: str, /, **query: Any) -> dict[str, Any]:
        """Ask below /api/2.0/mlflow; parameters that are None are left out."""
        return self._json("GET", path, params={name: value for name, value in query.items() if value is not None})

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Ask by POST below /api/2.0/mlflow."""
        return self._json("POST", path, json={name: value for name, value in body.items() if value is not None})

    def _json(self, method: str, path: str, **parts: Any) -> dict[str, Any]:
        answer = self._send(method, f"/api/2.0/mlflow{path}", **parts)
        try:
            body = answer.json()
        except ValueError:
            body = None
        self._check(answer.status_code, body)
        if not isinstance(body, dict):
            raise BadInput(f"{self.address} did not answer as an MLflow server does.", field="source",
                           value=self.address)
        return body

    def _send(self, method: str, path: str, **parts: Any) -> httpx.Response:
        import httpx

        for pause in (*_PAUSES, None):
            try:
                answer = self._http.request(method, path, **parts)
            except httpx.TransportError as error:
                if pause is None:
                    raise self._silent(error) from None
            else:
                if answer.status_code not in (429, 502, 503, 504) or pause is None:
                    return answer
            time.sleep(pause)
        raise AssertionError("the last attempt returns or raises")

    def _silent(self, error: Exception) -> Unreachable:
        return Unreachable(f"{self.address} does not answer: {str(error) or type(error).__name__}", field="source",
                           value=self.address, hint="Nothing is lost: the same command goes on where this one stopped.")

    def _check(self, status: int, body: Any) -> None:
        if status in (401, 403):
            raise Unauthenticated(
                f"{self.address} does not let this caller in.", field="source", value=self.address,
                hint="Set STELLWERK_SOURCE_USER and STELLWERK_SOURCE_PASSWORD, or STELLWERK_SOURCE_TOKEN.")
        if status >= 300:
            known = body if isinstance(body, dict) else {}
            raise ApiError(status, {**known, "message": f"{self.address}: "
                                    f"{known.get('message') or f'answered with status {status}'}"})

    @contextlib.contextmanager
    def download(self, path: str, query: Mapping[str, str]) -> Iterator[Path]:
        """Yield a file with the bytes of an answer, gone afterwards; nothing of the answer names it."""
        import httpx

        with tempfile.TemporaryDirectory(prefix="stellwerk-import-") as folder:
            kept = Path(folder) / "artifact"
            try:
                with self._http.stream("GET", path, params=query) as answer:
                    if answer.status_code >= 300:
                        answer.read()
                        self._check(answer.status_code, None)
                    with kept.open("wb") as stream:
                        for piece in answer.iter_bytes(1 << 20):
                            stream.write(piece)
            except httpx.TransportError as error:
                raise self._silent(error) from None
            yield kept
