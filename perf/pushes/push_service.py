"""A local push service in a separate process, so that it shares only the processors with the measurement."""

from __future__ import annotations

import subprocess
import sys
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import urllib3
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

_SCRIPT = """
import asyncio, sys, time

count, last = 0, 0.0

async def serve(reader, writer):
    global count, last
    try:
        while True:
            head = (await reader.readuntil(b"\\r\\n\\r\\n")).lower()
            length = int(head.partition(b"content-length:")[2].partition(b"\\r\\n")[0] or 0)
            await reader.readexactly(length)
            if head.startswith(b"get "):
                body = f"{count} {last}".encode()
                writer.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\n\\r\\n%s" % (len(body), body))
            else:
                count, last = count + 1, time.monotonic()
                writer.write(b"HTTP/1.1 201 Created\\r\\nContent-Length: 0\\r\\n\\r\\n")
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()

async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()

asyncio.run(main())
"""


@dataclass(frozen=True, slots=True)
class Arrivals:
    """The number of pushes received, and the time of the last one by the machine's monotonic clock (s)."""

    count: int
    last: float


@contextmanager
def serving() -> Iterator[str]:
    """The service's URL; every path accepts pushes."""
    with subprocess.Popen([sys.executable, "-c", _SCRIPT], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.terminate()


def arrivals(url: str) -> Arrivals:
    """The pushes received so far."""
    with urllib3.PoolManager() as pool:
        count, last = pool.request("GET", f"{url}/count", timeout=5.0).data.split()
    return Arrivals(int(count), float(last))


def keys() -> dict[str, str]:
    """The keys of a browser's subscription."""
    point = (
        ec.generate_private_key(ec.SECP256R1()).public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    )
    return {"p256dh": urlsafe_b64encode(point).decode(), "auth": urlsafe_b64encode(b"0123456789abcdef").decode()}


def device(endpoint: str, with_keys: dict[str, str]) -> dict[str, object]:
    """The body that registers a browser with this endpoint."""
    subscription = {"endpoint": endpoint, "keys": with_keys}
    return {"platform": "web", "provider": "webpush", "subscription": subscription}
