"""Typed configuration: read once per process from the environment, validated before the first call."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

LOCAL_ENVIRONMENTS = ("local", "localstack")
ENVIRONMENTS = (*LOCAL_ENVIRONMENTS, "dev", "staging", "prod")
SECOND_FACTOR_OF = ("none", "administrators", "everybody")
SESSION_DAYS_MAX = 3_650
SESSIONS_MAX = 1_000  # all sessions of an account are read in a few pages
VERSIONS_KEPT_MAX = 50  # all versions of a file are deleted in one transaction of at most 100 actions


class ConfigurationError(RuntimeError):
    """An environment variable is missing or wrong; the message names it."""


@dataclass(frozen=True, slots=True)
class Config:
    """All settings of one process. URLs and ARNs that are not set are empty strings."""

    environment: str
    stack: str
    region: str
    url_suffix: str
    version: str
    log_level: str
    redis_url: str
    key_arn: str
    ready_secret_arn: str  # a secret that the readiness check reads to see whether Secrets Manager answers
    socket_api_id: str
    socket_stage: str
    socket_url: str
    queue_urls: Mapping[str, str]
    mail_queue_url: str
    notifications_queue_url: str
    push_queue_url: str
    fcm_secret_arn: str
    loopback_targets: bool
    state_machines: str
    blob_bucket: str
    drive_quota_bytes: int
    drive_file_max_bytes: int
    drive_versions_kept: int
    antivirus: str
    mail_sender: str
    mail_configuration_set: str
    public_url: str
    cors_origins: tuple[str, ...]
    address_limit_factor: int
    expected_sockets: int
    socket_frames: int
    send_frame_factor: int
    aws_endpoint_url: str
    trace: bool
    audit_days: int
    erasure_grace_days: int
    session_max_days: int
    sessions_max: int
    require_second_factor: str  # one of SECOND_FACTOR_OF: of whom a second factor is demanded
    passkey_domain: str
    passkey_origins: tuple[str, ...]

    def table(self, name: str) -> str:
        """The full name of a table of this stack."""
        return f"{self.stack}-{name}"

    def state_machine(self, name: str) -> str:
        """The ARN of a state machine of this stack (infra/workflows.yaml)."""
        if not self.state_machines:
            raise ConfigurationError("STATE_MACHINES is not set: functions that start workflows need it")
        return f"{self.state_machines}{name}"

    def aws_host(self, name: str) -> str:
        """The host name of an AWS endpoint in this Region; `name` is the part before it, such as `x.execute-api`."""
        if not self.url_suffix:
            raise ConfigurationError("URL_SUFFIX is not set: addresses of AWS end with it (AWS::URLSuffix)")
        return f"{name}.{self.region}.{self.url_suffix}"

    def queue(self, name: str) -> str:
        """The URL of a queue of this stack, by its name without the stack's; raises ConfigurationError."""
        try:
            return self.queue_urls[name]
        except KeyError as error:
            raise ConfigurationError(f"QUEUE_URLS has no queue {name!r}: functions that send to it need it") from error

    @property
    def is_local(self) -> bool:
        return self.environment in LOCAL_ENVIRONMENTS


def _required(name: str) -> str:
    value = os.environ.get(name, "")
    if not value:
        raise ConfigurationError(f"{name} is not set: every function needs it (template.yaml, Globals)")
    return value


def _integer(name: str, default: int, *, least: int = 1, most: int | None = None) -> int:
    raw = os.environ.get(name, str(default))
    if not raw.isdigit() or int(raw) < least:
        raise ConfigurationError(f"{name} must be a {'positive ' if least else ''}whole number, not {raw!r}")
    if most is not None and int(raw) > most:
        raise ConfigurationError(f"{name} must be at most {most}, not {raw}")
    return int(raw)


def _one_of(name: str, allowed: Sequence[str]) -> str:
    """One of the allowed values, by default the first."""
    given = os.environ.get(name) or allowed[0]
    if given not in allowed:
        raise ConfigurationError(f"{name} must be one of {', '.join(allowed)}, not {given!r}")
    return given


