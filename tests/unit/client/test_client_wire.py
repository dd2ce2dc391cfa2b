"""Where a ticket leads."""

from __future__ import annotations

import pytest

from secureconnect_client.models import Ticket
from secureconnect_client.wire import socket_url


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ("wss://live.test/v1", "wss://live.test/v1?ticket=a%2Fb"),
        ("wss://live.test/v1?stage=2", "wss://live.test/v1?stage=2&ticket=a%2Fb"),
        ("https://live.test/v1", "wss://live.test/v1?ticket=a%2Fb"),
        ("/socket", "ws://chat.test:4566/socket?ticket=a%2Fb"),
        ("socket?x=1", "ws://chat.test:4566/api/socket?x=1&ticket=a%2Fb"),
        ("//live.test/v1", "ws://live.test/v1?ticket=a%2Fb"),
    ],
)
def test_the_address_of_a_ticket_is_taken_as_given_or_from_where_the_api_is(given: str, address: str) -> None:
    assert socket_url(Ticket(ticket="a/b", url=given), http_url="http://chat.test:4566/api") == address


def test_a_configured_address_goes_before_the_tickets() -> None:
    ticket = Ticket(ticket="t", url="wss://live.test/v1")
    url = socket_url(ticket, http_url="http://chat.test", ws_url="ws://127.0.0.1:9/v1")
    assert url == "ws://127.0.0.1:9/v1?ticket=t"
