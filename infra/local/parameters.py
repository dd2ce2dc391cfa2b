"""`python -m infra.local.parameters ENVIRONMENT`: a deployment's parameters, those of samconfig.toml and its runtime.

SAM takes parameters from the command line or from samconfig.toml, not from both. `--runtime ENVIRONMENT [NAME=VALUE …]`
prints the runtime alone, for which the layers are built.
"""

import sys
import tomllib

from infra.local.config import DEFAULT_RUNTIME, ROOT, RUNTIMES, python_runtime

CONFIG = ROOT / "samconfig.toml"


def configured(environment: str) -> list[str]:
    """What samconfig.toml gives to an environment, and its runtime: the local cloud has none but this Python.

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


def runtime(given: list[str]) -> str:
    """The runtime of a deployment with these parameters, of which the last counts."""
    return [word.removeprefix("PythonRuntime=") for word in given if word.startswith("PythonRuntime=")][-1]


def stack_name(environment: str) -> str:
    name: str = tomllib.loads(CONFIG.read_text())[environment]["global"]["parameters"]["stack_name"]
    return name


if __name__ == "__main__":
    if sys.argv[1] == "--runtime":
        print(runtime([*configured(sys.argv[2]), *sys.argv[3:]]))
    else:
        print(*configured(sys.argv[1]))
