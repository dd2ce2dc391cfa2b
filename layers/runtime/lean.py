"""Defers imports that packages of the layer make at once although no function needs them.

Each change replaces a text in a package's file; `…` matches any text in between. The build stops if a package no longer
has the text, so that a new version is reviewed.
"""

import ast
import re
from pathlib import Path

# a function in place of a class of dateutil's, which is only called
_TZ = "\n\ndef {0}():\n    import dateutil.tz\n\n    return dateutil.tz.{0}()\n\n\n"

# what a TypedDict is when it runs
_TYPED_DICT = (
    "\n\nclass TypedDict(dict):\n    def __init_subclass__(cls, **_):\n        super().__init_subclass__()\n\n\n"
)

# file: (a text that occurs in it exactly once, its replacement)
CHANGES: dict[str, list[tuple[str, str]]] = {
    # the documentation of clients' methods, with an HTML parser: generated when somebody calls help()
    "botocore/docs/__init__.py": [
        ("from botocore.docs.service import ServiceDocumenter\n", ""),
        ("    # Create the root", "    from botocore.docs.service import ServiceDocumenter\n\n    # Create the root"),
    ],
    "botocore/docs/docstring.py": [
        ("from botocore.docs.bcdoc…import document_wait_method\n", ""),
        (
            "        docstring_structure = D",
            "        from botocore.docs.bcdoc.restdoc import DocumentStructure\n\n        docstring_structure = D",
        ),
        *(
            (f"        {name}(", f"        from botocore.docs.{module} import {name}\n\n        {name}(")
            for module, name in (
                ("method", "document_model_driven_method"),
                ("waiter", "document_wait_method"),
                ("paginator", "document_paginate_method"),
            )
        ),
    ],
    # versions of installed packages, which imports zipfile and the e-mail parser
    "urllib3/http2/__init__.py": [
        ("from importlib.metadata import version\n", ""),
        ("    h2_version = v", "    from importlib.metadata import version\n\n    h2_version = v"),
    ],
    "redis/utils.py": [
        ("from importlib import metadata\n", ""),
        ("    try:\n        libver", "    from importlib import metadata\n\n    try:\n        libver"),
    ],
    # clients for asyncio, clusters and sentinels, half of redis's imports
    "redis/__init__.py": [
        ("from redis import asyncio  # noqa\n", ""),
        ("from redis.cluster import RedisCluster\n", ""),
        ("from redis.keyspace_notifications import (…)\n", ""),
        ("from redis.sentinel import (…)\n", ""),
    ],
    "redis/commands/core.py": [
        (
            "from redis.asyncio.observability.recorder import (…)\n",
            "async def async_record_streaming_lag(**arguments):\n"
            "    from redis.asyncio.observability import recorder\n\n"
            "    await recorder.record_streaming_lag_from_response(**arguments)\n\n\n",
        ),
    ],
    "redis/event.py": [
        ("import asyncio\nimport threading\n", "from __future__ import annotations\n\nimport threading\n"),
        ("            self._async_lock = a", "            import asyncio\n\n            self._async_lock = a"),
    ],
    "redis/commands/__init__.py": [
        (
            "from .cluster import READ_COMMANDS, AsyncRedisClusterCommands, RedisClusterCommands\n",
            "import importlib\n\n\ndef __getattr__(name):\n"
            "    return getattr(importlib.import_module('redis.commands.cluster'), name)\n\n\n",
        ),
    ],
    "redis/commands/cluster.py": [
        ("\nimport asyncio\n", "\n"),
        ("        return await asyncio.gather", "        import asyncio\n\n        return await asyncio.gather"),
    ],
    "redis/_parsers/base.py": [
        ("from asyncio import IncompleteReadError, StreamReader\n", ""),
        ("            except IncompleteReadError", '            except __import__("asyncio").IncompleteReadError'),
    ],
    # plugins of pydantic: there are none, and it searches all packages for them
    "pydantic/plugin/_loader.py": [
        ("import importlib.metadata as importlib_metadata\n", ""),
        ("    disabled_plugins = os", "    return ()\n    disabled_plugins = os"),
    ],
    # time zones, fractions and UUIDs as values of fields, of which there are none
    "pydantic/_internal/_generate_schema.py": [
        ("from zoneinfo import ZoneInfo\n", ""),
        ("obj is ZoneInfo:", "obj is getattr(sys.modules.get('zoneinfo'), 'ZoneInfo', self):"),
        ("from fractions import Fraction\n", "import fractions\n"),
        ("obj is Fraction:", "getattr(obj, '__module__', '') == 'fractions' and obj is fractions.Fraction:"),
        ("from ..json_schema import JsonSchemaValue\n", ""),
        ("is_instance_schema(Fraction)", "is_instance_schema(fractions.Fraction)"),
        ("from uuid import UUID\n", "import uuid\n"),
        ("obj is UUID:", "getattr(obj, '__module__', '') == 'uuid' and obj is uuid.UUID:"),
    ],
    "pydantic/_internal/_validators.py": [
        ("from fractions import Fraction\n", "import fractions\n"),
        ("isinstance(input_value, Fraction)", "isinstance(input_value, fractions.Fraction)"),
        ("return Fraction(input_value)", "return fractions.Fraction(input_value)"),
        ("from zoneinfo import ZoneInfo, ZoneInfoNotFoundError\n", ""),
        (
            "    if isinstance(value, ZoneInfo)",
            "    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError\n\n    if isinstance(value, ZoneInfo)",
        ),
    ],
    # whether a function has **kwargs, without its signature; asked of 140 functions for each session
    "botocore/compat.py": [
        ("XMLParseError = ETree.ParseError\n", ""),
        ("from dateutil.tz import tzlocal\n", _TZ.format("tzlocal")),
        (
            "    return inspect.getfullargspec(func)[2]",
            "    code = getattr(func, '__code__', None)\n    if code is not None:\n"
            "        return code.co_flags & inspect.CO_VARKEYWORDS\n    return inspect.getfullargspec(func)[2]",
        ),
    ],
    # the other name of an event, looked for among a hundred by their parts, each with an exception if it is not there
    "botocore/hooks.py": [
        (
            "        for old_part, new_part in self._event_aliases.items():\n            # We",
            "        parts = set(event_name.split('.'))\n"
            "        for old_part, new_part in self._event_aliases.items():\n"
            "            if old_part not in parts and ('.' not in old_part or old_part not in event_name):\n"
            "                continue\n            # We",
        ),
        # the lists of three hundred handlers, copied for each client through two functions of Python's
        (
            "        first_copy = copy.copy(self.first)\n        middle_copy = copy.copy(self.middle)\n"
            "        last_copy = copy.copy(self.last)\n        copied = NodeList(first_copy, middle_copy, last_copy)\n"
            "        return copied",
            "        return NodeList(self.first[:], self.middle[:], self.last[:])",
        ),
        ("copied_node[key] = copy.copy(value)", "copied_node[key] = value.__copy__()"),
    ],
    # dateutil, which reads times in answers and in files of credentials; commands and people that give credentials
    "botocore/credentials.py": [
        ("popen=subprocess.Popen", "popen=lambda *given, **named: subprocess.Popen(*given, **named)"),
        ("prompter=getpass.getpass", "prompter=lambda *given: getpass.getpass(*given)"),
        (
            "import dateutil.parser\nfrom dateutil.parser import parse\nfrom dateutil.tz import tzlocal, tzutc\n",
            "import dateutil\n\n\ndef parse(*given):\n    return dateutil.parser.parse(*given)\n"
            + _TZ.format("tzlocal")
            + _TZ.format("tzutc"),
        ),
    ],
    "botocore/tokens.py": [
        ("import dateutil.parser\nfrom dateutil.tz import tzutc\n", "import dateutil\n" + _TZ.format("tzutc"))
    ],
    "botocore/utils.py": [
        ("import dateutil.parser\nfrom dateutil.tz import tzutc\n", "import dateutil\n" + _TZ.format("tzutc")),
        ("from ipaddress import ip_address\n", "import ipaddress\n"),
        ("ip = ip_address(", "ip = ipaddress.ip_address("),
        ("from urllib.request import getproxies, proxy_bypass\n", "import urllib.request\n"),
        (
            "def get_environ_proxies(url):\n",
            "def get_environ_proxies(url):\n"
            "    if not any(name.lower().endswith('_proxy') for name in os.environ):\n        return {}\n",
        ),
        ("return getproxies()", "return urllib.request.getproxies()"),
        ("if proxy_bypass(", "if urllib.request.proxy_bypass("),
    ],
    # what of a module is used only when something in it is called, so that the module can be put off (kernel.put_off)
    "botocore/handlers.py": [("    XMLParseError,\n", ""), ("except XMLParseError:", "except ETree.ParseError:")],
    "botocore/parsers.py": [
        ("ETree, XMLParseError\n", "ETree\n"),
        ("except XMLParseError as", "except ETree.ParseError as"),
    ],
    "botocore/response.py": [("    XMLParseError,  # noqa: F401\n", "")],
    "botocore/client.py": [
        ("from botocore.compress import maybe_compress_request\n", ""),
        (
            "            maybe_compress_request(",
            "            from botocore.compress import maybe_compress_request\n\n            maybe_compress_request(",
        ),
    ],
    # what is trusted, from a folder (layers/runtime/authorities.py)
    "botocore/httpsession.py": [
        ("os.path.dirname(__file__), 'cacert.pem')\n", "os.path.dirname(__file__), 'cacert')\n"),
        (
            "            conn.ca_certs = get_cert_path(verify)\n",
            "            path = get_cert_path(verify)\n"
            "            conn.ca_certs, conn.ca_cert_dir = (None, path) if os.path.isdir(path) else (path, None)\n",
        ),
    ],
    "botocore/loaders.py": [
        ("    from gzip import open as gzip_open\n", "    import gzip\n"),
        ("= gzip_open", "= lambda *given: gzip.open(*given)"),
    ],
    # the tracer, and a query language for correlation ids, neither of which is used as a rule
    "aws_lambda_powertools/__init__.py": [
        (
            "from aws_lambda_powertools.tracing import Tracer\n",
            "\n\ndef __getattr__(name):\n    if name != 'Tracer':\n        raise AttributeError(name)\n"
            "    from aws_lambda_powertools.tracing import Tracer\n\n    return Tracer\n\n\n",
        ),
    ],
    "aws_lambda_powertools/logging/logger.py": [
        ("from aws_lambda_powertools.utilities import jmespath_utils\n", ""),
        (
            "                self.set_correlation_id(\n                    jmespath_utils",
            "                from aws_lambda_powertools.utilities import jmespath_utils\n\n"
            "                self.set_correlation_id(\n                    jmespath_utils",
        ),
    ],
    # the attributes and indexes of a record, read from its classes' dictionaries instead of by `getattr` of each name
    **{
        f"pynamodb/{name}.py": [
            (
                "from inspect import getmembers\n",
                "\n\ndef getmembers(cls, chosen):\n"
                "    found = {name: each for base in reversed(cls.__mro__) for name, each in vars(base).items()}\n"
                "    return [(name, found[name]) for name in sorted(found) if chosen(found[name])]\n\n\n",
            )
        ]
        for name in ("attributes", "models")
    },
    # two hundred fields of TypedDicts for type checkers, each built from the text of its annotation
    "pydantic_core/core_schema.py": [
        (
            "if sys.version_info < (3, 12):\n    from typing_extensions import TypedDict\n"
            "else:\n    from typing import TypedDict\n",
            _TYPED_DICT,
        ),
    ],
    "pydantic/config.py": [
        ("TypeAlias, TypedDict, Unpack, deprecated\n", "TypeAlias, Unpack, deprecated\n" + _TYPED_DICT),
    ],
    "pydantic/fields.py": [
        ("TypeAlias, TypedDict, Unpack, deprecated\n", "TypeAlias, Unpack, deprecated\n" + _TYPED_DICT),
        ("from .json_schema import PydanticJsonSchemaWarning\n", "from . import json_schema\n"),
        ("'strict': types.Strict,", "'strict': lambda value: types.Strict(value),"),
        ("'fail_fast': types.FailFast,", "'fail_fast': lambda value: types.FailFast(value),"),
        ("                PydanticJsonSchemaWarning,\n", "                json_schema.PydanticJsonSchemaWarning,\n"),
    ],
    # schemas in JSON, which only the documents of the API are made of
    "pydantic/main.py": [
        (
            "from .json_schema import DEFAULT_REF_TEMPLATE, GenerateJsonSchema, JsonSchemaMode, JsonSchemaValue, "
            "model_json_schema\n",
            "from . import json_schema\n",
        ),
        (
            "if TYPE_CHECKING:\n    from inspect",
            "DEFAULT_REF_TEMPLATE = '#/$defs/{model}'\nGenerateJsonSchema = None\n\n\n"
            "def model_json_schema(model, *, schema_generator, **options):\n"
            "    generator = schema_generator or json_schema.GenerateJsonSchema\n"
            "    return json_schema.model_json_schema(model, schema_generator=generator, **options)\n\n\n"
            "if TYPE_CHECKING:\n    from inspect",
        ),
    ],
    "pydantic/types.py": [("from .json_schema import JsonSchemaValue\n", "")],
    "pydantic/_internal/_core_metadata.py": [
        ("    from ..json_schema import PydanticJsonSchemaWarning\n", "    from .. import json_schema\n"),
        ("                PydanticJsonSchemaWarning,\n", "                json_schema.PydanticJsonSchemaWarning,\n"),
    ],
    "pynamodb/_schema.py": [
        (
            "if sys.version_info >= (3, 8):\n    from typing import TypedDict\n"
            "else:\n    from typing_extensions import TypedDict\n",
            _TYPED_DICT,
        ),
    ],
    # certificates and SSH keys, with which no token here is verified; SSH keys import bcrypt
    "cryptography/hazmat/primitives/serialization/__init__.py": [
        (
            "from cryptography.hazmat.primitives.serialization.ssh import (…)\n",
            "\n\ndef __getattr__(name):\n"
            "    from cryptography.hazmat.primitives.serialization import ssh\n\n    return getattr(ssh, name)\n",
        ),
    ],
    # whether OpenSSL can make signatures without random numbers, which nobody asks for; it loads all ciphers
    "cryptography/hazmat/primitives/asymmetric/ec.py": [
        (
            "        from cryptography.hazmat.backends.openssl.backend import backend\n\n        if (…\n        ):\n",
            "        def supported():\n            from cryptography.hazmat.backends.openssl.backend import backend\n\n"
            "            return backend.ecdsa_deterministic_supported()\n\n"
            "        if deterministic_signing and not supported():\n",
        ),
    ],
    # a client that fetches keys
    "jwt/__init__.py": [
        (
            "from .jwks_client import PyJWKClient\n",
            "\n\ndef __getattr__(name):\n    if name != 'PyJWKClient':\n        raise AttributeError(name)\n"
            "    from .jwks_client import PyJWKClient\n\n    return PyJWKClient\n\n\n",
        ),
    ],
    "jwt/api_jwt.py": [("from calendar import timegm\n", "import calendar\n"), ("= timegm(", "= calendar.timegm(")],
    # an expression whose text is another one in each process, so that none is stored for it
    "jwt/utils.py": [
        ("_PEM_MARKER_RE = re.compile(", "_pem_markers = lambda: re.compile("),
        ("_PEM_MARKER_RE.finditer(", "_pem_markers().finditer("),
    ],
    "jwt/algorithms.py": [
        ("    from cryptography import x509\n", ""),
        ("            x509.load", "            from cryptography import x509\n\n            x509.load"),
        (
            "        load_ssh_public_key,\n    )\n",
            "    )\n\n    def load_ssh_public_key(data):\n"
            "        from cryptography.hazmat.primitives.serialization import ssh\n\n"
            "        return ssh.load_ssh_public_key(data)\n",
        ),
    ],
}

