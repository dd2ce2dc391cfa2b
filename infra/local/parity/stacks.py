"""Corrects differences between MiniStack's CloudFormation and AWS's.

1. A nested stack's template may use the SAM transform; MiniStack applies it to root templates only.
2. ReservedConcurrentExecutions of a template limits the function; MiniStack drops it.
3. An unchanged resource of a nested stack keeps the attributes that GetAtt reads; MiniStack loses them when the
   stack is updated, which leaves its outputs empty.
"""

import importlib
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from infra.local.patching import stop, wrap

FORMATION = "ministack.services.cloudformation"
ENGINE = f"{FORMATION}.engine"
PROVISIONERS = f"{FORMATION}.provisioners"
LAMBDA = "ministack.services.lambda_svc"
FUNCTION = "AWS::Lambda::Function"

Parameters = list[dict[str, str]]

_nested_parameters: ContextVar[Parameters | None] = ContextVar("nested_parameters", default=None)


def apply() -> None:
    wrap(PROVISIONERS, "_cfn_nested_stack_deploy", _remembering_parameters)
    wrap(ENGINE, "_apply_transforms", lambda original: original)  # used below: it must exist
    wrap(ENGINE, "_parse_template", _transforming_nested)
    wrap(PROVISIONERS, "_update_resource", _keeping_attributes)
    wrap(LAMBDA, "_put_function_concurrency", lambda original: original)
    _limit_functions()


def _remembering_parameters(deploy: Callable[..., Any]) -> Callable[..., Any]:
    def deploying(logical_id: str, props: dict[str, Any], *arguments: Any, **options: Any) -> Any:
        given = props.get("Parameters") or {}
        token = _nested_parameters.set([{"Key": key, "Value": str(value)} for key, value in given.items()])
        try:
            return deploy(logical_id, props, *arguments, **options)
        finally:
            _nested_parameters.reset(token)

    return deploying


def _transforming_nested(parse: Callable[..., Any]) -> Callable[..., Any]:
    engine = importlib.import_module(ENGINE)

    def parsing(*arguments: Any, **options: Any) -> Any:
        template = parse(*arguments, **options)
        parameters = _nested_parameters.get()
        if parameters is None:
            return template
        _nested_parameters.set(None)  # only the first one parsed is the nested stack's own
        return engine._apply_transforms(template, parameters)

    return parsing


def _keeping_attributes(update: Callable[..., Any]) -> Callable[..., Any]:
    stacks = importlib.import_module(FORMATION)._stacks

    def updating(*arguments: Any, **options: Any) -> Any:
        if len(arguments) == 6 and not options:  # as the nested stack's code calls it: without the old attributes
            stack, logical_id = arguments[4:]
            known = (stacks.get(stack) or {}).get("_resources", {}).get(logical_id, {})
            options = {"old_attrs": known.get("Attributes")}
        return update(*arguments, **options)

    return updating


def _limit_functions() -> None:
    functions = importlib.import_module(LAMBDA)
    handlers = getattr(importlib.import_module(PROVISIONERS), "_RESOURCE_HANDLERS", {}).get(FUNCTION, {})
    if not {"create", "update"} <= handlers.keys():
        raise stop(f"handlers of {FUNCTION} in {PROVISIONERS}")
    create, update = handlers["create"], handlers["update"]

    def limit(name: str, props: dict[str, Any]) -> None:
        reserved = props.get("ReservedConcurrentExecutions")
        if reserved is not None:
            functions._put_function_concurrency(name, {"ReservedConcurrentExecutions": int(reserved)})
        elif name in functions._functions:
            functions._delete_function_concurrency(name)

    def creating(logical_id: str, props: dict[str, Any], stack: str) -> Any:
        name, attributes = create(logical_id, props, stack)
        limit(name, props)
        return name, attributes

    def updating(physical_id: str, old: dict[str, Any], new: dict[str, Any], *rest: Any) -> Any:
        name, attributes = update(physical_id, old, new, *rest)
        limit(name, new)
        return name, attributes

    handlers.update(create=creating, update=updating)
