"""Cuts redis-py's commands down to those that functions call.

A client has 359 commands as methods, most of them in two or three forms for type checkers; loading them takes longer
than the rest of the package. Calling one that is missing here fails with AttributeError.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

MODULE = Path("redis/commands/core.py")
COMMANDS = {
    *("blpop", "delete", "eval", "exists", "expire", "get", "getex", "hget", "incrby", "lpop", "mget", "pexpire"),
    *("ping", "rpush", "set", "ttl"),
}


class NoSuchCommand(Exception):
    """redis-py has no command with this name."""


def cut_down(packages: Path) -> None:
    """Cut down the commands in a folder of installed packages. Raises NoSuchCommand."""
    path = packages / MODULE
    path.write_text(only(path.read_text(), COMMANDS))


def only(text: str, commands: set[str]) -> str:
    """The source of the commands' classes without the methods of other commands. Raises NoSuchCommand."""
    parsed = (node for node in ast.parse(text).body if isinstance(node, ast.ClassDef))
    classes = [node for node in parsed if node.name.endswith("Commands")]
    missing = commands - {method.name for each in classes for method in _methods(each)}
    if missing:
        raise NoSuchCommand(", ".join(sorted(missing)))
    lines = text.splitlines(keepends=True)
    for each in classes:
        unused = {method.name for method in _methods(each)} - commands
        for node in each.body:
            if _is_unused(node, unused):
                first = min([node.lineno, *(mark.lineno for mark in getattr(node, "decorator_list", ()))]) - 1
                lines[first : node.end_lineno] = [""] * ((node.end_lineno or 0) - first)
        if all(_is_unused(node, unused) for node in each.body):
            lines[each.body[0].lineno - 1] = "    pass\n"
    return "".join(lines)


def _methods(node: ast.ClassDef) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """The commands of a class; other names begin with an underscore."""
    functions = (each for each in node.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef))
    return (each for each in functions if not each.name.startswith("_"))


def _is_unused(node: ast.stmt, unused: set[str]) -> bool:
    """Whether a statement defines one of these methods, or another name of it."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return node.name in unused or (_is_overload(node) and not node.name.startswith("_"))
    return isinstance(node, ast.Assign) and isinstance(node.value, ast.Name) and node.value.id in unused


def _is_overload(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether a definition is for type checkers only."""
    return any(isinstance(mark, ast.Name) and mark.id == "overload" for mark in node.decorator_list)
