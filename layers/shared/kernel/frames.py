"""The base of the frames that clients send on their sockets. Apart from handlers, as answers need none of those."""

from pydantic import Field

from kernel.schema import Input


class Frame(Input):
    """The fields of every frame that a client sends on its socket; actions add their own."""

    action: str = Field(max_length=64)
    id: str = Field(min_length=1, max_length=64)
