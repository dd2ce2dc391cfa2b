"""What shows nothing is empty, what reads the same is one, names are read in one direction (R55).

Sources: element-web 34019, sakai 7398 (empty texts); chatmail/core 3479, seafile 2658 (names); Rocket.Chat 3370,
mattermost 2933 (usernames); zulip 20164 (poll options).
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from accounts.schemas import Registration, SignIn
from conversations.schemas import ConversationChanges, NewConversation
from drive.files import folders
from drive.route_schemas import NewFolder
from kernel import text
from kernel.errors import Conflict, ValidationFailed
from kernel.schema import Input
from messages.list_schemas import DraftIn
from messages.schemas import Edit, MessageFields
from messages.unsent.scheduled_schemas import NewScheduled
from perf.texts import CHARS, SAMPLES
from polls.model import Option
from polls.voting_schemas import NewOption, NewPollIn
from tests.integration.rooms import people
from tests.unit.polls.test_polls_model import _poll
from users.route_schemas import ProfileChanges

ROOT = Path(__file__).resolve().parents[2]
SHOWS_NOTHING = [" ", "\n\n", "\u00a0", "\u200b", "\u2800", "\u3164", "\u00ad\u2060", "\u0301", "\U000e0041"]
TURNING = ["Ann\u202e", "Ann\u2067", "An\u202an", "An\nn", "An\u0007n", "An\u2028n"]
POLL = {"client_id": "1", "question": "Lunch?", "options": ["Yes", "No"]}
SEND_AT = "2030-01-01T00:00:00.000Z"


def _refused(model: type[Input], **fields: Any) -> str:
    """The field that a body is refused for."""
    with pytest.raises(ValidationError) as refused:
        model.model_validate_json(json.dumps(fields))
    return ".".join(map(str, refused.value.errors()[0]["loc"]))


@pytest.mark.parametrize("nothing", SHOWS_NOTHING)
def test_a_text_that_shows_nothing_is_refused_wherever_people_see_it(nothing: str) -> None:
    assert _refused(MessageFields, client_id="1", text=nothing) == "text"
    assert _refused(NewScheduled, client_id="1", text=nothing, send_at=SEND_AT) == "text"
    assert _refused(Edit, text=nothing) == "text"
    assert _refused(DraftIn, text=nothing) == "text"
    assert _refused(NewPollIn, **{**POLL, "question": nothing}) == "question"
    assert _refused(NewPollIn, **{**POLL, "options": ["Yes", nothing]}) == "options.1"
    assert _refused(NewOption, text=nothing) == "text"
    assert _refused(NewConversation, type="group", member_ids=[], name=nothing) == "name"
    assert _refused(ProfileChanges, bio=nothing) == "bio"
    assert _refused(NewFolder, name=nothing) == "name"


@pytest.mark.parametrize("name", TURNING)
def test_a_name_that_turns_its_direction_or_breaks_its_line_is_refused(name: str) -> None:
    account = {"email": "ann@example.com", "username": "ann", "password": "correct horse battery"}
    assert _refused(Registration, **account, display_name=name) == "display_name"
    assert _refused(ProfileChanges, display_name=name) == "display_name"
    assert _refused(ConversationChanges, name=name) == "name"
    assert _refused(SignIn, identifier="ann", password="x", device_name=name) == "device_name"
    assert _refused(NewFolder, name=name) == "name"
    assert _refused(NewOption, text=name) == "text"


def test_names_in_any_script_and_with_joined_emoji_are_taken() -> None:
    for name in (
        "José Núñez-Muñoz O’Brien",
        "नमस्ते",
        "می‌خواهم",
        "שלום",
        "👩‍👩‍👧",
        "山田 太郎",
        "🏴\U000e0067\U000e0062\U000e007f",
    ):
        assert ProfileChanges(display_name=name).display_name == name
    assert ProfileChanges(display_name="Rene\u0301").display_name == "René"
    assert MessageFields(client_id="1", text="one\n\ttwo\u202c").text is not None


@pytest.mark.parametrize("username", ["all", "here", "admin", "support", "_root_", "...", "___", "system."])
def test_usernames_that_speak_for_everybody_or_show_nothing_are_refused(username: str) -> None:
    account = {"email": "ann@example.com", "password": "correct horse battery", "display_name": "Ann"}
    assert _refused(Registration, **account, username=username) == "username"


SAME = [
    ("Yes", "yes"),
    ("Yes", "Yes "),
    ("Yes", "Ｙｅｓ"),
    ("café", "cafe\u0301"),
    ("Do\u200bcs", "Docs"),
    ("\u0423es", "yes"),
]
# the first letter of the last pair is Cyrillic
DIFFERENT = [("modern", "modem"), ("1", "I"), ("Да", "Нет"), ("東京", "京都"), ("C", "C++"), ("10", "1O")]
ACCENTED = [("si", "sí"), ("ba", "bà"), ("bá", "bà"), ("schon", "schön"), ("мои", "мой"), ("lodz", "łódź")]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_options_that_read_the_same_are_one(one: str, other: str) -> None:
    assert _refused(NewPollIn, **{**POLL, "options": [one, other]}) == "options"
    with pytest.raises(ValidationFailed):
        _poll(options=(Option("a", one), Option("b", "x")), allow_add_options=True).with_option(other, "usr_1")


@pytest.mark.parametrize(("one", "other"), DIFFERENT + ACCENTED)
def test_options_that_readers_tell_apart_are_two(one: str, other: str) -> None:
    assert len(NewPollIn.model_validate({**POLL, "options": [one, other]}).options) == 2
    poll = _poll(options=(Option("a", one), Option("b", "x")), allow_add_options=True)
    assert len(poll.with_option(other, "usr_1").options) == 3


@pytest.mark.parametrize(("one", "other"), SAME)
def test_two_folders_of_one_place_do_not_read_the_same(one: str, other: str) -> None:
    (ada,) = people("ada")
    folders.create(caller=ada, name=one, parent_id=None)
    with pytest.raises(Conflict):
        folders.create(caller=ada, name=other, parent_id=None)


def test_what_is_searched_is_one_folding() -> None:
    assert text.fold("co\u00adoperation") == text.fold("Cooperation")
    assert text.fold("می\u200cخواهم") == text.fold("میخواهم")
    assert text.parts_of_word(text.fold("O’Brien")) == ["o'brien", "obrien", "o", "brien"]


# --- every field that people see names its kind -----------------------------------------------------------------

Where = tuple[str, str]


def _free_strings(schema: Any, where: Where, components: Mapping[str, Any], seen: set[str]) -> Iterator[Where]:
    """The strings of a request that are neither chosen from a list, patterned nor of a named kind."""
    if isinstance(schema, list):
        for each in schema:
            yield from _free_strings(each, where, components, seen)
        return
    if not isinstance(schema, dict):
        return
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        if name not in seen:
            seen.add(name)
            yield from _free_strings(components[name], (name, ""), components, seen)
        return
    if schema.get("type") == "string" and not {"enum", "const", "pattern", "format", "x-text-kind"} & schema.keys():
        yield where
    for key, value in schema.items():
        if key == "properties":
            for name, each in value.items():
                yield from _free_strings(each, (where[0], name), components, seen)
        else:
            yield from _free_strings(value, where, components, seen)


def test_every_text_that_a_request_takes_names_its_kind() -> None:
    document = json.loads((ROOT / "functions/operations/openapi.json").read_text())
    components = document["components"]["schemas"]
    free: list[Where] = []
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            where = (f"{method.upper()} {path}", "")
            seen: set[str] = set()
            free += _free_strings(operation.get("requestBody", {}), where, components, seen)
            for parameter in operation.get("parameters", []):
                if parameter["in"] == "query":
                    at = (where[0], parameter["name"])
                    free += _free_strings(parameter["schema"], at, components, seen)
    assert sorted(set(free)) == []


def test_every_text_that_a_frame_takes_names_its_kind() -> None:
    document = json.loads((ROOT / "docs/api/asyncapi.json").read_text())
    components, messages = document["components"]["schemas"], document["channels"]["socket"]["messages"]
    names = [each["$ref"].rpartition("/")[2] for each in document["operations"]["receive"]["messages"]]
    assert "sendMessage" in names
    envelope = {(name, part) for name in names for part in ("action", "id")}  # given back to the one who sent them
    free: set[Where] = set()
    for name in names:
        message = messages[name]
        if "$ref" in message:
            message = document["components"]["messages"][message["$ref"].rpartition("/")[2]]
        free |= set(_free_strings(message["payload"], (name, ""), components, set()))
    assert sorted(free - envelope) == []


# --- what checking costs ----------------------------------------------------------------------------------------


def test_checking_10_000_characters_costs_less_than_a_loop_over_them() -> None:
    """The budget is 0.3 ms (perf/texts.py), on a machine where a loop of Python over 10,000 characters takes 0.5.
    Measured by such a loop a slow machine is no failure, and one loop too many is."""
    loop = _least_s(lambda: sum(char == "b" for char in "a" * CHARS))
    for name, sample in SAMPLES.items():
        fields = {"client_id": "c", "text": (sample * (CHARS // len(sample) + 1))[:CHARS]}
        assert _least_s(partial(MessageFields.model_validate, fields)) < loop, name


def _least_s(call: Callable[[], object]) -> float:
    """The least processor time of many calls: what others do on the machine is not in it."""

    def once() -> float:
        began = time.process_time()
        call()
        return time.process_time() - began

    return min(once() for _ in range(100))


def test_a_free_string_would_be_found() -> None:
    class Loose(Input):
        nickname: str

    schema = TypeAdapter(Loose).json_schema()
    assert list(_free_strings(schema, ("Loose", ""), {}, set())) == [("Loose", "nickname")]
