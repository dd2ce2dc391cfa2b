"""Makes the artifacts that the local cloud runs: a zip file of the functions' code, and one of each layer.

They have the content that `sam build` gives them, which copies the code for each function and takes a minute. An
artifact is named after a fingerprint of all that it is made from, and gets its name when it is complete. So one that
exists is right, whatever was interrupted, changed, deleted or checked out meanwhile.
"""

from __future__ import annotations

import hashlib
import os
import platform
import py_compile
import shutil
import stat
import subprocess
import sys
import tempfile
import threading
import zipfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from infra.building import archives, compiled_texts, precompile
from infra.local.config import ROOT, STATE
from infra.local.console import Problem

CACHE = STATE / "cache"
FOLDER = CACHE / "artifacts"
FUNCTIONS = "functions"
IGNORED = ("__pycache__", "*.pyc", ".mypy_cache", ".ruff_cache", ".pytest_cache", "*.egg-info")
KEPT = 3  # artifacts of each name, for branches between which a developer changes
LEVEL = 1  # zlib's fastest, because the artifacts stay on this machine
HOW = tuple(Path(str(module.__file__)) for module in (archives, compiled_texts, precompile))
PACKAGES = Path(sys.prefix, ".requirements")
ADVICE = "put right what is named and run make up again"


class Artifacts:
    """The artifacts of the sources as they are now. Those that do not exist are made in the background."""

    def __init__(self, layers: Mapping[str, Path], log: Path, *, root: Path = ROOT, folder: Path = FOLDER) -> None:
        """Begin with the functions of `root` and with layers, given as their sources' folders by logical id."""
        self.making: list[str] = []  # names of those that are being made now
        self.made = 0
        self._root, self._folder, self._log = root, folder, log
        self._writing = threading.Lock()
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text("")
        self._threads = ThreadPoolExecutor(os.cpu_count())
        self._parts: dict[str, Future[Path]] = {FUNCTIONS: self._threads.submit(self._functions)}
        for name, source in layers.items():
            self._parts[name] = self._threads.submit(self._layer, name, source)

    def __enter__(self) -> Artifacts:
        return self

    def __exit__(self, *_: object) -> None:
        self._threads.shutdown(cancel_futures=True)

    def result(self) -> dict[str, Path]:
        """Wait for the artifacts; by name, `functions` or a layer's logical id.

        Raises:
            Problem: one cannot be made.
        """
        found = {name: part.result() for name, part in self._parts.items()}
        self._remove_others(found)
        return found

    def _functions(self) -> Path:
        with _draft(self._folder) as draft:
            code = draft / "AnyFunction"  # as `sam build` names folders, for `infra.building.precompile`
            _copy(self._root / "functions", code)
            _copy(self._root / "layers/shared/kernel", draft / "KernelLayer/python/kernel")
            if PACKAGES.exists():  # what packages compile from text is stored with the functions
                shutil.copy(PACKAGES, draft)

            def make() -> None:
                try:
                    precompile.functions(draft)
                    precompile.texts(draft)
                except py_compile.PyCompileError as error:
                    raise Problem(f"the functions' code cannot be compiled:\n{error}", ADVICE) from error
                except subprocess.CalledProcessError as error:
                    raise Problem("a function cannot be imported: the error is shown above", ADVICE) from error

            return self._artifact(FUNCTIONS, draft, code, make)

    def _layer(self, name: str, source: Path) -> Path:
        with _draft(self._folder) as draft:
            copy, content = draft / "source", draft / "content"
            _copy(source, copy)
            return self._artifact(name, draft, content, lambda: self._build(name, copy, content))

    def _artifact(self, name: str, draft: Path, content: Path, make: Callable[[], None]) -> Path:
        """The artifact of the content that `make` makes from the draft, as it is now; an existing one if there is."""
        target = self._folder / f"{name}-{_fingerprint(draft)}.zip"
        if target.exists():
            target.touch()
            return target
        self.making.append(name)
        make()
        _zip(content, draft / "unnamed")
        (draft / "unnamed").replace(target)
        self.making.remove(name)
        self.made += 1
        return target

    def _build(self, name: str, source: Path, content: Path) -> None:
        """Build a layer by its Makefile, as `sam build` does: in a copy of its folder, into ARTIFACTS_DIR."""
        content.mkdir()
        environment = os.environ | {
            "ARTIFACTS_DIR": str(content),
            "LAYER_PYTHON": sys.executable,
            "LAYER_CACHE": str(CACHE / "layers"),
            "LAYER_MACHINE": platform.machine(),  # functions run on this machine, whatever Architecture says
        }
        done = subprocess.run(
            ["make", "--no-print-directory", f"build-{name}"],
            cwd=source,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        with self._writing, self._log.open("a") as log:
            log.write(done.stdout)
        if done.returncode:
            last = "\n".join(f"    {line}" for line in done.stdout.splitlines()[-15:])
            raise Problem(f"{name} could not be built:\n{last}", ADVICE)
        if pack := precompile.PACKED.get(name):
            pack(content / "python")

    def _remove_others(self, found: Mapping[str, Path]) -> None:
        for name in found:
            for path in known(name, self._folder)[:-KEPT]:
                path.unlink()
        of_sam = (self._folder.parent / "sam", self._folder.parents[1] / "build")  # of earlier versions, 64,000 files
        for path in (*of_sam, *self._folder.glob("unfinished-*")):
            shutil.rmtree(path, ignore_errors=True)


def known(name: str, folder: Path = FOLDER) -> list[Path]:
    """The artifacts of this name, the one used last at the end."""
    return sorted(folder.glob(f"{name}-*.zip"), key=lambda path: path.stat().st_mtime)


@contextmanager
def _draft(folder: Path) -> Iterator[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix="unfinished-") as draft:
        yield Path(draft)


def _copy(source: Path, target: Path) -> None:
    shutil.copytree(source, target, ignore=shutil.ignore_patterns(*IGNORED))


def _fingerprint(folder: Path) -> str:
    """A hash of the files of a folder, and of what turns them into an artifact."""
    digest = hashlib.sha256(f"{sys.version} {platform.machine()}".encode())
    for path in HOW:
        digest.update(path.read_bytes())
    for path in _files(folder):
        digest.update(path.relative_to(folder).as_posix().encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:24]


def _zip(folder: Path, target: Path) -> None:
    """Like SAM's, the zip file of a folder depends on its files' names, contents and modes only."""
    with zipfile.ZipFile(target, "w") as zipped:
        for path in _files(folder):
            entry = zipfile.ZipInfo(path.relative_to(folder).as_posix())
            entry.external_attr = (stat.S_IFREG | stat.S_IMODE(path.stat().st_mode)) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            zipped.writestr(entry, path.read_bytes(), compresslevel=LEVEL)


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())
