"""The configuration: models of the file, the catalogue beneath it, loading and checks."""

from rescalade.config.config import Config
from rescalade.config.load import build_config, load_config
from rescalade.runs import Run

__all__ = ["Config", "Run", "build_config", "load_config"]
