#!/usr/bin/env bash
# pydantic 2.13.5 with time-machine 3.6.0 or freezegun 1.5.5: FutureDatetime asks a clock that neither of them can stop.
#
# A good guess: time-machine changes the clock below Python, in C, so that everything which asks for the time gets the
# one of the test, freezegun at least everything in Python; a model validated in a test of 2030 takes what is future in
# 2030.
# What happens: the "now" of FutureDatetime, PastDatetime, FutureDate and PastDate is taken by the part of pydantic that
# is written in Rust, from the system. With the clock at 2030 a reminder for 2028 is taken as future, and one that was
# sent in 2028 is refused as not past, while `datetime.now()` on the next line says 2030. In the other direction, at
# 2020, it is the same. Nothing warns of it.
# For users: tests of reminders and of closing times agree today by accident and turn red on a day in the calendar, or
# never see the rule at work; a service that holds its clock, to replay a log, refuses what was valid. Compare in a
# validator of your own with the clock that the rest uses; `context` of `model_validate` can carry it.
# Source: https://github.com/pydantic/pydantic/issues/11209 (freezegun and PastDate, of 2025);
# https://github.com/pydantic/pydantic-core/pull/295; https://time-machine.readthedocs.io/en/latest/usage.html (what is
# changed); https://docs.pydantic.dev/latest/api/types/#pydantic.types.FutureDatetime.
set -euo pipefail
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
python3 -m venv "$here/venv"
"$here/venv/bin/pip" install -q --disable-pip-version-check pydantic==2.13.5 time-machine==3.6.0 freezegun==1.5.5
"$here/venv/bin/python" - <<'EOF'
from datetime import UTC, datetime, timedelta
from importlib.metadata import version

import freezegun
import time_machine
from pydantic import FutureDate, FutureDatetime, PastDate, PastDatetime, TypeAdapter, ValidationError

TYPES = {each.__name__: TypeAdapter(each) for each in (FutureDatetime, PastDatetime, FutureDate, PastDate)}
TODAY = datetime.now(UTC)  # pinned packages, whatever day it is


def taken(years):
    """The types that take a time so many years from the real today."""
    day = (TODAY + timedelta(days=365 * years)).replace(hour=0, minute=0, second=0, microsecond=0)
    names = []
    for name, adapter in TYPES.items():
        try:
            adapter.validate_python(day.isoformat())
        except ValidationError:
            continue
        names.append(name)
    return names


print(*(f"{each} {version(each)}" for each in ("pydantic", "time-machine", "freezegun")))
future, past = ["FutureDatetime", "FutureDate"], ["PastDatetime", "PastDate"]
for stop in (time_machine.travel, freezegun.freeze_time):
    for shift, asked, real in ((4, 2, future), (-4, -2, past)):
        stopped = TODAY + timedelta(days=365 * shift)
        with stop(stopped):
            assert abs(datetime.now(UTC) - stopped) < timedelta(minutes=1)
            names = taken(asked)
        print(f"{stop.__module__}, clock {shift:+} years: a time of {asked:+} years is {', '.join(names)}")
        assert names == real, "the stopped clock is asked now: this finding is out of date"
EOF
