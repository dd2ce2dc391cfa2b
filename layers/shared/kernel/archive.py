"""Imports modules from archives: one file with the compiled code of all modules of a folder on Python's path.

Python looks for a module in each folder of its path, and then checks, opens and reads a file of its own for it: a
tenth of a cold start, which imports about five hundred modules beside Python's own. The build makes the archives
(`infra.building.archives`); a module that is in none is imported as usual.
"""

from __future__ import annotations

import marshal
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from importlib.machinery import BuiltinImporter, ModuleSpec, PathFinder, SourceFileLoader
from importlib.util import MAGIC_NUMBER, cache_from_source
from types import CodeType
from typing import Any

# In the folder whose modules it holds, for one version of Python: each module's code by the path of its source there.
MODULES = f"modules.{sys.implementation.cache_tag}"
SIZE_BYTES = 8
HEADER_BYTES = 16  # of a compiled file (PEP 552), before its code


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
    sys.meta_path.insert(sys.meta_path.index(PathFinder), _OfPython())
    sys.meta_path.insert(sys.meta_path.index(BuiltinImporter), _Finder(named(MODULES, folders)))


class _OfPython:
    """Finds modules of Python's standard library in its compiled files, without comparing those with their sources.

    Nobody changes the sources of Python where functions run.
    """

    def __init__(self) -> None:
        self._home = os.path.dirname(os.__file__)
        self._folders = [each for each in sys.path if each == self._home or os.path.dirname(each) == self._home]

    def find_spec(self, name: str, path: Sequence[str] | None = None, _target: object = None) -> ModuleSpec | None:
        """How to import a module of the library; None for others."""
        if name.partition(".")[0] not in sys.stdlib_module_names:
            return None
        place = f"{self._home}/{name.replace('.', '/')}"
        for source, inside in ((f"{place}.py", None), (f"{place}/__init__.py", [place])):
            compiled = cache_from_source(source)
            if os.path.exists(compiled):
                return _spec(name, _OwnLoader(name, source), compiled, inside)
        return PathFinder.find_spec(name, self._folders if path is None else path)


class _OwnLoader(SourceFileLoader):
    """Python's loader of source files, which takes the compiled file as it is."""

    def get_code(self, fullname: str) -> CodeType | None:
        """The module's code; Python's own loader finds it if the file was compiled by another version."""
        content = self.get_data(cache_from_source(self.path))
        if content[: len(MAGIC_NUMBER)] != MAGIC_NUMBER:
            return super().get_code(fullname)
        return marshal.loads(memoryview(content)[HEADER_BYTES:])  # type: ignore[no-any-return]  # noqa: S302


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
                inside = [f"{folder}/{path}"] if key is package else None
                return _spec(name, _Loader(name, f"{folder}/{key}", archive, key), archive.path, inside)
        return None


def _spec(name: str, loader: SourceFileLoader, cached: str, inside: list[str] | None) -> ModuleSpec:
    """How to import a module; `inside` is a package's folder, None for other modules."""
    spec = ModuleSpec(name, loader, origin=loader.path)
    spec.has_location = True
    spec.cached = cached
    spec.submodule_search_locations = inside
    return spec


class _Loader(SourceFileLoader):
    """Python's loader of source files, which also finds sources and data, with the code from an archive."""

    def __init__(self, name: str, path: str, archive: Archive, key: str) -> None:
        super().__init__(name, path)
        self._archive, self._key = archive, key

    def get_code(self, fullname: str) -> CodeType:  # noqa: ARG002 - Python's name of it
        code: CodeType = self._archive.read(self._key)
        return code
