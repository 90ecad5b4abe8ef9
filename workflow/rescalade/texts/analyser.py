"""Names of the ways to find the words of a text."""

from __future__ import annotations

from typing import Literal

AnalyserName = Literal["english", "words"]
