"""Who may use AI help for what. The contract defines the order of refusals.

First access to the conversation, then whether it is encrypted, then whether AI help is enabled: for the person, for the
feature, for the conversation.
"""

from __future__ import annotations

from dataclasses import dataclass

from assistant import budgets, store
from assistant.model import DEFAULT_LANGUAGE, AiDisabled, AiPreferences, AiUnavailable, EncryptedConversation, Feature
from assistant.providers import choice
from conversations import api as conversations
from conversations.api import ContextLoader, require_id
from conversations.model import ConversationInfo, MemberContext
from kernel import clock
from kernel.caller import Caller
from kernel.reads import read_together
from users import api as users
from users.model import Profile


@dataclass(frozen=True, slots=True)
class Consent:
    """A person's permission to use a feature now; `context` is their membership in its conversation, if any."""

    user_id: str
    language: str
    context: MemberContext | None = None

    @property
    def conversation(self) -> MemberContext:
        assert self.context is not None, "this feature is about a conversation"
        return self.context


def require(caller: Caller, feature: Feature, conversation_id: str | None, *, paid: bool = False) -> Consent:
    """All checks before messages are read, in one round trip.

    Raises NotFound, EncryptedConversation, AiDisabled, AiUnavailable and BudgetExceeded, in this order. `paid` means
    that the budget is reserved already.
    """
    now = clock.now()
    keys = [users.profile_key(caller.user_id), *store.account_keys(caller.user_id, now)]
    context = None
    if conversation_id is None:
        rows = read_together(keys)
    else:
        loader = ContextLoader(records=keys)
        context = loader(require_id(conversation_id), caller.user_id)
        rows = loader.records
    if context is not None and context.info.settings.encrypted:
        raise EncryptedConversation
    profile = users.profile_in(rows[0])
    preferences, person, deployment = store.account_in(rows[1:])
    _require_switched_on(profile, preferences, feature)
    if context is not None and not context.info.settings.ai_enabled:
        raise AiDisabled("AI help is switched off in this conversation.")
    if not choice.supports(feature):
        raise AiUnavailable.of(feature, choice.provider().name)
    if not paid:
        budgets.require_room(person, deployment)
    return Consent(caller.user_id, language_of(profile, preferences), context)


def _require_switched_on(profile: Profile | None, preferences: AiPreferences, feature: Feature) -> None:
    if profile is None or not profile.settings.ai_enabled:
        raise AiDisabled("You have AI help switched off.")
    if not preferences.wants(feature):
        raise AiDisabled(f"You have the feature {feature} switched off.")


def language_of(profile: Profile | None, preferences: AiPreferences) -> str:
    """The language of answers: the chosen one, else the profile's."""
    return preferences.language or (profile.locale if profile is not None else DEFAULT_LANGUAGE)


def covers(info: ConversationInfo) -> bool:
    """Whether AI help may read a conversation."""
    return info.settings.ai_enabled and not info.settings.encrypted


def contexts(user_id: str) -> dict[str, MemberContext]:
    """The person's memberships in conversations that AI help may read, by conversation."""
    found = conversations.contexts(conversations.conversations_of(user_id), user_id)
    return {name: context for name, context in found.items() if covers(context.info)}
