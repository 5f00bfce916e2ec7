"""What callers send to the ledger."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class VerifyRequest(BaseModel):
    """A signed head kept elsewhere, to prove that history was only added to."""

    model_config = ConfigDict(extra="forbid")
    head: Annotated[str, Field(max_length=4000)] | None = None
