"""What a push carries: no content unless somebody chose it, and never more than a push may hold."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from dataclasses import replace

import pytest

from notifications import encryption, payloads
from notifications.encryption import BrowserKeys
from notifications.model import Kind, Occurrence
from notifications.payloads import Payload, PushPreview

PLAIN = Payload("message", tag="cnv_1", badge=3, conversation_id="cnv_1")


def test_a_push_without_preview_has_no_content() -> None:
    assert json.loads(PLAIN.text()) == {"kind": "message", "conversation_id": "cnv_1", "badge": 3, "tag": "cnv_1"}


def test_a_call_s_push_names_the_call() -> None:
    ring = Payload("call", tag="cal_1", badge=0, conversation_id="cnv_1", call_id="cal_1")
    assert ring.fields() == {
        "kind": "call",
        "conversation_id": "cnv_1",
        "call_id": "cal_1",
        "badge": 0,
        "tag": "cal_1",
    }
    assert (ring.urgency, ring.ttl_s) == ("high", 45)


def test_a_preview_shows_who_where_and_the_beginning() -> None:
    shown = payloads.preview("message", actor="Ada", group="Tea", text="  Water\nis\thot " + "x" * 500)
    assert shown.title == "Ada (Tea)"
    assert shown.body.startswith("Water is hot xx")
    assert len(shown.body) == payloads.BODY_MAX_CHARS
    assert replace(PLAIN, preview=shown).fields()["body"] == shown.body


@pytest.mark.parametrize("kind", ["message", "poll", "file", "call", "mention", "contact_request", "security"])
def test_what_has_no_text_is_said_in_words(kind: Kind) -> None:
    shown = payloads.preview(kind, actor=None, group=None, text=None)
    assert shown.title == "Somebody"
    assert shown.body


def test_the_longest_push_fits_what_push_services_take() -> None:
    longest = PushPreview("\U0001f600" * payloads.TITLE_MAX_CHARS, "\U0001f600" * payloads.BODY_MAX_CHARS)
    text = replace(PLAIN, preview=longest, conversation_id="c" * 40, call_id="c" * 40, tag="t" * 40).text()
    assert len(text) < encryption.MAX_PLAINTEXT_BYTES


def test_the_name_at_the_push_service_tells_nobody_the_conversation() -> None:
    first, second = (payloads.topic(b"key", "cnv_1", device) for device in ("usr_1/d1", "usr_2/d1"))
    assert first != second, "two people of one conversation cannot be matched"
    assert first == payloads.topic(b"key", "cnv_1", "usr_1/d1")
    assert len(first) == 32
    assert set(first) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


@pytest.mark.parametrize(
    ("what", "tag"),
    [
        (Occurrence("k", "message", "usr_1", 0, conversation_id="cnv_1", seq=4), "cnv_1"),
        (Occurrence("k", "call", "usr_1", 0, conversation_id="cnv_1", seq=4, call_id="cal_1"), "cal_1"),
        (Occurrence("k", "missed_call", "usr_1", 0, conversation_id="cnv_1", call_id="cal_1"), "cal_1"),
    ],
)
def test_what_belongs_together_has_one_tag(what: Occurrence, tag: str) -> None:
    assert payloads.tag_of(what) == tag


# --- encryption (RFC 8291, section 5 and appendix A) -----------------------------------------------------------


def _raw(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def test_the_example_of_the_rfc_comes_out_byte_for_byte() -> None:
    from cryptography.hazmat.primitives.asymmetric import ec

    secret = int.from_bytes(_raw("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"), "big")
    browser = BrowserKeys.of(
        "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
        "BTBZMqHH6r4Tts7J_aSIgg",
    )
    body = encryption.encrypt(
        b"When I grow up, I want to be a watermelon",
        browser,
        key=ec.derive_private_key(secret, ec.SECP256R1()),
        salt=_raw("DGv6ra1nlYgDCS1FRnbzlw"),
    )
    assert body == _raw(
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru"
        "3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
    )


def test_what_does_not_fit_one_record_is_refused() -> None:
    browser = BrowserKeys.of(
        "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
        "BTBZMqHH6r4Tts7J_aSIgg",
    )
    assert len(encryption.encrypt(b"x" * encryption.MAX_PLAINTEXT_BYTES, browser)) == 4_096
    with pytest.raises(ValueError, match="at most"):
        encryption.encrypt(b"x" * (encryption.MAX_PLAINTEXT_BYTES + 1), browser)


@pytest.mark.parametrize(
    ("p256dh", "auth"),
    [
        ("", "BTBZMqHH6r4Tts7J_aSIgg"),
        ("BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4", "short"),
        (
            "BAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "BTBZMqHH6r4Tts7J_aSIgg",
        ),
        (
            "ACVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
            "BTBZMqHH6r4Tts7J_aSIgg",
        ),
    ],
)
def test_keys_that_are_none_are_refused(p256dh: str, auth: str) -> None:
    with pytest.raises(ValueError):
        BrowserKeys.of(p256dh, auth)


@pytest.mark.parametrize("reason", sorted(payloads.SECURITY))
def test_each_warning_says_what_happened_to_the_account(reason: str) -> None:
    said = payloads.sentence("security", actor=None, group=None, reference={"reason": reason})
    assert said == payloads.SECURITY[reason]
    assert said.endswith(".")


def test_a_report_by_a_group_s_policy_names_nobody() -> None:
    said = payloads.sentence("report", actor=None, group="Tea", reference={"by": "policy"})
    assert said == "A message in Tea looks harmful."
