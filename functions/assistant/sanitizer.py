"""Removes links, images and tags from answers, whatever a model or a chat has written.

Clients show answers as plain text but turn everything that looks like a URL into a link, so nothing like that is left.
Texts are normalised first: width, invisible characters, HTML entities.
"""

# ruff: noqa: E501 - a rule is one row
from __future__ import annotations

import html
import re
import unicodedata

LINK = "(link)"
MAX_CHARS = 20_000

_INVISIBLE = re.compile("[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff\ufff9-\ufffb\U000e0000-\U000e0fff]")  # fmt: skip
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_TAG = re.compile(r"</?[a-zA-Z!?][^<>]{0,2000}>|</?[a-zA-Z!?][^<>\n]{0,500}$", re.MULTILINE)
_MARKDOWN = re.compile(r"!?\[([^\[\]]*)\]\s*\([^()]*(?:\([^()]*\)[^()]*)*\)?")
_REFERENCE = re.compile(r"!?\[([^\[\]]*)\]\s*\[[^\[\]]*[^\[\]\d\s][^\[\]]*\]")
_DEFINITION = re.compile(r"^\s*\[[^\[\]]+\]:.*$", re.MULTILINE)
_ADDRESS = re.compile(
    r"(?:[a-z][a-z0-9+.-]{0,20}\s?:\s?/\s?/|www\s?\.|\b(?:mailto|tel|sms|data|javascript|vbscript|file|blob|magnet|bitcoin|intent)\s?:(?=\S))\S*",
    re.IGNORECASE,
)
_PROTOCOL_RELATIVE = re.compile(r"(?<![\w:/])//[\w-]+\.\S+")
_MAIL = re.compile(r"\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
# hosts without a scheme: with a path, a port or a query, or with a known top-level domain
_ENDINGS = (
    "com|net|org|info|biz|io|co|ai|app|dev|tv|cc|ly|gl|gg|xyz|top|site|online|shop|store|club|link|live|click|"
    "page|cloud|tech|world|news|blog|ru|cn|fr|uk|eu|jp|kr|br|nl|ch|se|dk|fi|pl|cz|pt|gr|tr|"
    "ua|sa|ir|au|nz|ca|mx|ar|za|ng|ke|tk|ml|ga|cf|gq|pw|ws|su|zip|mov|example|test|invalid|local|localhost|onion|"
    "(?-i:me|to|de|it|es|us|in|be|at|no|il|is|so|my|am|as|la)"  # also words: a sentence may lack its space before one
)
_HOST = r"(?:[^\W_](?:[\w-]{0,61}[^\W_])?[.\u3002\uff0e\uff61])+"
_WITH_PATH = re.compile(rf"(?<![\w@.])(?:{_HOST}[^\W\d_][\w-]{{1,62}}|(?:\d{{1,3}}\.){{3}}\d{{1,3}})(?::\d{{1,5}}|[/?#])\S*")  # fmt: skip
_NAME = re.compile(rf"(?<![\w@.]){_HOST}(?:xn--[\w-]+|{_ENDINGS})(?![\w.-]*\w)\.?", re.IGNORECASE)
_NUMBERS = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.])")
_STRAY_IMAGE = re.compile(r"!(?=\[)")
_SPACES = re.compile(r"[ \t]{2,}")


def clean(text: str) -> str:
    """The text without links, which become `(link)`, and without images and tags; cut to `MAX_CHARS`."""
    plain = _plain(text[:MAX_CHARS])
    for _ in range(4):  # a removal may join the parts of another link around it
        before = plain
        plain = _once(plain)
        if plain == before:
            break
    else:
        plain = re.sub(r"[\[\]<>]|://", " ", plain)
    return _SPACES.sub(" ", plain).strip()


def _plain(text: str) -> str:
    for _ in range(3):
        text = html.unescape(text)
    text = unicodedata.normalize("NFKC", text)
    return _CONTROL.sub(" ", _INVISIBLE.sub("", text))


def _once(text: str) -> str:
    text = _DEFINITION.sub("", text)
    text = _MARKDOWN.sub(r"\1", text)
    text = _REFERENCE.sub(r"\1", text)
    text = _ADDRESS.sub(LINK, text)
    text = _PROTOCOL_RELATIVE.sub(LINK, text)
    text = _MAIL.sub(LINK, text)
    text = _WITH_PATH.sub(LINK, text)
    text = _NAME.sub(LINK, text)
    text = _NUMBERS.sub(LINK, text)
    text = _TAG.sub("", text)
    return _STRAY_IMAGE.sub("", text)


def has_link(text: str) -> bool:
    """Whether anything in a text looks like a link, an image or a tag; False for every answer."""
    return _once(_plain(text)) != _plain(text)
