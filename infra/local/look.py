"""What runs, and what the functions said."""

import json
import time

from botocore.exceptions import ClientError

from infra.local import services
from infra.local.config import Instance
from infra.local.console import Problem, say
from infra.local.stack import Stack

RECENT_S = 15 * 60


def status(instance: Instance) -> bool:
    """Print what runs; true if all of it does."""
    running = True
    for daemon in (services.cloud(instance), services.redis(instance)):
        pid = daemon.pid()
        running = running and pid is not None
        say(f"{daemon.name:<12} {f'port {daemon.port}, process {pid}' if pid else 'not running'}")
    if services.cloud(instance).pid():
        say(f"{'Stack':<12} {Stack(instance).status()}")
    if instance.endpoints_file.exists():
        for key, value in json.loads(instance.endpoints_file.read_text()).items():
            say(f"  {key:<18} {value or '-'}")
    return running


def logs(instance: Instance, function: str | None) -> None:
    """Print the log events of the last 15 minutes, of one function (by its logical name) or of all."""
    if not services.cloud(instance).pid():
        raise Problem("the local cloud is not running", f"start it with {instance.up_command}")
    stack = Stack(instance)
    functions = stack.functions()
    if function:
        chosen = {name: physical for name, physical in functions.items() if function in (name, physical)}
        chosen = chosen or {name: at for name, at in functions.items() if function.lower() in name.lower()}
        if not chosen:
            raise Problem(f"there is no function {function!r}", f"choose one of: {', '.join(sorted(functions))}")
        functions = chosen
    client = stack.client("logs")
    since = int((time.time() - RECENT_S) * 1000)
    lines = []
    for name, physical in functions.items():
        try:
            events = client.filter_log_events(logGroupName=f"/aws/lambda/{physical}", startTime=since)["events"]
        except ClientError:
            continue  # never invoked
        lines += [(event["timestamp"], name, event["message"].rstrip()) for event in events]
    for timestamp, name, message in sorted(lines):
        say(f"{time.strftime('%T', time.localtime(timestamp / 1000))} {name:<28} {message}")
    if not lines:
        say("no log events in the last 15 minutes")
