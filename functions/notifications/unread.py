"""Which items of a person's in-app list are unread.

An item is read once the marker of the list has passed it. One about a message is read as well once the person has read
the conversation up to that message, on any device, or cannot read it any more: it was deleted, or they have left.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from conversations.model import MemberContext
from kernel import clock
from log import api as log
from notifications.model import NotificationItem

LOOKED_UP = 100  # messages that are looked up, which is one round trip; older ones count as not deleted


def unread_ids(items: Sequence[NotificationItem], groups: Mapping[str, MemberContext]) -> set[str]:
    """The ids of the unread ones among items (newest first) that the marker has not passed.

    `groups` are the person's contexts in the conversations of the items. One round trip, none if nothing is left.
    """
    left = [each for each in items if not has_read(each, groups)]
    places = {each.id: place for each in left if (place := each.message_place) is not None}
    looked_up = dict(list(places.items())[:LOOKED_UP])
    events = log.events_at(looked_up.values()) if looked_up else {}
    now = clock.now()
    there = {place for place, event in events.items() if event.as_of(now).deleted_at is None}
    gone = {item_id for item_id, place in looked_up.items() if place not in there}
    return {each.id for each in left} - gone


def has_read(item: NotificationItem, groups: Mapping[str, MemberContext]) -> bool:
    """Whether the person has read the message of an item in its conversation, or is no member who may read it."""
    if item.message_place is None:
        return False
    conversation_id, seq = item.message_place
    group = groups.get(conversation_id)
    return group is None or group.member.read_seq >= seq or seq < group.member.visible_from
