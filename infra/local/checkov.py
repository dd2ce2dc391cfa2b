"""`python -m infra.local.checkov`: Checkov's findings in the templates of a production deployment (R44).

Checkov needs other versions of our packages, so it has an environment of its own, made by the first run. It reads one
template with all resources, parameters and conditions resolved. Accepted findings are in infra/checkov.toml with their
reasons; an exception without a finding fails, too.
"""

import json
import re
import shutil
import subprocess
import sys
import tomllib
import venv
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from infra import translated
from infra.local import parameters
from infra.local.config import ROOT, STATE

VERSION = "3.3.30"
HOME = STATE / "cache" / f"checkov-{VERSION}"
EXCEPTIONS = ROOT / "infra" / "checkov.toml"
EVERYTHING = "*"

Found = dict[str, set[str]]  # the resources of each check that failed


def scan() -> Found:
    """The failed checks of production as samconfig.toml has it. Raises CalledProcessError without Checkov."""
    _install()
    with TemporaryDirectory() as folder:
        path = Path(folder, "production.json")
        path.write_text(json.dumps(_template(), default=str))
        command = [str(HOME / "bin" / "checkov"), "--file", str(path), "--framework", "cloudformation"]
        options = ["--compact", "--quiet", "--skip-download", "--soft-fail", "--output", "json"]
        answer = subprocess.run([*command, *options], capture_output=True, text=True, check=True)
    found: Found = defaultdict(set)
    for each in json.loads(answer.stdout)["results"]["failed_checks"]:
        found[each["check_id"]].add(each["resource"].rpartition(".")[2])
    return found


def _install() -> None:
    if not HOME.exists():
        venv.create(HOME, with_pip=True)
        pip = [str(HOME / "bin" / "python"), "-m", "pip", "--quiet", "--disable-pip-version-check"]
        try:
            subprocess.run([*pip, "install", f"checkov=={VERSION}"], check=True)
        except subprocess.CalledProcessError:
            shutil.rmtree(HOME)  # the next run tries again
            raise


def _template() -> dict[str, object]:
    """All resources of production as one template; names are paths without characters that CloudFormation refuses."""
    given = dict(word.split("=", 1) for word in parameters.configured("prod"))
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Resources": {
            re.sub(r"\W", "", path): {"Type": each.kind, "Properties": each.properties, **each.attributes}
            for path, each in translated.deployment(given).items()
            if each.kind != translated.NESTED
        },
    }


def judged(found: Mapping[str, Iterable[str]], exceptions: Mapping[str, Mapping[str, object]]) -> list[str]:
    """The remaining work, a line each: findings without an exception, and exceptions without a finding."""
    problems = []
    for check, resources in sorted(found.items()):
        allowed = _names(exceptions.get(check, {}))
        left = [each for each in sorted(resources) if EVERYTHING not in allowed and each not in allowed]
        problems += [f"{check} fails for {each}" for each in left]
    for check, exception in exceptions.items():
        needless = _names(exception) - {EVERYTHING} - set(found.get(check, ()))
        if check not in found:
            problems.append(f"{check} fails nowhere any more: take it out of infra/checkov.toml")
        elif needless:
            problems.append(
                f"{check} fails no more for {', '.join(sorted(needless))}: take them out of infra/checkov.toml"
            )
    return problems


def _names(exception: Mapping[str, object]) -> set[str]:
    named = exception.get("resources", [])
    return {str(each) for each in named} if isinstance(named, list) else set()


def main() -> int:
    found = scan()
    problems = judged(found, tomllib.loads(EXCEPTIONS.read_text()))
    print(*problems, sep="\n", end="\n" if problems else "")
    count = sum(map(len, found.values()))
    print(f"checkov {VERSION}: {count} findings of {len(found)} checks, {len(problems)} without a reason")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
