"""Compiles packages without what only people and type checkers read: a fifth of the code that each cold start loads.

These are docstrings, annotations of functions, overloads and the fields of pydantic-core's TypedDicts. Assertions stay,
and the sources stay whole, so tracebacks show them. Annotations of classes stay, which dataclasses and models read.
"""

import ast
from importlib.util import MAGIC_NUMBER, cache_from_source, source_hash
from marshal import dumps
from pathlib import Path

TYPED_DICTS = "pydantic_core/core_schema.py"  # eighty, whose fields nothing reads
UNCHECKED_HASH = 1  # flag of a compiled file that Python does not compare with its source (PEP 552)
_Function = ast.FunctionDef | ast.AsyncFunctionDef
_EVERY_KIND = ast.Module | ast.ClassDef | _Function


def compile_all(packages: Path, root: str) -> None:
    """Compile all modules in a folder of installed packages, which functions see as the folder `root`."""
    for path in packages.rglob("*.py"):
        target = Path(cache_from_source(str(path)))
        target.parent.mkdir(exist_ok=True)
        name = path.relative_to(packages).as_posix()
        target.write_bytes(compiled(path.read_bytes(), f"{root}/{name}", typed_dicts=name != TYPED_DICTS))


def compiled(source: bytes, name: str, *, typed_dicts: bool = True) -> bytes:
    """The compiled file of a source, whose name in tracebacks is `name`; without `typed_dicts` their fields go too.

    Raises SyntaxError.
    """
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, _Function):
            _drop_annotations(node)
        if isinstance(node, _EVERY_KIND) and node.body:
            kept = [each for each in node.body[_has_docstring(node) :] if not _is_overload(each)]
            if isinstance(node, ast.ClassDef) and not typed_dicts and "TypedDict" in _names(node.bases):
                kept = []
            node.body = kept or [ast.copy_location(ast.Pass(), node.body[0])]
    code = compile(tree, name, "exec", dont_inherit=True)
    return MAGIC_NUMBER + UNCHECKED_HASH.to_bytes(4, "little") + source_hash(source) + dumps(code)


def _has_docstring(node: _EVERY_KIND) -> bool:
    """Whether a docstring is to be left out; `dataclass`, a decorator, would write one where there is none."""
    decorated = isinstance(node, ast.ClassDef) and bool(node.decorator_list)
    return not decorated and ast.get_docstring(node, clean=False) is not None


def _drop_annotations(node: _Function) -> None:
    given = node.args
    node.returns = None
    for each in (*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg):
        if each is not None:
            each.annotation = None


def _is_overload(node: ast.stmt) -> bool:
    return isinstance(node, _Function) and "overload" in _names(node.decorator_list)


def _names(expressions: list[ast.expr]) -> set[str]:
    """The names that expressions are, without the modules before them."""
    return {each.attr if isinstance(each, ast.Attribute) else getattr(each, "id", "") for each in expressions}
