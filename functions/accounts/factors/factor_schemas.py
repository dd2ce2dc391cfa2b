"""Request and response bodies of second factors."""

from typing import Annotated

from pydantic import Field

from accounts.schemas import AnyPassword
from kernel.schema import Input, Output, Secret

Code = Annotated[Secret, Field(min_length=1, max_length=64, repr=False)]


class NewTotp(Input):
    password: AnyPassword


class TotpCode(Input):
    code: Code


class TotpRemoval(Input):
    """`code` may be a recovery code."""

    password: AnyPassword
    code: Code


class TotpEnrolment(Output):
    """Returned once. Each recovery code can be used once, in place of a TOTP code."""

    secret: str
    otpauth_uri: str
    recovery_codes: list[str]
