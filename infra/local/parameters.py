"""`python -m infra.local.parameters ENVIRONMENT`: a deployment's parameters from samconfig.toml, and its runtime.

SAM takes parameters from the command line or from samconfig.toml, not from both.
`--value PythonRuntime|Architecture ENVIRONMENT [NAME=VALUE …]` prints the runtime or processor of the layers.
"""

import sys
import tomllib

from infra.local.config import DEFAULT_RUNTIME, ROOT, RUNTIMES, python_runtime

CONFIG = ROOT / "samconfig.toml"
BUILT_FOR = {"PythonRuntime": DEFAULT_RUNTIME, "Architecture": "x86_64"}  # the defaults of template.yaml


def configured(environment: str) -> list[str]:
    """An environment's parameters in samconfig.toml, and the runtime: the local cloud only has this Python.

    Raises:
        SystemExit: there is no such environment.
    """
    settings = tomllib.loads(CONFIG.read_text())
    if environment not in settings:
        known = ", ".join(name for name, values in settings.items() if isinstance(values, dict) and "deploy" in values)
        raise SystemExit(f"samconfig.toml has no environment {environment!r}; it has {known}")
    words: str = settings[environment]["deploy"]["parameters"]["parameter_overrides"]
    own = environment == "local" and python_runtime() in RUNTIMES
    return [*words.split(), f"PythonRuntime={python_runtime() if own else DEFAULT_RUNTIME}"]


def value(name: str, given: list[str]) -> str:
    """The value of one parameter in a deployment with these; of several values the last counts."""
    defaults = [f"{each}={default}" for each, default in BUILT_FOR.items()]
    return [word.removeprefix(f"{name}=") for word in [*defaults, *given] if word.startswith(f"{name}=")][-1]


def stack_name(environment: str) -> str:
    name: str = tomllib.loads(CONFIG.read_text())[environment]["global"]["parameters"]["stack_name"]
    return name


if __name__ == "__main__":
    if sys.argv[1] == "--value":
        print(value(sys.argv[2], [*configured(sys.argv[3]), *sys.argv[4:]]))
    else:
        print(*configured(sys.argv[1]))
