"""Linear algebra has as many threads whether it was loaded before a command said how many, or after."""

from __future__ import annotations

import json
import os
import subprocess
import sys

PROGRAM = """
import json, sys
from rescalade.threads import use_threads
for count in map(int, sys.argv[1:]):
    use_threads(count)
    import numpy, scipy.linalg
    from threadpoolctl import threadpool_info
print(json.dumps([library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]))
"""


def threads(*counts: str) -> list[int]:
    environment = {key: value for key, value in os.environ.items() if not key.endswith("_NUM_THREADS")}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *counts], env=environment, capture_output=True, text=True, check=True
    )
    found: list[int] = json.loads(done.stdout)
    return found


def test_two_threads_after_loading_with_one() -> None:
    expected = threads("2")
    assert set(expected) == {2}
    assert set(threads("1")) == {1}
    assert threads("1", "2") == expected
