from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from accounts import mail
from accounts.model import Credentials
from kernel import clock, config

OWNER = Credentials("usr_1", "ada", "ada@example.com", "hash", 1)


def test_a_token_stands_on_a_line_of_its_own() -> None:
    rendered = mail.render(mail.verify_email("ada@example.com", "ada", "the-token"))

    assert rendered is not None
    assert "the-token" in rendered.text.splitlines()


@pytest.mark.parametrize(
    ("message", "path"),
    [
        (mail.verify_email("a@b.c", "ada", "t"), "verify"),
        (mail.reset_password("a@b.c", "ada", "t"), "reset"),
        (mail.new_device(OWNER, "t", device_name="phone", ip="192.0.2.9", at=0), "disown"),
    ],
)
def test_both_bodies_carry_the_link(message: mail.Message, path: str) -> None:
    rendered = mail.render(message)

    assert rendered is not None
    assert f"https://chat.example/{path}?token=t" in rendered.text.splitlines()
    assert f'href="https://chat.example/{path}?token=t"' in rendered.html


def test_without_a_web_client_the_letter_has_the_code_alone(settings: pytest.MonkeyPatch) -> None:
    settings.setenv("PUBLIC_URL", "")
    config.config.cache_clear()

    rendered = mail.render(mail.verify_email("a@b.c", "ada", "the-token"))

    assert rendered is not None
    assert "the-token" in rendered.text.splitlines()
    assert "href" not in rendered.html


def test_what_people_name_their_devices_is_escaped() -> None:
    rendered = mail.render(mail.session_reused(OWNER, device_name="<img src=x onerror=alert(1)>"))

    assert rendered is not None
    assert "<img" not in rendered.html
    assert "&lt;img" in rendered.html


def test_a_new_device_is_named_with_its_address_and_when_it_was() -> None:
    with clock.held(1_795_000_000_000):
        message = mail.new_device(OWNER, "t", device_name="Firefox on Linux", ip="192.0.2.9", at=clock.now())
    rendered = mail.render(message)

    assert rendered is not None
    assert "on “Firefox on Linux”, from the address 192.0.2.9, at 2026-11-18 11:06 UTC." in rendered.text


@pytest.mark.parametrize("name", ["see evil.example", "http://evil", "call us: 555", "me@evil", "x" * 41])
@pytest.mark.parametrize(
    "write", [partial(mail.new_device, OWNER, "t", ip="::1", at=0), partial(mail.session_reused, OWNER)]
)
def test_a_letter_says_nothing_that_mail_programs_make_links_of(write: Callable[..., mail.Message], name: str) -> None:
    rendered = mail.render(write(device_name=name))

    assert rendered is not None
    assert name not in rendered.text + rendered.html


def test_a_message_for_nobody_makes_no_letter() -> None:
    assert mail.render(mail.nothing("token")) is None


def test_an_unknown_kind_is_an_error_so_that_it_ends_in_the_dead_letters() -> None:
    with pytest.raises(KeyError):
        mail.render({"kind": "advertisement", "to": "a@b.c"})
