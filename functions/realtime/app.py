"""Routes of realtime (contract §10): tickets for sockets."""

from __future__ import annotations

from typing import Any

from accounts.api import authenticate_by_table
from kernel.caller import Caller
from kernel.config import config
from kernel.http import App
from kernel.limiter import Limit
from realtime import service
from realtime.schemas import TicketOut

app = App("realtime", authenticate=authenticate_by_table)
SPREAD_MS_PER_SOCKET = 4  # all sockets together reconnect 250 times a second, half of API Gateway's limit
TICKETS = Limit("tickets", requests=120, window_s=60)


@app.post("/realtime/tickets", returns=TicketOut, status=201, limits=[TICKETS])
def create_ticket(caller: Caller) -> Any:
    """A single-use ticket, valid for 60 s, to open a socket at `url?ticket=…`."""
    return {
        "ticket": service.make_ticket(caller),
        "url": _socket_url(),
        "expires_in": service.TICKET_TTL_S,
        "reconnect_spread_ms": max(1_000, SPREAD_MS_PER_SOCKET * config().expected_sockets),
    }


def _socket_url() -> str:
    settings = config()
    if settings.socket_url:
        return settings.socket_url
    if settings.aws_endpoint_url:
        local = settings.aws_endpoint_url.replace("http", "ws", 1)
        return f"{local}/_aws/execute-api/{settings.socket_api_id}/{settings.socket_stage}"
    return f"wss://{settings.aws_host(f'{settings.socket_api_id}.execute-api')}/{settings.socket_stage}"
