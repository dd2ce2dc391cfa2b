"""Functions use nothing that the runtime layer removes from botocore's models, or loads later."""

import ast
import copy
import dataclasses
import functools
import inspect
import marshal
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import botocore
import botocore.compat
import botocore.hooks
import botocore.session
import botocore.utils
import pytest
import redis.commands.core
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders

from tests.tools import module_of

ROOT = Path(__file__).parents[2]
PACKAGES = Path(botocore.__file__).parents[1]
CODE = (ROOT / "functions", ROOT / "layers/shared")
REGIONS = ("us-east-1", "eu-central-1", "ap-southeast-4", "cn-north-1", "us-gov-west-1")
MAX_MODEL_BYTES = {"dynamodb": 27_000, "sqs": 12_500, "kms": 16_000, "s3": 72_000}
MAX_ENDPOINTS_BYTES = 80_000

# an operation of each service with few arguments
CALLS: dict[str, tuple[str, dict[str, Any]]] = {
    "dynamodb": ("get_item", {"TableName": "t", "Key": {"id": {"S": "x"}}}),
    "kms": ("describe_key", {"KeyId": "k"}),
    "secretsmanager": ("get_secret_value", {"SecretId": "s"}),
    "sqs": ("get_queue_attributes", {"QueueUrl": "https://sqs.us-east-1.amazonaws.com/1/q"}),
    "stepfunctions": ("stop_execution", {"executionArn": "a"}),
    "s3": ("get_object", {"Bucket": "b", "Key": "k"}),
}


def _layer_module(name: str) -> ModuleType:
    return module_of(name, ROOT / "layers/runtime" / f"{name}.py")


models, lean, redis_commands, untyped = map(_layer_module, ("models", "lean", "redis_commands", "untyped"))


