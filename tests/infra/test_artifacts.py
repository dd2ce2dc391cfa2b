"""The local cloud gets artifacts with the content that `sam build` makes, and never one of older sources."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from infra.local.artifacts import KEPT, Artifacts, known
from infra.local.config import ROOT, python_runtime
from infra.local.console import Problem

SAM = Path(sys.executable).with_name("sam")
APP = "from kernel import clock\n\ndef handler(event, context):\n    return 1\n"
MAKEFILE = 'build-AnyLayer:\n\tmkdir -p "$(ARTIFACTS_DIR)/python"\n\tcp words.py "$(ARTIFACTS_DIR)/python/"\n'


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Sources of a function and of a layer."""
    made = tmp_path / "root"
    shutil.copytree(ROOT / "layers/shared/kernel", made / "layers/shared/kernel")
    (made / "functions/things").mkdir(parents=True)
    (made / "functions/things/__init__.py").touch()
    (made / "functions/things/app.py").write_text(APP)
    (made / "layers/any").mkdir()
    (made / "layers/any/Makefile").write_text(MAKEFILE)
    (made / "layers/any/words.py").write_text("WORDS = 1\n")
    return made


def built(root: Path) -> dict[str, Path]:
    layers = {"AnyLayer": root / "layers/any"}
    with Artifacts(layers, root / "build.log", root=root, folder=root / "artifacts") as artifacts:
        return artifacts.result()


def read(artifact: Path, name: str) -> str:
    with zipfile.ZipFile(artifact) as opened:
        return opened.read(name).decode()


def test_only_what_has_changed_is_built_again(root: Path) -> None:
    first = built(root)
    (root / "functions/things/app.py").write_text(APP.replace("1", "2"))

    second = built(root)

    assert second["AnyLayer"] == first["AnyLayer"]
    assert second["functions"] != first["functions"]
    assert "return 2" in read(second["functions"], "things/app.py")


def test_sources_of_before_have_their_artifact_of_before(root: Path) -> None:
    first = built(root)
    made = first["functions"].stat().st_ino
    (root / "functions/things/more.py").touch()
    assert built(root) != first
    (root / "functions/things/more.py").unlink()

    assert built(root) == first
    assert first["functions"].stat().st_ino == made


def test_the_artifacts_in_use_and_a_few_others_are_kept(root: Path) -> None:
    for number in range(KEPT + 2):
        (root / "layers/any/words.py").write_text(f"WORDS = {number}\n")
        last = built(root)["AnyLayer"]

    assert known("AnyLayer", root / "artifacts")[-1] == last
    assert len(known("AnyLayer", root / "artifacts")) == KEPT


def test_a_build_that_has_failed_leaves_nothing_that_would_be_deployed(root: Path) -> None:
    (root / "layers/any/words.py").unlink()
    with pytest.raises(Problem, match=r"AnyLayer could not be built:\n(.*\n)*.*words\.py"):
        built(root)
    assert known("AnyLayer", root / "artifacts") == []
    (root / "layers/any/words.py").write_text("WORDS = 1\n")

    assert read(built(root)["AnyLayer"], "python/words.py") == "WORDS = 1\n"


def test_what_an_interrupted_build_left_is_removed(root: Path) -> None:
    left = root / "artifacts/unfinished-abc/unnamed"
    left.parent.mkdir(parents=True)
    left.write_text("half")

    built(root)

    assert not left.parent.exists()


def test_code_that_is_no_python_stops_the_build(root: Path) -> None:
    (root / "functions/things/app.py").write_text("1 +")
    with pytest.raises(Problem, match=r"cannot be compiled:\n(.*\n)*.*things/app\.py"):
        built(root)


def uncompiled(files: dict[str, bytes]) -> dict[str, bytes]:
    return {name: data for name, data in files.items() if "cpython-" not in name}


def test_the_artifacts_have_the_content_that_sam_builds(tmp_path: Path) -> None:
    resources = {
        "AnyFunction": {
            "Type": "AWS::Serverless::Function",
            "Properties": {
                "CodeUri": str(ROOT / "functions"),
                "Handler": "users.app.app",
                "Runtime": python_runtime(),
            },
        },
        "KernelLayer": {
            "Type": "AWS::Serverless::LayerVersion",
            "Metadata": {"BuildMethod": "makefile"},
            "Properties": {
                "ContentUri": str(ROOT / "layers/shared"),
                "CompatibleRuntimes": [python_runtime()],
            },
        },
    }
    template = {"Transform": "AWS::Serverless-2016-10-31", "Resources": resources}
    (tmp_path / "template.json").write_text(json.dumps(template))
    environment = os.environ | {
        "LAYER_PYTHON": sys.executable,
        "PATH": f"{SAM.parent}{os.pathsep}{os.environ['PATH']}",
        "AWS_DEFAULT_REGION": "us-east-1",
        "SAM_CLI_TELEMETRY": "0",
        "HOME": str(tmp_path),
    }
    command = [str(SAM), "build", "--template", "template.json", "--build-dir", "built"]
    subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True)
    with Artifacts(
        {"KernelLayer": ROOT / "layers/shared"}, tmp_path / "log", folder=tmp_path / "artifacts"
    ) as artifacts:
        ours = artifacts.result()

    for name, folder in (("functions", "AnyFunction"), ("KernelLayer", "KernelLayer")):
        home = tmp_path / "built" / folder
        sams = {str(path.relative_to(home)): path.read_bytes() for path in home.rglob("*") if path.is_file()}
        with zipfile.ZipFile(ours[name]) as opened:
            content = {each: opened.read(each) for each in opened.namelist()}
        assert uncompiled(content) == uncompiled(sams)
        assert len(content) > len(uncompiled(content))
