"""Events as JSON: each event type has a model of its own, with that type's `data`."""

from functools import lru_cache, reduce
from operator import or_
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, GetCoreSchemaHandler, GetJsonSchemaHandler, create_model
from pydantic_core import CoreSchema, core_schema

from kernel.schema import Instant, Output
from log import registry
from log.registry import EventType


class LoggedEvent(Output):
    """An event of the log; `data` is the whole object it is about, or null where that is hidden from the reader."""

    conversation_id: str
    seq: int
    type: str
    actor_id: str
    at: Instant


class EphemeralEvent(Output):
    """A frame that is sent once and not stored; about a conversation, if it names one."""

    conversation_id: str | None = Field(default=None, exclude_if=lambda value: value is None)
    type: str
    at: Instant


@lru_cache(maxsize=256)
def frame_model(kind: EventType) -> type[BaseModel]:
    """The model of an event type, named after the type: `poll.voted` is `PollVotedEvent`."""
    name = "".join(word.capitalize() for word in kind.name.replace("_", ".").split(".")) + "Event"
    shown = kind.data_model()
    if shown is not None:
        shown.model_rebuild()  # once, as an answer may be the same object
    data: Any = None if shown is None else shown | None
    base = LoggedEvent if kind.durable else EphemeralEvent
    fields: dict[str, Any] = {"type": (Literal[kind.name], ...), "data": (data, ...)}
    model: type[BaseModel] = create_model(name, __base__=base, **fields)
    return model


def frame(event: dict[str, Any]) -> str:
    """An event as a JSON text."""
    return _validated(event).model_dump_json()


def _validated(event: Any) -> BaseModel:
    if isinstance(event, BaseModel):
        return event
    return frame_model(registry.event_type(event["type"])).model_validate(event)


class AnyEvent:
    """In a schema: any event of the log, discriminated by `type`.

    Validation builds only the models of the types it meets; the API documents show the union of all.
    """

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(_validated)

    @classmethod
    def __get_pydantic_json_schema__(cls, _schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        from pydantic import Discriminator, TypeAdapter  # for the documents only

        models = [frame_model(each) for each in registry.event_types() if each.durable]
        union: Any = Annotated[reduce(or_, models), Discriminator("type")]
        return handler(TypeAdapter(union).core_schema)
