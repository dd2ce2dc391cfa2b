"""Functions are deployed with compiled files that Python accepts whatever their time stamps."""

import colorsys
import marshal
import os
import py_compile
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from infra.building import archives, precompile
from kernel import archive, coldstart
from kernel.archive import Archive


def write(build: Path, function: str, code: str) -> Path:
    source = build / function / "package" / "module.py"
    source.parent.mkdir(parents=True, exist_ok=True)
    source.write_text(code)
    return source


def compiled(source: Path) -> Path:
    return source.parent / "__pycache__" / f"module.{sys.implementation.cache_tag}.pyc"


def test_functions_with_the_same_code_share_the_compiled_file(tmp_path: Path) -> None:
    one = write(tmp_path, "OneFunction", "x = 1")
    two = write(tmp_path, "Nested/TwoFunction", "x = 1")
    other = write(tmp_path, "OtherFunction", "x = 2")
    layer = write(tmp_path, "Layer", "x = 3")

    assert precompile.functions(tmp_path) == 2

    assert compiled(one).samefile(compiled(two))
    assert compiled(one).read_bytes() != compiled(other).read_bytes()
    assert not compiled(layer).exists()


def test_python_runs_the_compiled_file(tmp_path: Path) -> None:
    source = write(tmp_path, "OneFunction", "def fail() -> None:\n    raise ValueError\n")
    precompile.functions(tmp_path)
    source.write_text("1 +")  # must not be compiled
    command = [sys.executable, "-c", "from package.module import fail; fail()"]

    ran = subprocess.run(command, cwd=tmp_path / "OneFunction", capture_output=True, text=True, check=False)

    assert "line 2, in fail" in ran.stderr


def test_a_changed_source_is_compiled_again(tmp_path: Path) -> None:
    write(tmp_path, "OneFunction", "x = 1")
    precompile.functions(tmp_path)
    source = write(tmp_path, "OneFunction", "x = 2")
    precompile.functions(tmp_path)
    command = [sys.executable, "-c", "from package.module import x; print(x)"]

    ran = subprocess.run(command, cwd=source.parent.parent, capture_output=True, text=True, check=True)

    assert ran.stdout == "2\n"


def test_the_files_do_not_depend_on_where_they_were_built(tmp_path: Path) -> None:
    one, two = (write(tmp_path / build, "OneFunction", "def f(): pass") for build in ("a", "b"))
    precompile.functions(tmp_path / "a")
    precompile.functions(tmp_path / "b")

    assert compiled(one).read_bytes() == compiled(two).read_bytes()


def test_a_directory_without_functions_is_refused(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "infra.building.precompile", str(tmp_path)]

    ran = subprocess.run(command, capture_output=True, text=True, check=False)

    assert ran.returncode == 1
    assert "run sam build first" in ran.stderr


def test_what_is_not_python_stops_the_build(tmp_path: Path) -> None:
    write(tmp_path, "OneFunction", "1 +")

    with pytest.raises(py_compile.PyCompileError):
        precompile.functions(tmp_path)


PATTERN = 'r"(?P<day>[0-9]+)-x"'
THING = f"""
from __future__ import annotations
import re
from collections import namedtuple
from dataclasses import KW_ONLY, InitVar, dataclass
from typing import ClassVar

Pair = namedtuple("Pair", "left right")

@dataclass(frozen=True, slots=True)
class Thing:
    largest: ClassVar[int] = 3
    size: int
    scale: InitVar[int] = 1
    _: KW_ONLY
    name: str = "Var"

DAY = re.compile({PATTERN})
"""
COUNTING = """
import sys
import kernel
import re._compiler, re._parser
compiled, parsed, parse = [], [], re._parser.parse
re._parser.parse = lambda *given: parsed.append(given) or parse(*given)
sys.addaudithook(lambda event, given: event == "compile" and compiled.append(given))
import things.app
assert things.app.Thing(1) == things.app.Thing(1, 2, name="Var") != things.app.Thing(1, name="")
assert things.app.Thing.__match_args__[1:] == ("scale",) and things.app.Thing.__slots__[1:] == ("name",)
assert things.app.Pair(right=2, left=1) == (1, 2)
day = things.app.DAY
assert day is re.compile(day.pattern) and list(day.groupindex.values()) == [1]
assert day.fullmatch("12-x")[1] == "12" and not day.match("x")
print(len(compiled), len(parsed))
"""


