#!/usr/bin/env bash
# PynamoDB 6.1.0: `contains` on a JSONAttribute looks for the operand as JSON, so a plain part of the text is not found.
#
# A good guess: the attribute is a string in DynamoDB, and `Record.chosen.contains("opt_a")` is DynamoDB's `contains`
# with that string.
# What happens: the operand goes through the attribute's own serializer and becomes `"opt_a"` with its quotes. That finds
# whole strings inside of a list, and never a part of one; an attribute of another class with the same stored text
# (UnicodeAttribute) is searched without the quotes. Changing an attribute's class changes what its filters find.
# Source: pynamodb/expressions/operand.py; Amazon DynamoDB, "Comparison operator and function reference".
set -euo pipefail
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
python3 -m venv "$here/venv"
"$here/venv/bin/pip" install -q --disable-pip-version-check pynamodb==6.1.0
"$here/venv/bin/python" - <<'EOF'
import pynamodb
from pynamodb.attributes import JSONAttribute, UnicodeAttribute
from pynamodb.models import Model


class Record(Model):
    class Meta:
        table_name, region = "t", "us-east-1"

    id = UnicodeAttribute(hash_key=True)
    as_json = JSONAttribute(null=True)
    as_text = UnicodeAttribute(null=True)


def asked(condition):
    values = {}
    condition.serialize({}, values)
    return values[":0"]["S"]


found = asked(Record.as_json.contains("opt_a")), asked(Record.as_text.contains("opt_a"))
print(pynamodb.__version__, *found)
assert found == ('"opt_a"', "opt_a")
EOF
