"""What a head does before any training, and which k it asks for.

`rescalade.audit(model)` is `rescalade.audit.loaded.audit`: the package can be called, since both have the name.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any


class _Callable(ModuleType):
    def __call__(self, *arguments: Any, **options: Any) -> Any:
        """See `rescalade.audit.loaded.audit`."""
        return importlib.import_module("rescalade.audit.loaded").audit(*arguments, **options)


sys.modules[__name__].__class__ = _Callable
