"""Runs the functions of one build with failing dependencies: `python failures_child.py ROOT [cells…]`, JSON on stdout.

It runs by itself with the code below ROOT. All calls of the functions go to a local server, which answers by moto, or
hangs, delays, fails or throttles. Requests are sequential, as Lambda sends them to a process, and at most ten a second.
It only uses interfaces that older builds have too.
"""

from __future__ import annotations

import importlib
import json
import os
import random
import select
import socket
import statistics
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any

CALM_S, RECOVERY_MAX_S = 2.0, 30.0
FAULT_S = float(os.environ.get("FAULT_S", "30"))
EVERY_S = 0.1
SLOW_S = 1.9
THROTTLED = 0.3
PASSWORD = "four lilac otters"
ERRORS = {
    "5xx": (500, "InternalServerError"),
    "throttle": (400, "ThrottlingException"),
}


class Faults:
    """The present fault of each service, and the number of calls to it."""

    def __init__(self) -> None:
        self.mode: dict[str, str] = {}
        self.tries: Counter[str] = Counter()
        self.over = threading.Event()
        self.chance = random.Random(7)

    def begin(self, service: str, mode: str) -> None:
        self.over.clear()
        self.mode[service] = mode

    def end(self) -> None:
        self.mode.clear()
        self.over.set()


FAULTS = Faults()


