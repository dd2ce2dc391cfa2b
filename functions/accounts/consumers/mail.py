"""The mail queue's consumer: sends letters by SES (v2)."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from accounts.mail import letter
from kernel import aws
from kernel.config import config
from kernel.consumers import each_message


class LetterRefused(Exception):
    """SES did not take a letter. Its own error is left out: it may name the address, and errors are logged."""


def _settings() -> dict[str, str]:
    """The configuration set, by which SES keeps addresses that bounced or complained from further letters."""
    name = config().mail_configuration_set
    return {"ConfigurationSetName": name} if name else {}


def send(message: dict[str, Any]) -> None:
    """Send the letter of one message; one that comes again may be sent again."""
    written = letter(message)
    if written is None:
        return
    try:
        aws.client("sesv2").send_email(
            FromEmailAddress=config().mail_sender,
            Destination={"ToAddresses": [message["to"]]},
            **_settings(),
            Content={
                "Simple": {
                    "Subject": {"Data": written.subject, "Charset": "UTF-8"},
                    "Body": {
                        "Text": {"Data": written.text, "Charset": "UTF-8"},
                        "Html": {"Data": written.html, "Charset": "UTF-8"},
                    },
                }
            },
        )
    except ClientError as error:
        raise LetterRefused(error.response["Error"]["Code"]) from None


handler = each_message("mail", send)
