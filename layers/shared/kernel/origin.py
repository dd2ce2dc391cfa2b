"""The address that a call comes from and the URL it was made to, and which browser pages may open sockets.

The address and the URL are kept in a context variable for code that does not get the request.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from ipaddress import IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

from kernel import keyrings, telemetry
from kernel.config import config
from kernel.errors import DependencyUnavailable

# The secret header that our CloudFront adds to each request (infra/web.yaml). CloudFront adds no header named X-Edge-….
EDGE_KEY = "x-distribution-key"
_LOCAL_HOSTS = ("localhost", "127.0.0.1")
HOME_PREFIX_BITS = 64  # the shortest network that providers give to a household or a machine
_HOPS = 3  # an edge-optimized API has another CloudFront behind ours
_origin: ContextVar[tuple[str, str]] = ContextVar("origin", default=("", ""))


def address() -> str:
    """The caller's IP address (`address_in`), empty outside of an HTTP call."""
    return _origin.get()[0]


def address_in(seen: object, headers: Mapping[str, str]) -> str:
    """The caller's IP address as the gateway saw it, or as our CloudFront saw it; empty for none.

    `headers` have lower-case names. CloudFront appends the client's address to X-Forwarded-For, and the gateway appends
    CloudFront's. Headers are only trusted with CloudFront's key, because clients may send any.
    """
    address = _canonical(seen)
    key = headers.get(EDGE_KEY)
    if key is not None and _is_ours(key):
        passed = [_canonical(each) for each in headers.get("x-forwarded-for", "").rsplit(",", _HOPS)[::-1]]
        if address and address in passed[:-1]:
            return passed[passed.index(address) + 1]
    return address


def network(address: str) -> str:
    """The network of an IP address that one household or machine has: an IPv4 address itself, the /64 of an IPv6 one.

    Whoever has one address of a /64 may use them all, and browsers change theirs every day (RFC 8981). CloudFront has
    IPv6 addresses, API Gateway's own none. What is not an address stays as it is.
    """
    if ":" not in address:
        return address
    found = IPv6Address(address)
    return str(found.ipv4_mapped or IPv6Network((found, HOME_PREFIX_BITS), strict=False))


def _canonical(found: object) -> str:
    try:
        return str(ip_address(str(found).strip()))
    except ValueError:
        return ""


def _is_ours(key: str) -> bool:
    try:
        return keyrings.edge.holds(key)
    except DependencyUnavailable:
        telemetry.logger().warning("whether a call came through our CloudFront is not known: its ring was not read")
        return False


def base_url() -> str:
    """The URL of the API that was called, without a final slash; empty outside of an HTTP call."""
    return _origin.get()[1]


@contextmanager
def called_from(address: str, base_url: str = "") -> Iterator[None]:
    """Set the address and the base URL of the call inside this context."""
    before = _origin.set((address, base_url))
    try:
        yield
    finally:
        _origin.reset(before)


def is_local_page(page: str) -> bool:
    """Whether an Origin is a page of this machine, on any port, in a local environment."""
    parts = urlsplit(page)
    whole = page == f"{parts.scheme}://{parts.netloc}" and parts.scheme in ("http", "https")
    return whole and parts.hostname in _LOCAL_HOSTS and config().is_local


def may_open_sockets(page: str | None) -> bool:
    """Whether a page of this Origin may open a socket (OWASP ASVS 5.0, V4.4.2): the web client's or one in CorsOrigins.

    None means that no browser calls. Without PublicUrl the web client's origin is unknown, and every page may.
    """
    home = urlsplit(config().public_url)
    if page is None or not home.netloc:
        return True
    return page in (f"{home.scheme}://{home.netloc}", *config().cors_origins) or is_local_page(page)
