"""Where the call under way comes from and where it was made to, for those who are not handed the request; and which
pages of browsers are the deployment's own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from ipaddress import ip_address
from urllib.parse import urlsplit

from kernel import keyrings, telemetry
from kernel.config import config
from kernel.errors import DependencyUnavailable

# what our CloudFront shows with each request (infra/web.yaml); it adds no header whose name begins with X-Edge-
EDGE_KEY = "x-distribution-key"
_LOCAL_HOSTS = ("localhost", "127.0.0.1")
_HOPS = 3  # an edge-optimized API has a CloudFront of its own behind ours
_origin: ContextVar[tuple[str, str]] = ContextVar("origin", default=("", ""))


def address() -> str:
    """The caller's address (`address_in`), empty outside of a call over HTTP."""
    return _origin.get()[0]


def address_in(seen: object, headers: Mapping[str, str]) -> str:
    """The caller's address: the one that the gateway has seen, or the one that our CloudFront has; empty for none.

    `headers` have names in lower case. CloudFront adds the client to X-Forwarded-For, whatever stood there before, and
    the gateway adds CloudFront, which it has seen. Of a call without CloudFront's key no header is asked, as clients
    may send any.
    """
    address = _canonical(seen)
    key = headers.get(EDGE_KEY)
    if key is not None and _is_ours(key):
        passed = [_canonical(each) for each in headers.get("x-forwarded-for", "").rsplit(",", _HOPS)[::-1]]
        if address and address in passed[:-1]:
            return passed[passed.index(address) + 1]
    return address


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
    """The address of the API that was called, without a slash at the end, empty outside of a call over HTTP."""
    return _origin.get()[1]


@contextmanager
def called_from(address: str, base_url: str = "") -> Iterator[None]:
    """Note both for what is done inside."""
    before = _origin.set((address, base_url))
    try:
        yield
    finally:
        _origin.reset(before)


def is_local_page(page: str) -> bool:
    """Whether it is the Origin of a page of this machine, from any port, and the environment a local one."""
    parts = urlsplit(page)
    whole = page == f"{parts.scheme}://{parts.netloc}" and parts.scheme in ("http", "https")
    return whole and parts.hostname in _LOCAL_HOSTS and config().is_local


def may_open_sockets(page: str | None) -> bool:
    """Whether a page of this Origin may open a socket (OWASP ASVS 5.0, V4.4.2): the web client's (PublicUrl) and the
    origins that may call the API (CorsOrigins). None is no browser's, and a deployment that does not say where its
    web client is cannot tell."""
    home = urlsplit(config().public_url)
    if page is None or not home.netloc:
        return True
    return page in (f"{home.scheme}://{home.netloc}", *config().cors_origins) or is_local_page(page)
