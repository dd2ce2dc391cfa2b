"""Whatever comes from outside is read or refused by our own error (R41): texts, headers, tokens, bytes of files.

Parsers with fuzzing of their own beside their other tests: cursors (test_paging), times (test_clock), MLS framing
(test_framing), signatures (test_drive_contents), ZIP directories (test_drive_archives), names of files
(test_drive_media_types), emoji (messages/test_model), texts of search (test_search_model), Markdown of the web client
(markup.test.ts).
`make fuzz` gives each parser fifty times as many examples.
"""

from __future__ import annotations

import gzip
import io
import json
import random
from base64 import urlsafe_b64encode
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from accounts.factors import passkeys, totp
from accounts.factors.model import Totp
from accounts.sessions import refresh_tokens
from drive import media_types
from drive.sharing import link_store
from drive.uploads import archives, thumbnails
from invitations import store as invitations
from kernel import auth, blobs, clock, http, idempotency, ids, keyrings, origin, outbound, text
from kernel.blobs import Blob
from kernel.errors import Problem
from keys import framing, packages
from search import model as search
from tests.mls import Package

with_keys = examples(suppress_health_check=[HealthCheck.function_scoped_fixture])
NOW_S = 1_764_000_000
FACTOR = Totp("usr_1", "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", ())
# what clients can send: any character, halves of pairs too, and what texts of protocols are made of
ANY_TEXT = st.text(st.characters(), max_size=300) | st.text(
    "abcXYZ019.-_~:/?#[]@!$&'()*+,;=%\\\"< \t\r\n\0", max_size=300
)


def _base64(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _passkey(said: str) -> object:
    return passkeys._find_by_credential({"id": said, "response": {"userHandle": said}})


def _forwarded(said: str) -> str:
    key = {origin.EDGE_KEY: keyrings.edge.seeds()[0].kid}
    return origin.address_in(said, {}) + origin.address_in("192.0.2.1", {"x-forwarded-for": said, **key})


READERS: dict[str, Callable[[str], object]] = {
    "access token": auth.verify,
    "refresh token": refresh_tokens.decode,
    "Idempotency-Key": idempotency.require_key,
    "X-Forwarded-For": _forwarded,
    "code of a second factor": lambda said: totp._step_of(FACTOR, said),
    "recovery code": totp._normalise,
    "passkey": _passkey,
    "link of a file": lambda said: http._PATH_ID.fullmatch(said) and link_store.token_hash(said),
    "invitation": lambda said: http._PATH_ID.fullmatch(said) and invitations.hashed(said),
    "content type of a file": media_types.require_type,
    "query of a search": lambda said: search.parse(said),
    "id": lambda said: (ids.is_id(said, "usr"), ids.position(said)),
    "name": lambda said: (text.is_one_line(said), text.shows(said), text.sameness(said)),
}
# these raise ValueError to the schema that they belong to, which names the field
READERS_OF_FIELDS: dict[str, Callable[[str], object]] = {
    "address to call": outbound.parse,
    "time": clock.parse,
    "time zone": clock.zone,
}


@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
@with_keys
@given(said=ANY_TEXT)
def test_any_text_is_read_or_refused(reader: Callable[[str], object], said: str) -> None:
    with suppress(Problem):
        reader(said)


@pytest.mark.parametrize("reader", READERS_OF_FIELDS.values(), ids=READERS_OF_FIELDS)
@with_keys
@given(said=ANY_TEXT)
def test_any_text_of_a_field_is_read_or_refused(reader: Callable[[str], object], said: str) -> None:
    with suppress(ValueError):
        reader(said)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)


@with_keys
@given(
    header=JSON | st.fixed_dictionaries({"alg": JSON | st.just("ES256")}, optional={"kid": JSON, "crit": JSON}),
    claims=JSON,
    signature=st.binary(max_size=80),
)
def test_any_token_of_three_parts_is_refused(header: Any, claims: Any, signature: bytes) -> None:
    parts = (json.dumps(header).encode(), json.dumps(claims).encode(), signature)
    with pytest.raises(Problem):
        auth.verify(".".join(map(_base64, parts)))


def test_a_token_whose_header_is_nested_without_end_is_refused() -> None:
    deep = b'{"alg":"ES256","kid":' + b"[" * 3_000 + b"]" * 3_000 + b"}"
    with pytest.raises(Problem):
        auth.verify(f"{_base64(deep)}.e30.e30")


@with_keys
@given(credential=st.dictionaries(st.sampled_from(["id", "rawId", "type", "response"]), JSON, max_size=4))
def test_any_credential_of_a_passkey_is_read_or_refused(credential: dict[str, Any]) -> None:
    assert passkeys._find_by_credential(credential) is None


# --- bytes ----------------------------------------------------------------------------------------------------


