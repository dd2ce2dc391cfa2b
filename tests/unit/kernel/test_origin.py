"""Whose address a call has, directly and behind CloudFront."""

from __future__ import annotations

import pytest

from kernel import keyrings, origin
from kernel.config import ConfigurationError
from kernel.errors import DependencyUnavailable

EDGE, CLIENT = "192.0.2.9", "203.0.113.7"

pytestmark = pytest.mark.usefixtures("keys")


def _seen(key: str, passed: str) -> str:
    return origin.address_in(EDGE, {"x-distribution-key": key, "x-forwarded-for": passed})


def _key() -> str:
    return keyrings.edge.seeds()[0].value.decode()


@pytest.mark.attack
@pytest.mark.parametrize("sent", ["", "198.51.100.1, ", "<script>, 198.51.100.1,", "1," * 5_000])
def test_behind_our_cloudfront_it_is_what_cloudfront_has_seen_whatever_a_client_sends(sent: str) -> None:
    assert _seen(_key(), f"{sent}{CLIENT}, {EDGE}") == CLIENT
    assert _seen(_key(), f"{sent}2001:DB8::1, {EDGE}") == "2001:db8::1"


def test_behind_an_edge_optimized_api_it_is_the_same() -> None:
    assert _seen(_key(), f"198.51.100.1, {CLIENT}, {EDGE}, 192.0.2.200") == CLIENT


@pytest.mark.attack
@pytest.mark.parametrize("passed", ["", EDGE, f"{CLIENT}, 192.0.2.200", f"{EDGE}, {CLIENT}"])
def test_where_the_gateway_did_not_add_whom_it_saw_no_header_is_believed(passed: str) -> None:
    assert _seen(_key(), passed) == EDGE


@pytest.mark.attack
@pytest.mark.parametrize("key", ["", "guessed", "\u00e4", "k" * 10_000])
def test_with_another_key_than_cloudfronts_no_header_is_asked(key: str) -> None:
    assert _seen(key, f"{CLIENT}, {EDGE}") == EDGE


def test_without_a_header_of_it_the_gateway_is_asked() -> None:
    assert origin.address_in(EDGE, {"x-distribution-key": _key()}) == EDGE
    assert origin.address_in(EDGE, {"x-forwarded-for": f"{CLIENT}, {EDGE}"}) == EDGE


@pytest.mark.parametrize("why", [DependencyUnavailable(), ConfigurationError("there is no keyring edge")])
def test_while_the_ring_cannot_be_read_the_gateway_is_asked(monkeypatch: pytest.MonkeyPatch, why: Exception) -> None:
    key = _key()

    def refused() -> None:
        raise why

    keyrings.edge.forget()
    monkeypatch.setattr(keyrings.edge, "_read", refused)
    assert _seen(key, f"{CLIENT}, {EDGE}") == EDGE


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::6", "2001:db8:1:3::/64"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("", ""),
    ],
)
def test_all_addresses_that_a_household_has_are_one_network(address: str, network: str) -> None:
    assert origin.network(address) == network
