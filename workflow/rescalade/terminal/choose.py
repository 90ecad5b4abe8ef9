"""Which display a Snakemake call gets."""

from __future__ import annotations

import atexit
import sys

from rich.console import Console
from snakemake.logging import ColorizingTextHandler, DefaultFilter, DefaultFormatter
from snakemake.shell import shell
from snakemake_interface_logger_plugins.settings import OutputSettingsLoggerInterface

from rescalade.terminal.display import Display
from rescalade.terminal.dry_run import DryRun
from rescalade.terminal.live import Calm
from rescalade.terminal.plain import Plain

TO_THE_LOG_ALONE = 'set -euo pipefail; tee() {{ exec tee "$@" > /dev/null; }}; '
"""Before the command of every local job: what `tee` would also show stays in the log. The text of the command is what
Snakemake compares to tell whether code has changed, so it must not depend on how a call is shown; and what `tee` itself
has to say, of a full disk, is still seen. The first part is Snakemake's own."""


def choose_display(settings: OutputSettingsLoggerInterface, plain: bool) -> Display:
    """The display for these options: whoever asks for some part of Snakemake's own output by its options gets it all.

    Args:
        settings: of Snakemake's own options about output.
        plain: whether Snakemake's own output was asked for.
    """
    stream = sys.stdout if settings.stdout else sys.stderr
    debugging = settings.debug_dag or (settings.verbose and not settings.dryrun)
    if plain or settings.quiet or settings.printshellcmds or debugging:
        handler = ColorizingTextHandler(nocolor=settings.nocolor, stream=stream)
        handler.addFilter(
            DefaultFilter(
                settings.quiet, settings.debug_dag, settings.verbose, settings.dryrun, settings.printshellcmds
            )
        )
        handler.setFormatter(DefaultFormatter(settings.quiet, settings.show_failed_logs))
        return Plain(handler)
    console = Console(file=stream, no_color=settings.nocolor or None, highlight=False, markup=False, emoji=False)
    if settings.dryrun:
        return DryRun(console, every_job=settings.verbose)
    shell.prefix(TO_THE_LOG_ALONE)
    display = Calm(console)
    atexit.register(display.close)  # whichever way the call ends, the terminal is given back
    return display
