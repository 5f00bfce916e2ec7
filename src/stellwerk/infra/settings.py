"""Where an installation lives and how it is set: one folder, one TOML file, environment variables."""

from __future__ import annotations

import os
import sys
import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from stellwerk.kernel.errors import BadInput
from stellwerk.kernel.secret import Secret


@dataclass(frozen=True)
class Home:
    """The folder of one installation and the places in it."""

    path: Path

    @property
    def control(self) -> Path:
        """The control database: everything but decisions and the engine's own job state."""
        return self.path / "control.sqlite"

    @property
    def tracking(self) -> Path:
        """The tracking database, where no PostgreSQL is set: experiments, runs, logged models, registry."""
        return self.path / "tracking.sqlite"

    @property
    def jobs(self) -> Path:
        """The durable engine's own database."""
        return self.path / "jobs.sqlite"

    @property
    def keys_dir(self) -> Path:
        """Signing key and session secret, readable by the owner only."""
        return self.path / "keys"

    @property
    def objects(self) -> Path:
        """Content-addressed bundles, models and artifacts."""
        return self.path / "objects"

    @property
    def lake(self) -> Path:
        """Delta Lake tables of data set versions."""
        return self.path / "lake"

    @property
    def decisions(self) -> Path:
        """Decision segments, one folder per writer."""
        return self.path / "decisions"

    @property
    def snapshots(self) -> Path:
        """Routing snapshots that the gateway reads."""
        return self.path / "snapshots"

    @property
    def work(self) -> Path:
        """Per-attempt folders of jobs; nothing here outlives its job."""
        return self.path / "work"

    @property
    def logs(self) -> Path:
        """Log files of the processes."""
        return self.path / "logs"

    @property
    def run(self) -> Path:
        """Lock and address files of the running processes."""
        return self.path / "run"

    def make(self) -> None:
        """Create the folders, readable by the owner only."""
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        for folder in (self.objects, self.lake, self.decisions, self.snapshots, self.work, self.logs, self.run):
            folder.mkdir(exist_ok=True)
        self.keys_dir.mkdir(exist_ok=True, mode=0o700)


@dataclass(frozen=True)
class Settings:
    """Settings of an installation; each can be set in ``stellwerk.toml`` or as ``STELLWERK_<NAME>``."""

    hosts: str = "127.0.0.1,localhost,[::1]"
    environments: str = str(Path(sys.prefix) / "environments")
    job_seconds: int = 3600
    job_idle_seconds: int = 300
    job_memory_mb: int = 8192
    body_bytes: int = 1 << 20
    upload_bytes: int = 512 << 20
    artifact_bytes: int = 20 << 30
    metrics_public: bool = False
    outbound_hosts: str = ""
    outbound_http: bool = False
    # An address holds a password, so it never shows in a log or an error.
    tracking_database: str = field(default="", repr=False)

    @property
    def host_list(self) -> tuple[str, ...]:
        """Host names that requests may be addressed to."""
        return tuple(name.strip() for name in self.hosts.split(",") if name.strip())

    @property
    def outbound_host_list(self) -> frozenset[str]:
        """Hosts, or HOST:PORT, that requests may go to although they are not on the public internet."""
        return frozenset(name.strip().lower() for name in self.outbound_hosts.split(",") if name.strip())

    @property
    def tracking_address(self) -> Secret | None:
        """The address of the PostgreSQL that keeps tracking; None for the SQLite file of the home.

        Raises BadInput for an address of another kind.
        """
        if not self.tracking_database:
            return None
        if not self.tracking_database.startswith(("postgresql://", "postgres://")):
            raise BadInput("tracking_database is no address of PostgreSQL.", field="tracking_database",
                           allowed="postgresql://USER:PASSWORD@HOST:PORT/NAME, or nothing for SQLite in the home")
        return Secret(self.tracking_database)


def _convert(name: str, kind: object, value: Any, source: str) -> Any:
    if kind == "bool":
        if isinstance(value, bool):
            return value
        if str(value).lower() in ("1", "true", "yes"):
            return True
        if str(value).lower() in ("0", "false", "no"):
            return False
        raise BadInput(f"{source}: {name} is {value!r}, not a truth value", field=name, value=value,
                       allowed=["true", "false"])
    if kind == "int":
        try:
            return int(value)
        except (TypeError, ValueError):
            raise BadInput(f"{source}: {name} is {value!r}, not a whole number", field=name, value=value,
                           allowed="a whole number") from None
    return str(value)


def load_settings(home: Home) -> Settings:
    """Read the settings of an installation: defaults, then the TOML file, then the environment.

    Raises BadInput naming file, setting and what is allowed.
    """
    kinds = {entry.name: entry.type for entry in fields(Settings)}
    values: dict[str, Any] = {}
    file = home.path / "stellwerk.toml"
    if file.exists():
        try:
            content = tomllib.loads(file.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise BadInput(f"{file}: not readable as TOML: {error}", field=str(file)) from error
        for name, value in content.items():
            if name not in kinds:
                raise BadInput(f"{file}: there is no setting {name!r}", field=name, value=value,
                               allowed=sorted(kinds))
            values[name] = _convert(name, kinds[name], value, str(file))
    for name in kinds:
        variable = f"STELLWERK_{name.upper()}"
        if variable in os.environ:
            values[name] = _convert(name, kinds[name], os.environ[variable], variable)
    return Settings(**values)
