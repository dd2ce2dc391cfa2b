"""Which provider this deployment uses; what it needs is imported when it is chosen."""

from __future__ import annotations

from functools import lru_cache

from assistant.model import Feature
from assistant.providers.port import Provider
from assistant.settings import settings


@lru_cache(maxsize=1)
def provider() -> Provider:
    """The configured provider; raises ConfigurationError for one that is not fully configured."""
    chosen = settings().provider
    if chosen == "bedrock":
        from assistant.providers.bedrock import Bedrock
        from assistant.providers.language_model import LanguageModel

        return LanguageModel("bedrock", False, Bedrock())
    if chosen == "openai":
        from assistant.providers.language_model import LanguageModel
        from assistant.providers.openai_compatible import OpenAiCompatible, endpoint

        endpoint()
        return LanguageModel("openai", True, OpenAiCompatible())
    from assistant.providers.embedded import Embedded

    return Embedded()


def has(feature: Feature) -> bool:
    """Whether this deployment has a feature: sound is written down by a service beside the provider."""
    return settings().transcribes if feature == "transcriptions" else provider().has(feature)
