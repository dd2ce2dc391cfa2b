"""The ping frame, apart from the schemas of conversations: every socket sends it once a minute."""

from typing import Annotated

from pydantic import Field

from kernel.frames import Frame
from kernel.schema import Beyond, Id

MAX_SYNC_CURSORS = 1_000
Cursors = Annotated[dict[Id, Beyond], Field(max_length=MAX_SYNC_CURSORS)]


class Ping(Frame):
    """With `cursors`, the pong names the conversations with newer events. `focus` is the conversation on the screen,
    null for none: its messages cause no push. It holds for a minute; if absent, it does not change."""

    cursors: Cursors = {}
    focus: Id | None = None
