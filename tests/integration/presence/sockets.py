"""Sockets that are opened and closed as API Gateway does, so that presence follows them."""

from __future__ import annotations

from kernel.caller import Caller
from realtime.actions import connect, disconnect
from tests.helpers import CONTEXT
from tests.tools import socket_event


def connected(who: Caller, name: str) -> Caller:
    device = Caller(who.user_id, who.session_id, name)
    connect.handler(socket_event(device, "", route="$connect"), CONTEXT)
    return device


def disconnected(device: Caller) -> None:
    disconnect.handler(socket_event(device, "", route="$disconnect"), CONTEXT)
