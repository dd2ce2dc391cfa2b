"""Creates or updates .venv. Only the standard library and old syntax, so that any Python 3.7 can run it and find a
suitable Python."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
VENV = os.path.join(ROOT, ".venv")
VENV_PYTHON = os.path.join(VENV, "bin", "python")
STAMP = os.path.join(VENV, ".requirements")
LOCK = os.path.join(ROOT, ".local", "cache", "venv.lock")
LOG = os.path.join(VENV, "pip.log")
FILES = (
    "requirements.txt",
    "layers/runtime/requirements.txt",
    "layers/media/requirements.txt",
    "layers/meaning/requirements.txt",
    "layers/firebase/requirements.txt",
    "layers/passkeys/requirements.txt",
    "tests/requirements.txt",
    "clients/python/pyproject.toml",  # installed in place: only its dependencies matter
)
VERSIONS: list[tuple[int, ...]] = [(3, 11), (3, 12), (3, 13)]
DISK_NEEDED_MB = 2048
INSTALLER = "uv==0.13.9"  # installs everything in a tenth of pip's time (docs/decisions.md)
LABEL = f"{'Python packages':<34}"
# Settings of pip, and the variables by which uv gets them.
SETTINGS = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "constraint": "UV_CONSTRAINT",
    "cert": "SSL_CERT_FILE",
}


def stop(problem: str, advice: str) -> NoReturn:
    sys.stderr.write(f"\nError: {problem}\n  What to do: {advice}\n")
    sys.exit(2)


def find_python(running: tuple[int, ...], which: Callable[[str], str | None]) -> str:
    """The running interpreter if its version is supported, else one that `which` finds."""
    if running[:2] in VERSIONS:
        return sys.executable
    for major, minor in VERSIONS:
        found = which(f"python{major}.{minor}")
        if found:
            return found
    said = ".".join(map(str, running))
    why = "older ones lack what its code is written in"
    if running[:2] > VERSIONS[-1]:
        why = (
            "here its functions run on the Python that starts them, and newer ones are not\n"
            "  those that it is tested with"
        )
    stop(
        f"Python {said} cannot run SecureConnect; it needs 3.11, 3.12 or 3.13:\n  {why}",
        "install one (Debian, Ubuntu: apt install python3.11 python3.11-venv), or name it: make up PYTHON=python3.12",
    )


def nowhere(name: str) -> None:
    """Finds nothing, because a Python chosen by name is not replaced by another."""


def wanted() -> str:
    """The stamp of a finished environment: a hash of every file that determines its content."""
    digest = hashlib.sha256(INSTALLER.encode())
    for name in FILES:
        path = os.path.join(ROOT, name)
        if os.path.exists(path):
            with open(path, "rb") as file:
                digest.update(name.encode() + file.read())
    return digest.hexdigest()


def finished() -> str:
    try:
        with open(STAMP) as file:
            return file.read()
    except OSError:
        return ""


def healthy(versions: list[tuple[int, ...]]) -> bool:
    """Whether .venv has an interpreter of these versions and a working pip; an interrupted run may leave neither."""
    if not os.path.exists(VENV_PYTHON):
        return False
    probe = f"import pip, sys; sys.exit(sys.version_info[:2] not in {versions})"
    return subprocess.call([VENV_PYTHON, "-c", probe], stderr=subprocess.DEVNULL) == 0


def check_disk(free_mb: int) -> None:
    if free_mb < DISK_NEEDED_MB:
        stop(
            f"{free_mb} MB of disk are free under {ROOT}; the environment needs about {DISK_NEEDED_MB}",
            "free some space (make reset removes the local cloud's data; .venv can be deleted as well)",
        )


def create(python: str) -> None:
    if subprocess.call([python, "-m", "venv", "--clear", VENV], stdin=subprocess.DEVNULL) != 0:
        stop(
            f"the virtual environment .venv could not be created with {python}",
            "install the venv module (Debian, Ubuntu: apt install python3-venv) and run make up again",
        )


def uv_environment(configured: str) -> dict[str, str]:
    """The environment in which uv uses pip's configuration; `configured` is the output of `pip config list`."""
    found = dict(os.environ, UV_INDEX_STRATEGY="unsafe-best-match", UV_NO_CONFIG="1")  # of all indexes, as pip does
    for name, value in re.findall(r"^(?:global|install|:env:)\.([a-z-]+)='(.*)'$", configured, re.MULTILINE):
        if name in SETTINGS:
            found[SETTINGS[name]] = value
    return found


