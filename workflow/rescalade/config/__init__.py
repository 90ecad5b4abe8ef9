"""The configuration: models of the file, the catalogue beneath it, loading and checks."""

from rescalade.config.load import Config, build_config, load_config
from rescalade.runs import Run

__all__ = ["Config", "Run", "build_config", "load_config"]
