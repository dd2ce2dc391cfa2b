"""One typed object with the paths and ports of an instance of the local cloud."""

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from infra.local.console import Problem

ROOT = Path(__file__).resolve().parents[2]
STATE = ROOT / ".local"
HOST = "127.0.0.1"
REGION = "us-east-1"
STACK = "secureconnect-local"
STAGE = "v1"
RUNTIMES = ("python3.12", "python3.13", "python3.14")  # those of template.yaml
DEFAULT_RUNTIME = "python3.13"
ACCOUNT = "000000000000"  # the account id of a local cloud
PORTS = {"default": (4566, 6390), "test": (4666, 6490)}
ENDPOINTS = "endpoints.json"
QUOTA = "SC_QUOTA"
AWS_QUOTA, LEAST_QUOTA = 1000, 96  # concurrent executions: AWS's default for an account; the most that the tests need
EXECUTION_MB = 90  # memory of a function's process


@dataclass(frozen=True, slots=True)
class Instance:
    """One local cloud: MiniStack, Valkey and the stack inside. `make up` uses `default`, the tests use `test`."""

    name: str
    port: int
    redis_port: int
    home: Path
    quota: int = LEAST_QUOTA  # concurrent executions of the account; more are throttled

    @property
    def endpoint(self) -> str:
        return f"http://{HOST}:{self.port}"

    @property
    def redis_url(self) -> str:
        return f"redis://{HOST}:{self.redis_port}"

    @property
    def web_url(self) -> str:
        """The web client's URL, if it is deployed: its bucket is named after the stack (infra/web.yaml)."""
        return f"{self.endpoint}/{STACK}-web-{ACCOUNT}/index.html"

    @property
    def endpoints_file(self) -> Path:
        return self.home / ENDPOINTS

    @property
    def deployed_file(self) -> Path:
        """The file with the fingerprint of the last deployment; absent during a deployment."""
        return self.home / "deployed"

    @property
    def port_variable(self) -> str:
        """The environment variable that sets the port."""
        return f"{_prefix(self.name)}PORT"

    @property
    def redis_port_variable(self) -> str:
        return f"{_prefix(self.name)}REDIS_PORT"

    @property
    def logs(self) -> Path:
        return self.home / "logs"

    @property
    def up_command(self) -> str:
        return self._command("up")

    @property
    def reset_command(self) -> str:
        return self._command("reset")

    def _command(self, verb: str) -> str:
        return f"make {verb}" if self.name == "default" else f"python -m infra.local --instance {self.name} {verb}"

    def execute_api(self, api_id: str, *, scheme: str = "http") -> str:
        return f"{scheme}://{HOST}:{self.port}/_aws/execute-api/{api_id}/{STAGE}"


def python_runtime() -> str:
    """The Lambda runtime of this interpreter's version; functions of the local cloud always run on this interpreter."""
    return f"python{sys.version_info.major}.{sys.version_info.minor}"


def instance(name: str, environment: Mapping[str, str] = os.environ, *, state: Path = STATE) -> Instance:
    """Build the instance called `name` from SC_PORT, SC_REDIS_PORT (SC_TEST_PORT ... for `test`) and SC_QUOTA.

    Without these variables it has the ports with which it was last up, until its data are wiped.

    Raises:
        Problem: the name is unknown, a port is invalid, or the quota is invalid.
    """
    if name not in PORTS:
        raise Problem(f"there is no instance called {name!r}", f"use one of: {', '.join(PORTS)}")
    prefix = _prefix(name)
    home = state if name == "default" else state / name
    port, redis_port = _kept_ports(home / ENDPOINTS) or PORTS[name]
    return Instance(
        name=name,
        port=_port(environment, f"{prefix}PORT", port),
        redis_port=_port(environment, f"{prefix}REDIS_PORT", redis_port),
        home=home,
        quota=_quota(environment),
    )


def _prefix(name: str) -> str:
    return "SC_" if name == "default" else f"SC_{name.upper()}_"


def _kept_ports(endpoints: Path) -> tuple[int, int] | None:
    """The ports of the cloud and of Redis in a file of addresses; raises Problem if it is damaged."""
    if not endpoints.exists():
        return None
    try:
        kept = json.loads(endpoints.read_text())
        port, redis_port = (urlsplit(kept[name]).port for name in ("aws_endpoint_url", "redis_url"))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise Problem(
            f"{endpoints} is damaged, so the ports of the local cloud are not known",
            "delete this file, and run `make up` again, with SC_PORT and SC_REDIS_PORT if they were set before",
        ) from error
    return None if port is None or redis_port is None else (port, redis_port)


def _quota(environment: Mapping[str, str]) -> int:
    """The account's quota: SC_QUOTA, or as many processes as fit into half of this machine's memory."""
    text = environment.get(QUOTA) or ""
    if not text:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
        return max(LEAST_QUOTA, min(AWS_QUOTA, memory // (EXECUTION_MB << 20)))
    if not text.isdecimal() or not 1 <= int(text) <= AWS_QUOTA:
        raise Problem(f"{QUOTA}={text!r} is no quota", f"give a number from 1 to {AWS_QUOTA}, or unset it")
    return int(text)


def _port(environment: Mapping[str, str], variable: str, default: int) -> int:
    text = environment.get(variable) or str(default)
    if not text.isdecimal() or not 1024 <= int(text) <= 65535:
        raise Problem(f"{variable}={text!r} is not a port", "give a number from 1024 to 65535, or unset it")
    return int(text)
