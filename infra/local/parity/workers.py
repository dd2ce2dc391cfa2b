"""Corrects differences between MiniStack's Python execution environments and Lambda's.

1. An environment survives a handler that raises, and the error has the exception's class as `errorType`
   (state machines select by it); MiniStack ends the environment and calls every error Runtime.HandlerError.
2. A function sees only the standard library, its layers and its code; MiniStack lets it import every package that
   the developer has installed, so a package missing from the layer would be noticed only in AWS.
3. A layer is unpacked once and shared, because /opt is read-only in Lambda; MiniStack unpacks every layer for every
   environment, which takes most of a cold start.
4. A function's clock may be wrong, as set by a file, so that the chaos suite can test the consequences.
5. Lambda polls queues without a pause; MiniStack pauses for 50 ms after each empty poll, which is half of the time
   that a message to a large group then takes.
6. Lambda answers when the handler has returned; MiniStack waits until 5 ms have passed without a log line, and wakes
   up every millisecond for it. Here the log of each call ends with a mark.
7. The contexts of all calls are of one class, as in Lambda; MiniStack makes a class for each call.
"""

import hashlib
import importlib
import os
import queue
import shlex
import stat
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from contextlib import suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from infra.local.patching import put, stop, wrap

LAMBDA = "ministack.services.lambda_svc"
RUNTIME = "ministack.core.lambda_runtime"

RAISED = '{"status": "error", "error": str(e), "trace": traceback.format_exc()}'
REPORTED = '{"status": "ok", "result": None, "raised": [type(e).__name__, str(e), traceback.format_exc()]}'

RETURNED = """        _real_stdout.flush()

run()"""
LOG_END = "\x00end of the call"
MARKED = f"""        sys.stderr.write({LOG_END!r} + chr(10))
{RETURNED}"""
LOG_WAIT_S = 2.0  # the longest wait for the mark; a call whose mark comes later leaves some lines to the next one

# What makes a context, and what takes its place. `_deadline` is the present call's in both.
CONTEXT = {
    "import sys, json, importlib, traceback, os, time\n": "import sys, json, importlib, traceback, os, time, types\n",
    'context = type("Context", (), {': "context = types.SimpleNamespace(**{",
    "lambda self: max(0, int((_deadline - time.time()) * 1000)),\n        })()": (
        "lambda: max(0, int((_deadline - time.time()) * 1000)),\n        })"
    ),
}

POLL_PAUSE_S = 0.002

CLOCKS = "LOCAL_CLOCKS"  # a folder: a file with a function's name has the seconds by which its clock is ahead
IMPORTS = "    # After sys.path is complete"
CLOCK = f"""    if clocks := os.environ.get("{CLOCKS}"):
        _time, _time_ns, _file = time.time, time.time_ns, os.path.join(clocks, init["function_name"])

        def _ahead_s():
            try:
                with open(_file) as file:
                    return int(file.read() or 0)
            except FileNotFoundError:
                return 0

        time.time, time.time_ns = lambda: _time() + _ahead_s(), lambda: _time_ns() + _ahead_s() * 10**9
"""

_error_type: ContextVar[str] = ContextVar("error_type", default="")


def apply() -> None:
    wrap(RUNTIME, "_detect_runtime_binary", _isolated_and_lasting)
    wrap(RUNTIME, "Worker.invoke", _telling_what_was_raised)
    wrap(RUNTIME, "Worker._spawn", _sharing_layers)
    wrap(RUNTIME, "Worker._drain_stderr_bounded", _until_its_mark)
    wrap(LAMBDA, "_execute_function_warm", _naming_the_error)
    wrap(LAMBDA, "_resolve_layer_zip", lambda original: original)  # used below: it must exist
    put(LAMBDA, "_ESM_IDLE_WAKE_GAP_SECONDS", POLL_PAUSE_S)


