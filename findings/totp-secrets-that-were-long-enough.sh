#!/usr/bin/env bash
# pyotp 2.12.1 (November 2026), otplib 13.5.0: both refuse the secrets that their own earlier releases made by default.
#
# A good guess: the minimum length of a shared secret is for new ones. RFC 4226 asks for 128 bits, so both libraries
# make 160 today; a secret that stands in the database, in an app that shows right codes, goes on being verified, the
# more so over a minor release.
# What happens: pyotp 2.3.0 and otplib 12.0.1 made 80 bits. From pyotp 2.12 on `TOTP(secret)` raises ValueError for
# them, so `verify` is never reached; 2.11.2 verifies them. otplib 13 rejects in `verify` with SecretTooShortError. The
# limits differ: 120 bits (24 characters, which some services hand out) are enough for pyotp, which wants 112, and too
# few for otplib, which wants 128. otpauth 9.5.2 takes them all. pyotp 2.12 also refuses a period of more than 120 s.
# For users: after the upgrade exactly those who have had a second factor for longest cannot sign in, and a ValueError
# is an error 500 where a wrong code is a 401. Look at the lengths that are stored first; `min_secret_length_bits` of a
# subclass (pyotp) and `createGuardrails` (otplib) take old ones until their owners have set up new ones.
# Source: https://github.com/pyauth/pyotp/releases/tag/v2.12.0; https://github.com/pyauth/pyotp/issues/116 (the length
# before); https://github.com/yeojz/otplib/issues/671; https://otplib.yeojz.dev/guide/danger-zone.html;
# https://www.rfc-editor.org/rfc/rfc4226#section-4 (R6).
set -euo pipefail
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
for version in 2.3.0 2.11.2 2.12.1; do
    python3 -m venv "$here/pyotp-$version"
    "$here/pyotp-$version/bin/pip" install -q --disable-pip-version-check "pyotp==$version"
done
npm install --silent --no-fund --no-audit --prefix "$here" \
    otplib12@npm:otplib@12.0.1 otplib13@npm:otplib@13.5.0 otpauth@9.5.2 >/dev/null 2>&1
cat >"$here/try.py" <<'EOF'
import sys
from importlib.metadata import version

import pyotp

answers = []
for secret in sys.argv[1:]:
    try:
        totp = pyotp.TOTP(secret)
        answers.append(str(totp.verify(totp.now())))
    except ValueError:
        answers.append("ValueError")
print("pyotp", version("pyotp"), *answers)
EOF
cat >"$here/try.mjs" <<'EOF'
import { Secret, TOTP } from "otpauth";
import otplib12 from "otplib12";
import { verify } from "otplib13";

const { authenticator } = otplib12;
const secrets = process.argv.slice(2);
const said = { "otplib 12.0.1": [], "otplib 13.5.0": [], "otpauth 9.5.2": [] };
for (const secret of secrets) {
  const token = authenticator.generate(secret);
  said["otplib 12.0.1"].push(authenticator.check(token, secret));
  said["otplib 13.5.0"].push(await verify({ secret, token }).then((it) => it.valid, (error) => error.name));
  said["otpauth 9.5.2"].push(new TOTP({ secret: Secret.fromBase32(secret) }).validate({ token }) === 0);
}
for (const [name, answers] of Object.entries(said)) console.log(name, ...answers);
EOF
cd "$here"
of_pyotp=$(pyotp-2.3.0/bin/python -c "import pyotp; print(pyotp.random_base32())")
of_otplib=$(node -e 'console.log(require("otplib12").authenticator.generateSecret())')
of_120_bits=$(pyotp-2.12.1/bin/python -c "import pyotp; print(pyotp.random_base32()[:24])")
of_today=$(pyotp-2.12.1/bin/python -c "import pyotp; print(pyotp.random_base32())")
secrets=("$of_pyotp" "$of_otplib" "$of_120_bits" "$of_today")
echo "characters of the secrets: ${#of_pyotp} (pyotp 2.3.0), ${#of_otplib} (otplib 12.0.1), 24, ${#of_today} (pyotp 2.12.1)"
seen=$(for version in 2.11.2 2.12.1; do "pyotp-$version/bin/python" try.py "${secrets[@]}"; done; node try.mjs "${secrets[@]}")
echo "$seen"
[ "${#of_pyotp} ${#of_otplib} ${#of_today}" = "16 16 32" ]
[ "$seen" = "pyotp 2.11.2 True True True True
pyotp 2.12.1 ValueError ValueError True True
otplib 12.0.1 true true true true
otplib 13.5.0 SecretTooShortError SecretTooShortError SecretTooShortError true
otpauth 9.5.2 true true true true" ] || { echo "they treat short secrets otherwise now: this finding is out of date"; exit 1; }