def _queue_urls(stack: str) -> dict[str, str]:
    """The URLs in QUEUE_URLS (separated by spaces), by the names of their queues without the stack's."""
    urls = os.environ.get("QUEUE_URLS", "").split()
    return {url.rpartition("/")[2].removeprefix(f"{stack}-"): url for url in urls}


def _loopback_targets(environment: str) -> bool:
    """Whether URLs that people give may lead to 127.0.0.1: for tests of a local stack only."""
    allowed = os.environ.get("LOOPBACK_TARGETS", "off") == "on"
    if allowed and environment not in LOCAL_ENVIRONMENTS:
        raise ConfigurationError("LOOPBACK_TARGETS may be on in local environments only")
    return allowed


@lru_cache(maxsize=1)
def config() -> Config:
    """The configuration of this process; raises ConfigurationError naming the missing or wrong variable."""
    environment = _required("ENVIRONMENT")
    if environment not in ENVIRONMENTS:
        raise ConfigurationError(f"ENVIRONMENT must be one of {', '.join(ENVIRONMENTS)}, not {environment!r}")
    env = os.environ.get
    stack = _required("STACK_NAME")
    return Config(
        environment=environment,
        stack=stack,
        url_suffix=env("URL_SUFFIX", ""),
        region=env("AWS_REGION") or env("AWS_DEFAULT_REGION") or "us-east-1",
        version=env("APP_VERSION", "0.1.0"),
        log_level=env("LOG_LEVEL", "INFO"),
        redis_url=env("REDIS_URL", ""),
        key_arn=env("KEY_ARN", ""),
        ready_secret_arn=env("READY_SECRET_ARN", ""),
        socket_api_id=env("SOCKET_API_ID", ""),
        socket_stage=env("SOCKET_STAGE", "v1"),
        socket_url=env("SOCKET_URL", ""),
        queue_urls=_queue_urls(stack),
        mail_queue_url=env("MAIL_QUEUE_URL", ""),
        notifications_queue_url=env("NOTIFICATIONS_QUEUE_URL", ""),
        push_queue_url=env("PUSH_QUEUE_URL", ""),
        fcm_secret_arn=env("FCM_SECRET_ARN", ""),
        loopback_targets=_loopback_targets(environment),
        state_machines=env("STATE_MACHINES", ""),
        blob_bucket=env("BLOB_BUCKET", ""),
        drive_quota_bytes=_integer("DRIVE_QUOTA_BYTES", 10 * 1024**3),
        drive_file_max_bytes=_integer("DRIVE_FILE_MAX_BYTES", 5 * 1024**3),
        drive_versions_kept=_integer("DRIVE_VERSIONS_KEPT", 20, most=VERSIONS_KEPT_MAX),
        antivirus=env("ANTIVIRUS", "off"),
        mail_sender=env("MAIL_SENDER", "no-reply@secureconnect.example"),
        mail_configuration_set=env("MAIL_CONFIGURATION_SET", ""),
        public_url=env("PUBLIC_URL", ""),
        cors_origins=tuple(o for o in env("CORS_ORIGINS", "").split(",") if o),
        address_limit_factor=_integer("ADDRESS_LIMIT_FACTOR", 1),
        expected_sockets=_integer("EXPECTED_SOCKETS", 1_000),
        socket_frames=_integer("SOCKET_FRAMES", 120),
        send_frame_factor=_integer("SEND_FRAME_FACTOR", 1),
        aws_endpoint_url=env("AWS_ENDPOINT_URL", ""),
        trace=env("TRACE", "off") == "on",
        audit_days=_integer("AUDIT_DAYS", 400),
        erasure_grace_days=_integer("ERASURE_GRACE_DAYS", 30, least=0),
        session_max_days=_integer("SESSION_MAX_DAYS", 180, most=SESSION_DAYS_MAX),
        sessions_max=_integer("SESSIONS_MAX", 100, most=SESSIONS_MAX),
        require_second_factor=_one_of("REQUIRE_SECOND_FACTOR", SECOND_FACTOR_OF),
        passkey_domain=env("PASSKEY_DOMAIN", "localhost"),
        passkey_origins=tuple(o for o in env("PASSKEY_ORIGINS", "").split(",") if o),
    )
