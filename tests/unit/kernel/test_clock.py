"""Time."""

from __future__ import annotations

import zoneinfo
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel import clock

LATER = "9999-12-31T23:59:59-14:00"  # in the year 10000, which RFC 3339 cannot write


def test_an_instant_is_written_with_milliseconds_and_z() -> None:
    assert clock.rfc3339(1_795_382_645_123) == "2026-11-22T21:24:05.123Z"


@given(st.integers(0, 253_402_300_799_999))
def test_a_written_instant_is_read_back_exactly(instant_ms: int) -> None:
    written = datetime.fromisoformat(clock.rfc3339(instant_ms))
    assert written == datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=instant_ms)


@given(st.integers(0, 253_402_300_799_998))
def test_written_instants_sort_as_instants_do(instant_ms: int) -> None:
    assert clock.rfc3339(instant_ms) < clock.rfc3339(instant_ms + 1)


@given(st.integers(0, 253_402_300_799_999))
def test_what_is_written_is_read(instant_ms: int) -> None:
    assert clock.parse(clock.rfc3339(instant_ms)) == instant_ms


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-22T21:24:05.123Z",
        "2026-11-22t21:24:05.123z",
        "2026-11-22 21:24:05.123Z",
        "2026-11-22T22:24:05.123999999+01:00",
        "2026-11-22T21:24:05.123-00:00",
    ],
)
def test_one_instant_is_read_in_every_notation_of_rfc_3339(text: str) -> None:
    assert clock.parse(text) == 1_795_382_645_123


OTHER_ISO_8601 = ["20261122T212405Z", "2026-W47-7T21:24:05Z", "2026-11-22T21:24Z", "2026-11-22T21:24:05,5Z"]
NOT_ASCII = "２026-11-22T21:24:05Z"


@pytest.mark.parametrize(
    "text",
    [
        *("", "tomorrow", "2026-11-22", "2026-11-22T21:24:05", "21:24:05Z", "5", "-1", LATER, NOT_ASCII),
        *("2026-11-22T21:24:05+00:60", "2026-11-22T21:24:05 Z", "2026-02-30T00:00:00Z", *OTHER_ISO_8601),
    ],
)
def test_what_is_no_instant_with_a_zone_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="RFC 3339"):
        clock.parse(text)


def test_a_held_clock_stands_until_it_is_moved() -> None:
    with clock.held(10_000) as advance:
        assert (clock.now(), clock.now_s()) == (10_000, 10)
        advance(1_500)
        assert (clock.now(), clock.now_s()) == (11_500, 11)


def test_the_clock_runs_again_after_it_was_held() -> None:
    with pytest.raises(LookupError), clock.held(10_000):
        raise LookupError
    assert clock.now() > 1_700_000_000_000


@pytest.fixture
def old_zone_files(tmp_path: Path) -> Iterator[None]:
    """A machine to whose zone files the Chatham Islands still keep UTC."""
    here = tmp_path / "Pacific"
    here.mkdir()
    (here / "Chatham").write_bytes((files("tzdata") / "zoneinfo" / "UTC").read_bytes())
    zoneinfo.reset_tzpath(to=[str(tmp_path)])
    zoneinfo.ZoneInfo.clear_cache()
    clock.zone.cache_clear()
    yield
    zoneinfo.reset_tzpath()
    zoneinfo.ZoneInfo.clear_cache()
    clock.zone.cache_clear()


@pytest.mark.usefixtures("old_zone_files")
def test_zones_are_those_of_the_package_whatever_files_the_machine_has() -> None:
    noon = datetime(2026, 7, 1, 12, tzinfo=UTC)
    assert noon.astimezone(zoneinfo.ZoneInfo("Pacific/Chatham")).utcoffset() == timedelta(0)
    assert noon.astimezone(clock.zone("Pacific/Chatham")).utcoffset() == timedelta(hours=12, minutes=45)


@pytest.mark.parametrize(
    "name",
    ["Europe", "Europe/Atlantis", "../Europe/Berlin", "/etc/localtime", "zone.tab", "a\0b", "", "Europe/Berlin "],
)
def test_what_is_no_zone_is_refused(name: str) -> None:
    with pytest.raises(ValueError):
        clock.zone(name)
