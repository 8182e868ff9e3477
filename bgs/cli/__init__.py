"""The command `bgs`: parse, call `bgs.run`, print."""

from __future__ import annotations

import sys


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit with its code; Ctrl-C is no traceback while its modules are still read, either."""
    try:
        from bgs.cli import app
    except KeyboardInterrupt:
        sys.exit(130)
    app.main(arguments)


__all__ = ["main"]
