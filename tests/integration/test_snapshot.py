"""With SnapStart many environments go on from one copy of a process. Here forks stand for them: two children have the
memory of their parent, with all that it has remembered, and call its real handlers.
"""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

ROOT = Path(__file__).parents[2]

# What Lambda's runtime has as a module of this name, as far as it is used.
REGISTRY = """
before, after = [], []
def register_before_snapshot(hook): before.append(hook)
def register_after_restore(hook): after.append(hook)
"""
COPIED = """
import json, os, random, sys, time
from messages.app import app
from conversations.actions.ping import handler as ping
import snapshot_restore_py as registry
from kernel import aws, breakers, cache, ids, keyrings, resilience
from kernel.keyrings import Generation
from users import service as users

for hook in registry.before:
    hook()
prepared = [name for name in ("redis", "pynamodb.connection", "botocore.client") if name in sys.modules]
deferred = [
    schema.__name__
    for route in app.routes
    for schema in (route.body, route.query, route.returns)
    if schema is not None and not schema.__pydantic_complete__
]

def ask():
    aws.client("dynamodb").get_item(TableName="t", Key={"id": {"S": "x"}})
    return cache.call(lambda redis: redis.client_id())

ask()
users._id_memo.put("ada", "usr_1")
keyrings.tokens._read_at = time.monotonic()
keyrings.tokens._generations = ("known",)
breaker = breakers.named("a service")
while breaker.state == "closed":
    breaker.admit(1.0)
    breaker.failed()
opened = breaker.state == "open"
state = random.getstate()

def told():
    random.setstate(state)  # Python itself gives a forked child another state, which no restored copy gets
    if len(sys.argv) > 1:
        for hook in registry.after:
            hook()
    modules = set(sys.modules)
    frame = {"requestContext": {"eventType": "MESSAGE", "connectionId": "c", "requestId": "r",
             "authorizer": {"user_id": "usr_1", "session_id": "ses_1"}}, "body": '{"action": "ping"}'}
    answer = ping(frame, None)
    return {
        "id": ids.new("msg"), "jitter": resilience.full_jitter(3, 1.0, 9.0), "memo": users._id_memo.get("ada"),
        "keys": keyrings.tokens._generations, "closed": breaker.state == "closed", "redis": ask(),
        "answer": json.loads(answer["body"])["type"], "loaded": sorted(set(sys.modules) - modules),
    }

children = []
for _ in range(2):
    reader, writer = os.pipe()
    if os.fork() == 0:
        try:
            os.write(writer, json.dumps(told()).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        children.append(json.loads(pipe.read() or "null"))
    os.wait()
print(json.dumps({"prepared": prepared, "deferred": deferred, "opened": opened, "children": children}))
"""


class _Store(BaseHTTPRequestHandler):
    """Answers each call with nothing found, and remembers from which connections calls came."""

    protocol_version = "HTTP/1.1"
    callers: set[int] = set()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.callers.add(self.client_address[1])
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def store() -> Iterator[str]:
    _Store.callers.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), _Store) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def _told(folder: Path, store: str, redis: Redis, *arguments: str) -> dict[str, Any]:
    (folder / "snapshot_restore_py.py").write_text(REGISTRY)
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(str(each) for each in (folder, ROOT / "layers/shared", ROOT / "functions")),
        "AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start",
        "LAMBDA_TASK_ROOT": "/var/task",
        "ENVIRONMENT": "local",
        "STACK_NAME": "copied",
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_ENDPOINT_URL": store,
        "REDIS_URL": f"redis://127.0.0.1:{redis.connection_pool.connection_kwargs['port']}",
    }
    ran = subprocess.run(
        [sys.executable, "-c", COPIED, *arguments], env=environment, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    told: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    assert None not in told["children"], ran.stderr
    return told


def test_restored_copies_share_no_state_that_must_not_be_shared(tmp_path: Path, store: str, redis: Redis) -> None:
    told = _told(tmp_path, store, redis, "restored")
    one, other = told["children"]
    assert told["opened"], "the parent's breaker is open"
    assert one["id"] != other["id"]
    assert one["jitter"] != other["jitter"], "who retries at once would do so in step"
    assert [each["memo"] for each in told["children"]] == [None, None]
    assert [each["keys"] for each in told["children"]] == [[], []]
    assert [each["closed"] for each in told["children"]] == [True, True]
    assert one["redis"] != other["redis"]
    assert len(_Store.callers) == 3, "the parent and each child have a connection of their own"


def test_without_the_hooks_they_would_share_it(tmp_path: Path, store: str, redis: Redis) -> None:
    one, other = _told(tmp_path, store, redis)["children"]
    assert one["jitter"] == other["jitter"]
    assert (one["memo"], one["keys"], one["closed"]) == ("usr_1", ["known"], False)
    assert len(_Store.callers) == 1, "the parent's connection, which is dead after a restore"


def test_what_is_slow_is_done_before_the_copy_is_taken(tmp_path: Path, store: str, redis: Redis) -> None:
    told = _told(tmp_path, store, redis, "restored")
    assert told["prepared"] == ["redis", "pynamodb.connection", "botocore.client"]
    assert told["deferred"] == []
    one, _ = told["children"]
    assert one["answer"] in ("ack", "error")
    assert len(one["loaded"]) <= MAX_LOADED_AFTER, one["loaded"]


MAX_LOADED_AFTER = 5  # modules that the first call of a restored copy may still load
