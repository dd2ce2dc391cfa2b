"""`python -m infra.building.wheels BUILD RUNTIME`: checks that the compiled packages of a build load in that runtime.

A wheel made for a newer C library than the runtime's can be installed and built, but its first import fails.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

# Amazon Linux 2 has glibc 2.26, Amazon Linux 2023 has 2.34:
# https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html, https://docs.aws.amazon.com/linux/al2023/ug/
GLIBC = {"python3.11": (2, 26), "python3.12": (2, 34), "python3.13": (2, 34), "python3.14": (2, 34)}
NEEDED = re.compile(rb"\0GLIBC_(\d+)\.(\d+)")


def needed(library: Path) -> tuple[int, int]:
    """The newest glibc version whose symbols a compiled file uses; (0, 0) if it uses none."""
    return max(((int(major), int(minor)) for major, minor in NEEDED.findall(library.read_bytes())), default=(0, 0))


def too_new(build: Path, runtime: str) -> Iterator[tuple[Path, tuple[int, int]]]:
    """Each compiled file below a folder that the runtime cannot load, with the version that it needs.

    Raises:
        KeyError: `GLIBC` has no entry for the runtime.
    """
    limit = GLIBC[runtime]
    for library in sorted(build.rglob("*.so*")):
        if library.is_file() and (wanted := needed(library)) > limit:
            yield library, wanted


def main() -> int:
    build, runtime = Path(sys.argv[1]), sys.argv[2]
    has = ".".join(map(str, GLIBC[runtime]))
    broken = list(too_new(build, runtime))
    for library, (major, minor) in broken:
        print(f"{library.relative_to(build)} needs glibc {major}.{minor}; {runtime} has {has}. Pin an older version.")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
