"""Privacy: what comes in and what goes out."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from accounts.schemas import AnyPassword
from kernel.schema import Input, Instant, Output, Secret
from privacy.model import ExportStatus


class ErasureRequest(Input):
    password: AnyPassword


class ErasureAnswer(Output):
    """When the erasure begins; until then signing in and restoring takes it back."""

    erased_at: Instant


class ExportRequest(Input):
    """`password` is needed when the session's last proof is older than 10 minutes."""

    password: Annotated[Secret | None, Field(min_length=1, max_length=1024, repr=False)] = None


class Export(Output):
    """A ZIP of everything held on the caller; `url` is signed anew for each answer while it is there."""

    id: str
    status: ExportStatus
    url: str | None
    size: int | None
    created_at: Instant
    expires_at: Instant | None


class ExportBegun(Output):
    id: str
    status: ExportStatus


class ExportList(Output):
    items: list[Export]
    next_cursor: str | None