def compiled_at_start(function: Path, layer: Path, **environment: str) -> tuple[int, int]:
    """How many texts and how many regular expressions a function compiles while it starts."""
    paths = os.pathsep.join((str(function), str(layer / "python")))
    ran = subprocess.run(
        [sys.executable, "-c", COUNTING],
        env={"PYTHONPATH": paths, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    texts, patterns = map(int, ran.stdout.split())
    return texts, patterns


@pytest.fixture
def thing(tmp_path: Path) -> tuple[Path, Path]:
    """A build with two functions of the same code and the kernel's layer; the first function and the layer."""
    function, other, layer = tmp_path / "OneFunction", tmp_path / "Nested/TwoFunction", tmp_path / "KernelLayer"
    for folder in (function, other):
        (folder / "things").mkdir(parents=True)
        (folder / "things/__init__.py").touch()
        (folder / "things/app.py").write_text(THING)
    shutil.copytree(Path(__file__).parents[2] / "layers/shared/kernel", layer / "python/kernel")
    precompile.functions(tmp_path)
    return function, layer


def test_in_lambda_texts_are_those_that_the_build_has_compiled(tmp_path: Path, thing: tuple[Path, Path]) -> None:
    function, layer = thing
    precompile.texts(tmp_path)
    precompile.texts(tmp_path)  # an existing build

    assert (tmp_path / "Nested/TwoFunction" / coldstart.TEXTS).samefile(function / coldstart.TEXTS)
    assert compiled_at_start(function, layer, LAMBDA_TASK_ROOT="/var/task") == (0, 0)
    texts, patterns = compiled_at_start(function, layer)
    assert texts > 0, "elsewhere dataclasses are left alone"
    assert patterns > 0, "and so are expressions"


def test_texts_that_the_build_does_not_know_are_compiled_as_ever(tmp_path: Path, thing: tuple[Path, Path]) -> None:
    function, layer = thing
    precompile.texts(tmp_path)
    (function / "things/app.py").write_text(THING.replace("size", "other").replace("day", "d"))
    precompile.functions(tmp_path)

    texts, patterns = compiled_at_start(function, layer, LAMBDA_TASK_ROOT="/var/task")

    assert texts > 0
    assert patterns > 0


def test_another_engine_of_expressions_gets_none(tmp_path: Path, thing: tuple[Path, Path]) -> None:
    function, layer = thing
    precompile.texts(tmp_path)
    known = Archive(str(function / coldstart.TEXTS))
    values = {key: known.read(key) for key in known.index} | {coldstart.ENGINE: (0, 4)}
    archives.write(function / coldstart.TEXTS, {key: marshal.dumps(value) for key, value in values.items()})

    texts, patterns = compiled_at_start(function, layer, LAMBDA_TASK_ROOT="/var/task")

    assert texts == 0
    assert patterns > 0


def test_modules_come_from_the_archives(tmp_path: Path, thing: tuple[Path, Path]) -> None:
    function, layer = thing
    packages = tmp_path / "RuntimeLayer/python"
    (packages / "tools").mkdir(parents=True)
    (packages / "tools/__init__.py").write_text("")
    (packages / "tools/data.txt").write_text("data")
    (packages / "tools/part.py").write_text("def fail():\n    raise ValueError\n")
    for folder in (packages, layer / "python"):
        for source in folder.rglob("*.py"):
            py_compile.compile(str(source), dfile=f"/opt/python/{source.relative_to(folder)}")
    precompile.layers(tmp_path)
    precompile.layers(tmp_path)  # an existing build
    (packages / "colorsys.py").write_text("")  # like a module of Python
    code = (
        "import sys, traceback, importlib.resources, inspect, kernel, colorsys, things.app, tools.part\n"
        "print(tools.part.__cached__, things.app.__cached__)\n"
        "print(importlib.resources.files('tools').joinpath('data.txt').read_text())\n"
        "print(inspect.getsource(tools.part.fail).splitlines()[1].strip(), tools.part.__file__, tools.__path__[0])\n"
        "print(colorsys.__file__)\n"
        "try: tools.part.fail()\n"
        "except ValueError: print(traceback.format_exc().splitlines()[-3].strip())\n"
    )
    paths = os.pathsep.join(map(str, (function, layer / "python", packages)))

    ran = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": paths, "LAMBDA_TASK_ROOT": "/var/task"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert ran.stdout.splitlines() == [
        f"{packages / archive.MODULES} {function / archive.MODULES}",
        "data",
        f"raise ValueError {packages}/tools/part.py {packages}/tools",
        colorsys.__file__,
        'File "/opt/python/tools/part.py", line 2, in fail',
    ]
    assert (archives.MODULES, archives.SIZE_BYTES) == (archive.MODULES, archive.SIZE_BYTES)
    assert list(packages.rglob("*.pyc")) == [], "the packages' files are in the archive only"
    assert (tmp_path / "Nested/TwoFunction" / archive.MODULES).samefile(function / archive.MODULES)


def test_a_file_compiled_by_another_python_is_not_packed(tmp_path: Path) -> None:
    source = write(tmp_path, "OneFunction", "x = 1")
    compiled(source).parent.mkdir()
    compiled(source).write_bytes(b"another version's")

    with pytest.raises(ValueError, match="another version"):
        archives.pack(tmp_path / "OneFunction")


def test_flags_of_expressions_are_stored_as_numbers() -> None:
    """Python 3.13 hands them to the compiler as the enumeration that marshal cannot write."""
    code = (
        "import marshal, re; from infra.building import compiled_texts; kept = compiled_texts._record_patterns();"
        "re._compiler.compile('x', re.IGNORECASE); print(len(marshal.dumps(kept)) > 0)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ran.stdout == "True\n", ran.stderr
