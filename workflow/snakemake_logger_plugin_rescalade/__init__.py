"""Snakemake's logger `rescalade`, found by the name of this package: the calm display of `rescalade.terminal`.

Snakemake imports every logger that is installed, used or not, so this module imports no more than it must; and it reads
the types of the settings' fields, so they stand here as types and not as words.
"""

from dataclasses import dataclass, field
from logging import LogRecord
from typing import TYPE_CHECKING

from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.settings import LogHandlerSettingsBase

if TYPE_CHECKING:
    from rescalade.terminal.display import Display

__all__ = ["LogHandler", "LogHandlerSettings"]


@dataclass
class LogHandlerSettings(LogHandlerSettingsBase):
    """Options of the command line, each after `--logger-rescalade-`."""

    plain: bool = field(default=False, metadata={"help": "Snakemake's own output instead of the calm display."})


class LogHandler(LogHandlerBase):
    """Hands every record to a display."""

    writes_to_stream = True
    writes_to_file = False
    has_filter = True
    has_formatter = True
    needs_rulegraph = False
    _display: "Display"

    def __post_init__(self) -> None:
        """Choose what is shown, before Snakemake looks for its cache."""
        from rescalade.terminal.cache import check_cache
        from rescalade.terminal.choose import choose_display

        check_cache()
        self._display = choose_display(self.common_settings, plain=bool(getattr(self.settings, "plain", False)))

    def emit(self, record: LogRecord) -> None:
        """Show a record; a mistake in the display is shown beside the record and ends nothing."""
        try:
            self._display.show(record)
        except Exception:  # noqa: BLE001
            self.handleError(record)

    def close(self) -> None:
        """Say how the call ended. Snakemake swallows what goes wrong here, so it is shown like any other."""
        try:
            self._display.close()
        except Exception:  # noqa: BLE001
            self.handleError(LogRecord("rescalade", 40, __file__, 0, "the display could not be closed", None, None))
        super().close()
