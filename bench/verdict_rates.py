"""How often each verdict on a published number is given when the truth is equal, and when it is off.

A published run and n runs of ours are drawn from normal distributions whose means differ by 0, 1 or 2 margins; the sd
of a run is given in margins; the noise is pooled over other settings of as many seeds, as the report does it. Prints
the table of docs/verdicts.md:

    python bench/verdict_rates.py
"""

from __future__ import annotations

import argparse
import math
from collections import Counter

import numpy as np

from rescalade.report.results.judgement import VERDICTS, Evidence, judge
from rescalade.report.results.noise import Noise

MARGIN = 0.01
SHOWN = ("reproduced", "compatible, too noisy to say", "not reproduced", "better than published")


def rates(off: float, sd: float, seeds: int, settings: int, draws: int, rng: np.random.Generator) -> dict[str, float]:
    """Share of each verdict. off, sd: in margins. settings: other cells that the noise is pooled over."""
    counts: Counter[str] = Counter()
    freedom = settings * (seeds - 1)
    published = rng.normal(0.0, sd * MARGIN, draws)
    ours = rng.normal(off * MARGIN, sd * MARGIN / math.sqrt(seeds), draws)
    pooled = sd * MARGIN * np.sqrt(rng.chisquare(freedom, draws) / freedom) if freedom else None
    for number in range(draws):
        noise = None if pooled is None else Noise(float(pooled[number]), freedom)
        counts[judge(Evidence(float(ours[number] - published[number]), seeds, MARGIN, noise, improves=1))] += 1
    return {name: counts[name] / draws for name in VERDICTS}


def table(draws: int, seed: int = 0) -> str:
    """Markdown."""
    rng = np.random.default_rng(seed)
    lines = [f"| truth off by | sd of a run | seeds | {' | '.join(SHOWN)} |", "|---|---|---|" + "---:|" * len(SHOWN)]
    for off in (0.0, 1.0, -1.0, -2.0):
        for sd in (0.1, 0.25, 0.5, 1.0):
            for seeds in (1, 3):
                found = rates(off, sd, seeds, 18, draws, rng)
                words = "0" if not off else f"{off:+.0f} margin{'s' * (abs(off) != 1)}"
                cells = " | ".join(f"{100 * found[name]:.0f} %" for name in SHOWN)
                lines.append(f"| {words} | {sd:g} margins | {seeds} | {cells} |")
    return "\n".join(lines)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=4000)
    print(table(parser.parse_args().draws))


if __name__ == "__main__":
    main()
