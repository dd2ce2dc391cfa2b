"""Records and values: typed attributes, and one mapper both ways."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from pynamodb.attributes import BooleanAttribute, MapAttribute, UnicodeAttribute
from pynamodb.expressions.update import RemoveAction, SetAction

from kernel.dynamo import Record
from kernel.records import (
    CountsAttribute,
    EntriesAttribute,
    IntegerAttribute,
    Mapper,
    NamesAttribute,
    ValueAttribute,
    known_fields,
    set_or_remove,
)

pytestmark = pytest.mark.usefixtures("settings", "no_sockets")


@dataclass(frozen=True, slots=True)
class Brewing:
    """How a tea is made."""

    minutes: int = 3
    celsius: int = 80


class TeaRecord(Record, table="teas"):
    shelf = UnicodeAttribute(hash_key=True)
    entry = UnicodeAttribute(range_key=True)
    label = UnicodeAttribute(null=True)
    grams = IntegerAttribute()
    opened_at = IntegerAttribute(null=True)
    flavours = NamesAttribute()
    cups = CountsAttribute(null=True)
    brewing = ValueAttribute(known_fields(Brewing), null=True)
    loose = BooleanAttribute(null=True)


@dataclass(frozen=True, slots=True)
class Tea:
    """A tea on a shelf."""

    shelf: str
    id: str
    name: str | None
    grams: int
    opened_at: int | None = None
    flavours: frozenset[str] = frozenset()
    cups: Mapping[str, int] = field(default_factory=dict)
    brewing: Brewing = Brewing()
    loose: bool = False


teas = Mapper(TeaRecord, Tea, renamed={"name": "label"}, id=lambda record: record.entry.removeprefix("tea#"))
SENCHA = Tea(
    "top", "1", "Sencha", 100, opened_at=7, flavours=frozenset({"grass", "sea"}), cups={"ada": 2},
    brewing=Brewing(1, 70), loose=True,
)  # fmt: skip


def _stored(tea: Tea) -> dict[str, Any]:
    return teas.record(tea, entry=f"tea#{tea.id}").serialize()


def test_a_value_comes_back_from_its_record() -> None:
    assert teas.value(TeaRecord.from_raw_data(_stored(SENCHA))) == SENCHA


def test_attributes_are_kept_as_dynamodb_has_them() -> None:
    assert _stored(SENCHA) == {
        "shelf": {"S": "top"},
        "entry": {"S": "tea#1"},
        "label": {"S": "Sencha"},
        "grams": {"N": "100"},
        "opened_at": {"N": "7"},
        "flavours": {"SS": ["grass", "sea"]},
        "cups": {"M": {"ada": {"N": "2"}}},
        "brewing": {"S": '{"minutes": 1, "celsius": 70}'},
        "loose": {"BOOL": True},
    }


def test_what_is_not_there_has_its_default_or_is_none() -> None:
    bare = {"shelf": {"S": "top"}, "entry": {"S": "tea#2"}, "grams": {"N": "5"}}
    assert teas.value(TeaRecord.from_raw_data(bare)) == Tea("top", "2", None, 5)


def test_what_a_later_version_has_put_into_a_value_is_left_out() -> None:
    raw = {**_stored(SENCHA), "brewing": {"S": '{"minutes": 2, "pot": "iron"}'}}
    assert teas.value(TeaRecord.from_raw_data(raw)).brewing == Brewing(2, 80)


def test_an_empty_set_is_kept_as_nothing() -> None:
    assert "flavours" not in _stored(replace(SENCHA, flavours=frozenset()))


def test_records_that_are_not_there_have_no_values() -> None:
    record = TeaRecord.from_raw_data(_stored(SENCHA))
    assert teas.found(None) is None
    assert teas.found(record) == SENCHA
    assert teas.values([None, record, None]) == [SENCHA]


def test_changes_are_only_of_the_fields_that_differ() -> None:
    actions = teas.changes(SENCHA, replace(SENCHA, name=None, grams=90, opened_at=8), but=("opened_at",))
    assert [type(action) for action in actions] == [RemoveAction, SetAction]
    assert [str(action.values[0]) for action in actions] == ["label", "grams"]


def test_an_unknown_attribute_is_told_when_the_mapper_is_made() -> None:
    with pytest.raises(TypeError, match="TeaRecord has no attribute id"):
        Mapper(TeaRecord, Tea, renamed={"name": "label"})


def test_one_count_of_many_can_be_changed() -> None:
    assert str(set_or_remove(TeaRecord.cups["ada"], None)) == "cups.ada"


class CupRecord(TeaRecord, table="cups"):
    handles = IntegerAttribute(default=1)


class PotRecord(TeaRecord, table="pots"):
    lids = EntriesAttribute(null=True)


def test_entries_are_read_as_they_were_written_and_changed_one_by_one() -> None:
    lids = {"lid_1": {"colour": "blue", "grams": 90}, "lid_2": {}}
    stored = PotRecord("shelf", "pot", grams=1, lids=lids).serialize()["lids"]
    assert stored == {"M": {"lid_1": {"M": {"colour": {"S": "blue"}, "grams": {"N": "90"}}}, "lid_2": {"M": {}}}}
    assert PotRecord.from_raw_data({"lids": stored}).lids == lids
    assert str(set_or_remove(PotRecord.lids["lid_1"]["grams"], 80)) == "lids.lid_1.grams = {'N': '80'}"


def test_a_map_attribute_of_pynamodb_is_refused() -> None:
    class KettleRecord(TeaRecord, table="kettles"):
        parts: MapAttribute[str, Any] = MapAttribute(null=True)

    with pytest.raises(TypeError, match="KettleRecord has a MapAttribute"):
        KettleRecord.from_raw_data({})


@pytest.mark.parametrize("model", [TeaRecord, CupRecord])
@pytest.mark.parametrize("left_out", ["nothing", "key", "all but the key", "all"])
def test_a_record_is_made_of_an_item_as_pynamodb_makes_it(model: type[Record], left_out: str) -> None:
    texts = {"S": "{}", "N": "12", "SS": ["a"], "BOOL": True, "M": {"a": {"N": "1"}}}
    attributes = model.get_attributes().values()
    item = {each.attr_name: {each.attr_type: texts[each.attr_type]} for each in attributes}
    for each in attributes:
        is_key = each.is_hash_key or each.is_range_key
        if left_out == "all" or left_out == ("key" if is_key else "all but the key"):
            item[each.attr_name] = {"NULL": True}
    theirs = super(Record, model).from_raw_data(item)
    found = model.from_raw_data({**item, "unknown": {"S": "of a later version"}})
    assert _told(found) == _told(theirs)


def _told(record: Record) -> dict[str, str]:
    """What a record holds, with the types; what PynamoDB makes of maps has no equality of its own."""
    return {name: repr(value) for name, value in record.attribute_values.items()}
