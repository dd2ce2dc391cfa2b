"""Which module may import which: dependencies point one way. The source is read, nothing is executed."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FUNCTIONS = ROOT / "functions"
KERNEL = ROOT / "layers/shared"
DOMAINS = {path.name for path in FUNCTIONS.iterdir() if (path / "__init__.py").exists()}
# The floors of the house, from the bottom: a domain imports those below it and none beside it on its own floor.
FLOORS: tuple[tuple[str, ...], ...] = (
    ("log",),
    ("realtime",),
    ("users", "audit"),
    ("accounts",),
    ("conversations",),
    ("drive", "keys"),
    ("messages",),
    ("polls", "calls", "presence"),
    ("invitations", "moderation", "search"),
    ("administration", "assistant", "notifications", "operations", "privacy"),
)
FLOOR = {domain: floor for floor, domains in enumerate(FLOORS) for domain in domains}
DOORS = {"api", "admin_api", "session_api", "schemas", "model"}  # what a domain opens to others
LAYERS = {
    "app",
    "api",
    "schemas",
    "service",
    "model",
    "store",
    "events",
    "views",
    "own_data",
    "routes",
    "actions",
    "consumers",
    "__init__",
}
MODELS = {"model", "media_types", "errors", "participant"}  # types and rules of a domain


@dataclass(frozen=True, slots=True)
class Import:
    """That one module imports another (both dotted); `line` tells where."""

    importer: str
    imported: str
    line: int
    late: bool = False  # inside a function, so not when the importer is loaded

    def __str__(self) -> str:
        return f"{self.importer}:{self.line} imports {self.imported}"

    @property
    def domain(self) -> str:
        return self.importer.partition(".")[0]

    @property
    def other(self) -> str:
        return self.imported.partition(".")[0]


def _sources() -> dict[str, Path]:
    """Every module of the functions and the kernel, by dotted name."""
    found = {}
    for base in (FUNCTIONS, KERNEL):
        for path in base.rglob("*.py"):
            parts = path.relative_to(base).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


SOURCES = _sources()


def _imports_of(name: str, path: Path) -> Iterator[Import]:
    tree = ast.parse(path.read_text())
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    late = {id(node) for function in functions for node in ast.walk(function)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(name, alias.name, node.lineno, id(node) in late)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name}:{node.lineno}: relative imports hide where they lead"
            base = node.module or ""
            for alias in node.names:
                # `from users import service` imports users.service, `from users.model import fold` users.model
                whole = f"{base}.{alias.name}"
                ours = base in SOURCES and whole not in SOURCES
                yield Import(name, base if ours else whole, node.lineno, id(node) in late)


IMPORTS = [each for name, path in sorted(SOURCES.items()) for each in _imports_of(name, path)]


def _is_handler(name: str) -> bool:
    """Whether a module is a function's handler: the top of the house, which composes what it needs of any domain."""
    parts = name.split(".")
    return parts[-1] == "app" or bool({"consumers", "actions"} & set(parts))


def _is_store(name: str) -> bool:
    return SOURCES[name].stem == "store" or SOURCES[name].stem.endswith("_store")


def _told(broken: list[Import]) -> list[str]:
    return [str(each) for each in broken]


def test_there_is_something_to_look_at() -> None:
    assert len(SOURCES) > 50
    assert {"accounts", "users", "conversations", "messages", "realtime", "operations"} <= DOMAINS
    assert len(IMPORTS) > 200


def test_every_domain_has_its_floor() -> None:
    assert FLOOR.keys() == DOMAINS


def test_the_kernel_imports_no_domain() -> None:
    assert _told([each for each in IMPORTS if each.domain == "kernel" and each.other in DOMAINS]) == []


def test_a_domain_loads_the_kernel_before_any_package() -> None:
    """Importing the kernel speeds up what is imported after it (`kernel.coldstart`)."""
    first = {}
    for domain in DOMAINS:
        _docstring, *statements = ast.parse(SOURCES[domain].read_text()).body
        first[domain] = ast.unparse(statements[0]) if statements else ""
    assert first == dict.fromkeys(DOMAINS, "import kernel")


def test_models_import_only_the_standard_library_the_kernel_and_models() -> None:
    def allowed(each: Import) -> bool:
        if each.other in DOMAINS:
            return each.imported.rpartition(".")[2] in MODELS
        return each.other == "kernel" or each.other in sys.stdlib_module_names

    models = [each for each in IMPORTS if SOURCES[each.importer].stem in MODELS and each.domain in DOMAINS]
    assert models
    assert _told([each for each in models if not allowed(each)]) == []


def test_models_import_nothing_of_the_kernel_that_reaches_out() -> None:
    reaching_out = ("answers", "aws", "cache", "dynamo", "http", "incoming", "queues", "sockets")
    outward = {f"kernel.{each}" for each in reaching_out}
    models = [each for each in IMPORTS if SOURCES[each.importer].stem in MODELS and each.domain in DOMAINS]
    assert _told([each for each in models if each.imported in outward]) == []


