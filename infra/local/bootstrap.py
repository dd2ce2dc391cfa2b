"""Creates or refreshes .venv. Standard library only, run by any Python: it finds one that fits."""

import hashlib
import os
import shutil
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
VENV = os.path.join(ROOT, ".venv")
VENV_PYTHON = os.path.join(VENV, "bin", "python")
STAMP = os.path.join(VENV, ".requirements")
LOG = os.path.join(VENV, "pip.log")
FILES = ("requirements.txt", "layers/runtime/requirements.txt", "tests/requirements.txt")
PACKAGES = ("clients/python/pyproject.toml",)  # installed in place, so only their metadata matters
OLDEST, NEWEST = (3, 11), (3, 13)
DISK_NEEDED_MB = 2048


def stop(problem, advice):
    sys.stderr.write("\nError: %s\n  What to do: %s\n" % (problem, advice))
    sys.exit(2)


def fits(version):
    return OLDEST <= tuple(version[:2]) <= NEWEST


def find_python():
    """This interpreter if it fits, else one from PATH."""
    if fits(sys.version_info):
        return sys.executable
    for minor in (11, 12, 13):
        found = shutil.which("python3.%d" % minor)
        if found:
            return found
    stop(
        "Python %d.%d cannot run SecureConnect; it needs 3.11, 3.12 or 3.13" % sys.version_info[:2],
        "install one (Debian, Ubuntu: apt install python3.11 python3.11-venv) or name it: make up PYTHON=/path/to/python3.11",
    )


def wanted(python):
    """The stamp of a finished environment: the interpreter and every file that says what is in it."""
    digest = hashlib.sha256(os.path.realpath(python).encode())
    for name in FILES + PACKAGES:
        path = os.path.join(ROOT, name)
        if os.path.exists(path):
            with open(path, "rb") as file:
                digest.update(name.encode() + file.read())
    return digest.hexdigest()


def check_disk():
    free_mb = shutil.disk_usage(ROOT).free // (1024 * 1024)
    if free_mb < DISK_NEEDED_MB:
        stop(
            "%d MB of disk are free under %s; the environment needs about %d" % (free_mb, ROOT, DISK_NEEDED_MB),
            "free some space (make reset removes .local; .venv can be deleted as well)",
        )


def run(*command, **options):
    return subprocess.call(command, cwd=ROOT, stdin=subprocess.DEVNULL, **options)


def healthy():
    """Whether .venv has an interpreter that fits and a working pip (an interrupted run may leave neither)."""
    if not os.path.exists(VENV_PYTHON):
        return False
    probe = "import pip, sys; sys.exit(not (%r <= sys.version_info[:2] <= %r))" % (OLDEST, NEWEST)
    return subprocess.call([VENV_PYTHON, "-c", probe], stderr=subprocess.DEVNULL) == 0


def create(python):
    if healthy():
        return
    if run(python, "-m", "venv", "--clear", VENV) != 0:
        stop(
            "the virtual environment .venv could not be created with %s" % python,
            "install the venv module (Debian, Ubuntu: apt install python3-venv) and run make up again",
        )


def install():
    command = [VENV_PYTHON, "-m", "pip", "install", "--disable-pip-version-check", "--progress-bar", "off"]
    with open(LOG, "w") as log:
        failed = run(*(command + ["-r", "requirements.txt"]), stdout=log, stderr=subprocess.STDOUT)
    if failed:
        with open(LOG) as log:
            sys.stderr.write("".join(line for line in log.readlines()[-15:] if "is ignored" not in line))
        stop(
            "pip could not install requirements.txt (its last words are above, all of them in %s)" % LOG,
            "check the network or pip's index settings and run make up again; what is installed already is kept",
        )


def main():
    python = find_python()
    stamp = wanted(python)
    try:
        with open(STAMP) as file:
            if file.read() == stamp and healthy():
                return
    except OSError:
        pass
    check_disk()
    started = time.time()
    print("Python environment (.venv): installing, a minute or two the first time ...", flush=True)
    create(python)
    install()
    with open(STAMP, "w") as file:
        file.write(stamp)
    print("Python environment (.venv): %.1f s" % (time.time() - started), flush=True)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        stop("interrupted", "run make up again; it continues where it stopped")
