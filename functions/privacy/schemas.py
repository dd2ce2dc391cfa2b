"""Request and response bodies of privacy."""

from typing import Annotated

from pydantic import Field

from accounts.schemas import AnyPassword
from kernel.schema import Input, Instant, Output, Secret
from privacy.model import ExportStatus


class ErasureRequest(Input):
    password: AnyPassword


class ErasureAnswer(Output):
    """When the erasure begins; until then it can be cancelled by signing in and restoring."""

    erased_at: Instant


class ExportRequest(Input):
    """`password` is required when the session's last step-up is older than 10 minutes."""

    password: Annotated[Secret | None, Field(min_length=1, max_length=1024, repr=False)] = None


class Export(Output):
    """A ZIP of all data held on the caller; `url` is signed anew for each response while the file exists."""

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
