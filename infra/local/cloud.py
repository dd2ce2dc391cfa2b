"""Runs MiniStack: `python -m infra.local.cloud --home=<directory>`. The home says whose it is, to whoever lists processes."""

import sys


def main() -> None:
    from ministack.app import main as run

    sys.argv = ["ministack"]
    run()


if __name__ == "__main__":
    main()
