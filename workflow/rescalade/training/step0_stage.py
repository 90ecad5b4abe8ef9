"""The stage `step0`."""

from __future__ import annotations

from rescalade.models.load import check_lengths, check_vocabulary, load_tokenizer
from rescalade.models.reading import check_reading
from rescalade.models.splade_config import as_trained
from rescalade.objective.loss import RANKING
from rescalade.progress import Reporter
from rescalade.rescaling.sidecar import FILE, Rescaled, load_rescaled
from rescalade.splade.model import SpladeModel
from rescalade.stage import Call, Files
from rescalade.step0 import Step0
from rescalade.texts.tokens import tokenizer_digest
from rescalade.texts.triple_files import read_triples
from rescalade.training.build_examples import TokensKept, build_examples
from rescalade.training.measure_step0 import logical_queries, mean_and_error, step0_losses
from rescalade.training.step0_settings import Step0Settings
from rescalade.variants import Variant


def run_step0(settings: Step0Settings, inputs: Files, outputs: Files, call: Call) -> None:
    """Measure the loss of a rescaled backbone before the first step, on what training would draw.

    Args:
        inputs: `model`, a rescaled folder; `corpus`, `queries` and `triples` that training reads.
        outputs: `step0`.
        call: with the names backbone, variant and recipe, and the cache `tokens`.

    Raises:
        UserError: model, tokenizer and data do not fit together, or a file is missing or damaged.
    """
    device, folder, training = call.machine.device(), inputs["model"], settings.training()
    masked_lm, tokenizer = load_rescaled(folder, device=device), load_tokenizer(folder)
    check_vocabulary(masked_lm, tokenizer, folder)
    variant = Variant.parse(call.names["variant"])
    how = as_trained(settings, settings.precision, variant.reading, masked_lm.config.model_type, settings.activation)
    check_reading(masked_lm, how.reading, folder)
    check_lengths(masked_lm, folder, how)
    examples = build_examples(
        inputs["corpus"].parent,
        read_triples(inputs["triples"]),
        tokenizer,
        training,
        how,
        settings.seed,
        TokensKept(call.caches["tokens"], tokenizer_digest(folder)) if "tokens" in call.caches else None,
    )
    model = SpladeModel(masked_lm).to(device)
    with Reporter(call.title) as progress:
        losses = step0_losses(model, tokenizer, examples, training, settings.seed, progress, variant.reading)
    loss, error = mean_and_error(losses)
    done = Rescaled.read(folder / FILE)
    queries, count_candidates = logical_queries(training, len(examples)), RANKING[settings.loss].candidates
    Step0(
        recipe=call.names["recipe"],
        backbone=call.names["backbone"],
        variant=variant.name,
        scale=done.scale,
        mode=variant.mode,
        bias=variant.bias,
        seed=settings.seed,
        loss=loss,
        standard_error=error,
        batches=len(losses),
        queries=queries,
        candidates=None if count_candidates is None else count_candidates(queries, settings.negatives),
    ).write(outputs["step0"])
    call.record(outputs["record"])