def _isolated_and_lasting(detect: Callable[[str], tuple[str, str]]) -> Callable[[str], tuple[str, str]]:
    _, script = detect(f"python3.{sys.version_info.minor}")
    if script.count(RAISED) != 1:
        raise stop("report of a raised exception in its Python worker")
    if script.count(IMPORTS) != 1:
        raise stop("import of the handler in its Python worker")
    if script.count(RETURNED) != 1:
        raise stop("end of a call in its Python worker")
    for text, better in CONTEXT.items():
        if script.count(text) != 1:
            raise stop("context of a call in its Python worker")
        script = script.replace(text, better)
    lasting = script.replace(RAISED, REPORTED).replace(IMPORTS, CLOCK + IMPORTS).replace(RETURNED, MARKED)
    launcher = _launcher()

    def detecting(runtime: str) -> tuple[str, str]:
        if runtime.startswith("python"):
            return launcher, lasting
        return detect(runtime)

    return detecting


def _launcher() -> str:
    """A script that starts this interpreter without its site packages; MiniStack takes a path without options."""
    path = Path(tempfile.gettempdir(), "lambda-python")
    path.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -S -s -B "$@"\n')
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def _until_its_mark(drain: Callable[..., str]) -> Callable[..., str]:
    def draining(worker: Any, **waits: float) -> str:
        if worker._proc is None or not worker.config.get("Runtime", "").startswith("python"):
            return drain(worker, **waits)  # no mark comes from a process that has ended
        lines: list[str] = []
        until = time.monotonic() + LOG_WAIT_S
        with suppress(queue.Empty):
            while not (line := worker._stderr_queue.get(timeout=max(0.0, until - time.monotonic()))).endswith(LOG_END):
                lines.append(line)
            if begun := line.removesuffix(LOG_END):  # the call's last line has no newline
                lines.append(begun)
        return "\n".join(lines)

    return draining


def _telling_what_was_raised(invoke: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    def invoking(*arguments: Any, **options: Any) -> dict[str, Any]:
        response = invoke(*arguments, **options)
        _error_type.set("")
        if raised := response.get("raised"):
            name, message, trace = raised
            _error_type.set(name)
            return {**response, "status": "error", "error": message, "trace": trace}
        return response

    return invoking


def _naming_the_error(execute: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    def executing(*arguments: Any, **options: Any) -> dict[str, Any]:
        result = execute(*arguments, **options)
        if result.get("error") and (name := _error_type.get()):
            result["body"] = {**result["body"], "errorType": name}
        return result

    return executing


def _sharing_layers(spawn: Callable[[Any], None]) -> Callable[[Any], None]:
    resolve = importlib.import_module(LAMBDA)._resolve_layer_zip

    def spawning(worker: Any) -> None:
        given = worker.config
        if not given.get("Layers") or not given.get("Runtime", "").startswith("python"):
            return spawn(worker)
        directories = [str(_unpacked(resolve(layer))) for layer in given["Layers"]]
        variables = {**given.get("Environment", {}).get("Variables", {})}
        variables["_LAMBDA_LAYERS_DIRS"] = os.pathsep.join(directories)
        worker.config = {**given, "Layers": [], "Environment": {"Variables": variables}}
        try:
            spawn(worker)
        finally:
            worker.config = given

    return spawning


def _unpacked(archive: bytes | None) -> Path:
    """The folder with this layer's content, unpacked on its first use."""
    if archive is None:
        raise RuntimeError("a layer of this function does not exist any more: deploy again")
    layers = Path(tempfile.gettempdir(), "layers")
    target = layers / hashlib.blake2b(archive, digest_size=12).hexdigest()
    if not target.exists():
        layers.mkdir(exist_ok=True)
        draft = Path(tempfile.mkdtemp(dir=layers, prefix="unfinished-"))
        with tempfile.TemporaryFile() as file:
            file.write(archive)
            with zipfile.ZipFile(file) as zipped:
                zipped.extractall(draft)
        try:
            draft.rename(target)
        except OSError:
            if not target.exists():
                raise
    return target
