"""Speeds up cold starts, in Lambda only, because elsewhere the process belongs to another program.

Garbage collection is off during the start: imported objects stay anyway, and collecting takes a tenth of a cold start.
Modules come from archives (`kernel.archive`), and some are loaded at their first use (`kernel.put_off`). What modules
compile from text while they are imported is not compiled again: the methods of dataclasses (0.6 ms per class) and named
tuples, and regular expressions (0.2 ms each). The build stores the compiled code of each text
(`infra.building.compiled_texts`); texts that it does not know are compiled as usual.

All this begins with the kernel's first import, so each domain imports the kernel before anything else. Then it names
those of its own modules that most calls of most functions do not need (`at_first_use`).
"""

from __future__ import annotations

import _sre  # type: ignore[import-not-found]
import collections
import gc
import os
import re
import sys
from collections.abc import Mapping
from functools import lru_cache
from types import CodeType
from typing import Any
from zlib import crc32

from kernel import archive, put_off, snapshot
from kernel.archive import Archive

# An archive, deployed with the functions for one version of Python: the engine of regular expressions by `ENGINE`,
# texts of `dataclasses` and `collections` with their code, all of a module by `codes_key`, and regular expressions with
# the further arguments of `_sre.compile` by `pattern_key`.
TEXTS = f"compiled_texts.{sys.implementation.cache_tag}"
ENGINE = "engine"
# Modules that packages import for what no call needs as a rule: other protocols, files of settings, proxies, errors.
PUT_OFF = (
    "aws_lambda_powertools.logging.buffer", "bcrypt", "botocore.monitoring", "botocore.retries.adaptive",
    "botocore.retryhandler", "botocore.validate", "botocore.vendored.six", "botocore.waiter", "calendar",
    "configparser", "cryptography.hazmat.primitives.asymmetric.padding", "email.base64mime", "email.header",
    "email.quoprimime", "fnmatch", "fractions", "getpass", "gzip", "ipaddress", "jmespath", "linecache", "locale",
    "mimetypes", "ntpath", "platform", "pydantic._internal._discriminated_union", "pydantic.json_schema",
    "pydantic.types", "selectors", "shlex", "stringprep", "subprocess", "tempfile", "token", "tokenize", "traceback",
    "urllib.request", "urllib3.contrib.pyopenssl", "urllib3.http2.probe", "uuid", "xml.etree.ElementTree",
)  # fmt: skip


def codes_key(module: str) -> tuple[str, str]:
    """The key of the texts that a module compiles when it is imported, with their code."""
    return "codes", module


def pattern_key(text: str | bytes, flags: int) -> tuple[int, int]:
    """The key of a regular expression; two may have the same, so each is stored with its text."""
    return crc32(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")), flags


def engine() -> tuple[int, int]:
    """What regular expressions are compiled for."""
    return _sre.MAGIC, _sre.CODESIZE


def begin() -> None:
    """Turn off collection, use the archives and load the compiled texts. The kernel's first import calls it."""
    if _in_lambda():
        gc.disable()
        archive.use_modules(sys.path)
        put_off.put_off(PUT_OFF)
        _trust_a_folder()
        for known in archive.named(TEXTS, sys.path):
            if known.read(ENGINE) == engine():
                _use_patterns(known)
            _use_codes(known)


def at_first_use(*modules: str) -> None:
    """Put off modules of a domain, which may register nothing, nor may what they import (tests/unit/test_put_off.py).

    Modules that most calls need stay: a call would load them with the share of a processor that Lambda gives 512 MB,
    while the start before it has a whole one.
    """
    if _in_lambda():
        put_off.put_off(modules)


def _in_lambda() -> bool:
    return "LAMBDA_TASK_ROOT" in os.environ


def _trust_a_folder() -> None:
    """Have OpenSSL look for an authority in the runtime layer's folder when it trusts what the system trusts.

    The system's file has the same ones, and each new TLS connection, of Redis as well, would parse all of it for 17 ms
    (layers/runtime/authorities.py). Variables that somebody has set stay.
    """
    if os.environ.keys() & {"SSL_CERT_DIR", "SSL_CERT_FILE"}:
        return
    for folder in (f"{path}/botocore/cacert" for path in sys.path):
        if os.path.isdir(folder):
            os.environ |= {"SSL_CERT_DIR": folder, "SSL_CERT_FILE": f"{folder}/none"}
            return


@snapshot.before
@lru_cache(maxsize=1)
def finish() -> None:
    """Turn collection on, without the objects that exist already.

    Called at the end of the first call, or before a snapshot is taken.
    """
    if not gc.isenabled():
        gc.freeze()
        gc.enable()


@snapshot.before
def _load() -> None:
    put_off.load_all()


def _use_codes(known: Archive) -> None:
    import dataclasses  # imports modules that are put off

    @lru_cache(maxsize=512)
    def codes_of(module: str) -> Mapping[str, CodeType]:
        return known.read(codes_key(module)) if codes_key(module) in known else {}

    def execute(text: str, within: dict[str, Any], *more: Any) -> None:
        exec(codes_of(within.get("__name__", "")).get(text, text), within, *more)  # noqa: S102

    def evaluate(text: str, within: dict[str, Any], *more: Any) -> Any:
        return eval(codes_of(within.get("__name__", "")).get(text, text), within, *more)  # noqa: S307

    is_type = dataclasses._is_type  # type: ignore[attr-defined]

    def is_special(annotation: str, *more: Any) -> bool:
        """Whether the text of an annotation is ClassVar, InitVar or KW_ONLY, asked three times for each field."""
        return ("Var" in annotation or "KW_ONLY" in annotation) and is_type(annotation, *more)

    setattr(dataclasses, "_is_type", is_special)  # noqa: B010
    # module globals that shadow the built-in functions
    setattr(dataclasses, "exec", execute)  # noqa: B010
    setattr(collections, "eval", evaluate)  # noqa: B010


def _use_patterns(known: Archive) -> None:
    compiler: Any = re._compiler  # type: ignore[attr-defined]
    compile_text = compiler.compile

    def compiled(text: Any, flags: int = 0) -> Any:
        if isinstance(text, str | bytes) and (key := pattern_key(text, flags)) in known:
            stored, *rest = known.read(key)
            if stored == text:
                return _sre.compile(text, *rest)
        return compile_text(text, flags)

    compiler.compile = compiled
