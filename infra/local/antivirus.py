"""The virus scanner of the local cloud: a clamd on this machine that listens on TCP, or none."""

import socket

from infra.local.config import HOST

PORT = 3310  # TCPSocket of clamd.conf(5), with TCPAddr 127.0.0.1
TIMEOUT_S = 1.0
OFF = "off"


def found(port: int = PORT) -> str:
    """The value of the parameter Antivirus for this machine, found by a PING (clamd(8))."""
    try:
        with socket.create_connection((HOST, port), timeout=TIMEOUT_S) as connection:
            connection.sendall(b"zPING\0")
            with connection.makefile("rb") as answer:
                answers = answer.read(4) == b"PONG"
    except OSError:
        answers = False
    return f"clamd:{HOST}:{port}" if answers else OFF


def told(antivirus: str) -> str:
    """The value of the parameter in words."""
    return f"off: no clamd at {HOST}:{PORT}" if antivirus == OFF else antivirus.replace(":", " at ", 1)
