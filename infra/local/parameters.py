"""`python -m infra.local.parameters ENVIRONMENT`: a deployment's parameters, those of samconfig.toml and this Python's.

SAM takes parameters from the command line or from samconfig.toml, not from both.
"""

import sys
import tomllib

from infra.local.config import ROOT, python_runtime

CONFIG = ROOT / "samconfig.toml"


def configured(environment: str) -> list[str]:
    """What samconfig.toml gives to an environment, and the runtime that the built packages fit.

    Raises:
        SystemExit: there is no such environment.
    """
    settings = tomllib.loads(CONFIG.read_text())
    if environment not in settings:
        known = ", ".join(name for name, values in settings.items() if isinstance(values, dict) and "deploy" in values)
        raise SystemExit(f"samconfig.toml has no environment {environment!r}; it has {known}")
    words: str = settings[environment]["deploy"]["parameters"]["parameter_overrides"]
    return [*words.split(), f"PythonRuntime={python_runtime()}"]


def stack_name(environment: str) -> str:
    name: str = tomllib.loads(CONFIG.read_text())[environment]["global"]["parameters"]["stack_name"]
    return name


if __name__ == "__main__":
    print(*configured(sys.argv[1]))
