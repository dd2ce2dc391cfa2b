"""People: requests and answers."""

from typing import Annotated

from pydantic import Field

from kernel.schema import Instant, Name, Opaque, Output
from users.model import Audience, Role

DisplayName = Annotated[Name, Field(min_length=1, max_length=100)]
Locale = Annotated[Opaque, Field(max_length=35, pattern=r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$")]


class PublicProfile(Output):
    """A person as everybody sees them. `avatar_url` needs no token; it is good for up to an hour."""

    id: str
    username: str
    display_name: str
    avatar_url: str | None
    bio: str | None


class UserSettingsOut(Output):
    read_receipts: bool
    last_seen: Audience
    ai_enabled: bool


class FullProfile(PublicProfile):
    """A person as they see themselves. `erased_at` is when an erasure that they asked for begins; null for none."""

    email: str
    email_verified: bool
    locale: str
    settings: UserSettingsOut
    role: Role
    created_at: Instant
    erased_at: Instant | None = None
