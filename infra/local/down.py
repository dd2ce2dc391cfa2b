"""Stops an instance, and deletes its data on request."""

import shutil

from infra.local import services
from infra.local.config import STATE, Instance
from infra.local.console import step
from infra.local.locks import locked

KEPT = {"cache"}  # built layers: no data, and slow to build


def down(instance: Instance) -> None:
    """Stop both servers; MiniStack writes its state before it ends."""
    with locked(instance.name):
        _stop(instance)


def _stop(instance: Instance) -> None:
    for daemon in (services.cloud(instance), services.redis(instance)):
        with step(daemon.name) as current:
            current.note = daemon.stop(wait_s=services.STOP_WAIT_S)


def reset(instance: Instance) -> None:
    """Stop it and delete its data, logs and addresses. Other instances keep theirs."""
    with locked(instance.name):
        _stop(instance)
        with step("Data") as current:
            for path in instance.home.iterdir() if instance.home.exists() else ():
                if path.name in KEPT or (path / "cloud.pid").exists():
                    continue
                shutil.rmtree(path) if path.is_dir() else path.unlink()
            current.note = f"{instance.home.relative_to(STATE.parent)} wiped"
