"""The command line: one subcommand per stage, each of which runs alone."""

from rescalade.cli.main import main

__all__ = ["main"]
