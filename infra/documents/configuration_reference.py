"""The text of docs/configuration.md, the reference of all settings; `python -m infra.documents` writes it.

It has two tables: the parameters of a deployment, as template.yaml declares them, and the variables of a function's
process, as the typed settings read them, each with its type, its default and the parameters that it comes from.
"""

from __future__ import annotations

import ast
import importlib
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, is_dataclass
from pathlib import Path
from typing import Any

from infra import generate

ROOT = generate.ROOT
# Modules with typed settings, and the function that reads them.
READERS = (
    ("kernel.config", "config"),
    ("calls.settings", "settings"),
    ("operations.canary_settings", "settings"),
    ("assistant.settings", "settings"),
)
REQUIRED = {"ENVIRONMENT": "local", "STACK_NAME": "stack"}
_VARIABLE = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*")
_HEAD = """# Configuration

Written by `make openapi` from template.yaml and the typed settings of the code; `make check` finds it out of date.

## Parameters of a deployment

Given to `make deploy` as `PARAMETERS="Name=value …"` or in samconfig.toml; [deploy.md](deploy.md) explains some.

| parameter | values | default | what it does |
|---|---|---|---|
"""
_VARIABLES_HEAD = """
## Variables of a function's process

The templates set them; a process reads them once, and refuses to start with a wrong one, which it names. Local clouds
and tests set those that nothing else sets.

| variable | setting | type | default | comes from |
|---|---|---|---|---|
"""


@dataclass(frozen=True, slots=True)
class Setting:
    """A field of typed settings: the variables that it is read from, and its value without them."""

    name: str
    type: str
    variables: tuple[str, ...]
    default: Any


def text() -> str:
    """The whole document."""
    rows = [_row(f"`{name}`", *_of_parameter(each)) for name, each in _parameters().items()]
    sources = _sources()
    variables = [
        _row(
            ", ".join(f"`{each}`" for each in setting.variables),
            f"`{setting.name}`",
            setting.type,
            _shown(setting),
            ", ".join(sorted({source for each in setting.variables for source in sources.get(each, ())})),
        )
        for setting in settings()
    ]
    return _HEAD + "".join(rows) + _VARIABLES_HEAD + "".join(variables)


def settings() -> list[Setting]:
    """Every field of every typed settings object, in the order of the code."""
    found = []
    for module, reader in READERS:
        loaded = importlib.import_module(module)
        read = getattr(loaded, reader)
        found += list(_read_by(Path(str(loaded.__file__)), reader, _without_settings(read.__wrapped__)))
    return found


def _without_settings(read: Any) -> Any:
    """The settings when only the required variables are set."""
    kept = dict(os.environ)
    os.environ.clear()
    os.environ.update(REQUIRED)
    try:
        return read()
    finally:
        os.environ.clear()
        os.environ.update(kept)


def _read_by(path: Path, reader: str, bare: Any) -> Iterator[Setting]:
    tree = ast.parse(path.read_text())
    functions = {each.name: each for each in tree.body if isinstance(each, ast.FunctionDef)}
    types = next(
        {
            field.target.id: ast.unparse(field.annotation)
            for field in each.body
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        }
        for each in tree.body
        if isinstance(each, ast.ClassDef) and each.name == type(bare).__name__
    )
    body = functions[reader]
    assigned = {
        each.targets[0].id: each.value
        for each in body.body
        if isinstance(each, ast.Assign) and isinstance(each.targets[0], ast.Name)
    }
    made = next(each.value for each in body.body if isinstance(each, ast.Return))
    assert isinstance(made, ast.Call)
    for keyword in made.keywords:
        assert keyword.arg is not None
        variables = tuple(dict.fromkeys(_variables(keyword.value, functions, assigned)))
        yield Setting(keyword.arg, types[keyword.arg], variables, getattr(bare, keyword.arg))


def _variables(
    node: ast.AST, functions: Mapping[str, ast.FunctionDef], assigned: Mapping[str, ast.expr]
) -> Iterator[str]:
    """The variables that an expression reads: in itself, in a function that it calls, or in an assigned name."""
    calls = [each for each in ast.walk(node) if isinstance(each, ast.Call)]
    named = [each.args[0].value for each in calls if each.args and isinstance(each.args[0], ast.Constant)]
    found = [each for each in named if isinstance(each, str) and _VARIABLE.fullmatch(each)]
    for call in calls:
        if not found and isinstance(call.func, ast.Name) and call.func.id in functions:
            found += _variables(functions[call.func.id], {}, {})
    for each in ast.walk(node):
        if not found and isinstance(each, ast.Name) and each.id in assigned:
            found += _variables(assigned[each.id], functions, {})
    yield from found


def _shown(setting: Setting) -> str:
    if set(setting.variables) <= REQUIRED.keys():
        return "must be set"
    value = setting.default
    if isinstance(value, bool):
        return "on" if value else "off"
    if is_dataclass(value) and not isinstance(value, type):
        return ", ".join(f"{name} {each}" for name, each in asdict(value).items())
    return "" if value in ("", (), {}) else str(value)


def _parameters() -> dict[str, Any]:
    found: dict[str, Any] = generate.read(ROOT / "template.yaml")["Parameters"]
    return found


def _of_parameter(declared: Mapping[str, Any]) -> tuple[str, str, str]:
    values = ", ".join(str(each) for each in declared.get("AllowedValues", ())) or str(declared["Type"]).lower()
    bounds = [
        f"{word} {declared[name]}" for word, name in (("from", "MinValue"), ("to", "MaxValue")) if name in declared
    ]
    return " ".join([values, *bounds]), str(declared.get("Default", "must be given")), declared.get("Description", "")


def _sources() -> dict[str, set[str]]:
    """The parameters that each variable is made of, by its name; "the templates" if they set it themselves."""
    templates = generate.templates()
    root = templates["template.yaml"]
    parameters = root["Parameters"].keys()
    handed_on = {
        each["Properties"]["Location"]: each["Properties"].get("Parameters", {})
        for each in root["Resources"].values()
        if each["Type"] == generate.NESTED
    }
    found: dict[str, set[str]] = {}
    for path, template in templates.items():
        for name, value in _variables_of(template):
            named = list(_references(value))
            if path in handed_on:  # its parameters come from the root's
                named = [each for inner in named for each in _references(handed_on[path].get(inner))]
            found.setdefault(name, set()).update(f"`{each}`" for each in named if each in parameters)
    return {name: named or {"the templates"} for name, named in found.items()}


def _variables_of(template: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The variables that a template gives to its functions, with their values."""
    functions = [each["Properties"] for each in template["Resources"].values() if each["Type"] == generate.FUNCTION]
    for properties in [template.get("Globals", {}).get("Function", {}), *functions]:
        yield from properties.get("Environment", {}).get("Variables", {}).items()


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, each in value.items():
            if key == "Ref":
                yield each
            elif key == "Fn::Sub":
                yield from re.findall(r"\$\{(\w+)\}", str(each))
            else:
                yield from _references(each)
    elif isinstance(value, list):
        for each in value:
            yield from _references(each)


def _row(*cells: str) -> str:
    return "| " + " | ".join(each.replace("|", "\\|").replace("\n", " ") for each in cells) + " |\n"