@pytest.fixture(scope="module")
def cut(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A reduced folder of botocore's data."""
    data: Path = tmp_path_factory.mktemp("botocore") / "data"
    data.mkdir()
    for name in models.OPERATIONS:
        shutil.copytree(PACKAGES / "botocore/data" / name, data / name)
    for path in (PACKAGES / "botocore/data").glob("*.json"):
        shutil.copy(path, data)
    models.cut_down(data, list(models.OPERATIONS))
    return data


def _names_of_operations(path: Path) -> Iterator[str]:
    """The names of operations that a module calls on a client, or passes to `_call`."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        function = node.func
        if isinstance(function, ast.Attribute) and "aws.client(" in ast.unparse(function.value):
            yield function.attr
        called = ast.unparse(function).rpartition(".")[2]
        if called in ("_call", "_kms", "_s3") and node.args and isinstance(node.args[0], ast.Constant):
            yield str(node.args[0].value)


def test_every_operation_that_the_code_names_is_kept() -> None:
    kept = {name for operations in models.OPERATIONS.values() for name in operations}
    session = botocore.session.get_session()
    untouched = {
        name
        for service in ("sesv2", "chime-sdk-meetings", "transcribe", "bedrock-runtime", "events")
        for name in session.get_service_model(service).operation_names
    }
    named = {
        "".join(word.capitalize() for word in name.split("_"))
        for folder in CODE
        for path in folder.rglob("*.py")
        if "aws.client(" in (text := path.read_text()) or "aws" in text
        for name in _names_of_operations(path)
    }
    assert {"GetItem", "SendMessageBatch", "StartExecution", "Encrypt", "HeadObject"} <= named
    assert named - kept - untouched == set()


def test_what_pynamodb_calls_is_kept() -> None:
    constants = (PACKAGES / "pynamodb/constants.py").read_text()
    called = {"GetItem", "BatchGetItem", "Query", "Scan", "PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem"}
    called |= {"TransactGetItems", "TransactWriteItems"}
    assert all(f"'{name}'" in constants for name in called)
    assert called <= set(models.OPERATIONS["dynamodb"])


def _url(data: Path | None, service: str, region: str) -> str:
    session = botocore.session.Session()
    if data is not None:
        session.set_config_variable("data_path", str(data))
        session.get_component("data_loader").search_paths[:] = [str(data)]
    session.set_credentials("key", "secret")
    client = session.create_client(service, region_name=region)
    sent: list[Any] = []

    def answer(request: Any, **_: Any) -> Any:
        sent.append(request)
        return AWSResponse(request.url, 200, HTTPHeaders(), _Empty())

    client.meta.events.register("before-send", answer)
    operation, arguments = CALLS[service]
    getattr(client, operation)(**arguments)
    return f"{sent[0].method} {sent[0].url} {sent[0].headers.get('X-Amz-Target')}"


class _Empty:
    def stream(self, **_: Any) -> list[bytes]:
        return [b"{}"]

    def read(self, *_: Any) -> bytes:
        return b""


@pytest.mark.parametrize("service", sorted(CALLS))
def test_calls_go_where_they_went(cut: Path, service: str) -> None:
    for region in REGIONS:
        assert _url(cut, service, region) == _url(None, service, region)


def test_little_is_read_before_the_first_call(cut: Path) -> None:
    sizes = {name: max((cut / name).iterdir()).joinpath("service-2.json").stat().st_size for name in MAX_MODEL_BYTES}
    assert {name: size for name, size in sizes.items() if size > MAX_MODEL_BYTES[name]} == {}
    assert (cut / "endpoints.json").stat().st_size < MAX_ENDPOINTS_BYTES


@pytest.mark.parametrize("service", sorted(models.OPERATIONS))
def test_no_older_version_of_a_service_is_read_where_the_newest_lacks_something(cut: Path, service: str) -> None:
    assert len(list((cut / service).iterdir())) == 1


def test_an_operation_that_a_service_does_not_have_stops_the_build() -> None:
    model: dict[str, Any] = {"operations": {"Get": {}}, "shapes": {}}
    with pytest.raises(models.NoSuchOperation, match="Put"):
        models.only(model, ["Get", "Put"])


def test_shapes_are_kept_as_far_as_they_are_used() -> None:
    model = {
        "operations": {"Get": {"input": {"shape": "Key"}, "documentation": "<p>"}, "Put": {"input": {"shape": "Item"}}},
        "shapes": {
            "Key": {"members": {"id": {"shape": "Id"}, "documentation": {"shape": "Id"}}},
            "Id": {"type": "string", "documentation": "<p>"},
            "Item": {"type": "string"},
        },
    }
    assert models.only(model, ["Get"]) == {
        "operations": {"Get": {"input": {"shape": "Key"}}},
        "shapes": {
            "Key": {"members": {"id": {"shape": "Id"}, "documentation": {"shape": "Id"}}},
            "Id": {"type": "string"},
        },
    }


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    for name in lean.CHANGES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(PACKAGES / name, tmp_path / name)
    return tmp_path


def test_what_is_put_off_is_in_the_packages_as_they_are(packages: Path) -> None:
    lean.put_off(packages)
    for name in lean.CHANGES:
        compile((packages / name).read_text(), name, "exec")
    assert "asyncio" not in (packages / "redis/__init__.py").read_text()


def test_a_package_that_has_changed_stops_the_build(packages: Path) -> None:
    lean.put_off(packages)
    with pytest.raises(lean.PackageChanged, match="has 0 times"):
        lean.put_off(packages)


def _of(name: str, packages: Path) -> ModuleType:
    """A module of a folder of packages, under a name that does not replace the installed one."""
    return module_of(f"{name.replace('/', '.')}_changed", packages / f"{name}.py")


def test_the_changed_helpers_answer_as_before(packages: Path) -> None:
    lean.put_off(packages)
    names = ("botocore/compat", "botocore/hooks", "botocore/utils", "pynamodb/attributes")
    compat, hooks, utils, attributes = (_of(name, packages) for name in names)

    class Handler:
        def method(self, **_: Any) -> None: ...

        def __call__(self, **_: Any) -> None: ...

    functions: list[Any] = [
        lambda **_: None,
        lambda: None,
        Handler.method,
        Handler().method,
        Handler(),
        functools.partial(print),
    ]
    for each in functions:
        before, after = botocore.compat.accepts_kwargs(each), compat.accepts_kwargs(each)
        assert bool(before) == bool(after)

    class Mark:
        pass

    events = ("before-call.dynamodb.GetItem", "needs-retry.logs", "docs.*.autoscaling.x", "a.iot-data.b", "other")
    services = [*botocore.utils.EVENT_ALIASES, *(f"before-call.{each}.Get" for each in botocore.utils.EVENT_ALIASES)]
    for event in (*events, *services):
        aliases = [made.EventAliaser(None)._alias_event_name(event) for made in (botocore.hooks, hooks)]
        assert aliases[0] == aliases[1]

    moments: list[Any] = ["2026-11-30T12:00:00Z", "Mon, 30 Nov 2026 12:00:00 GMT", 1_795_953_600]
    for moment in moments:
        assert utils.parse_timestamp(moment) == botocore.utils.parse_timestamp(moment)

    for settings in ({}, {"HTTPS_PROXY": "http://p"}, {"https_proxy": "http://p", "no_proxy": "a.example"}):
        with pytest.MonkeyPatch.context() as patch:
            for name, value in {"AWS_REGION": "us-east-1", **settings}.items():
                patch.setenv(name, value)
            for url in ("https://a.example/", "http://b.example/"):
                assert utils.get_environ_proxies(url) == botocore.utils.get_environ_proxies(url)

    class First:
        b: Any = Mark()
        a: Any = Mark()
        other = 1

    class Second(First):
        a = 2
        c = Mark()

    def is_mark(value: object) -> bool:
        return isinstance(value, Mark)

    assert attributes.getmembers(Second, is_mark) == inspect.getmembers(Second, is_mark)


def test_a_client_gets_its_own_copy_of_the_handlers(packages: Path) -> None:
    lean.put_off(packages)
    hooks = _of("botocore/hooks", packages)
    everywhere, here, added = (lambda **_: 1), (lambda **_: 2), (lambda **_: 3)
    first = hooks.EventAliaser(hooks.HierarchicalEmitter(), {})
    first.register_first("before-send", everywhere)
    first.register("before-send.dynamodb", here)

    second = copy.copy(first)
    second.register_last("before-send", added)
    second.unregister("before-send", everywhere)

    def answers(emitter: Any) -> list[int]:
        return [answer for _, answer in emitter.emit("before-send.dynamodb.GetItem")]

    assert answers(first) == [2, 1]
    assert answers(second) == [2, 3]


TYPED = b'''"""Docstring."""
from __future__ import annotations
from dataclasses import dataclass
from typing import TypedDict, overload
@overload
def f(x: int) -> int: ...
@overload
def f(x: str) -> str: ...
def f(x: int | str, *rest: missing, **more: missing) -> missing:
    "Docstring."
    assert x, "kept"
    raise ValueError
@dataclass
class Point:
    "Kept: it would be computed."
    x: int
class Options(TypedDict, total=False):
    "Docstring."
    name: str
class Nothing:
    "Docstring."
    @overload
    async def g(self) -> int: ...
'''


def test_compiled_packages_have_nothing_that_only_people_and_type_checkers_read() -> None:
    found: dict[str, Any] = {"__name__": __name__, "__doc__": None}
    exec(_code(untyped.compiled(TYPED, "/opt/python/typed.py")), found)

    f, point, options, nothing = (found[name] for name in ("f", "Point", "Options", "Nothing"))
    assert [each.__doc__ for each in (f, point, options, nothing)] == [None, "Kept: it would be computed.", None, None]
    assert found["__doc__"] is None
    assert f.__annotations__ == {}
    assert [field.name for field in dataclasses.fields(point)] == ["x"]
    assert options.__annotations__.keys() == {"name"}
    assert not hasattr(nothing, "g")
    with pytest.raises(AssertionError, match="kept"):
        f(0)
    with pytest.raises(ValueError) as caught:
        f(1)
    frame = caught.traceback[-1].frame.code.raw
    assert (frame.co_filename, caught.traceback[-1].lineno + 1) == ("/opt/python/typed.py", 12)

    without = untyped.compiled(TYPED, "typed.py", typed_dicts=False)
    exec(_code(without), found)
    assert found["Options"].__annotations__ == {}


def test_the_file_that_loses_the_fields_of_its_typed_dicts_is_there() -> None:
    source = (PACKAGES / untyped.TYPED_DICTS).read_text()
    assert source.count("(TypedDict") > 50


def test_python_takes_the_compiled_files_of_packages_unchecked(tmp_path: Path) -> None:
    (tmp_path / "package").mkdir()
    (tmp_path / "package/__init__.py").write_text("")
    (tmp_path / "package/module.py").write_text('def f(x: int) -> str:\n    "Docstring."\n')
    untyped.compile_all(tmp_path, "/opt/python")
    (tmp_path / "package/module.py").write_text("1 +")
    code = "import package.module as m; print(m.f.__annotations__, m.f.__doc__)"
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True, env={"PYTHONPATH": "."}
    )
    assert ran.stdout == "{} None\n"


def test_special_annotations_of_dataclasses_have_their_own_names() -> None:
    """`kernel.coldstart` tells them by these."""
    assert callable(dataclasses._is_type)  # type: ignore[attr-defined]
    another_name = re.compile(
        r"(ClassVar|InitVar|KW_ONLY) as (?!\w*Var\b)|= [\w.]*(ClassVar|InitVar|KW_ONLY)$", re.MULTILINE
    )
    used = ("aws_lambda_powertools", "botocore", "chalice", "cryptography", "jwt", "pydantic", "pynamodb", "redis")
    renamed = [
        path
        for folder in (*CODE, *(PACKAGES / name for name in used))
        for path in folder.rglob("*.py")
        if another_name.search(path.read_text())
    ]
    assert renamed == []


def _code(compiled: bytes) -> Any:
    """The code in a compiled file (PEP 552)."""
    return marshal.loads(compiled[16:])


def test_annotations_of_some_packages_stay_text() -> None:
    source = '"""Docstring."""\n\nimport os\n\ndef f(x: missing | None) -> None: ...\n'
    given: dict[str, Any] = {}
    exec(lean.unevaluated(source), given)
    assert given["f"].__annotations__ == {"x": "missing | None", "return": "None"}
    assert given["__doc__"] == "Docstring."
    assert lean.unevaluated(lean.unevaluated(source)) == lean.unevaluated(source)
    for name in lean.UNEVALUATED:
        for path in (PACKAGES / name).rglob("*.py"):
            compile(lean.unevaluated(path.read_text()), str(path), "exec")


def test_every_command_of_redis_that_the_code_calls_is_kept() -> None:
    called = {
        node.func.attr
        for folder in CODE
        for path in folder.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        if ast.unparse(node.func.value)
        in ("redis", "pipe", "pipeline", "_redis()", "_fresh(_redis)", "_fresh(_waiting_redis)")
    }
    assert {"eval", "set", "rpush", "blpop"} <= called
    of_client = {"pipeline", "execute", "from_url", "Redis"}  # of other modules than the cut one
    assert called - of_client - redis_commands.COMMANDS == set()


def test_commands_of_redis_work_as_before_and_others_are_gone(tmp_path: Path) -> None:
    (tmp_path / redis_commands.MODULE).parent.mkdir(parents=True)
    shutil.copy(PACKAGES / redis_commands.MODULE, tmp_path / redis_commands.MODULE)
    redis_commands.cut_down(tmp_path)
    core = _of(str(redis_commands.MODULE.with_suffix("")), tmp_path)

    cut, whole = (
        type("Client", (each.CoreCommands,), {"execute_command": lambda _, *given, **__: given})()
        for each in (core, redis.commands.core)
    )

    calls: tuple[tuple[str, tuple[Any, ...]], ...] = (
        ("set", ("a", 1, 5)),
        ("eval", ("return 1", 1, "a")),
        ("blpop", (["a"],)),
        ("mget", (["a", "b"],)),
    )
    for name, given in calls:
        assert getattr(cut, name)(*given) == getattr(whole, name)(*given)
    assert not hasattr(cut, "flushall")
    with pytest.raises(redis_commands.NoSuchCommand, match="nonsense"):
        redis_commands.only((PACKAGES / redis_commands.MODULE).read_text(), {"get", "nonsense"})
