#!/usr/bin/env bash
# aniso8601 10.0.1 with Flask-RESTful 0.3.10 (PyPI): from nine until 24:00 is from midnight until nine.
#
# A good guess: ISO 8601 has a name for the end of a day, 24:00, which is the next day's 00:00. A parser refuses it
# (RFC 3339 does not have it) or takes the next day.
# What happens: aniso8601 knows 24:00 ("representing midnight" in its messages), and makes it 00:00 of the same day,
# 24 hours too early. An interval "09:00/24:00" lasts minus nine hours, "00:00/24:00" nothing. Flask-RESTful's type
# for intervals in queries puts the earlier time first, so that the evening that was asked for is the morning before
# it, with no error. python-dateutil's isoparse, arrow, ciso8601 and JavaScript take the next day; pydantic and
# `datetime.fromisoformat` (3.11) refuse.
# For users: quiet hours, working hours and "all of today" in exports and calendars end at 24:00 in several countries'
# habits. Who asks for the log of that evening, or silences it, gets another half of the day.
# Source: https://www.iso.org/standard/81801.html (ISO 8601-1:2019/Amd 1:2022, which has "24:00:00" again);
# aniso8601/builders/python.py (`build_time`, hours == 24);
# https://flask-restful.readthedocs.io/en/latest/api.html#flask_restful.inputs.iso8601interval;
# https://tc39.es/ecma262/#sec-date-time-string-format (24:00:00, the end of a day).
set -euo pipefail
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
python3 -m venv "$here/venv"
"$here/venv/bin/pip" install -q --disable-pip-version-check aniso8601==10.0.1 Flask-RESTful==0.3.10 \
    python-dateutil==2.9.0.post0 arrow==1.4.0 ciso8601==2.4.1 pydantic==2.14.4 'setuptools<81'
"$here/venv/bin/python" - <<'EOF'
from datetime import datetime, timedelta

import aniso8601
import arrow
import ciso8601
from dateutil.parser import isoparse
from flask_restful import inputs
from pydantic import TypeAdapter

END = "2026-12-01T24:00:00Z"
EVENING, DAY = f"2026-12-01T09:00:00Z/{END}", f"2026-12-01T00:00:00Z/{END}"


def lasts(interval: str) -> timedelta:
    begin, end = aniso8601.parse_interval(interval)
    return end - begin


def read(parse) -> str:
    try:
        return parse(END).strftime("%d. %H:%M")
    except ValueError:
        return "refused"


begin, end = inputs.iso8601interval(EVENING)
asked = f"{begin:%d. %H:%M} to {end:%d. %H:%M}"
others = [read(each) for each in (isoparse, arrow.get, ciso8601.parse_datetime)]
strict = [read(each) for each in (TypeAdapter(datetime).validate_python, datetime.fromisoformat)]
print("aniso8601:", read(aniso8601.parse_datetime), "| nine to 24:00 lasts", lasts(EVENING), "| a day", lasts(DAY))
print("Flask-RESTful:", EVENING, "is", asked)
print("dateutil, arrow, ciso8601:", *others, "| pydantic, datetime:", *strict)
assert read(aniso8601.parse_datetime) == "01. 00:00"
assert (lasts(EVENING), lasts(DAY)) == (timedelta(hours=-9), timedelta(0))
assert asked == "01. 00:00 to 01. 09:00"
assert others == ["02. 00:00"] * 3
assert strict[0] == "refused"  # datetime's own answer is another one from Python 3.13 on
EOF
