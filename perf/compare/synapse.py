"""Synapse from PyPI on SQLite, without rate limits: installed, started and stopped under .local/compare."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

from infra.local import bootstrap
from infra.local.config import HOST
from infra.local.console import Problem
from infra.local.process import Daemon, tail
from infra.local.run import free_port
from perf.template import ROOT

HOME = ROOT / ".local" / "compare" / "synapse"
PACKAGES = Path(__file__).with_name("synapse.txt")
SECRET = "of one comparison"  # for the registration of people
START_WAIT_S, STOP_WAIT_S = 60, 20
UNLIMITED = "{per_second: 100000, burst_count: 100000}"
# The default configuration, except for limits, federation and calls to other machines.
CONFIG = """
server_name: compare.local
pid_file: {home}/its.pid
listeners:
  - port: {port}
    bind_addresses: ["{host}"]
    type: http
    tls: false
    resources: [{{names: [client], compress: false}}]
database: {{name: sqlite3, args: {{database: {home}/homeserver.db}}}}
log_config: {home}/log.yaml
media_store_path: {home}/media
signing_key_path: {home}/signing.key
registration_shared_secret: "{secret}"
macaroon_secret_key: "{secret}"
form_secret: "{secret}"
report_stats: false
trusted_key_servers: []
suppress_key_server_warning: true
federation_domain_whitelist: []
bcrypt_rounds: {rounds}
rc_message: {unlimited}
rc_registration: {unlimited}
rc_login: {{address: {unlimited}, account: {unlimited}, failed_attempts: {unlimited}}}
rc_joins: {{local: {unlimited}, remote: {unlimited}}}
rc_joins_per_room: {unlimited}
rc_invites: {{per_room: {unlimited}, per_user: {unlimited}, per_issuer: {unlimited}}}
rc_room_creation: {unlimited}
rc_presence: {{per_user: {unlimited}}}
"""
LOGGING = """
version: 1
handlers: {{file: {{class: logging.FileHandler, filename: {home}/homeserver.log}}}}
root: {{level: WARNING, handlers: [file]}}
disable_existing_loggers: false
"""


def version() -> str:
    """The pinned version."""
    lines = PACKAGES.read_text().splitlines()
    return next(line.partition("==")[2] for line in lines if line.startswith("matrix-synapse=="))


def install() -> None:
    """Install into a separate virtual environment, unless the same packages are there."""
    stamp, log = HOME / "installed", HOME / "install.log"
    wanted = hashlib.sha256(PACKAGES.read_bytes() + sys.version.encode()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return
    HOME.mkdir(parents=True, exist_ok=True)
    pip = [sys.executable, "-m", "pip", "config", "list"]
    environment = bootstrap.uv_environment(subprocess.run(pip, capture_output=True, text=True, check=False).stdout)
    uv = [sys.executable, "-m", "uv"]
    with log.open("w") as output:
        for command in (
            [*uv, "venv", "--clear", "--python", sys.executable, str(HOME / "venv")],
            [*uv, "pip", "install", "--python", str(_python()), "--compile-bytecode", "-r", str(PACKAGES)],
        ):
            done = subprocess.run(command, env=environment, stdout=output, stderr=subprocess.STDOUT, check=False)
            if done.returncode:
                raise Problem(f"Synapse could not be installed:\n{tail(log)}", "look whether PyPI can be reached")
    stamp.write_text(wanted)


def start(*, rounds: int) -> tuple[Daemon, str]:
    """Start a fresh Synapse with this number of bcrypt rounds; returns it and its URL."""
    data = HOME / "data"
    shutil.rmtree(data, ignore_errors=True)
    data.mkdir(parents=True)
    port = free_port()
    filled = CONFIG.format(home=data, port=port, host=HOST, secret=SECRET, rounds=rounds, unlimited=UNLIMITED)
    (data / "homeserver.yaml").write_text(filled)
    (data / "log.yaml").write_text(LOGGING.format(home=data))
    command = (str(_python()), "-m", "synapse.app.homeserver", "-c", str(data / "homeserver.yaml"))
    made = subprocess.run([*command, "--generate-keys"], capture_output=True, text=True, check=False)
    if made.returncode:
        raise Problem(f"Synapse does not take its configuration: {made.stderr[-600:]}", "see perf/compare/synapse.py")
    daemon = Daemon(
        name="Synapse",
        port=port,
        mark=str(data / "homeserver.yaml"),
        pid_file=HOME / "synapse.pid",
        log=HOME / "synapse.log",
        command=command,
        environment={"PATH": "/usr/bin:/bin", "HOME": str(data)},
    )
    daemon.start(wait_s=START_WAIT_S)
    return daemon, f"http://{HOST}:{port}"


def _python() -> Path:
    return HOME / "venv" / "bin" / "python"
