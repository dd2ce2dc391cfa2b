"""Which stack a command of an operator speaks to: one in AWS by its name, or the local one."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENDPOINTS = ROOT / ".local" / "endpoints.json"


def add_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--stack", help="the stack's name in AWS; the local stack without it")


def use(name: str | None) -> None:
    """Have this process speak to a stack, with the product's own modules; raises SystemExit without a local one."""
    sys.path[:0] = [str(ROOT / "layers/shared"), str(ROOT / "functions")]
    if name is None:
        _use_the_local_one(Path(os.environ.get("SC_ENDPOINTS", ENDPOINTS)))
    else:
        os.environ.setdefault("ENVIRONMENT", "prod")
        os.environ["STACK_NAME"] = name


def _use_the_local_one(endpoints: Path) -> None:
    """Have this process speak to the local stack, whose addresses this file has; raises SystemExit without it."""
    if not endpoints.exists():
        raise SystemExit("there is no local stack: run `make up`, or name the stack with --stack")
    addresses = json.loads(endpoints.read_text())
    os.environ["ENVIRONMENT"] = "local"
    os.environ["STACK_NAME"] = addresses["stack"]
    os.environ["AWS_REGION"] = addresses["region"]
    os.environ["AWS_ENDPOINT_URL"] = addresses["aws_endpoint_url"]
    os.environ.setdefault("AWS_ACCESS_KEY_ID", "test")
    os.environ.setdefault("AWS_SECRET_ACCESS_KEY", "test")
