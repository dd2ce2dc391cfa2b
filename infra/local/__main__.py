"""`python -m infra.local [--instance NAME] COMMAND`: runs a command and reports problems."""

import os
import signal
import sys

from infra.local.console import Problem

signal.signal(signal.SIGTERM, signal.default_int_handler)  # on SIGTERM `run` stops its cloud, as at Ctrl-C
try:
    from infra.local.commands import main

    sys.exit(main())
except Problem as problem:
    print(f"\nError: {problem}\n  What to do: {problem.advice}", file=sys.stderr)
    sys.exit(2)
except BrokenPipeError:  # whoever read what is printed, such as `head`, has enough
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
except KeyboardInterrupt:
    print("\nInterrupted; nothing is broken. Run the same command again to continue.", file=sys.stderr)
    sys.exit(130)
