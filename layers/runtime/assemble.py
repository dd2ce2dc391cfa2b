"""Builds the runtime layer: installs requirements.txt, removes or defers unused code, and compiles the rest.

A finished layer is kept under --cache by the hash of its inputs. Its size matters because every cold start unpacks it.
"""

import argparse
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import authorities
import lean
import models
import redis_commands
import untyped

REQUIREMENTS = Path("requirements.txt")
PLATFORMS = ("manylinux2014", "manylinux_2_17", "manylinux_2_28", "manylinux_2_34")

# The AWS services that the functions call. A service that is missing here fails with UnknownServiceError.
SERVICES = {
    "apigatewaymanagementapi",
    "bedrock-runtime",
    "chime-sdk-meetings",
    "cloudwatch",
    "dynamodb",
    "events",
    "kms",
    "lambda",
    "logs",
    "s3",
    "scheduler",
    "secretsmanager",
    "sesv2",
    "sqs",
    "stepfunctions",
    "sts",
    "transcribe",
}

# Chalice's command line, which imports packages that the layer lacks, and code that never runs in a function.
UNUSED = (
    "aws_lambda_powertools/event_handler/openapi/swagger_ui/*.min.*",
    "bin",
    "boto3/examples",
    "chalice/cdk",
    "chalice/cli",
    "chalice/deploy",
    "chalice/templates",
    "cffi/recompiler.py",
)
UNUSED_EVERYWHERE = ("**/tests", "**/test", "**/*.pyi", "**/py.typed", "**/__pycache__")
CHECKED = (
    "aws_lambda_powertools.utilities.batch, aws_lambda_powertools.utilities.parser, aws_lambda_powertools.metrics, "
    "aws_xray_sdk.core, bcrypt, boto3, chalice.app, cryptography.hazmat.primitives.asymmetric.ec, jwt, pydantic, "
    "pynamodb.models, pynamodb.transactions, redis"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--into", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--version", default="", help="Python version of the functions; this interpreter's if empty")
    parser.add_argument("--machine", default=platform.machine(), help="of the functions, as wheels name it")
    chosen = parser.parse_args()
    running = f"{sys.version_info.major}.{sys.version_info.minor}"
    version = chosen.version or running
    kept = chosen.cache / f"runtime-{version}-{chosen.machine}-{fingerprint(version)}"
    if not kept.exists():
        chosen.cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=chosen.cache, prefix="unfinished-") as draft:
            packages = Path(draft, "python")
            install(packages, version, chosen.machine)
            prune(packages)
            models.cut_down(packages / "botocore" / "data", SERVICES)
            lean.put_off(packages)
            authorities.split(packages)
            redis_commands.cut_down(packages)
            if (version, chosen.machine) == (running, platform.machine()):
                check(packages)
                untyped.compile_all(packages, "/opt/python")
            Path(draft).rename(kept)
            Path(draft).mkdir()  # for the context manager to remove
    shutil.copytree(kept / "python", chosen.into, dirs_exist_ok=True)


def fingerprint(version: str) -> str:
    digest = hashlib.sha256(version.encode())
    for path in (REQUIREMENTS, *sorted(Path(__file__).parent.glob("*.py"))):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def install(packages: Path, version: str, machine: str) -> None:
    """Install wheels for Lambda's Linux on any machine. --no-deps, because requirements.txt lists every package."""
    platforms = [argument for name in PLATFORMS for argument in ("--platform", f"{name}_{machine}")]
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--no-compile",
        "--only-binary=:all:",
    ]
    command += [*platforms, "--python-version", version, "--implementation", "cp", "--target", str(packages)]
    done = subprocess.run([*command, "-r", str(REQUIREMENTS)], capture_output=True, text=True)  # noqa: S603
    if done.returncode:
        sys.exit(f"pip could not install the runtime layer:\n{done.stderr[-3000:]}")


def prune(packages: Path) -> None:
    for data in (packages / "botocore" / "data", packages / "boto3" / "data"):
        for entry in list(data.iterdir()):
            if entry.is_dir() and entry.name not in SERVICES:
                shutil.rmtree(entry)
    missing = SERVICES - {entry.name for entry in packages.glob("botocore/data/*")}
    if missing:
        sys.exit(f"botocore has no service called {', '.join(sorted(missing))}")
    for pattern in (*UNUSED, *UNUSED_EVERYWHERE):
        for path in list(packages.glob(pattern)):
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    for info in packages.glob("*.dist-info"):
        for path in list(info.iterdir()):
            if path.name != "METADATA":
                shutil.rmtree(path) if path.is_dir() else path.unlink()


def check(packages: Path) -> None:
    """Import what functions import, from the layer alone; exits if a package is missing."""
    code = (
        f"import sys; sys.path.insert(0, {str(packages)!r}); import {CHECKED}; "
        f"[boto3.client(name, region_name='us-east-1') for name in {sorted(SERVICES)!r}]"
    )
    environment = {**os.environ, "LAMBDA_TASK_ROOT": "/var/task"}  # as in Lambda, where X-Ray opens no socket
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-I", "-S", "-B", "-c", code], capture_output=True, text=True, env=environment
    )
    if done.returncode:
        sys.exit(f"the runtime layer is incomplete; add what is missing to requirements.txt:\n{done.stderr[-2000:]}")


if __name__ == "__main__":
    main()
