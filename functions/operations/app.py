"""Routes of the platform (contract §11): health and the API document."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from accounts.api import authenticate
from kernel.answers import Answer
from kernel.config import config
from kernel.http import App
from kernel.limiter import Limit
from operations import readiness
from operations.schemas import Health, Readiness

app = App("operations", authenticate=authenticate)
READY = Limit("ready", requests=120, window_s=60, per="address")  # each request checks ten services
_OPENAPI = Path(__file__).with_name("openapi.json")


@app.get("/health", returns=Health, public=True)
def health() -> Any:
    """Liveness: this function runs; no dependency is checked."""
    return {"status": "ok", "version": config().version}


@app.get("/health/ready", returns=Readiness, public=True, limits=[READY], other_statuses=[503])
def ready() -> Answer:
    """Readiness: the state of each dependency, checked within 1 s; 503 only when a vital one fails."""
    report = readiness.report()
    return Answer(report, status=503 if report["status"] == "down" else 200)


@app.get("/openapi.json", public=True)
def openapi() -> Answer:
    """This document."""
    return Answer(_OPENAPI.read_text())
