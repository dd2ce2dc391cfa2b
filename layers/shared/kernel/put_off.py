"""Puts off modules that packages import although few calls need them: each is loaded at the first use of its content.

Python's own `importlib.util.LazyLoader` does the same, but also loads a module when it is imported a second time, and
before Python 3.12 lets another thread see it half loaded.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Sequence
from importlib.machinery import ModuleSpec
from threading import RLock
from types import ModuleType
from typing import Any

# What the import system reads of a module that is in `sys.modules`.
_OF_IMPORTS = frozenset({"__class__", "__name__", "__path__", "__spec__"})


def put_off(names: Collection[str]) -> None:
    """Put off these modules from now on, too; they may be neither built into Python nor loaded already."""
    for finder in sys.meta_path:
        if isinstance(finder, _Finder):
            finder.names |= set(names)
            return
    sys.meta_path.insert(0, _Finder(set(names)))


def load_all() -> None:
    """Load the modules that have been imported and put off until now."""
    for module in [each for each in sys.modules.values() if is_waiting(each)]:
        _load(module)


class _Finder:
    """Finds modules to put off by asking the other finders."""

    def __init__(self, names: set[str]) -> None:
        self.names = names

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: Any = None) -> ModuleSpec | None:
        """How to import a module later; None for a module that is not put off."""
        if name not in self.names:
            return None
        for finder in sys.meta_path:
            if finder is not self and (spec := finder.find_spec(name, path, target)):
                later: Any = _Later(spec.loader)
                spec.loader = spec.loader_state = later
                return spec
        return None


class _Later:
    """Has the module loaded by its own loader when something in it is first used.

    It has what the import system calls of a loader. The class for that, `importlib.abc.Loader`, would bring twenty
    modules before any can be put off.
    """

    def __init__(self, loader: Any) -> None:
        self._loader, self._lock, self._begun = loader, RLock(), False

    def create_module(self, spec: ModuleSpec) -> Any:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        module.__class__ = _Module

    def load(self, module: ModuleType) -> None:
        """Load the module unless it has been; other threads wait, and the module may look at itself meanwhile."""
        with self._lock:
            if is_waiting(module) and not self._begun:
                self._begun = True
                try:
                    self._loader.exec_module(module)
                finally:
                    self._begun = False
                module.__loader__ = _spec(module).loader = self._loader
                module.__class__ = ModuleType


def is_waiting(module: ModuleType) -> bool:
    return type(module) is _Module


def _spec(module: ModuleType) -> Any:
    return object.__getattribute__(module, "__spec__")


def _load(module: ModuleType) -> None:
    _spec(module).loader_state.load(module)


class _Module(ModuleType):
    """A module that has been put off."""

    def __getattribute__(self, name: str) -> Any:
        if name not in _OF_IMPORTS:
            _load(self)
        return object.__getattribute__(self, name)