def test_only_stores_and_the_kernel_import_pynamodb() -> None:
    broken = [
        each
        for each in IMPORTS
        if each.other == "pynamodb" and each.domain != "kernel" and not _is_store(each.importer)
    ]
    assert _told(broken) == []


def test_functions_get_aws_clients_from_the_kernel_and_name_only_their_errors() -> None:
    broken = [
        each
        for each in IMPORTS
        if each.other in ("boto3", "botocore")
        and each.domain != "kernel"
        and not each.imported.startswith("botocore.exceptions.")
    ]
    assert _told(broken) == []


def test_only_the_kernel_s_cache_imports_redis() -> None:
    assert _told([each for each in IMPORTS if each.other == "redis" and each.importer != "kernel.cache"]) == []


def test_routes_import_no_store() -> None:
    apps = [each for each in IMPORTS if SOURCES[each.importer].name == "app.py"]
    assert apps
    assert _told([each for each in apps if each.imported in SOURCES and _is_store(each.imported)]) == []


def test_nobody_imports_routes() -> None:
    apps = {name for name, path in SOURCES.items() if path.name == "app.py"}
    assert _told([each for each in IMPORTS if each.imported in apps]) == []


def test_nobody_imports_a_handler() -> None:
    handlers = {name for name in SOURCES if name.partition(".")[0] in DOMAINS and _is_handler(name)}
    packages = {name for name in handlers if SOURCES[name].name == "__init__.py"}
    assert _told([each for each in IMPORTS if each.imported in handlers - packages]) == []


def test_outside_the_functions_only_the_documents_import_routes() -> None:
    importers = []
    for folder in ("infra", "demo", "perf", "clients"):
        for path in (ROOT / folder).rglob("*.py"):
            names = {each.imported for each in _imports_of(folder, path)}
            if any(name.endswith(".app") and name.partition(".")[0] in DOMAINS for name in names):
                importers.append(str(path.relative_to(ROOT)))
    assert importers == []  # infra/documents.py does it by name, at run time


def _foreign() -> list[Import]:
    """Imports of one domain's modules by another's, but not by handlers and by `composition`."""
    return [
        each
        for each in IMPORTS
        if each.domain in DOMAINS and each.other in DOMAINS - {each.domain} and not _is_handler(each.importer)
    ]


def test_imports_point_down() -> None:
    """Schemas speak of each other in any direction: they are values, and may not load each other in a circle."""
    broken = [
        each
        for each in _foreign()
        if FLOOR[each.other] >= FLOOR[each.domain] and each.imported.rpartition(".")[2] != "schemas"
    ]
    assert _told(broken) == []


def test_a_domain_is_entered_by_its_door() -> None:
    broken = [
        each
        for each in IMPORTS
        if each.domain in DOMAINS
        and each.other in DOMAINS - {each.domain}
        and each.imported.rpartition(".")[2] not in DOORS
        and not (_is_handler(each.importer) and each.imported.rpartition(".")[2] == "events")
    ]
    assert _told(broken) == []


def test_a_door_opens_nothing_that_nobody_uses() -> None:
    """A door imports what it opens, so the linter cannot tell; whoever loads a door loads all of it."""
    texts = {path: path.read_text() for top in ("functions", "infra") for path in (ROOT / top).rglob("*.py")}
    unused = []
    for door in (name for name in SOURCES if name.rpartition(".")[2] in {"api", "admin_api", "session_api"}):
        domain, _, module = door.partition(".")
        enters = re.compile(
            rf"from {domain} import .*\b{module}\b|from {domain}\.{module} import|import {domain}\.{module}\b"
        )
        own = SOURCES[door].read_text()
        users = "".join(text for path, text in texts.items() if path != SOURCES[door] and enters.search(text))
        for node in ast.parse(own).body:
            for alias in node.names if isinstance(node, ast.ImportFrom) and node.module != "__future__" else ():
                name = re.compile(rf"\b{alias.asname or alias.name}\b")
                if not name.search(users) and len(name.findall(own)) == 1:
                    unused.append(f"{door}.{alias.asname or alias.name}")
    assert unused == []


def test_only_handlers_import_the_composition() -> None:
    importers = [each for each in IMPORTS if each.imported == "composition"]
    assert importers
    assert _told([each for each in importers if not _is_handler(each.importer)]) == []


def test_the_composition_knows_the_events_of_every_domain_that_tells_any() -> None:
    told = {each.imported for each in IMPORTS if each.importer == "composition" and each.other in DOMAINS}
    assert told == {name for name in SOURCES if name.endswith(".events")}


def test_the_events_of_a_domain_load_no_store_and_no_service() -> None:
    """So that `composition` costs a cold start little: what events name is imported when it is first needed."""
    heavy = ("service", "store", "views")
    broken = [
        each
        for each in IMPORTS
        if each.importer.endswith(".events")
        and not each.late
        and each.imported in SOURCES
        and SOURCES[each.imported].stem.endswith(heavy)
        and each.domain == each.other
    ]
    assert _told(broken) == []


