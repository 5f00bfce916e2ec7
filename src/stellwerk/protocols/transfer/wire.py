"""The requests that bring tracked things in, in batches. Times are milliseconds since 1970."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import msgspec

from stellwerk.protocols.mlflow.decoding import Request

Int64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
Time = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
Number = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]
Id = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-zA-Z][0-9a-zA-Z_-]{0,31}$")]
ModelId = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-zA-Z_][0-9a-zA-Z_-]{0,33}$")]
Sha256 = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$")]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
Label = Annotated[str, msgspec.Meta(max_length=500)]
Lifecycle = Literal["active", "deleted"]
Status = Literal["RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED"]
Pair = tuple[str, str]
# Bodies stay below this; a single run whose data sets are described at length may take more.
BODY_BYTES = 8 << 20
LARGE_BODY_BYTES = 64 << 20


class Open(Request):
    """Begin to bring things from a source, or go on with it; ``team`` owns what is brought, None shares it."""

    required: ClassVar[tuple[str, ...]] = ("source", "kind")

    source: Name
    kind: Label
    team: Label | None = None


class Experiment(msgspec.Struct, kw_only=True):
    """An experiment under the id that it has at its source."""

    source_id: Name
    name: Name
    lifecycle: Lifecycle = "active"
    created_at: Time = 0
    updated_at: Time = 0
    tags: list[Pair] = []


class Experiments(Request):
    """Bring experiments; ``merge`` joins those whose names are in use here already."""

    transfer: Number
    experiments: list[Experiment]
    merge: bool = False


class Input(msgspec.Struct, kw_only=True):
    """A data set that a run used."""

    name: Label
    digest: Label
    source_type: str = ""
    source: str = ""
    schema: str | None = None
    profile: str | None = None
    tags: list[Pair] = []


class Run(msgspec.Struct, kw_only=True):
    """A run with all but its metrics; ``models`` are (role, id, step) of logged models that it used or made."""

    id: Id
    experiment: Name
    name: str = ""
    user_id: Label = ""
    status: Status = "FINISHED"
    lifecycle: Lifecycle = "active"
    start_time: Int64 = 0
    end_time: Int64 | None = None
    deleted_at: Int64 | None = None
    params: list[Pair] = []
    tags: list[Pair] = []
    inputs: list[Input] = []
    models: list[tuple[Literal["input", "output"], ModelId, Int64]] = []


class Runs(Request):
    """Bring runs; each stays marked as arriving until it is finished."""

    transfer: Number
    runs: list[Run]


class Series(msgspec.Struct, kw_only=True):
    """Points of one metric as columns of equal length; ``nans`` are the places whose value is not a number."""

    run_id: Id
    key: str
    timestamps: list[Int64]
    steps: list[Int64]
    values: list[float]
    nans: list[int] = []


class Points(Request):
    """Bring points of metrics; the same point again changes nothing."""

    transfer: Number
    series: list[Series]


class Ids(Request):
    """Name runs or logged models."""

    transfer: Number
    ids: list[str]


class ModelPoint(msgspec.Struct, kw_only=True):
    """One point of a metric of a logged model."""

    key: str
    timestamp: Int64 = 0
    step: Int64 = 0
    run_id: Label = ""
    value: float = 0.0
    is_nan: Literal[0, 1] = 0
    dataset_name: Label = ""
    dataset_digest: Label = ""


class LoggedModel(msgspec.Struct, kw_only=True):
    """A logged model with all that belongs to it but its files."""

    id: ModelId
    experiment: Name
    name: Name
    source_run_id: Annotated[str, msgspec.Meta(max_length=32)] = ""
    status: Literal["UNSPECIFIED", "PENDING", "READY", "FAILED"] = "READY"
    status_message: str = ""
    model_type: Label = ""
    lifecycle: Lifecycle = "active"
    created_at: Time = 0
    updated_at: Time = 0
    params: list[Pair] = []
    tags: list[Pair] = []
    metrics: list[ModelPoint] = []


class LoggedModels(Request):
    """Bring logged models."""

    transfer: Number
    models: list[LoggedModel]


class RegisteredModel(msgspec.Struct, kw_only=True):
    """A registered model without its versions; ``last_version`` is the highest number ever given."""

    name: Name
    description: str | None = None
    created_at: Time = 0
    updated_at: Time = 0
    last_version: Number = 0
    tags: list[Pair] = []


class RegisteredModels(Request):
    """Bring registered models."""

    transfer: Number
    models: list[RegisteredModel]


class Version(msgspec.Struct, kw_only=True):
    """A version of a registered model; ``owner_id`` and ``path`` say which run's or logged model's files it is."""

    version: Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]
    created_at: Time = 0
    updated_at: Time = 0
    description: str | None = None
    user_id: str | None = None
    stage: Label = "None"
    source: str = ""
    owner_id: Annotated[str, msgspec.Meta(max_length=34)] | None = None
    path: str | None = None
    run_id: Annotated[str, msgspec.Meta(max_length=32)] | None = None
    run_link: str | None = None
    model_id: Annotated[str, msgspec.Meta(max_length=34)] | None = None
    status: Annotated[str, msgspec.Meta(max_length=24)] = "READY"
    status_message: str | None = None
    tags: list[Pair] = []


class Versions(Request):
    """Bring versions of one registered model."""

    transfer: Number
    name: Name
    versions: list[Version]


class Aliases(Request):
    """Set the aliases of a registered model, after its versions: (alias, version)."""

    transfer: Number
    name: Name
    aliases: list[tuple[str, int]]


class File(msgspec.Struct, kw_only=True):
    """One artifact: its path below the artifact root of its owner, and its content."""

    path: str
    sha256: Sha256
    size: Time


class Files(Request):
    """Name stored contents as artifacts of a run or logged model."""

    transfer: Number
    owner_id: Name
    files: list[File]


class Close(Request):
    """Say that a transfer was proved, with the counts and differences that were found."""

    transfer: Number
    counts: dict[str, int]
    differences: int