# Packages whose annotations are not evaluated. Nothing reads them while functions run, and evaluating their unions and
# generics calls `typing` 1,500 times.
UNEVALUATED = ("chalice", "pynamodb", "redis")
_FUTURE = "from __future__ import annotations\n"


class PackageChanged(Exception):
    """A package's file no longer has the text to replace exactly once."""


def put_off(packages: Path) -> None:
    """Apply the changes to a folder of installed packages. Raises PackageChanged."""
    for name, changes in CHANGES.items():
        path = packages / name
        text = path.read_text()
        for before, after in changes:
            pattern = re.compile(".*?".join(map(re.escape, before.split("…"))), re.DOTALL)
            found = len(pattern.findall(text))
            if found != 1:
                raise PackageChanged(f"{name} has {found} times: {before}")
            text = pattern.sub(lambda _, after=after: after, text)
        path.write_text(text)
    for name in UNEVALUATED:
        for path in (packages / name).rglob("*.py"):
            path.write_text(unevaluated(path.read_text()))


def unevaluated(text: str) -> str:
    """The source with its annotations left as text."""
    body = ast.parse(text).body
    while body and isinstance(body[0], ast.Expr):  # the docstring
        del body[0]
    if not body or _FUTURE in text:
        return text
    lines = text.splitlines(keepends=True)
    lines.insert(body[0].lineno - 1, _FUTURE)
    return "".join(lines)