def _altered(sample: bytes, seed: int) -> bytes:
    """The sample with up to six bytes changed, most of them near its beginning, and sometimes cut off."""
    chance = random.Random(seed)
    content = bytearray(sample)
    for _ in range(chance.randint(1, 6)):
        reach = chance.choice((60, 200, len(content)))
        content[chance.randrange(min(len(content), reach))] = chance.choice((0, 255, chance.randrange(256)))
    return bytes(content[: chance.randrange(len(content))] if chance.random() < 0.2 else content)


SEEDS = st.integers(0, 2**32)


@given(seed=SEEDS)
def test_an_altered_key_package_is_refused(seed: int) -> None:
    package = _package()
    altered = _altered(package.message(), seed)
    if altered != package.message():
        with pytest.raises(framing.Malformed):
            packages.validate(altered, package.owner, now_s=NOW_S)


@cache
def _package() -> Package:
    return Package("usr_1", "phone", not_before=NOW_S, not_after=NOW_S + 86_400)


@given(seed=SEEDS, chunk=st.integers(1, 400))
def test_an_altered_gzip_is_measured_or_refused(seed: int, chunk: int) -> None:
    sample = gzip.compress(b"hello" * 100, mtime=0) + gzip.compress(b"world", mtime=0)
    altered, meter = _altered(sample, seed), archives.GzipMeter()
    for first in range(0, len(altered), chunk):
        meter.feed(altered[first : first + chunk])
    assert meter.problem in (None, "type_mismatch")


@cache
def _picture(kind: str) -> bytes:
    """A small picture that has all that decoders read: transparency, and EXIF with an orientation."""
    from PIL import Image

    picture = Image.new("RGBA", (24, 16), (10, 200, 30, 120))
    for at in range(24):
        picture.putpixel((at, at % 16), (at * 9, 0, 0, 255))
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "a picture"
    out = io.BytesIO()
    mode = "RGB" if kind in ("JPEG", "BMP") else "RGBA"
    extra = {"exif": exif} if kind in ("PNG", "WEBP", "TIFF", "JPEG") else {}
    picture.convert(mode).save(out, kind, **extra)
    return out.getvalue()


def thumbnail_of(content: bytes, keep: Callable[[bytes], object] = len) -> dict[str, Any] | None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(blobs, "find", lambda _key, version: Blob("files/f", version, len(content)))
        patched.setattr(blobs, "read", lambda _blob, first, length: content[first : first + length])
        patched.setattr(blobs, "put", lambda _key, small, **_: keep(small))
        return thumbnails.make("files/f", "v")


KINDS = ("PNG", "JPEG", "GIF", "WEBP", "TIFF", "BMP", "AVIF")


@pytest.mark.parametrize("kind", KINDS)
def test_a_picture_has_a_thumbnail(kind: str) -> None:
    turned = kind in ("PNG", "WEBP", "TIFF", "JPEG")
    assert thumbnail_of(_picture(kind)) == {
        "key": "thumbnails/f",
        "width": 16 if turned else 24,
        "height": 24 if turned else 16,
    }


def _seen(picture: Any, kind: str, profile: bytes) -> tuple[int, ...]:
    """The first pixel of the thumbnail of a picture with a colour profile."""
    from PIL import Image

    out, kept = io.BytesIO(), list[bytes]()
    picture.save(out, kind, icc_profile=profile)
    assert thumbnail_of(out.getvalue(), kept.append)
    with Image.open(io.BytesIO(kept[0])) as small:
        assert "icc_profile" not in small.info
        return tuple(small.tobytes()[: len(small.getbands())])


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF", "AVIF"])
def test_a_thumbnail_has_the_colours_that_the_pictures_profile_means(kind: str) -> None:
    from PIL import Image, ImageCms

    # sRGB with its red and its green swapped, as a camera's wider colours are numbers of another meaning
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for tag, other in ((b"rXYZ", b"----"), (b"gXYZ", b"rXYZ"), (b"----", b"gXYZ")):
        profile = profile.replace(tag, other, 1)
    red, green, blue = _seen(Image.new("RGB", (32, 32), (250, 10, 10)), kind, profile)
    assert (red < 40, green > 215, blue < 40) == (True, True, True)
    assert _seen(Image.new("RGB", (32, 32), (10, 10, 250)), kind, b"no profile")[2] > 215


def test_a_see_through_picture_with_a_profile_stays_so() -> None:
    from PIL import Image, ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert _seen(Image.new("RGBA", (32, 32), (250, 10, 10, 120)), "PNG", profile)[3] == 120


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("kind", KINDS)
@with_keys
@given(seed=SEEDS)
def test_an_altered_picture_has_a_thumbnail_or_none(kind: str, seed: int) -> None:
    found = thumbnail_of(_altered(_picture(kind), seed))
    assert found is None or found["width"] * found["height"] <= thumbnails.MAX_PIXELS


def test_a_picture_that_its_decoder_gives_up_has_no_thumbnail() -> None:
    """The decoders of Pillow raise what they like: of AVIF RuntimeError, of EXIF struct.error."""
    content = _picture("AVIF")
    at = content.index(b"mdat")
    assert thumbnail_of(content[: at + 4] + bytes(len(content) - at - 4)) is None