class Service(BaseHTTPRequestHandler):
    """All AWS services by moto, with faults."""

    protocol_version = "HTTP/1.1"

    def _any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        scope = self.headers.get("Authorization", "").partition("Credential=")[2].split("/")
        service = scope[3] if len(scope) > 3 else "s3"
        FAULTS.tries[service] += 1
        mode = FAULTS.mode.get(service, "")
        if mode == "hung":
            FAULTS.over.wait(60)
            self.close_connection = True
            return
        if mode == "slow":
            time.sleep(SLOW_S)
        if mode == "5xx" or (mode == "throttle" and FAULTS.chance.random() < THROTTLED):
            self._fail(service, *ERRORS[mode])
            return
        self._answer(service, body)

    def _fail(self, service: str, status: int, code: str) -> None:
        if service == "s3":
            status, code = 503, "SlowDown"
            text = f"<Error><Code>{code}</Code><Message>m</Message></Error>"
        else:
            text = json.dumps({"__type": f"x#{code}", "message": "m"})
        self._send(status, {"Content-Type": "application/x-amz-json-1.0"}, text.encode())

    def _answer(self, service: str, body: bytes) -> None:
        from botocore.awsrequest import AWSPreparedRequest
        from botocore.compat import HTTPHeaders

        from perf import fakes

        headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
        request = AWSPreparedRequest(
            self.command,
            f"https://{service}.us-east-1.amazonaws.com{self.path}",
            HTTPHeaders.from_dict(headers),
            body,
            False,
        )
        with LOCK:
            answer = fakes.answer(request)
            content = answer.content
        self._send(answer.status_code, dict(answer.headers), content)

    def _send(self, status: int, headers: dict[str, Any], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            if name.lower() not in ("content-length", "transfer-encoding", "connection", "date", "server"):
                self.send_header(name, value.decode() if isinstance(value, bytes) else str(value))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = _any

    def log_message(self, *_: Any) -> None:
        return


LOCK = threading.RLock()


class Wire:
    """A connection to Redis that can be cut or hang."""

    def __init__(self, port: int) -> None:
        self.target = port
        self.mode = ""
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            client, _ = self.listener.accept()
            if self.mode == "down":
                client.close()
            else:
                threading.Thread(target=self._carry, args=(client,), daemon=True).start()

    def _carry(self, client: socket.socket) -> None:
        server = socket.create_connection(("127.0.0.1", self.target))
        pairs = {client: server, server: client}
        try:
            while True:
                for one in select.select(list(pairs), [], [], 0.05)[0]:
                    data = one.recv(65536)
                    if not data:
                        return
                    while self.mode == "hung":
                        time.sleep(0.02)
                    pairs[one].sendall(data)
                if self.mode == "down":
                    return
        except OSError:
            return
        finally:
            client.close()
            server.close()


def context(limit_s: float = 10.0) -> Any:
    ends = time.monotonic() + limit_s
    left = lambda: max(0, int((ends - time.monotonic()) * 1000))  # noqa: E731
    return SimpleNamespace(aws_request_id="r", get_remaining_time_in_millis=left)


def call(app: Any, method: str, path: str, params: dict[str, str], body: Any, token: str | None) -> tuple[int, Any]:
    """A REST call of an app."""
    filled = path
    for name, value in params.items():
        filled = filled.replace("{" + name + "}", value)
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    event = {
        "resource": path, "path": filled, "httpMethod": method, "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": None, "multiValueQueryStringParameters": None, "pathParameters": params or None,
        "stageVariables": None, "isBase64Encoded": False, "body": None if body is None else json.dumps(body),
        "requestContext": {"resourcePath": path, "path": filled, "httpMethod": method, "requestId": "q", "stage": "v1",
                           "identity": {"sourceIp": "203.0.113.9"}},
    }  # fmt: skip
    answer = app(event, context())
    return answer["statusCode"], json.loads(answer["body"]) if answer["body"] else None


class Journeys:
    """A person with a group, and their journeys."""

    def __init__(self) -> None:
        load = importlib.import_module
        self.accounts, self.conversations, self.messages, self.polls = (
            load(f"{name}.app").app for name in ("accounts", "conversations", "messages", "polls")
        )
        setattr(load("accounts.passwords"), "COST", 4)  # noqa: B010 - a hash's 250 ms would hide the measured times
        new = {"username": "ada", "email": "ada@example.com", "password": PASSWORD, "display_name": "Ada"}
        made = call(self.accounts, "POST", "/auth/register", {}, new, None)[1]
        self.token = made["tokens"]["access_token"]
        group = {"type": "group", "name": "Tea", "member_ids": [self._friend()]}
        made = call(self.conversations, "POST", "/conversations", {}, group, self.token)[1]
        if "id" not in made:
            raise RuntimeError(str(made))
        self.group = {"conversation_id": made["id"]}
        self.n = 0

    def _friend(self) -> str:
        new = {"username": "bob", "email": "bob@example.com", "password": PASSWORD, "display_name": "Bob"}
        return str(call(self.accounts, "POST", "/auth/register", {}, new, None)[1]["user"]["id"])

    def _next(self) -> str:
        self.n += 1
        return f"c{self.n}"

    def send(self) -> bool:
        path, body = "/conversations/{conversation_id}/messages", {"client_id": self._next(), "text": "hello"}
        return call(self.messages, "POST", path, self.group, body, self.token)[0] == 201

    def sign_in(self) -> bool:
        body = {"identifier": "ada", "password": PASSWORD}
        return call(self.accounts, "POST", "/auth/login", {}, body, None)[0] == 200

    def queue(self) -> bool:
        from kernel import queues
        from kernel.config import config

        queues.send(config().mail_queue_url, [{"kind": "none", "to": self._next()}])
        return True

    def store(self) -> bool:
        from kernel import blobs

        return blobs.find(self._next()) is None

    def later(self) -> bool:
        from kernel import workflows

        workflows.start("poll-closing", self._next(), {"poll_id": "p"})
        return True


def run(journey: Callable[[], bool], service: str, start: Callable[[], None], stop: Callable[[], None]) -> Any:
    """Measure a calm phase, the fault and the recovery; returns the figures of one cell."""

    def one() -> tuple[bool, float]:
        began = time.perf_counter()
        try:
            well = journey()
        except Exception:  # some journeys call the kernel directly, which raises
            well = False
        return well, time.perf_counter() - began

    def during(seconds: float) -> list[tuple[bool, float]]:
        until, found = time.perf_counter() + seconds, []
        while time.perf_counter() < until:
            found.append(one())
            time.sleep(max(0.0, EVERY_S - found[-1][1]))
        return found

    before = FAULTS.tries[service]
    calm = during(CALM_S)
    calm_tries = (FAULTS.tries[service] - before) / len(calm)
    start()
    before, began = FAULTS.tries[service], time.perf_counter()
    ill = during(FAULT_S)
    lasted = time.perf_counter() - began
    tries = (FAULTS.tries[service] - before) / len(ill)
    stop()
    began = time.perf_counter()
    while not one()[0] and time.perf_counter() - began < RECOVERY_MAX_S:
        time.sleep(0.05)
    typical = statistics.median(took for _, took in calm)
    took = sorted(each for _, each in ill)
    return {
        "calm": sum(well for well, _ in calm) / len(calm),
        "requests": len(ill),
        "well": sum(well for well, _ in ill) / len(ill),
        "p50_ms": took[len(took) // 2] * 1000,
        "p99_ms": took[int(len(took) * 0.99) - 1 if len(took) > 99 else -1] * 1000,
        "worst_ms": took[-1] * 1000,
        "calm_ms": typical * 1000,
        "calm_tries": calm_tries,
        "tries": tries,
        "hanging": sum(max(0.0, each - typical) for well, each in ill if not well or each > 10 * typical) / lasted,
        "recovery_s": time.perf_counter() - began,
    }


def main() -> None:
    root, cells = sys.argv[1], sys.argv[2:]
    sys.path[:0] = [f"{root}/layers/shared", f"{root}/functions", root]
    os.chdir(root)
    import composition  # noqa: F401 - registers all domains' events and jobs
    from kernel import aws, cache, dynamo
    from kernel.config import config
    from perf import in_process_stack as stacks

    server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()

    def forget() -> None:
        for cached in (config, aws.session, aws.client, dynamo.connection, cache._redis):
            cached.cache_clear()

    found: dict[str, Any] = {}
    for cell in cells:
        kind, _, fault = cell.partition("/")
        with stacks.in_process_stack(with_redis=kind.startswith("redis")):
            url = config().redis_url
            wire = Wire(int(url.rpartition(":")[2].split("/")[0])) if url else None
            if wire is not None:
                os.environ["REDIS_URL"] = f"redis://127.0.0.1:{wire.port}"
            os.environ["AWS_ENDPOINT_URL"] = f"http://127.0.0.1:{server.server_address[1]}"
            forget()
            with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
                found[cell] = _cell(kind, fault, wire)
            print(cell, f"{found[cell]['well']:.1%}", file=sys.stderr, flush=True)
            del os.environ["AWS_ENDPOINT_URL"]
            forget()
    print(json.dumps(found))


def _cell(kind: str, fault: str, wire: Wire | None) -> Any:
    people = Journeys()
    journeys: dict[str, Callable[[], bool]] = {
        "dynamodb": people.send,
        "sqs": people.queue,
        "s3": people.store,
        "states": people.later,
        "redis-send": people.send,
        "redis-sign-in": people.sign_in,
    }
    if wire is None:
        return run(journeys[kind], kind, partial(FAULTS.begin, kind, fault), FAULTS.end)
    return run(journeys[kind], "dynamodb", partial(setattr, wire, "mode", fault), partial(setattr, wire, "mode", ""))


if __name__ == "__main__":
    main()
