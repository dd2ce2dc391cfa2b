#!/usr/bin/env bash
# ruff 0.17.6: the fix of UP007 for `Union[tuple(models)]`, applied as a safe one, makes another type of it.
#
# A good guess: `Annotated[Union[tuple(models)], ...]`, the usual way to a union of classes that are known at run time
# (a discriminated union of registered models), is left alone or rewritten to something equal.
# What happens: `ruff check --select UP --fix --target-version py311` without --unsafe-fixes writes
# `Annotated[tuple(models), ...]`, and the module that worked raises TypeError when it is imported: "t must be a type".
# `functools.reduce(operator.or_, models)` is left as it is.
# Source: ruff, rule non-pep604-annotation-union (UP007); typing, "Union"; seen by running it.
set -euo pipefail
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
python3 -m venv "$here/venv"
"$here/venv/bin/pip" install -q --disable-pip-version-check ruff==0.17.6
cat >"$here/models.py" <<'EOF'
from typing import Annotated, Union

models = [int, str]
Either = Annotated[Union[tuple(models)], "one of them"]
print(Either.__origin__)
EOF
before=$(python3 "$here/models.py")
"$here/venv/bin/ruff" check --isolated -q --select UP --target-version py311 --fix "$here/models.py"
after=$(python3 "$here/models.py" 2>&1 | tail -1) || true
"$here/venv/bin/ruff" --version
grep '^Either' "$here/models.py"
echo "before: $before  after: $after"
[ "$before" = "typing.Union[int, str]" ]
[[ "$after" == "TypeError: "* ]]
