#!/usr/bin/env bash
# pydantic 2.13.5: `Field(repr=False)` on one member of a union hides nothing.
#
# A good guess: `Annotated[str, Field(repr=False)] | None` keeps a one-time code out of the repr of its model, as
# `Annotated[str, Field(repr=False)]` does for a field that is always there.
# What happens: the class is made with an UnsupportedFieldAttributeWarning, and the value stands in the repr, and so in
# every log line and traceback that shows the model. Around the whole union it works.
# Source: pydantic, "Fields", on metadata of a field and of a nested type; seen by running it.
set -euo pipefail
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
python3 -m venv "$here/venv"
"$here/venv/bin/pip" install -q --disable-pip-version-check pydantic==2.13.5
"$here/venv/bin/python" -W ignore - <<'EOF'
from typing import Annotated

import pydantic
from pydantic import BaseModel, Field


class Inside(BaseModel):
    code: Annotated[str, Field(repr=False)] | None = None


class Around(BaseModel):
    code: Annotated[str | None, Field(repr=False)] = None


inside, around = repr(Inside(code="123456")), repr(Around(code="123456"))
print(pydantic.VERSION, inside, around)
assert "123456" in inside, "it is hidden now: this finding is out of date"
assert "123456" not in around
EOF
