"""An instance of the local cloud is described by its name and the environment."""

import json
from pathlib import Path

import pytest

from infra.local.config import AWS_QUOTA, LEAST_QUOTA, STATE, instance
from infra.local.console import Problem
from infra.local.stack import Stack


def test_the_default_instance_listens_on_the_known_ports(tmp_path: Path) -> None:
    default = instance("default", {}, state=tmp_path)
    assert (default.endpoint, default.redis_url) == ("http://127.0.0.1:4566", "redis://127.0.0.1:6390")


def test_an_instance_keeps_the_ports_of_its_data_unless_others_are_given(tmp_path: Path) -> None:
    addresses = {"aws_endpoint_url": "http://127.0.0.1:5000", "redis_url": "redis://127.0.0.1:5001"}
    (tmp_path / "endpoints.json").write_text(json.dumps(addresses))
    kept, moved = instance("default", {}, state=tmp_path), instance("default", {"SC_PORT": "6000"}, state=tmp_path)
    assert (kept.port, kept.redis_port) == (5000, 5001)
    assert (moved.port, moved.redis_port) == (6000, 5001)


def test_instances_share_neither_ports_nor_state(tmp_path: Path) -> None:
    default, test = instance("default", {}, state=tmp_path), instance("test", {}, state=tmp_path)
    assert {default.port, default.redis_port}.isdisjoint({test.port, test.redis_port})
    assert (instance("default", {}).home, instance("test", {}).home) == (STATE, STATE / "test")


def test_each_instance_has_variables_of_its_own() -> None:
    environment = {"SC_PORT": "5000", "SC_TEST_PORT": "6000"}
    assert instance("default", environment).port == 5000
    assert instance("test", environment).port == 6000


@pytest.mark.parametrize("text", ["abc", "80", "65536", "-1", "4566.0"])
def test_a_port_that_is_none_is_refused_by_the_name_of_its_variable(text: str) -> None:
    with pytest.raises(Problem, match="SC_PORT"):
        instance("default", {"SC_PORT": text})


def test_the_account_s_quota_fits_the_machine_unless_it_is_given() -> None:
    assert LEAST_QUOTA <= instance("default", {}).quota <= AWS_QUOTA
    assert instance("test", {"SC_QUOTA": "16"}).quota == 16


@pytest.mark.parametrize("text", ["0", "-1", "1001", "many"])
def test_a_quota_that_is_none_is_refused_by_the_name_of_its_variable(text: str) -> None:
    with pytest.raises(Problem, match="SC_QUOTA"):
        instance("default", {"SC_QUOTA": text})


def test_an_unknown_instance_is_refused() -> None:
    with pytest.raises(Problem, match="nobody"):
        instance("nobody", {})


def test_the_socket_has_the_address_of_the_rest_api_with_another_scheme(tmp_path: Path) -> None:
    default = instance("default", {}, state=tmp_path)
    assert default.execute_api("a1") == "http://127.0.0.1:4566/_aws/execute-api/a1/v1"
    assert default.execute_api("a1", scheme="ws") == "ws://127.0.0.1:4566/_aws/execute-api/a1/v1"


def test_nothing_of_the_callers_aws_settings_reaches_the_local_cloud(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "real")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://example.com")
    monkeypatch.setenv("HTTP_PROXY", "http://example.com")
    client = Stack(instance("default", {}, state=tmp_path)).client("s3")
    assert client.meta.endpoint_url == "http://127.0.0.1:4566"
    assert client._request_signer._credentials.token is None
    assert client._endpoint.http_session._proxy_config._proxies == {}


@pytest.mark.parametrize(
    "damaged", ["", '{"aws_endpoint_url": "http://127', "[]", "{}", '{"aws_endpoint_url": 1, "redis_url": 2}']
)
def test_a_damaged_file_of_addresses_is_named_with_what_to_do(damaged: str, tmp_path: Path) -> None:
    (tmp_path / "endpoints.json").write_text(damaged)
    with pytest.raises(Problem, match=r"endpoints\.json is damaged") as problem:
        instance("default", {}, state=tmp_path)
    assert "delete this file" in problem.value.advice
