"""The commands of `python -m infra.local`."""

import argparse

from infra.local import config, look
from infra.local.down import down, reset
from infra.local.run import run
from infra.local.up import up
from infra.local.watch import watch


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m infra.local", description="The local cloud.")
    parser.add_argument("--instance", default="default", choices=config.PORTS)
    commands = parser.add_subparsers(dest="command", required=True)
    raising = commands.add_parser("up", help="start, build, deploy; again after a change")
    raising.add_argument("--force", action="store_true", help="deploy even if nothing changed")
    commands.add_parser("down", help="stop, keep the data")
    commands.add_parser("reset", help="stop, wipe the data")
    status = commands.add_parser("status", help="what runs")
    status.add_argument("--watch", action="store_true", help="its figures and alarms, again every few seconds")
    status.add_argument("--every", type=float, default=5.0, metavar="S", help="so many seconds (default: %(default)s)")
    status.add_argument("--times", type=int, help="so often, then end")
    logging = commands.add_parser("logs", help="recent log events of the functions")
    logging.add_argument("function", nargs="?", help="a function's logical name; all without it")
    running = commands.add_parser("run", help="run a command beside a fresh instance, which is stopped afterwards")
    running.add_argument("words", nargs=argparse.REMAINDER)
    return parser.parse_args()


def main() -> int:
    chosen = parse()
    instance = config.instance(chosen.instance)
    match chosen.command:
        case "up":
            up(instance, force=chosen.force)
        case "down":
            down(instance)
        case "reset":
            reset(instance)
        case "status" if chosen.watch:
            watch(instance, every_s=chosen.every, times=chosen.times)
        case "status":
            return 0 if look.status(instance) else 1
        case "logs":
            look.logs(instance, chosen.function)
        case "run":
            return run(instance, chosen.words)
    return 0
