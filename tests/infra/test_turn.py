"""TURN with Debian's coturn and the credentials of calls: valid ones get a relay, others do not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest
from aioice import stun, turn

from calls import ice
from kernel import clock
from tests.support import coturn
from tests.tools import ROOT

USER_QUOTA = 20
SECRET = "9fQ2xV7mK4tR8wZ1cB6nH3jL5pS0dGyA"
CONFIGURATION = ROOT / "infra" / "turn" / "turnserver.conf"
# settings that differ between machines: ports and log
OF_A_MACHINE = ("listening-port", "tls-listening-port", "log-file", "simple-log", "no-cli", "use-auth-secret")

pytestmark = pytest.mark.skipif(coturn.TURNSERVER is None, reason="needs coturn: apt-get install coturn")


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """The port of a TURN server with the configuration that we ship."""
    shipped = [line for line in CONFIGURATION.read_text().splitlines() if line and not line.startswith("#")]
    options = [line for line in shipped if line.partition("=")[0] not in OF_A_MACHINE]
    port = coturn.free_port()
    with coturn.running(SECRET, port=port, options=options):
        yield port


class Errors(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.first: asyncio.Future[Exception] = asyncio.get_running_loop().create_future()

    def error_received(self, exc: Exception) -> None:
        if not self.first.done():
            self.first.set_result(exc)


Talk = Callable[[Any, Errors], Coroutine[Any, Any, Any]]


def _with_relay(port: int, username: str, credential: str, talk: Talk, *, transport: str = "udp") -> Any:
    """Allocate a relay and return the result of `talk`; raises stun.TransactionFailed if there is no relay."""

    async def run() -> Any:
        relay, protocol = await turn.create_turn_endpoint(
            Errors, server_addr=(coturn.HOST, port), username=username, password=credential, transport=transport
        )
        try:
            return await talk(relay, protocol)
        finally:
            relay.close()
            await asyncio.sleep(0.05)

    return asyncio.run(asyncio.wait_for(run(), 20))


async def _address(relay: Any, _: Errors) -> Any:
    return relay.get_extra_info("sockname")


def _refused(port: int, username: str, credential: str) -> int:
    with pytest.raises(stun.TransactionFailed) as refusal:
        _with_relay(port, username, credential, _address)
    return int(refusal.value.response.attributes["ERROR-CODE"][0])


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_our_credentials_get_a_relay(port: int, transport: str) -> None:
    host, relayed = _with_relay(port, *ice.credentials(SECRET, "usr_ada"), _address, transport=transport)
    assert host == coturn.HOST
    assert 49152 <= relayed <= 65535


def test_expired_credentials_get_none(port: int) -> None:
    assert _refused(port, *ice.credentials(SECRET, "usr_ada", ttl_s=-5)) == 401


def test_forged_credentials_get_none(port: int) -> None:
    assert _refused(port, *ice.credentials(SECRET[::-1], "usr_ada")) == 401


def test_a_credential_is_for_its_own_name_and_time(port: int) -> None:
    username, credential = ice.credentials(SECRET, "usr_ada")
    assert _refused(port, username.replace("ada", "bob"), credential) == 401
    later = f"{clock.now_s() + 86_400}:usr_ada"
    assert _refused(port, later, credential) == 401


@pytest.mark.parametrize(
    "peer", ["127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1"]
)
def test_no_relay_leads_into_a_private_network(port: int, peer: str) -> None:
    async def knock(relay: Any, protocol: Errors) -> Exception:
        relay.sendto(b"knock", (peer, 80))
        return await asyncio.wait_for(protocol.first, 10)

    refusal = _with_relay(port, *ice.credentials(SECRET, "usr_ada"), knock)
    assert isinstance(refusal, stun.TransactionFailed)
    assert refusal.response.attributes["ERROR-CODE"][0] == 403


def test_one_person_has_so_many_relays_and_no_more(port: int) -> None:
    username, credential = ice.credentials(SECRET, "usr_greedy")

    async def one_more() -> Any:
        relay, _ = await turn.create_turn_endpoint(
            Errors, server_addr=(coturn.HOST, port), username=username, password=credential
        )
        return relay

    async def run() -> None:
        relays = [await one_more() for _ in range(USER_QUOTA)]
        try:
            with pytest.raises(stun.TransactionFailed) as refusal:
                await one_more()
            assert refusal.value.response.attributes["ERROR-CODE"][0] == 486
        finally:
            for relay in relays:
                relay.close()
            await asyncio.sleep(0.2)

    assert f"user-quota={USER_QUOTA}" in CONFIGURATION.read_text().splitlines()
    asyncio.run(asyncio.wait_for(run(), 30))
