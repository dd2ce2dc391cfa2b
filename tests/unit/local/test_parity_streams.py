"""Streams are followed beside the queues."""

import threading

from infra.local.parity.streams import beside_the_queues


def test_the_caller_never_waits_for_a_consumer() -> None:
    begun, release = threading.Event(), threading.Event()

    def poll() -> bool:
        begun.set()
        release.wait(5)
        return False

    polling = beside_the_queues(poll)
    assert [polling() for _ in range(3)] == [False] * 3
    assert begun.wait(5)
    release.set()


def test_a_look_that_fails_is_not_the_last() -> None:
    again = threading.Event()
    looks: list[int] = []

    def poll() -> bool:
        looks.append(1)
        if len(looks) == 1:
            raise LookupError
        again.set()
        return False

    beside_the_queues(poll)()
    assert again.wait(5)
