"""Imports modules from archives: one file with the compiled code of all modules of a folder on Python's path.

Python looks for a module in each folder of its path, and then checks, opens and reads a file of its own for it: a
tenth of a cold start, which imports about five hundred modules beside Python's own. The build makes the archives
(`infra.archives`); a module that is in none is imported as usual.
"""

from __future__ import annotations

import marshal
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import CodeType
from typing import Any

# In the folder whose modules it holds, for one version of Python: each module's code by the path of its source there.
MODULES = f"modules.{sys.implementation.cache_tag}"
SIZE_BYTES = 8


class Archive:
    """A file of marshalled values by key, each read when it is asked for. The file stays open.

    It begins with the size of its index in `SIZE_BYTES` bytes, little endian. The index is a marshalled dict from each
    key to the place and the size of its value in bytes, counted from the end of the index.
    """

    def __init__(self, path: str) -> None:
        """Raises FileNotFoundError, NotADirectoryError."""
        self.path = path
        self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        size = int.from_bytes(os.pread(self._file, SIZE_BYTES, 0), "little")
        # marshalled data are as safe as code: they are part of the deployment
        self.index: Mapping[Any, tuple[int, int]] = marshal.loads(os.pread(self._file, size, SIZE_BYTES))  # noqa: S302
        self._start = SIZE_BYTES + size

    def __contains__(self, key: Any) -> bool:
        return key in self.index

    def read(self, key: Any) -> Any:
        """The value with this key. Raises KeyError."""
        start, size = self.index[key]
        return marshal.loads(os.pread(self._file, size, self._start + start))  # noqa: S302


def named(name: str, folders: Iterable[str]) -> list[Archive]:
    """The archives with this name in these folders, in their order."""
    found = []
    for folder in folders:
        try:
            found.append(Archive(os.path.join(folder, name)))
        except (FileNotFoundError, NotADirectoryError):
            continue
    return found


def use_modules(folders: Iterable[str]) -> None:
    """Import from the archives in these folders from now on; of a module in two, the one in the first folder counts.

    Python's own modules are looked for in its own folders at once, instead of in those folders before.
    """
    at = sys.meta_path.index(PathFinder)
    sys.meta_path[at:at] = [_OfPython(), _Finder(named(MODULES, folders))]


class _OfPython:
    """Finds modules of Python's standard library."""

    def __init__(self) -> None:
        own = os.path.dirname(os.__file__)
        self._folders = [each for each in sys.path if each == own or os.path.dirname(each) == own]

    def find_spec(self, name: str, path: Sequence[str] | None = None, _target: object = None) -> ModuleSpec | None:
        """How to import a module of the library; None for others, and for those inside its packages."""
        if path is None and name in sys.stdlib_module_names:
            return PathFinder.find_spec(name, self._folders)
        return None


class _Finder:
    """Finds modules in archives."""

    def __init__(self, archives: Sequence[Archive]) -> None:
        self._places = [(each, os.path.dirname(each.path)) for each in archives]

    def find_spec(self, name: str, _path: Sequence[str] | None = None, _target: object = None) -> ModuleSpec | None:
        """How to import a module; None if it is in no archive."""
        path = name.replace(".", "/")
        module, package = f"{path}.py", f"{path}/__init__.py"
        for archive, folder in self._places:
            if (key := module) in archive or (key := package) in archive:
                source = f"{folder}/{key}"
                spec = ModuleSpec(name, _Loader(name, source, archive, key), origin=source)
                spec.has_location = True
                spec.cached = archive.path
                if key is package:
                    spec.submodule_search_locations = [f"{folder}/{path}"]
                return spec
        return None


class _Loader(SourceFileLoader):
    """Python's loader of source files, which also finds sources and data, with the code from an archive."""

    def __init__(self, name: str, path: str, archive: Archive, key: str) -> None:
        super().__init__(name, path)
        self._archive, self._key = archive, key

    def get_code(self, fullname: str) -> CodeType:  # noqa: ARG002 - Python's name of it
        code: CodeType = self._archive.read(self._key)
        return code
