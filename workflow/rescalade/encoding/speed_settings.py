"""What decides a measurement of speed."""

from __future__ import annotations

from rescalade.encoding.settings import EncodeSettings


class SpeedSettings(EncodeSettings):
    """The stage `speed`: an encoding, timed on the first `timed_queries` and `timed_documents` of a data set."""

    timed_queries: int = 256
    timed_documents: int = 2048
