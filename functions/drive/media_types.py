"""The allowed content types of files, and their categories. Standard library and kernel only."""

from __future__ import annotations

from collections.abc import Mapping

from kernel.errors import UnsupportedMediaType

_TYPES: Mapping[str, tuple[str, ...]] = {
    "image": (
        *("image/jpeg", "image/png", "image/gif", "image/webp", "image/avif", "image/heic", "image/heif"),
        *("image/bmp", "image/tiff", "image/svg+xml"),
    ),
    "video": ("video/mp4", "video/webm", "video/quicktime", "video/x-matroska", "video/mpeg", "video/x-msvideo"),
    "audio": (
        *("audio/mpeg", "audio/mp4", "audio/aac", "audio/ogg", "audio/wav", "audio/x-wav", "audio/webm"),
        *("audio/flac", "audio/x-flac", "audio/opus"),
    ),
    "document": (
        *("application/pdf", "application/msword", "application/vnd.ms-excel", "application/vnd.ms-powerpoint"),
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        *("application/vnd.oasis.opendocument.text", "application/vnd.oasis.opendocument.spreadsheet"),
        *("application/vnd.oasis.opendocument.presentation", "application/epub+zip", "application/rtf", "text/rtf"),
        *("text/plain", "text/csv", "text/markdown", "text/html", "text/xml", "text/calendar", "text/vcard"),
        *("application/json", "application/xml"),
    ),
    "archive": (
        *("application/zip", "application/x-zip-compressed", "application/gzip", "application/x-gzip"),
        *("application/x-tar", "application/x-7z-compressed", "application/vnd.rar", "application/x-rar-compressed"),
    ),
    "other": ("application/octet-stream",),
}
# further names of these, as browsers and systems give them by a file's extension
_ALSO: Mapping[str, tuple[str, ...]] = {
    "image/jpeg": ("image/jpg", "image/pjpeg"),
    "image/heic": ("image/heic-sequence",),
    "image/heif": ("image/heif-sequence",),
    "image/bmp": ("image/x-ms-bmp", "image/x-bmp"),
    "video/mp4": ("video/x-m4v", "video/3gpp", "video/3gpp2"),
    "video/x-matroska": ("video/matroska", "audio/matroska", "audio/x-matroska"),
    "video/x-msvideo": ("video/avi", "video/vnd.avi", "video/msvideo"),
    "audio/mpeg": ("audio/mp3", "audio/x-mp3", "audio/x-mpeg"),
    "audio/mp4": ("audio/x-m4a", "audio/m4a", "audio/x-m4b", "audio/mp4a-latm", "audio/3gpp", "audio/3gpp2"),
    "audio/aac": ("audio/x-aac", "audio/vnd.dlna.adts"),
    "audio/wav": ("audio/wave", "audio/vnd.wave"),
    "application/pdf": ("application/x-pdf",),
    "text/plain": ("text/x-log", "text/tab-separated-values"),
    "text/csv": ("text/x-csv", "application/csv", "application/x-csv", "text/comma-separated-values"),
    "text/markdown": ("text/x-markdown",),
    "text/vcard": ("text/x-vcard",),
    "application/zip": ("application/x-zip",),
    "application/vnd.rar": ("application/x-rar",),
}
_MEANT = {also: mime for mime, others in _ALSO.items() for also in others}
CATEGORIES = tuple(_TYPES)
ENCRYPTED_TYPE = "application/octet-stream"  # of files that clients have encrypted
_CATEGORY = {mime: category for category, types in _TYPES.items() for mime in types}
# served as bytes, because a browser that showed them would run their scripts
_UNSAFE_INLINE = frozenset({"text/html", "image/svg+xml", "text/xml", "application/xml"})


def category(content_type: str) -> str:
    return _CATEGORY.get(content_type, "other")


def require_type(content_type: str, name: str = "") -> str:
    """The type in lower case, by its usual name and without parameters; raises UnsupportedMediaType if not allowed.

    The file's name tells a table of commas from a workbook: on Windows with Excel browsers name both alike.
    """
    bare = content_type.partition(";")[0].strip().lower()
    meant = _MEANT.get(bare, bare)
    if meant == "application/vnd.ms-excel" and name.lower().endswith(".csv"):
        meant = "text/csv"
    if meant not in _CATEGORY:
        raise UnsupportedMediaType("Files of this content type are not taken.")
    return meant


def served_type(content_type: str) -> str:
    """The Content-Type of a download (R37)."""
    return "application/octet-stream" if content_type in _UNSAFE_INLINE else content_type
