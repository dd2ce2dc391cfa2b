"""Pages of lists, and their cursors.

A cursor is encrypted and authenticated (AES-GCM) and bound to the caller and the query: it reveals no key, and is valid
for nothing else.
"""

from __future__ import annotations

import json
import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Generic, TypeVar

from kernel import keyrings
from kernel.errors import InvalidCursor
from kernel.keyrings import Seed

T = TypeVar("T")
R = TypeVar("R")
_NONCE_BYTES = 12
MAX_CHARS = 2048  # enough for 255 characters of any script
MAX_PAGE_BYTES = 5_000_000  # the answer of a Lambda function is at most 6 MB ("Lambda quotas")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A page of a list, and the cursor of the next page if there is one."""

    items: list[T]
    next_cursor: str | None = None


class Paginator:
    """The position of one page in one caller's list.

    `bound_to` are the caller, the list and its filters. `begun` are the parameters that choose where the list begins,
    None for one that was not given. A cursor continues its own list: it may come with the same parameters or with none,
    and `begun` is then set to those of the list. Raises InvalidCursor for a cursor of another list.
    """

    __slots__ = ("_bound_to", "begun", "start")

    def __init__(self, cursor: str | None, *bound_to: str, begun: Sequence[int | None] = ()) -> None:
        self._bound_to = (*bound_to, "begun") if begun else bound_to
        self.begun = list(begun)
        self.start: Any = None  # None: at the beginning
        if cursor is not None:
            kept = unseal(cursor, bound_to=self._bound_to)
            own, self.start = kept if begun else (self.begun, kept)
            if self.begun not in (own, [None] * len(begun)):
                raise InvalidCursor
            self.begun = own

    def cursor(self, position: Any) -> str | None:
        """The cursor of a page that begins after `position` (any JSON value); None for None, the end of the list."""
        if position is None:
            return None
        return seal([self.begun, position] if self.begun else position, bound_to=self._bound_to)

    def page(
        self, found: Sequence[T], limit: int, position: Callable[[T], Any], show: Callable[[Sequence[T]], Iterable[R]]
    ) -> Page[R]:
        """The first `limit` of the found items, rendered by `show`; there is a next page if more were found.

        Callers therefore read one item more than `limit`. `position` gives the position of a page's last item.
        """
        page = found[:limit]
        end = position(page[-1]) if len(found) > len(page) > 0 else None
        return Page(list(show(page)), self.cursor(end))

    def page_of_all(
        self, found: Sequence[T], limit: int, position: Callable[[T], Any], show: Callable[[Sequence[T]], Iterable[R]]
    ) -> Page[R]:
        """Like `page`, but of a list that is read whole: `found` are all its items, in the order of `position`."""
        left = [each for each in found if self.start is None or position(each) > self.start]
        return self.page(left, limit, position, show)

    def fitting_page(
        self, found: Sequence[T], limit: int, position: Callable[[T], Any], show: Callable[[Sequence[T]], Sequence[R]]
    ) -> Page[R]:
        """Like `page`, but with no more items than fit one answer; `show` must keep their number and order."""
        shown = show(found[:limit])
        fit = fitting(shown)
        end = position(found[fit - 1]) if len(found) > fit > 0 else None
        return Page(list(shown[:fit]), self.cursor(end))


def all_pages(read: Callable[[Any], tuple[Sequence[T], Any]]) -> Iterator[Sequence[T]]:
    """All pages of something; `read` gets the cursor of each page, None for the first, and returns it with the next
    cursor, None after the last."""
    cursor = None
    while True:
        page, cursor = read(cursor)
        yield page
        if cursor is None:
            return


def all_items(read: Callable[[str | None], Page[T]]) -> Iterator[T]:
    """The items of all pages of a list; `read` gets the cursor of each page, None for the first."""

    def page_of(cursor: str | None) -> tuple[Sequence[T], str | None]:
        page = read(cursor)
        return page.items, page.next_cursor

    for items in all_pages(page_of):
        yield from items


def fitting(items: Sequence[Any]) -> int:
    """The number of items that fit one answer, at least one; the others belong to the next page.

    Lambda's runtime escapes the JSON body once more, to ASCII, so the size is computed after both.
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
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # takes 20 ms, and most calls need none

    return AESGCM(seed.derive("cursor"))


def seal(position: Any, *, bound_to: tuple[str, ...]) -> str:
    """The cursor for a position (any JSON value), valid only for the same `bound_to` (caller, route, filters)."""
    nonce = os.urandom(_NONCE_BYTES)
    plain = json.dumps(position, ensure_ascii=False, separators=(",", ":")).encode()
    sealed = nonce + _cipher(keyrings.cursors.seeds()[0]).encrypt(nonce, plain, "\n".join(bound_to).encode())
    return urlsafe_b64encode(sealed).rstrip(b"=").decode()


def unseal(cursor: str, *, bound_to: tuple[str, ...]) -> Any:
    """The position in a cursor; raises InvalidCursor for anything but an unchanged cursor of this caller and query."""
    try:
        raw = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    except ValueError as error:
        raise InvalidCursor from error
    # base64 decoders ignore spare bits and foreign characters: only the canonical spelling is accepted
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
