"""Functions are deployed with compiled files that Python accepts whatever their time stamps."""

import os
import py_compile
import subprocess
import sys
from pathlib import Path

import pytest

from infra import precompile
from kernel import coldstart


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
    command = [sys.executable, "-m", "infra.precompile", str(tmp_path)]

    ran = subprocess.run(command, capture_output=True, text=True, check=False)

    assert ran.returncode == 1
    assert "run sam build first" in ran.stderr


def test_what_is_not_python_stops_the_build(tmp_path: Path) -> None:
    write(tmp_path, "OneFunction", "1 +")

    with pytest.raises(py_compile.PyCompileError):
        precompile.functions(tmp_path)


THING = "from dataclasses import dataclass\n@dataclass(frozen=True, slots=True)\nclass Thing:\n    size: int\n"
COUNTING = """
import sys
import kernel
compiled = []
sys.addaudithook(lambda event, given: event == "compile" and compiled.append(given))
import things.app
assert things.app.Thing(1) == things.app.Thing(1)
print(len(compiled))
"""


def compiled_at_start(function: Path, layer: Path, **environment: str) -> int:
    paths = os.pathsep.join((str(function), str(layer / "python")))
    ran = subprocess.run(
        [sys.executable, "-c", COUNTING],
        env={"PYTHONPATH": paths, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return int(ran.stdout)


def test_in_lambda_methods_of_dataclasses_are_those_that_the_build_has_compiled(tmp_path: Path) -> None:
    function, other, layer = tmp_path / "OneFunction", tmp_path / "Nested/TwoFunction", tmp_path / "KernelLayer"
    for folder in (function, other):
        (folder / "things").mkdir(parents=True)
        (folder / "things/__init__.py").touch()
        (folder / "things/app.py").write_text(THING)
    layer.mkdir()
    (layer / "python").symlink_to(Path(__file__).parents[2] / "layers/shared")
    precompile.functions(tmp_path)

    precompile.methods(tmp_path)
    precompile.methods(tmp_path)  # an existing build

    assert (other / coldstart.METHODS).samefile(function / coldstart.METHODS)
    assert compiled_at_start(function, layer, LAMBDA_TASK_ROOT="/var/task") == 0
    assert compiled_at_start(function, layer) > 0, "elsewhere dataclasses are left alone"
    (function / "things/app.py").write_text(THING.replace("size", "other"))
    precompile.functions(tmp_path)
    assert compiled_at_start(function, layer, LAMBDA_TASK_ROOT="/var/task") > 0, "an unknown class is compiled as ever"
