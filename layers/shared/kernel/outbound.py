"""URLs that people give us to call: HTTPS to public addresses only (R40).

A URL is checked when it is given (`parse`) and again when it is called: `addresses` resolves the name, and the caller
connects to the checked address, so that the name cannot lead elsewhere a moment later (DNS rebinding). Callers must
refuse redirects. With LOOPBACK_TARGETS, which only local environments set, 127.0.0.1 may be called too, also by plain
HTTP.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as LookupTimeout
from dataclasses import dataclass
from urllib.parse import urlsplit

from kernel.cache import Memo
from kernel.config import config

MAX_URL_CHARS = 2_048
LOOKUP_TIMEOUT_S = 1.0
HTTPS_PORT = 443
LOOPBACK = "127.0.0.1"
_URL = re.compile(r"https?://[!#-;=?-\[\]_a-z~]+", re.ASCII | re.IGNORECASE)  # no blanks, controls, quotes, backslashes
_NAME = re.compile(r"(?=.{4,253}$)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])")
# Names of private networks, whatever a resolver answers (RFC 6761, RFC 8375, RFC 9476, and common use).
_PRIVATE_NAMES = re.compile(r"(?:^|\.)(?:localhost|local|internal|intranet|lan|home|corp|private|arpa)$")
# Special networks that `is_global` accepts: addresses that embed another address, and those reserved for protocols.
_SPECIAL = [
    ipaddress.ip_network(each)
    for each in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "192.0.0.0/24", "192.88.99.0/24")
]
_checked: Memo[str] = Memo(max_entries=1_000, ttl_s=60)
_lookups = ThreadPoolExecutor(max_workers=16, thread_name_prefix="lookup")


class UnsafeUrl(ValueError):
    """A URL that must not be called; the text gives the reason without repeating the URL."""


class Unresolved(OSError):
    """The name of a URL has no address at present, or was not resolved in time."""


@dataclass(frozen=True, slots=True)
class Target:
    """The parts of a URL; `path` includes the query."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def origin(self) -> str:
        """The origin as RFC 6454 writes it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = {"https": HTTPS_PORT, "http": 80}[self.scheme]
        return f"{self.scheme}://{host}" + ("" if self.port == usual else f":{self.port}")

    @property
    def authority(self) -> str:
        """The value of the Host header."""
        return self.origin.partition("://")[2]


def parse(url: str) -> Target:
    """The parts of a URL that may be called, without resolving its name; raises UnsafeUrl."""
    if len(url) > MAX_URL_CHARS or not _URL.fullmatch(url):
        raise UnsafeUrl("must be an absolute https URL of at most 2,048 ASCII characters")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise UnsafeUrl("must be an absolute https URL") from error
    if parts.username is not None or parts.password is not None or parts.fragment or "@" in parts.netloc:
        raise UnsafeUrl("must have neither credentials nor a fragment")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if host in (LOOPBACK, "localhost") and config().loopback_targets:
        return Target(parts.scheme, LOOPBACK, port or {"https": HTTPS_PORT, "http": 80}[parts.scheme], path)
    if parts.scheme != "https" or port not in (None, HTTPS_PORT):
        raise UnsafeUrl("must be https on port 443")
    if "[" in parts.netloc:
        _require_public(host)
    elif host.rpartition(".")[2][:1].isdigit() or not _NAME.fullmatch(host):
        # some resolvers take a last label that begins with a digit for an address: 127.1, 0x7f000001, 2130706433
        if not re.fullmatch(r"(?:(?:0|[1-9]\d{0,2})\.){3}(?:0|[1-9]\d{0,2})", host):
            raise UnsafeUrl("must name a public host")
        _require_public(host)
    elif _PRIVATE_NAMES.search(host):
        raise UnsafeUrl("must name a public host")
    return Target("https", host, HTTPS_PORT, path)


def addresses(target: Target) -> list[str]:
    """The addresses of a target, all of them public; raises UnsafeUrl, Unresolved."""
    if target.host == LOOPBACK and config().loopback_targets:
        return [LOOPBACK]
    looked_up: Future[list[str]] = _lookups.submit(_look_up, target.host, target.port)
    try:
        found = looked_up.result(LOOKUP_TIMEOUT_S)
    except (LookupTimeout, OSError) as error:
        raise Unresolved(type(error).__name__) from error
    for address in found:
        _require_public(address)
    return found


def address(target: Target) -> str:
    """The address to connect to, resolved and checked at most once a minute; raises as `addresses` does."""
    known = _checked.get(target.host)
    if known is None:
        known = addresses(target)[0]
        _checked.put(target.host, known)
    return known


def require_not_private(target: Target) -> None:
    """Check the name's addresses when the URL is given; raises UnsafeUrl.

    A name without an address passes, because it may get one later.
    """
    try:
        addresses(target)
    except Unresolved:
        return


def _look_up(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(each[4][0]) for each in found))


def _require_public(address: str) -> None:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError as error:
        raise UnsafeUrl("must name a public host") from error
    mapped = isinstance(parsed, ipaddress.IPv6Address) and bool(parsed.ipv4_mapped or parsed.scope_id)
    special = any(parsed in network for network in _SPECIAL)
    if mapped or special or not parsed.is_global or parsed.is_multicast or parsed.is_reserved:
        raise UnsafeUrl("must lead to a public address")
