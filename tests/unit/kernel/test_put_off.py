"""Modules that are loaded when something in them is first used."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from infra.building.compiled_texts import SETTINGS
from kernel import coldstart, put_off
from perf.template import ROOT, functions


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on Python's path, whose modules `later` and `package.inner` are put off."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    put_off.put_off(["later", "package.inner"])
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


def is_loaded(module: ModuleType) -> bool:
    return type(module) is ModuleType


def test_a_module_is_loaded_at_the_first_use_of_its_content(folder: Path) -> None:
    (folder / "later.py").write_text("VALUE = 1")

    later = import_module("later")
    assert import_module("later") is later
    assert later.__spec__ is not None
    assert not is_loaded(later), "importing it again does not load it"

    assert later.VALUE == 1
    assert is_loaded(later)
    assert later.__loader__ is later.__spec__.loader
    assert later.__file__ == str(folder / "later.py")


def test_what_is_imported_from_a_module_loads_it(folder: Path) -> None:
    (folder / "later.py").write_text("import later\nVALUE = later.__name__ + later.__doc__.__class__.__name__")
    given: dict[str, Any] = {}

    exec("from later import VALUE", given)

    assert given["VALUE"] == "laterNoneType", "a module may look at itself"


def test_a_module_inside_a_package_can_be_put_off(folder: Path) -> None:
    (folder / "package").mkdir()
    (folder / "package/__init__.py").write_text("from package import inner")
    (folder / "package/inner.py").write_text("VALUE = 1")

    package = import_module("package")

    assert not is_loaded(package.inner)
    assert package.inner.VALUE == 1


def test_no_thread_sees_a_module_half_loaded(folder: Path) -> None:
    (folder / "later.py").write_text("import time\nFIRST = 1\ntime.sleep(0.05)\nLAST = 2")
    later = import_module("later")
    seen: list[int] = []  # each after its own first look, while another thread loads
    threads = [threading.Thread(target=lambda: seen.append(later.FIRST + later.LAST)) for _ in range(4)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert seen == [3, 3, 3, 3]


def test_a_module_that_fails_is_tried_again(folder: Path) -> None:
    source = folder / "later.py"
    source.write_text("import missing_module")
    later = import_module("later")
    with pytest.raises(ModuleNotFoundError):
        _ = later.VALUE

    source.write_text("VALUE = 1  # now it is complete")

    assert later.VALUE == 1


def test_all_are_loaded_before_a_snapshot(folder: Path) -> None:
    (folder / "later.py").write_text("VALUE = 1")
    later = import_module("later")

    put_off.load_all()

    assert is_loaded(later)


def test_modules_to_put_off_are_none_that_starts_need() -> None:
    """What is built into Python has no file to load later."""
    assert {name.partition(".")[0] for name in coldstart.PUT_OFF} - sys.stdlib_module_names == {
        *("aws_lambda_powertools", "bcrypt", "botocore", "cryptography", "jmespath", "pydantic", "urllib3"),
    }
    assert set(coldstart.PUT_OFF).isdisjoint(sys.builtin_module_names)


@pytest.mark.parametrize(("environment", "loaded"), [({"LAMBDA_TASK_ROOT": "/var/task"}, False), ({}, True)])
def test_only_in_lambda_are_modules_put_off(environment: dict[str, str], loaded: bool) -> None:
    code = (
        "import kernel, mimetypes, types; print(type(mimetypes) is types.ModuleType, mimetypes.guess_type('a.html')[0])"
    )
    paths = {"PYTHONPATH": str(Path(put_off.__file__).parents[1])}
    ran = subprocess.run([sys.executable, "-c", code], env={**paths, **environment}, capture_output=True, check=True)
    assert ran.stdout.decode().split() == [str(loaded), "text/html"]


def test_nothing_that_is_put_off_is_loaded_before() -> None:
    """What the kernel itself imports must bring no module that is put off, nor many others."""
    code = (
        "import sys; before = set(sys.modules); import kernel\n"
        "print(*(name for name, module in sys.modules.items() if name not in before and type(module) is type(sys)))"
    )
    environment = {"PYTHONPATH": str(Path(put_off.__file__).parents[1]), "LAMBDA_TASK_ROOT": "/var/task"}
    ran = subprocess.run([sys.executable, "-S", "-c", code], env=environment, capture_output=True, check=True)
    loaded = ran.stdout.decode().split()
    assert set(loaded).isdisjoint(coldstart.PUT_OFF)
    assert len(loaded) < 70


def test_what_a_function_puts_off_registers_nothing() -> None:
    """An event type or a job that is registered with a module that loads later is unknown until then."""
    handlers = sorted({each.handler.rpartition(".")[0] for each in functions().values()})
    environment = {"PYTHONPATH": "functions:layers/shared:.", "LAMBDA_TASK_ROOT": "/var/task", **SETTINGS}
    command = [sys.executable, "-m", "tests.unit.kernel.registered", *handlers]
    ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    found = [json.loads(line) for line in ran.stdout.splitlines()]

    assert [each["handler"] for each in found] == handlers
    assert {each["handler"]: each["more"] for each in found if each["more"]} == {}
    assert sum("users.api" in each["waiting"] for each in found) > 40, "modules of domains are put off"
    assert sum(each["registered"] > 20 for each in found) > 40, "the tables are those that functions fill"
