#!/usr/bin/env bash
# pydantic 2.13.5 and 2.14.4: who was born between May 1969 and August 1970 is born elsewhere in time, by milliseconds.
#
# A good guess: a field of type `date` or `datetime` that takes numbers takes one unit. Who sends `Date.getTime()`,
# milliseconds, and gets today's date right, and dates of 2000 and 1950 as well, has chosen the right one.
# What happens: the unit is guessed for each number: up to 20,000,000,000 in size they are seconds, beyond milliseconds.
# A millisecond's number is that small from 15 May 1969 to 20 August 1970. So 24 December 1969 becomes 1948, 23 June 1970
# becomes 2443 and 16 May 1969 becomes 1340, without an error, in a `date` as in a `datetime`; 2 January 1970 becomes
# 1972, which nobody doubts. A text of digits goes the same way.
# For users: whoever was born in these fifteen months, 56 or 57 years old now, has a wrong birthday, and a test with other
# years shows none. `PastDate` refuses those of 1970 but for some weeks. Take ISO 8601 only (`strict=True` refuses
# numbers), or `ConfigDict(val_temporal_unit="milliseconds")`, new in 2.12.
# Source: https://github.com/pydantic/pydantic/issues/7940 ("Please reconsider", closed as it is);
# https://docs.pydantic.dev/latest/api/standard_library_types/#datetimedatetime; .../api/config/ (val_temporal_unit);
# https://github.com/abrignoni/ALEAPP/pull/1158 (August 2026: the same guess in another product, by birth dates).
set -euo pipefail
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
cat >"$here/born.mjs" <<'EOJ'
const days = ["1950-03-01", "1969-05-14", "1969-05-16", "1969-12-24", "1970-01-02", "1970-06-23", "1970-08-15"];
days.push("1970-08-22", "2000-02-29");
console.log(JSON.stringify(days.map((day) => [day, new Date(day).getTime()])));
EOJ
cat >"$here/read.py" <<'EOP'
import json
import sys
from datetime import date

import pydantic
from pydantic import BaseModel, ConfigDict, Field, PastDate, ValidationError


class Person(BaseModel):
    born: date


class InMilliseconds(Person):
    model_config = ConfigDict(val_temporal_unit="milliseconds")


class InThePast(BaseModel):
    born: PastDate


class Strict(BaseModel):
    born: date = Field(strict=True)


def born(model, value):
    try:
        return model.model_validate_json(json.dumps({"born": value})).born.isoformat()
    except ValidationError as error:
        return error.errors()[0]["type"]


WRONG = {"1969-05-16": "1340-04-13", "1969-12-24": "1948-02-06", "1970-01-02": "1972-09-27"}
WRONG |= {"1970-06-23": "2443-08-29", "1970-08-15": "2588-10-07"}
print("pydantic", pydantic.VERSION)
for day, number in json.load(sys.stdin):
    read = born(Person, number)
    print(f"{day} {number:14}: {read}, as text of digits {born(Person, str(number))}, PastDate {born(InThePast, number)}")
    assert read == born(Person, str(number)) == WRONG.get(day, day), "the unit is another: this finding is out of date"
    assert born(InMilliseconds, number) == day and born(Strict, number) == "date_type"
    assert born(InThePast, number) == ("date_past" if read > "2400" else read)
EOP
cd "$here"
python3 -m venv venv
for version in 2.13.5 2.14.4; do
    venv/bin/pip install -q --disable-pip-version-check "pydantic==$version"
    node born.mjs | venv/bin/python read.py
done
