"""Pages of lists, and the cursors between them.

A cursor is encrypted and authenticated (AES-GCM) and bound to the caller and the query: it shows no key, and is good
for nothing else.
"""

from __future__ import annotations

import json
import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Generic, TypeVar

from kernel import keyrings
from kernel.errors import InvalidCursor
from kernel.keyrings import Seed

T = TypeVar("T")
R = TypeVar("R")
_NONCE_BYTES = 12
MAX_CHARS = 2048  # takes 255 characters of any script
MAX_PAGE_BYTES = 5_000_000  # Lambda answers with 6 MB at most ("Lambda quotas")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A page of a list, and the cursor of the next one if there is more."""

    items: list[T]
    next_cursor: str | None = None


class Paginator:
    """One caller's way through one list: where this page begins, and the cursor of the next.

    `bound_to` are the caller, the list and its filters. `begun` are the parameters that say where a list begins, None
    for one that was not given: a cursor goes on with the list it came from, so it comes with the same ones again or
    with none, and they are that list's from then on. Raises InvalidCursor for a cursor of another list.
    """

    __slots__ = ("_bound_to", "begun", "start")

    def __init__(self, cursor: str | None, *bound_to: str, begun: Sequence[int | None] = ()) -> None:
        self._bound_to = (*bound_to, "begun") if begun else bound_to
        self.begun = list(begun)
        self.start: Any = None  # at the beginning
        if cursor is not None:
            kept = unseal(cursor, bound_to=self._bound_to)
            own, self.start = kept if begun else (self.begun, kept)
            if self.begun not in (own, [None] * len(begun)):
                raise InvalidCursor
            self.begun = own

    def cursor(self, position: Any) -> str | None:
        """The cursor of a page that begins behind `position` (any JSON value); None for None, the end of the list."""
        if position is None:
            return None
        return seal([self.begun, position] if self.begun else position, bound_to=self._bound_to)

    def page(
        self, found: Sequence[T], limit: int, position: Callable[[T], Any], show: Callable[[Sequence[T]], Iterable[R]]
    ) -> Page[R]:
        """The first `limit` of what was found, as `show` makes them seen; there is a next page if more was found.

        So one more than `limit` is asked of the store. `position` tells where a page ends whose last one this is.
        """
        page = found[:limit]
        end = position(page[-1]) if len(found) > len(page) > 0 else None
        return Page(list(show(page)), self.cursor(end))

    def fitting_page(
        self, found: Sequence[T], limit: int, position: Callable[[T], Any], show: Callable[[Sequence[T]], Sequence[R]]
    ) -> Page[R]:
        """As `page`, of no more items than fit one answer; `show` keeps their number and order."""
        shown = show(found[:limit])
        fit = fitting(shown)
        end = position(found[fit - 1]) if len(found) > fit > 0 else None
        return Page(list(shown[:fit]), self.cursor(end))


def whole(items: Iterable[T], cursor: str | None) -> Page[T]:
    """A list so short that it is one page: no cursor was ever given out for it. Raises InvalidCursor for any."""
    if cursor is not None:
        raise InvalidCursor
    return Page(list(items))


def fitting(items: Sequence[Any]) -> int:
    """How many of the items of a list fit one answer, the first in any case: the others belong to the next page.

    The body is a text within the function's answer, which is escaped once more: to ASCII, as the runtime does it.
    """
    room = MAX_PAGE_BYTES
    for number, item in enumerate(items):
        room -= len(json.dumps(json.dumps(item, ensure_ascii=False, default=repr)))
        if room < 0:
            return max(1, number)
    return len(items)


# --- cursors --------------------------------------------------------------------------------------------------


@lru_cache(maxsize=4)
def _cipher(seed: Seed) -> Any:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # 20 ms that most calls need not spend

    return AESGCM(seed.derive("cursor"))


def seal(position: Any, *, bound_to: tuple[str, ...]) -> str:
    """The cursor for a position (any JSON value), good only for the same `bound_to` (caller, route, filters)."""
    nonce = os.urandom(_NONCE_BYTES)
    plain = json.dumps(position, ensure_ascii=False, separators=(",", ":")).encode()
    sealed = nonce + _cipher(keyrings.cursors.seeds()[0]).encrypt(nonce, plain, "\n".join(bound_to).encode())
    return urlsafe_b64encode(sealed).rstrip(b"=").decode()


def unseal(cursor: str, *, bound_to: tuple[str, ...]) -> Any:
    """The position inside; raises InvalidCursor for anything but an unchanged cursor of this caller and query."""
    try:
        raw = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    except ValueError as error:
        raise InvalidCursor from error
    # base 64 decoders overlook spare bits and foreign characters: only the one canonical spelling is ours
    if len(cursor) > MAX_CHARS or urlsafe_b64encode(raw).rstrip(b"=").decode() != cursor:
        raise InvalidCursor
    from cryptography.exceptions import InvalidTag

    for seed in keyrings.cursors.seeds():
        try:
            plain = _cipher(seed).decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], "\n".join(bound_to).encode())
        except (InvalidTag, ValueError):
            continue
        return json.loads(plain)
    raise InvalidCursor
