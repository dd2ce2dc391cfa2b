"""`python -m infra.local.audit FILE...`: known vulnerabilities of the pinned packages and of the web client's packages.

It needs an advisory service that can be reached."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

TIMEOUT_S = 120
WEB = Path(__file__).resolve().parents[2] / "web"


def audit(files: list[str]) -> str:
    """The answer of pip-audit for requirements files, as JSON; empty if there is none."""
    requirements = [argument for file in files for argument in ("-r", file)]
    options = ["--format", "json", "--progress-spinner", "off", "--no-deps", "--disable-pip", "--timeout", "5"]
    command = [str(Path(sys.executable).parent / "pip-audit"), *options, *requirements]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False).stdout
    except subprocess.TimeoutExpired:
        return ""


def report(answer: str) -> int:
    """Print the findings; returns the exit code. An unreachable advisory service is reported, but is no failure."""
    try:
        packages: list[dict[str, Any]] = json.loads(answer)["dependencies"]
    except (ValueError, KeyError):
        print("pip-audit: skipped, its advisory service cannot be reached")
        return 0
    audited = [package for package in packages if "skip_reason" not in package]
    if not audited:
        print("pip-audit: skipped, the package index that is configured has no advisories")
        return 0
    found = [(package, problem) for package in audited for problem in package["vulns"]]
    for package, problem in found:
        fixed = ", ".join(problem["fix_versions"]) or "no version yet"
        print(f"pip-audit: {package['name']} {package['version']} has {problem['id']}; fixed in {fixed}")
    print(f"pip-audit: {len(audited)} of {len(packages)} packages audited, {len(found)} vulnerabilities")
    return 1 if found else 0


def audit_web() -> str:
    """The answer of npm audit for the web client's runtime packages, as JSON; empty if there is none."""
    if shutil.which("npm") is None:
        return ""
    command = ["npm", "audit", "--json", "--omit", "dev", "--package-lock-only", "--fetch-timeout", "20000"]
    try:
        return subprocess.run(command, cwd=WEB, capture_output=True, text=True, timeout=TIMEOUT_S, check=False).stdout
    except subprocess.TimeoutExpired:
        return ""


def report_web(answer: str) -> int:
    """Print the findings; returns the exit code. An unreachable advisory service is reported, but is no failure."""
    try:
        found: dict[str, dict[str, Any]] = json.loads(answer)["vulnerabilities"]
    except (ValueError, KeyError):
        print("npm audit: skipped, its advisory service cannot be reached")
        return 0
    for name, problem in found.items():
        print(f"npm audit: {name} {problem['range']} has a vulnerability ({problem['severity']})")
    print(f"npm audit: {len(found)} vulnerable packages")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(max(report(audit(sys.argv[1:])), report_web(audit_web())))
