"""The types and names that the drive takes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drive import media_types, model
from kernel.errors import UnsupportedMediaType, ValidationFailed


def test_parts_cover_a_file_exactly() -> None:
    for size in (16 * model.MIB + 1, 300 * model.MIB, model.GIB, model.GIB + 1, 5 * model.GIB):
        sizes = model.part_sizes(size)
        assert sum(sizes) == size
        assert len(sizes) <= 1_000
        assert all(each >= 5 * model.MIB for each in sizes[:-1])


@given(st.text(max_size=300))
def test_any_name_is_taken_or_refused(name: str) -> None:
    try:
        taken = model.require_name(name)
    except ValidationFailed:
        return
    assert "/" not in taken
    assert "\\" not in taken
    assert taken.isprintable() or not any(ord(char) < 32 for char in taken)


@pytest.mark.parametrize(
    ("named", "meant"),
    [
        ("audio/x-m4a", "audio/mp4"),  # Chromium, of a voice memo of an iPhone
        ("audio/mp4a-latm", "audio/mp4"),
        ("video/matroska", "video/x-matroska"),  # the registered name (RFC 9559)
        ("audio/matroska", "video/x-matroska"),
        ("video/x-m4v", "video/mp4"),
        ("video/3gpp", "video/mp4"),
        ("Audio/MP3", "audio/mpeg"),
        ("audio/vnd.dlna.adts", "audio/aac"),  # Chromium on Windows
        ("image/jpg", "image/jpeg"),
        ("image/heic-sequence", "image/heic"),
        ("application/x-rar", "application/vnd.rar"),
        ("text/tab-separated-values", "text/plain"),
        ("text/x-log", "text/plain"),
        ("text/x-vcard", "text/vcard"),
    ],
)
def test_a_type_may_have_the_names_that_browsers_give_it(named: str, meant: str) -> None:
    assert media_types.require_type(named) == meant


def test_a_table_of_commas_is_no_workbook_where_excel_has_named_it() -> None:
    """Chromium on Windows takes the type of .csv from the registry, where Excel has written its own."""
    assert media_types.require_type("application/vnd.ms-excel", "Members.CSV") == "text/csv"
    assert media_types.require_type("application/vnd.ms-excel", "members.xls") == "application/vnd.ms-excel"
    assert media_types.require_type("application/pdf", "members.csv") == "application/pdf"


def test_types_are_taken_without_parameters_and_case() -> None:
    assert media_types.require_type("Text/Plain; charset=utf-8") == "text/plain"
    with pytest.raises(UnsupportedMediaType):
        media_types.require_type("application/x-sh")


def test_what_a_browser_might_run_is_served_as_bytes() -> None:
    assert (
        media_types.served_type("text/html") == media_types.served_type("image/svg+xml") == "application/octet-stream"
    )
    assert media_types.served_type("image/png") == "image/png"