def ran(command: list[str], environment: dict[str, str] | None = None) -> bool:
    """Whether a command succeeds. Its output goes to the log; a terminal also shows the last line as it comes."""
    started = time.time()
    with open(LOG, "a") as log:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
        )
        while process.poll() is None:
            if sys.stdout.isatty():
                print(f"\r{LABEL}{last_line():<58.58} {time.time() - started:4.0f} s", end="", flush=True)
            time.sleep(0.25)
    if sys.stdout.isatty():
        print("\r" + " " * 100 + "\r", end="")
    return process.returncode == 0


def last_line() -> str:
    with open(LOG) as log:
        return (log.read().splitlines() or [""])[-1].strip()


def install() -> None:
    """Install by uv; by pip, which takes minutes, if uv cannot be installed or fails."""
    open(LOG, "w").close()
    pip = [VENV_PYTHON, "-m", "pip", "--disable-pip-version-check"]
    if ran([*pip, "install", "--progress-bar", "off", "--no-deps", INSTALLER]):
        said = subprocess.run([*pip, "config", "list"], stdout=subprocess.PIPE, text=True, check=False).stdout
        uv = [VENV_PYTHON, "-m", "uv", "pip", "install", "--python", VENV_PYTHON]
        if ran([*uv, "-r", "requirements.txt"], uv_environment(said)):
            compile_aside()
            return
    print(f"{LABEL}once more by pip, which takes minutes ...", flush=True)
    if ran([*pip, "install", "--progress-bar", "off", "-r", "requirements.txt"]):
        return
    with open(LOG) as log:
        sys.stderr.write("".join(log.readlines()[-12:]))
    stop(
        f"pip could not install requirements.txt (its last words are above, all of them in {LOG})",
        "check the network or pip's index settings and run make up again; what is installed already is kept",
    )


def compile_aside() -> subprocess.Popen[bytes]:
    """Compile the installed packages in the background, at low priority: it would otherwise take half of the time of an
    installation, for 12,000 files of which the local cloud needs few."""
    nice = ["nice", "-n", "19"] if shutil.which("nice") else []
    packages = os.path.join(VENV, "lib")
    with open(LOG, "a") as log:
        return subprocess.Popen(
            [*nice, VENV_PYTHON, "-m", "compileall", "-q", packages],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def main() -> None:
    os.makedirs(os.path.dirname(LOCK), exist_ok=True)
    with open(LOCK, "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two runs at once would damage the environment
        refresh()


def refresh() -> None:
    """Keep .venv if it is usable, else create it; with --exactly only one of this Python version is usable."""
    exactly = "--exactly" in sys.argv
    python = find_python(sys.version_info[:3], nowhere if exactly else shutil.which)
    versions: list[tuple[int, ...]] = [sys.version_info[:2]] if exactly else VERSIONS
    stamp = wanted()
    fits = healthy(versions)
    if fits and finished() == stamp:
        return
    check_disk(shutil.disk_usage(ROOT).free // (1024 * 1024))
    started = time.time()
    print(f"{LABEL}half a minute the first time ...", flush=True)
    if not fits:
        create(python)
    install()
    with open(STAMP, "w") as file:
        file.write(stamp)
    print(f"{LABEL}{'in .venv':<28} {time.time() - started:6.1f} s", flush=True)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        stop("interrupted", "run make up again; it continues where it stopped")
