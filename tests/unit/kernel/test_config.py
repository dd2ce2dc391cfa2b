"""Configuration is read once, and what is wrong is named."""

from __future__ import annotations

import pytest

from kernel.config import ConfigurationError, config


def test_what_is_not_set_has_its_default(settings: pytest.MonkeyPatch) -> None:
    found = config()
    assert (found.redis_url, found.cors_origins, found.address_limit_factor, found.trace) == ("", (), 1, False)


def test_a_table_is_named_after_the_stack(settings: pytest.MonkeyPatch) -> None:
    assert config().table("events") == "test-events"


def test_origins_are_separated_by_commas(settings: pytest.MonkeyPatch) -> None:
    settings.setenv("CORS_ORIGINS", "https://a.example,,https://b.example")
    config.cache_clear()
    assert config().cors_origins == ("https://a.example", "https://b.example")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ENVIRONMENT", ""),
        ("ENVIRONMENT", "production"),
        ("STACK_NAME", ""),
        ("ADDRESS_LIMIT_FACTOR", "0"),
        ("ADDRESS_LIMIT_FACTOR", "-1"),
        ("ADDRESS_LIMIT_FACTOR", "many"),
        ("ADDRESS_LIMIT_FACTOR", ""),
        ("DRIVE_VERSIONS_KEPT", "0"),
        ("DRIVE_VERSIONS_KEPT", "51"),
        ("REQUIRE_SECOND_FACTOR", "admins"),
    ],
)
def test_a_missing_or_wrong_variable_is_named(settings: pytest.MonkeyPatch, name: str, value: str) -> None:
    settings.setenv(name, value)
    config.cache_clear()
    with pytest.raises(ConfigurationError, match=name):
        config()


@pytest.mark.parametrize(("environment", "local"), [("local", True), ("localstack", True), ("prod", False)])
def test_local_environments_are_known(settings: pytest.MonkeyPatch, environment: str, local: bool) -> None:
    settings.setenv("ENVIRONMENT", environment)
    config.cache_clear()
    assert config().is_local == local