def test_what_events_name_to_be_imported_late_exists_in_their_own_domain() -> None:
    named, missing = 0, []
    for module in (name for name in SOURCES if name.endswith(".events")):
        for path in re.findall(r'(?:late|calling)\(\s*"([\w.]+)"', SOURCES[module].read_text()):
            named += 1
            home, _, function = path.rpartition(".")
            body = ast.parse(SOURCES[home].read_text()).body if home in SOURCES else []
            there = {node.name for node in body if isinstance(node, ast.FunctionDef)}
            if home.partition(".")[0] != module.partition(".")[0] or function not in there:
                missing.append(f"{module}: {path}")
    assert missing == []
    assert named > 20


def _parameters(path: str) -> tuple[set[str], set[str]]:
    """The names of the parameters of the function with this dotted name, and of those that have no default."""
    home, _, name = path.rpartition(".")
    body = ast.parse(SOURCES[home].read_text()).body
    (given,) = [node.args for node in body if isinstance(node, ast.FunctionDef) and node.name == name]
    plain = [each.arg for each in given.args]
    named = {each.arg: default for each, default in zip(given.kwonlyargs, given.kw_defaults, strict=True)}
    required = {*plain[: len(plain) - len(given.defaults)], *(each for each in named if named[each] is None)}
    return {*plain, *named}, required


def test_a_job_has_the_fields_that_the_function_it_calls_takes() -> None:
    """Nothing else checks them: the function is named by a text."""
    checked, wrong = 0, []
    for module in (name for name in SOURCES if name.endswith(".events")):
        for call in ast.walk(ast.parse(SOURCES[module].read_text())):
            if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "calling"):
                continue
            path, *fields = [ast.literal_eval(each) for each in call.args]
            taken, required = _parameters(path)
            checked += 1
            if not required <= set(fields) <= taken:
                wrong.append(f"{module}: {path}: {sorted(set(fields) ^ taken)}")
    assert wrong == []
    assert checked > 5


def test_no_module_name_stands_three_times() -> None:
    owners: dict[str, list[str]] = {}
    for name, path in SOURCES.items():
        owners.setdefault(path.stem, []).append(name)
    assert {name: modules for name, modules in owners.items() if len(modules) > 2 and name not in LAYERS} == {}


@pytest.mark.parametrize("folders", [("functions", "layers/shared"), ("infra",), ("perf",), ("clients/python/src",)])
def test_no_class_name_stands_twice(folders: tuple[str, ...]) -> None:
    """In what is deployed or published as one. A class that begins with `_` is its module's own, and one within a class
    is named with it; tests name their fakes after what they stand in for."""
    owners: dict[str, list[str]] = {}
    for path in (each for folder in folders for each in (ROOT / folder).rglob("*.py")):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                owners.setdefault(node.name, []).append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert len(owners) > 5
    assert {name: places for name, places in owners.items() if len(places) > 1} == {}


def _require_no_circle(edges: list[tuple[str, str]]) -> None:
    graph: dict[str, set[str]] = {}
    for one, other in edges:
        if one != other:
            graph.setdefault(one, set()).add(other)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as circle:
        pytest.fail(" → ".join(reversed(circle.args[1])))


def test_no_modules_load_each_other_in_a_circle() -> None:
    _require_no_circle(
        [(each.importer, each.imported) for each in IMPORTS if each.imported in SOURCES and not each.late]
    )


def test_only_telemetry_imports_powertools_logger_metrics_and_tracer() -> None:
    broken = [
        each
        for each in IMPORTS
        if each.importer != "kernel.telemetry"
        and each.other in ("aws_lambda_powertools", "aws_xray_sdk")
        and not each.imported.startswith("aws_lambda_powertools.utilities.")
    ]
    assert _told(broken) == []


# Who speaks to the outside by other means than clients of kernel.aws, each behind a breaker of its own.
CALLS_BY_ITSELF = {
    "kernel.sockets",
    "notifications.providers.fcm",
    "notifications.providers.webpush",
    "assistant.providers.openai_compatible",
}
HTTP_LIBRARIES = {"urllib3", "requests", "httpx", "http.client", "aiohttp"}


def test_only_kernel_aws_makes_clients_of_aws() -> None:
    broken = [
        each
        for each in IMPORTS
        if (each.other == "boto3" or each.imported.startswith("botocore.session")) and each.importer != "kernel.aws"
    ]
    assert _told(broken) == []
    makers = [name for name, path in SOURCES.items() if "create_client(" in path.read_text("utf-8")]
    assert makers == ["kernel.aws"]


def test_who_calls_the_outside_by_other_means_has_a_breaker() -> None:
    callers = {
        each.importer
        for each in IMPORTS
        if (each.other in HTTP_LIBRARIES or each.imported in HTTP_LIBRARIES or each.imported.startswith("kernel.curl"))
        and "exceptions" not in each.imported
        and each.importer != "operations.consumers.keyrings"  # one call to CloudFormation while a stack is made
    }
    assert callers == CALLS_BY_ITSELF
    assert {each.importer for each in IMPORTS if each.other == "pycurl"} == {"kernel.curl"}
    guarded = {each.importer for each in IMPORTS if each.imported.startswith("kernel.breakers")}
    assert callers <= guarded
