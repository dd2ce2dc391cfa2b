"""Request and response bodies of accounts."""

from typing import Annotated, Any

from pydantic import AfterValidator, Field

from accounts.passwords import MAX_CHARS, MIN_CHARS
from kernel.schema import Handle, Input, Instant, Name, Opaque, Output, Secret
from users.model import require_username
from users.schemas import DisplayName, FullProfile

# HTML's definition of a valid e-mail address, with at least one dot in its domain
_EMAIL = r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](-*[A-Za-z0-9])*(\.[A-Za-z0-9](-*[A-Za-z0-9])*)+$"

Email = Annotated[Opaque, Field(max_length=254, pattern=_EMAIL)]
Username = Annotated[Handle, Field(pattern=r"^[a-z0-9_.]{3,30}$"), AfterValidator(require_username)]
NewPassword = Annotated[Secret, Field(min_length=MIN_CHARS, max_length=MAX_CHARS, repr=False)]
AnyPassword = Annotated[Secret, Field(min_length=1, max_length=1024, repr=False)]
OneTimeToken = Annotated[Opaque, Field(min_length=1, max_length=128, repr=False)]


class Registration(Input):
    email: Email
    username: Username
    password: NewPassword
    display_name: DisplayName


class SignIn(Input):
    """`totp` is a code of the second factor or a recovery code; accounts without a second factor ignore it."""

    identifier: Annotated[Opaque, Field(min_length=1, max_length=254)]
    password: AnyPassword
    device_name: Annotated[Name, Field(min_length=1, max_length=100)] | None = None
    totp: Annotated[Opaque | None, Field(max_length=64, repr=False)] = None


class Refresh(Input):
    refresh_token: Annotated[Opaque, Field(min_length=1, max_length=1024, repr=False)]


class PasswordChange(Input):
    current_password: AnyPassword
    new_password: NewPassword


class ForgottenPassword(Input):
    email: Email


class PasswordReset(Input):
    token: OneTimeToken
    new_password: NewPassword


class EmailVerification(Input):
    token: OneTimeToken


class Disowning(Input):
    token: OneTimeToken


class Tokens(Output):
    """`must_enrol`, only if true: a second factor is demanded, and until one is enrolled nothing else may be done."""

    access_token: str
    refresh_token: str
    token_type: str
    expires_in: int
    session_id: str
    must_enrol: bool = Field(default=False, exclude_if=lambda value: not value)


class SignedIn(Output):
    user: FullProfile
    tokens: Tokens


class Refreshed(Output):
    tokens: Tokens


class Session(Output):
    """A signed-in device; `current` is the calling one."""

    session_id: str
    device_name: str | None
    ip: str
    created_at: Instant
    last_seen_at: Instant
    current: bool


class SessionList(Output):
    items: list[Session]
    next_cursor: str | None


class JwkSet(Output):
    """RFC 7517."""

    keys: list[dict[str, Any]]
