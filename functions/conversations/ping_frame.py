"""The frame that keeps a socket open, apart from the schemas of conversations: it comes once a minute from all."""

from typing import Annotated

from pydantic import Field

from kernel.schema import Beyond, Id
from kernel.websocket import Frame

MAX_SYNC_CURSORS = 1_000
Cursors = Annotated[dict[Id, Beyond], Field(max_length=MAX_SYNC_CURSORS)]


class Ping(Frame):
    """With `cursors`, the pong names the conversations that have moved on. `focus` is the conversation on the screen,
    null for none: of what is seen there nobody is told by push. It holds for a minute; left out it stays."""

    cursors: Cursors = {}
    focus: Id | None = None
