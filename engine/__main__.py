"""The console script: `ringlab`, also `python -m engine`."""

import sys

from engine.cli.ending import run


def main() -> None:
    """Do what the command line says and end with its status."""
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
