"""`sam build` and `sam deploy` for an instance, run only if something changed; their failures are explained."""

import hashlib
import platform
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from infra import generate, precompile, web
from infra.local.config import ROOT, STACK, STATE, Instance, python_runtime
from infra.local.console import Problem
from infra.local.parameters import CONFIG, configured
from infra.local.process import tail

BUILD = STATE / "build"
CACHE = STATE / "cache"
SOURCES = ("template.yaml", "samconfig.toml", "infra", "functions", "layers", "clients", "statemachines")
IGNORED = {"__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache"}


def parameters(instance: Instance, *, antivirus: str) -> list[str]:
    """The deployment's parameters: those of samconfig.toml, and those that depend on this machine."""
    given = [*configured("local"), f"RedisUrl={instance.redis_url}", f"Antivirus={antivirus}"]
    if instance.name == "test":
        given.append("AiTranscriptions=transcribe")  # the tests have a server in place of Transcribe
    return given if web.missing() else [*given, f"PublicUrl={instance.web_url}#"]


def deployment_fingerprint(given: list[str]) -> str:
    """A hash of everything that a deployment with these parameters depends on."""
    return source_fingerprint() + " ".join(given)


def source_fingerprint(root: Path = ROOT) -> str:
    """A hash of everything that a build reads."""
    digest = hashlib.sha256(python_runtime().encode())
    for source in SOURCES:
        for path in _files(root / source, skip=root / "infra" / "local"):
            digest.update(str(path.relative_to(root)).encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _files(path: Path, *, skip: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
    elif path.is_dir() and path.name not in IGNORED and path != skip:
        for child in sorted(path.iterdir()):
            yield from _files(child, skip=skip)


def build(instance: Instance, given: list[str]) -> str:
    """Build, unless the sources are those of the last finished build. Returns a note for the user."""
    generate.main()
    stamp = BUILD / ".fingerprint"
    fingerprint = source_fingerprint()
    if stamp.exists() and stamp.read_text() == fingerprint:
        return "unchanged"
    stamp.unlink(missing_ok=True)
    _sam(
        instance,
        *("build", "--build-dir", str(BUILD), "--cache-dir", str(CACHE / "sam")),
        # SAM builds with the given interpreter; this machine may not have the runtime of the template
        *("--parameter-overrides", *given, f"PythonRuntime={python_runtime()}"),
    )
    precompile.functions(BUILD)
    precompile.texts(BUILD)
    precompile.layers(BUILD)
    stamp.write_text(fingerprint)
    return "built"


def deploy(instance: Instance, given: list[str]) -> None:
    """Deploy the last build with these parameters.

    Raises:
        subprocess.CalledProcessError: SAM failed; its output is in the log.
    """
    _sam(
        instance,
        *("deploy", "--template-file", str(BUILD / "template.yaml"), "--stack-name", STACK),
        *("--no-progressbar", "--no-confirm-changeset", "--no-fail-on-empty-changeset"),
        *("--parameter-overrides", *given),
    )


def log_file(instance: Instance, command: str) -> Path:
    return instance.logs / f"sam-{command}.log"


def _sam(instance: Instance, command: str, *arguments: str) -> None:
    log = log_file(instance, command)
    log.parent.mkdir(parents=True, exist_ok=True)
    binaries = Path(sys.executable).parent
    environment = instance.aws_environment()
    environment["PATH"] = f"{binaries}:{environment['PATH']}"
    # functions run on this machine, whatever Architecture says
    environment |= {"LAYER_PYTHON": sys.executable, "LAYER_CACHE": str(CACHE / "layers")}
    environment["LAYER_MACHINE"] = platform.machine()
    config = ("--config-file", str(CONFIG), "--config-env", "local")
    with log.open("w") as output:
        output.write(f"{time.strftime('%F %T')} sam {command} {' '.join(arguments)}\n")
        output.flush()
        done = subprocess.run(
            [sys.executable, "-m", "infra.local.quick_sam", command, *config, *arguments],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if done.returncode == 0:
        return
    if command == "deploy":
        raise subprocess.CalledProcessError(done.returncode, ["sam", command])
    raise Problem(f"sam {command} failed:\n{tail(log)}", f"put right what it names and run {instance.up_command} again")
