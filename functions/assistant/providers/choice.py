"""The deployment's provider; its modules are imported only if it is configured."""

from __future__ import annotations

from functools import lru_cache

from assistant.model import Feature
from assistant.providers.port import Provider
from assistant.settings import settings


@lru_cache(maxsize=1)
def provider() -> Provider:
    """The configured provider; raises ConfigurationError for an incomplete configuration."""
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


def supports(feature: Feature) -> bool:
    """Whether this deployment supports a feature; transcriptions are done by a service of their own."""
    return settings().transcribes if feature == "transcriptions" else provider().supports(feature)
