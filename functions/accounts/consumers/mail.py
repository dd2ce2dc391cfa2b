"""The mail queue's consumer: sends e-mails by SES (v2)."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from accounts.mail import render
from kernel import aws
from kernel.config import config
from kernel.consumers import each_message


class LetterRefused(Exception):
    """SES refused an e-mail; the message is its error code only, because its text may have the address."""


def _settings() -> dict[str, str]:
    """The configuration set, by which SES suppresses addresses that bounced or complained."""
    name = config().mail_configuration_set
    return {"ConfigurationSetName": name} if name else {}


def send(message: dict[str, Any]) -> None:
    """Send the e-mail of one message; a repeated message may be sent again."""
    mail = render(message)
    if mail is None:
        return
    try:
        aws.client("sesv2").send_email(
            FromEmailAddress=config().mail_sender,
            Destination={"ToAddresses": [message["to"]]},
            **_settings(),
            Content={
                "Simple": {
                    "Subject": {"Data": mail.subject, "Charset": "UTF-8"},
                    "Body": {
                        "Text": {"Data": mail.text, "Charset": "UTF-8"},
                        "Html": {"Data": mail.html, "Charset": "UTF-8"},
                    },
                }
            },
        )
    except ClientError as error:
        raise LetterRefused(error.response["Error"]["Code"]) from None


handler = each_message("mail", send)
