"""Packing frames into posts (R12)."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.sockets import MAX_FRAME_BYTES, MAX_POST_BYTES
from realtime.delivery import pack


def _frame(number: int, size: int) -> str:
    """A frame of so many bytes."""
    empty = json.dumps({"n": number, "pad": ""})
    return json.dumps({"n": number, "pad": "x" * max(0, size - len(empty))})


def _unpacked(posts: list[bytes]) -> list[int]:
    """The numbers of the frames in these posts, in order."""
    found: list[int] = []
    for post in posts:
        content = json.loads(post)
        inside = content["events"] if content.get("type") == "batch" else [content]
        found += [frame["n"] for frame in inside]
    return found


sizes = st.one_of(st.integers(20, 2_000), st.integers(30_000, 33_500), st.integers(60_000, MAX_POST_BYTES))


@given(st.lists(sizes, max_size=30))
def test_nothing_is_lost_doubled_or_reordered(frame_sizes: list[int]) -> None:
    posts = pack(_frame(number, size) for number, size in enumerate(frame_sizes))
    assert _unpacked(posts) == list(range(len(frame_sizes)))


@given(st.lists(sizes, max_size=30))
def test_a_batch_fits_a_frame_and_any_post_the_maximum(frame_sizes: list[int]) -> None:
    for post in pack(_frame(number, size) for number, size in enumerate(frame_sizes)):
        assert len(post) <= (MAX_FRAME_BYTES if post.startswith(b'{"type":"batch"') else MAX_POST_BYTES)


@given(st.lists(st.text(max_size=500), min_size=1, max_size=200))
def test_bytes_are_counted_and_not_characters(texts: list[str]) -> None:
    frames = [json.dumps({"n": number, "text": text}, ensure_ascii=False) for number, text in enumerate(texts)]
    posts = pack(frames)
    assert _unpacked(posts) == list(range(len(texts)))
    assert all(len(post) <= MAX_FRAME_BYTES for post in posts)


def test_small_frames_share_a_post() -> None:
    assert len(pack(_frame(number, 300) for number in range(100))) == 1


def test_a_single_frame_goes_as_it_is() -> None:
    assert pack([_frame(1, 300)]) == [_frame(1, 300).encode()]


def test_no_frames_make_no_posts() -> None:
    assert pack([]) == []


@pytest.mark.parametrize(("size", "posts"), [(131_072, 1), (131_073, 0)])
def test_a_frame_above_a_post_is_left_out(size: int, posts: int) -> None:
    assert MAX_POST_BYTES == 131_072
    assert [len(post) for post in pack([_frame(1, size)])] == [size] * posts


def test_what_is_left_out_does_not_take_its_neighbours_along() -> None:
    assert _unpacked(pack([_frame(1, 300), _frame(2, 200_000), _frame(3, 300)])) == [1, 3]
