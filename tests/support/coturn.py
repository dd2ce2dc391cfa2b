"""Debian's coturn on the loopback, until the end of a block."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

TURNSERVER = shutil.which("turnserver")
HOST = "127.0.0.1"
START_S = 10.0
FREE_S = 120.0


@contextlib.contextmanager
def running(secret: str, *, port: int, options: Sequence[str] = ()) -> Iterator[None]:
    """A TURN server that checks credentials with this secret. Raises RuntimeError if it does not start."""
    assert TURNSERVER is not None
    deadline = time.monotonic() + FREE_S
    while _answers(port):  # a server of another run would refuse our credentials
        if time.monotonic() > deadline:
            raise RuntimeError(f"port {port} is held by another server")
        time.sleep(0.2)
    with tempfile.TemporaryDirectory() as folder:
        settings = Path(folder, "turnserver.conf")
        settings.write_text(f"static-auth-secret={secret}\n" + "".join(f"{each}\n" for each in options))
        arguments = [
            *(
                TURNSERVER,
                "-c",
                str(settings),
                "--use-auth-secret",
                "--realm=test",
                "--no-tls",
                "--no-dtls",
                "--no-cli",
            ),
            *(f"--listening-ip={HOST}", f"--relay-ip={HOST}", f"--listening-port={port}", "--log-file=stdout"),
            *(f"--pidfile={folder}/pid", f"--userdb={folder}/turndb", "--simple-log"),
        ]
        with Path(folder, "log").open("w") as log:
            process = subprocess.Popen(arguments, stdout=log, stderr=subprocess.STDOUT, cwd=folder)
        try:
            _wait_for(port, process, log.name)
            yield
        except BaseException:
            print("coturn's log ends with:", Path(log.name).read_text()[-4_000:], sep="\n")
            raise
        finally:
            process.terminate()
            process.wait(10)


def _wait_for(port: int, process: subprocess.Popen[bytes], log: str) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        if _answers(port):
            return
        time.sleep(0.05)
    raise RuntimeError(f"coturn did not start: {Path(log).read_text()[-2000:]}")


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0


def free_port() -> int:
    """A free port."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
