"""Tickets of sockets, and frames about sockets."""

from kernel.schema import Output


class TicketOut(Output):
    """`reconnect_spread_ms`: the period over which clients spread the first reconnect after losing a socket (R15)."""

    ticket: str
    url: str
    expires_in: int
    reconnect_spread_ms: int


class Pong(Output):
    """`behind`: the last seq of each given conversation with newer events; null asks the client to sync."""

    behind: dict[str, int] | None


class Reconnect(Output):
    """The server ends this socket soon: open another one within `after_ms`."""

    after_ms: int


class SessionRevoked(Output):
    """The session of this socket has ended; the socket is closed."""

    session_id: str
    reason: str
