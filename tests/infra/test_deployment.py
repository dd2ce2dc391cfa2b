"""The local cloud runs the sources of the last `up`, whatever happened before it."""

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from samcli.lib.package.packageable_resources import RESOURCES_EXPORT_LIST

from infra import generate
from infra.local import deployment, templates
from infra.local.config import STACK, python_runtime
from infra.local.console import Step
from infra.local.stack import Stack
from tests.e2e.tools import eventually
from tests.infra import local_cloud

QUEUE = {"Type": "AWS::SQS::Queue"}
CODE = "import os\n\ndef handler(event, context):\n    return [{number}, os.environ['WORD']]\n"


def test_the_deployment_gets_the_configured_parameters_and_this_machines(tmp_path: Path) -> None:
    instance = local_cloud.instance(tmp_path)
    parameters = deployment.parameters(instance, antivirus="clamd:127.0.0.1:3310")
    assert "Environment=local" in parameters
    assert f"RedisUrl={instance.redis_url}" in parameters
    assert "Antivirus=clamd:127.0.0.1:3310" in parameters
    assert sum(parameter.startswith("PythonRuntime=python3.") for parameter in parameters) == 1


def test_each_local_path_that_sam_would_upload_is_replaced() -> None:
    keys = {"functions": "functions.zip"} | {name: f"{name}.zip" for name in templates.layers()}
    package = templates.packaged(keys, "bucket")
    uploaded = {(each.RESOURCE_TYPE, each.PROPERTY_NAME) for each in RESOURCES_EXPORT_LIST}
    uploaded.add(("AWS::Serverless::Application", "Location"))
    found = 0
    for content in (content for key, content in package.files.items() if not key.endswith(".asl.json")):
        template = json.loads(content)
        shared = template.get("Globals", {}).get("Function", {})
        for resource in template["Resources"].values():
            given = shared if resource["Type"] == "AWS::Serverless::Function" else {}
            properties = given | resource.get("Properties", {})
            for name in (name for kind, name in uploaded if kind == resource["Type"] and name in properties):
                assert properties[name].startswith(("s3://bucket/", "https://s3.amazonaws.com/bucket/"))
                assert properties[name].rpartition("bucket/")[2] in {*package.files, *keys.values()}
                found += 1
    kinds = [each["Type"] for template in generate.templates().values() for each in template["Resources"].values()]
    ours = ("Function", "LayerVersion", "StateMachine", "Application")
    assert found == sum(kind in {f"AWS::Serverless::{each}" for each in ours} for kind in kinds)


class Project:
    """A root template, a nested one with a function, and the artifacts of the function's code."""

    def __init__(self, cloud: Stack, folder: Path) -> None:
        self.cloud, self.folder = cloud, folder
        nested = {"Type": "AWS::Serverless::Application", "Properties": {"Location": "nested.yaml"}}
        self.write("template.yaml", {"Resources": {"Nested": nested}})
        self.word("one")

    def word(self, word: str, **more: Any) -> None:
        """Write the nested template: the function's variable WORD, and other resources."""
        function = {
            "Type": "AWS::Serverless::Function",
            "Properties": {
                "Handler": "index.handler",
                "Runtime": python_runtime(),
                "Role": "arn:aws:iam::000000000000:role/any",
                "Environment": {"Variables": {"WORD": word}},
            },
        }
        shared = {"Function": {"CodeUri": "functions/"}}
        self.write("nested.yaml", {"Globals": shared, "Resources": {"AnyFunction": function, **more}})

    def write(self, name: str, template: dict[str, Any]) -> None:
        (self.folder / name).write_text(json.dumps({"Transform": "AWS::Serverless-2016-10-31", **template}))

    def deploy(self, number: int) -> str:
        """Deploy the code that returns this number; returns the driver's note."""
        artifact = self.folder / f"functions-{number}.zip"
        with zipfile.ZipFile(artifact, "w") as opened:
            opened.writestr(zipfile.ZipInfo("index.py"), CODE.format(number=number))
        step = Step()
        self.cloud.make_ready_for_deployment()
        deployment.deploy(self.cloud, {"functions": artifact}, [], step, root=self.folder / "template.yaml")
        return step.note

    def answer(self) -> Any:
        (name,) = self.cloud.functions().values()
        return local_cloud.invoke(self.cloud, name, {})


@pytest.fixture(scope="module")
def running_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with local_cloud.running(local_cloud.instance(tmp_path_factory.mktemp("cloud"))) as running:
        yield running


@pytest.fixture
def project(running_cloud: Stack, tmp_path: Path) -> Iterator[Project]:
    yield Project(running_cloud, tmp_path)
    running_cloud.client("cloudformation").delete_stack(StackName=STACK)
    eventually(lambda: running_cloud.describe() is None)


def test_changed_code_is_served_without_cloudformation(project: Project) -> None:
    assert project.deploy(1) == "1 functions"
    assert project.answer() == [1, "one"]
    before = project.cloud.describe()

    assert project.deploy(2) == "code of 1 functions"

    assert project.answer() == [2, "one"]
    assert project.cloud.describe() == before
    assert project.deploy(2) == "unchanged"


def test_code_of_before_is_served_after_a_changed_template_too(project: Project) -> None:
    project.deploy(1)
    project.deploy(2)
    project.word("two")

    project.deploy(1)  # CloudFormation was not told of the code between, and sees none to change

    assert project.answer() == [1, "two"]


def test_an_interrupted_deployment_is_completed_by_the_next_one(project: Project) -> None:
    project.deploy(1)
    project.cloud.instance.deployed_file.unlink()  # as CloudFormation has begun
    assert project.deploy(2) == "1 functions"
    assert project.answer() == [2, "one"]
    project.cloud.instance.deployed_file.unlink()
    assert project.deploy(2) == "1 functions"  # there is nothing left to update


def test_code_is_served_after_a_deployment_that_failed(project: Project) -> None:
    project.deploy(1)
    project.word("two", Odd={"Type": "AWS::Nobody::KnowsThis"})
    with pytest.raises(deployment.Failed):
        project.deploy(2)
    assert project.answer() == [1, "one"]
    assert "Nested / Odd" in project.cloud.failures()[0]
    project.word("two")

    project.deploy(2)

    assert project.answer() == [2, "two"]


def test_what_cloudformation_refuses_is_told_in_its_words(project: Project) -> None:
    project.write("template.yaml", {"Resources": {"Queue": QUEUE}, "Parameters": {"Needed": {"Type": "String"}}})
    with pytest.raises(deployment.Refused, match="Needed"):
        project.deploy(1)
