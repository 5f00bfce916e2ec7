"""What callers send to move a service along its way."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Reason = Annotated[str, Field(max_length=4000)]


class Commit(BaseModel):
    """The commit that the folder stood at."""

    model_config = ConfigDict(extra="forbid")
    id: Annotated[str, Field(max_length=64)]
    dirty: bool = False
    remote: Annotated[str, Field(max_length=500)] | None = None


class JobRequest(BaseModel):
    """A bundle to check, train or ship, with the digests of the data files beside it."""

    model_config = ConfigDict(extra="forbid")
    kind: Literal["ship", "train", "check"]
    bundle: Digest
    files: Annotated[dict[Annotated[str, Field(max_length=500)], Digest], Field(max_length=100)] = {}
    commit: Commit | None = None
    again: bool = False


class Answer(BaseModel):
    """A person's yes or no on a version."""

    model_config = ConfigDict(extra="forbid")
    verdict: Literal["approve", "reject"]
    reason: Reason
    digest: Digest | None = None
    accept_undecided: Annotated[list[Annotated[str, Field(max_length=200)]], Field(max_length=50)] = []
    until: Annotated[str, Field(max_length=40)] | None = None


class ReleaseRequest(BaseModel):
    """A version to release; with a share it becomes canary, without it champion."""

    model_config = ConfigDict(extra="forbid")
    version: Annotated[int, Field(ge=1, lt=2**31)]
    share: float | None = None


class RollbackRequest(BaseModel):
    """Where to go back to; without a version a canary is ended, or the champion before returns."""

    model_config = ConfigDict(extra="forbid")
    version: Annotated[int, Field(ge=1, lt=2**31)] | None = None
    reason: Reason
