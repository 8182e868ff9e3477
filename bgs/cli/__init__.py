"""The command `bgs`: parse, call `bgs.run`, print."""

from bgs.cli.app import main

__all__ = ["main"]
