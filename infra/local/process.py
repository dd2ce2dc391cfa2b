"""Long-running processes of an instance: started detached, found again, and stopped by their process ids."""

import atexit
import os
import shutil
import signal
import socket
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

from infra.local.config import HOST, ROOT
from infra.local.console import Problem

_started: dict[int, subprocess.Popen[bytes]] = {}  # by process id; Popen warns if it goes while its process runs


@atexit.register
def _leave_running() -> None:
    """Have Popen take servers that outlive this process for ended ones."""
    for process in _started.values():
        process.returncode = process.poll() or 0


@dataclass(frozen=True, slots=True)
class Daemon:
    """A server with a port, a pid file and a log. `mark` is an argument that only its command line has.

    `scratch` is the folder of its temporary files, which is emptied before each start.
    """

    name: str
    port: int
    mark: str
    pid_file: Path
    log: Path
    command: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    scratch: Path | None = None

    def pid(self) -> int | None:
        """Its process id if it runs: from the pid file, else the holder of the port whose command line has the mark.

        The latter finds a process whose start was interrupted before its id was written.
        """
        try:
            pid = int(self.pid_file.read_text())
        except (OSError, ValueError):
            pid = 0
        if pid and self.mark in arguments(pid):
            return pid
        holder = port_holder(self.port)
        if holder and self.mark in arguments(holder):
            self.pid_file.write_text(str(holder))
            return holder
        self.pid_file.unlink(missing_ok=True)
        return None

    def listening(self) -> bool:
        """Whether this process itself holds the port."""
        pid = self.pid()
        return pid is not None and port_holder(self.port) == pid

    def current(self) -> bool:
        """Whether it runs with the command with which it would be started now."""
        pid = self.pid()
        return pid is not None and set(self.command) <= set(arguments(pid))

    def require_free_port(self, variable: str) -> None:
        """Raise Problem if another process listens on the port, naming it."""
        if not _answers(self.port):
            return
        holder = port_holder(self.port)
        who = f"process {holder} ({' '.join(arguments(holder))[:120]})" if holder else "another process"
        raise Problem(
            f"port {self.port} for {self.name} is taken by {who}",
            f"stop that process, or choose another port: {variable}=<port> make up",
        )

    def start(self, *, wait_s: float) -> None:
        """Start it in a session of its own (a Ctrl-C here does not reach it) and wait until it listens."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        if self.scratch is not None:  # a killed server has left its files
            shutil.rmtree(self.scratch, ignore_errors=True)
            self.scratch.mkdir(parents=True)
        if self.log.exists():
            self.log.rename(self.log.with_suffix(".previous.log"))
        with self.log.open("wb") as log:
            process = subprocess.Popen(
                self.command,
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.pid_file.write_text(str(process.pid))
        _started[process.pid] = process
        deadline = time.monotonic() + wait_s
        while not self.listening():
            if process.poll() is not None:
                raise Problem(f"{self.name} stopped while starting:\n{tail(self.log)}", f"see {self.log}")
            if time.monotonic() > deadline:
                raise Problem(
                    f"{self.name} does not listen on port {self.port} after {wait_s:.0f} s",
                    f"see {self.log}, then run make down and make up",
                )
            time.sleep(0.05)

    def stop(self, *, wait_s: float) -> str:
        """Ask the process to end, and kill it after `wait_s`. Returns a note for the user."""
        pid = self.pid()
        if pid is None:
            return "was not running"
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + wait_s
        outcome = "stopped"
        while self.mark in arguments(pid):
            if time.monotonic() > deadline:
                os.kill(pid, signal.SIGKILL)
                outcome = "killed: its last data may be lost"
                deadline += wait_s
            time.sleep(0.05)
        if process := _started.pop(pid, None):
            process.wait(wait_s)  # a process without arguments may still be ending
        self.pid_file.unlink(missing_ok=True)
        return outcome


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((HOST, port)) == 0


def arguments(pid: int) -> list[str]:
    """The command line of a live process; empty for others. A zombie has none."""
    if Path("/proc/self").exists():
        try:
            return Path(f"/proc/{pid}/cmdline").read_text(errors="replace").split("\0")
        except OSError:
            return []
    return _output("ps", "-o", "command=", "-p", str(pid)).split()


def port_holder(port: int) -> int | None:
    """The process that listens on a TCP port of this machine; None if it cannot be found."""
    if not Path("/proc/net/tcp").exists():
        found = _output("lsof", "-nP", f"-iTCP:{port}", "-sTCP:LISTEN", "-t").split()
        return int(found[0]) if found else None
    sockets = _listening_sockets(port)
    for entry in Path("/proc").iterdir() if sockets else ():
        if not entry.name.isdecimal():
            continue
        try:
            if any(os.readlink(handle) in sockets for handle in entry.joinpath("fd").iterdir()):
                return int(entry.name)
        except OSError:
            continue
    return None


def _listening_sockets(port: int) -> set[str]:
    sockets = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        if not Path(table).exists():
            continue
        for line in Path(table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and int(fields[1].rpartition(":")[2], 16) == port:
                sockets.add(f"socket:[{fields[9]}]")
    return sockets


def _output(*command: str) -> str:
    if not shutil.which(command[0]):
        return ""
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def tail(path: Path, lines: int = 15) -> str:
    """The last lines of a log, indented for showing."""
    text = path.read_text(errors="replace") if path.exists() else ""
    return "\n".join(f"    {line}" for line in text.splitlines()[-lines:])
