"""Limits a process to a share of one core, as Lambda limits a function by its memory: 512 MB are 0.29 of a core.

If this user may create control groups, the kernel limits it (a CPU quota with periods of 20 ms, as in Lambda);
otherwise the process is stopped and continued by signals.

`python -m perf.starts.held SHARE COMMAND…` limits a command and all that it starts to this share of all cores together.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

PERIOD_US = 20_000
_GROUPS = Path("/sys/fs/cgroup")


class OverTime(Exception):
    """The process did not end in time."""


@dataclass(frozen=True, slots=True)
class Group:
    """A control group (version 1 or 2) with a CPU quota."""

    folder: Path

    def hold(self, share: float) -> None:
        quota = int(PERIOD_US * share)
        if (self.folder / "cpu.cfs_quota_us").exists():
            (self.folder / "cpu.cfs_period_us").write_text(str(PERIOD_US))
            (self.folder / "cpu.cfs_quota_us").write_text(str(quota))
        else:
            (self.folder / "cpu.max").write_text(f"{quota} {PERIOD_US}")

    def enter(self) -> None:
        """Move the calling process into the group."""
        (self.folder / "cgroup.procs").write_text(str(os.getpid()))


@contextmanager
def group() -> Iterator[Group | None]:
    """A new control group, or None if this process may not create one."""
    parent = next((each for each in (_GROUPS / "cpu", _GROUPS) if (each / "cgroup.procs").exists()), None)
    if parent is None:
        yield None
        return
    folder = parent / f"secureconnect-{os.getpid()}"
    made = Group(folder)
    try:
        folder.mkdir()
        made.hold(0.5)
    except OSError:
        with suppress(OSError):  # remove it if it was created in part
            folder.rmdir()
        yield None
        return
    try:
        yield made
    finally:
        with suppress(OSError):  # busy if something that the command started goes on
            folder.rmdir()


def run(
    command: Sequence[str],
    *,
    environment: Mapping[str, str],
    folder: Path,
    share: float,
    by: Group | None,
    timeout_s: float,
) -> None:
    """Run a command with `share` of a core.

    Raises subprocess.CalledProcessError if it fails, and OverTime if it does not end within `timeout_s`.
    """
    enter: Callable[[], None] | None = None
    if by is not None:
        by.hold(share)
        enter = by.enter
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, cwd=folder, preexec_fn=enter) as process:
        try:
            _wait(process, share if by is None else 1.0, timeout_s)
        except BaseException:
            process.kill()
            raise
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, list(command))


def _wait(process: subprocess.Popen[bytes], share: float, timeout_s: float) -> None:
    ends = time.monotonic() + timeout_s
    if share >= 1.0:
        try:
            process.wait(timeout_s)
        except subprocess.TimeoutExpired as error:
            raise OverTime from error
    while process.poll() is None:
        if time.monotonic() > ends:
            raise OverTime
        process.send_signal(signal.SIGCONT)
        time.sleep(PERIOD_US / 1e6 * share)
        process.send_signal(signal.SIGSTOP)
        time.sleep(PERIOD_US / 1e6 * (1 - share))


def main() -> int:
    """Run the command with this share of all cores; returns its exit code, or 2 after saying what is missing."""
    try:
        share, command = float(sys.argv[1]), sys.argv[2:]
    except (IndexError, ValueError):
        command = []
    if not command or not 0 < share <= 1:
        print("use: python -m perf.starts.held SHARE COMMAND… (SHARE: above 0, at most 1)", file=sys.stderr)
        return 2
    with group() as held:
        if held is None:
            print(f"no control group with a CPU quota can be made below {_GROUPS}: run this as root", file=sys.stderr)
            return 2
        held.hold(share * (os.cpu_count() or 1))
        return subprocess.run(command, preexec_fn=held.enter, check=False).returncode


if __name__ == "__main__":
    raise SystemExit(main())
