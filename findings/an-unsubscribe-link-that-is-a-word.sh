#!/usr/bin/env bash
# Django 6.1.3: a long List-Unsubscribe goes out as encoded words, "=?utf-8?q?=3Chttps=3A//…?=", which name no link.
#
# A good guess: a header of plain ASCII is sent as it was given, at most with a line break before it, as Django 5.2
# does. The link has a signed token in it and is longer than a line, as such links are.
# What happens: since 6.0 Django makes its messages by Python's newer e-mail API. Its policy knows a form for few
# headers and takes each other one for text: a part that is longer than a line (78 characters) is cut into words of RFC
# 2047, which must not stand in a header of links. A reader of such headers (mailparser 3.14.2) finds a name instead of
# a URL. Python's own reader decodes the words, and `mail.outbox` has the header as it was given, so tests see nothing;
# nor does a trial with a short link.
# For users: the button "unsubscribe" is gone, so that people report the mail as spam, and Gmail requires the one-click
# form of those who send much. Answers by mail to a message in a chat are in the same danger: In-Reply-To and References
# are spared by newer patch releases of Python alone. Keep such links below 78 characters, or override `message` of
# EmailMessage so that its policy has `max_line_length=998`.
# Source: https://www.rfc-editor.org/rfc/rfc2047#section-5 ("These are the ONLY locations where an 'encoded-word' may
# appear"); https://www.rfc-editor.org/rfc/rfc2369#section-2; https://support.google.com/a/answer/81126 (one-click);
# https://docs.djangoproject.com/en/6.0/releases/6.0/ (modern email API); https://github.com/odoo/odoo/pull/289182
# (2026, the same without Django); https://github.com/python/cpython/pull/137201 (In-Reply-To and References).
set -euo pipefail
for each in python3.14 python3.13 python3.12 "$HOME"/.pyenv/versions/3.1[2-9]*/bin/python; do
    "$each" -c 'import sys; sys.exit(sys.version_info < (3, 12))' 2>/dev/null && python=$each
done
[ -n "${python:-}" ] || { echo "needs Python 3.12 or newer, as Django 6 does" >&2; exit 2; }
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
cat >"$here/send.py" <<'EOF'
import sys
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import django
from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.smtp import EmailBackend

LINK = f"<https://chat.example.com/unsubscribe/{'0123456789abcdef' * 4}>"
handed_over = []


class Smtp:
    """Keeps what Django hands to smtplib."""

    def sendmail(self, _sender, _recipients, message):
        handed_over.append(message)


settings.configure(USE_TZ=True)
django.setup()
headers = {"List-Unsubscribe": LINK, "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
backend = EmailBackend()
backend.connection = Smtp()
backend.send_messages([EmailMessage("Hello", "text", "chat@example.com", ["ann@example.org"], headers=headers)])
[raw] = handed_over
Path(sys.argv[1]).write_bytes(raw)
as_sent = " ".join(message_from_bytes(raw)["List-Unsubscribe"].split())
read_by_python = message_from_bytes(raw, policy=default)["List-Unsubscribe"].strip() == LINK
print(f"Django {django.__version__}, Python {sys.version.split()[0]}: {as_sent}")
print(f"  as it was given: {as_sent == LINK}, to Python's reader: {read_by_python}")
EOF
cat >"$here/read.mjs" <<'EOF'
import { readFileSync } from "node:fs";
import { simpleParser } from "mailparser";
const { headers } = await simpleParser(readFileSync(process.argv[2]));
console.log("  mailparser finds a link:", "url" in headers.get("list").unsubscribe);
EOF
npm install --silent --no-fund --no-audit --prefix "$here" mailparser@3.14.2 >/dev/null
cd "$here"
for version in 5.2.19 6.1.3; do
    "$python" -m venv "$version"
    "$version/bin/pip" install -q --disable-pip-version-check "django==$version"
    "$version/bin/python" -W ignore send.py "$version.eml"
    node read.mjs "$version.eml"
done | tee seen
[ "$(grep '^  ' seen)" = "  as it was given: True, to Python's reader: True
  mailparser finds a link: true
  as it was given: False, to Python's reader: True
  mailparser finds a link: false" ] || { echo "it is written otherwise now: this finding is out of date"; exit 1; }
