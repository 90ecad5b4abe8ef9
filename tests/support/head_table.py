"""What each mode does to each head family, as a table.

`python tests/support/head_table.py` writes it into docs/heads.md.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor
from transformers import PreTrainedModel

from rescalade.models.locate import locate_head
from rescalade.rescaling.divide import apply, refused, relative_error
from rescalade.variants import MODES, Mode, Variant
from support.families import FORMS, tiny_form

PAGE = Path(__file__).resolve().parents[2] / "docs" / "heads.md"
BEGIN, END = "<!-- families: written by tests/support/head_table.py -->", "<!-- end of families -->"
IDS = torch.arange(3, 35).reshape(2, 16)
SCALE = 16.0


def logits(model: PreTrainedModel) -> Tensor:
    """[2, 16, V] of fixed tokens."""
    with torch.no_grad():
        found: Tensor = model(input_ids=IDS).logits
    return found


def error(form: str, mode: Mode) -> float | None:
    """Relative error of the logits against z / 16 with the bias divided; None where the head refuses the mode."""
    model = tiny_form(form)
    head = locate_head(model)
    variant = Variant(SCALE, mode, bias=head.bias is not None)
    if refused(head, variant) is not None:
        return None
    expected = logits(model) / SCALE
    apply(model, variant)
    return relative_error(logits(model), expected)


def cell(found: float | None) -> str:
    """`exact` for bit-equal, `refused`, or the error."""
    if found is None:
        return "refused"
    if found == 0:
        return "exact"
    return f"{found:.0e}" if found < 1e-5 else f"{found:.2%} off" if found < 0.01 else f"{found:.0%} off"


def table() -> str:
    """One line per form, in alphabetical order."""
    lines = [
        "| head family (`model_type`) | W and input embedding | " + " | ".join(f"`{mode}`" for mode in MODES) + " |",
        "|---|---|" + "---|" * len(MODES),
    ]
    for form in sorted(FORMS):
        tied = "tied" if locate_head(tiny_form(form)).tied else "apart"
        lines.append(f"| {form} | {tied} | " + " | ".join(cell(error(form, mode)) for mode in MODES) + " |")
    return "\n".join(lines)


def written() -> str:
    """The table as it stands in the page."""
    return PAGE.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0].strip()


if __name__ == "__main__":
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}\n{table()}\n{END}{rest.partition(END)[2]}", encoding="utf-8")
