"""A SparseEncoder that trains with the fused head, from a language model or from a sparse model that is there."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from rescalade.errors import UserError
from rescalade.models.model_files import MODULES
from rescalade.models.splade_config import FILE, LONGEST
from rescalade.splade.language_model import language_model
from rescalade.variants import Mode, Reading, Variant

if TYPE_CHECKING:
    from sentence_transformers import SparseEncoder


def sparse_encoder(
    model: str | Path | SparseEncoder,
    k: float | Literal["auto"] = "auto",
    *,
    mode: Mode = "folded",
    max_length: int | None = None,
    reading: Reading | None = None,
    revision: str | None = None,
    device: str | None = None,
) -> SparseEncoder:
    """A sentence-transformers SparseEncoder whose head and pooling are one fused step.

    Its vectors and gradients are those of the stock modules, without the logits [B, L, V] ever being held. It takes
    sentence-transformers' own trainer and losses, and is saved as a stock folder, which needs nothing of this package.

    Args:
        model: a folder or hub id of a masked or causal language model, which becomes an untrained sparse model; one
            of a SparseEncoder; or a SparseEncoder that is loaded, which is changed in place and given back. Weights are
            read from safetensors, in float32; code that comes with a model is not run.
        k: the head is divided by it first. `auto` is k of the rule `width` for a language model, and 1 for what is a
            SparseEncoder already.
        mode: how, see `rescalade.rescaling.divide`; the bias is divided too where there is one, so the logits are
            exactly z / k but in mode `tied`. `multiplier` is refused: a stock folder cannot hold it.
        max_length: tokens at which texts are cut; where None what the SparseEncoder says, and for a language model its
            limit, at most 512.
        reading: how a causal language model reads: `causal`, forwards, as it was made to, or `bidirectional`; where
            None what its config.json says. `echo` is refused: sentence-transformers has no module for it.
        revision: of a hub id.
        device: "cpu", "cuda", …; where None the one that sentence-transformers takes.

    Raises:
        UserError: the model cannot be loaded, has no language-model head, or modules that are not known here; or an
            option does not fit. A SparseEncoder that was given is then unchanged.
    """
    import rescalade.models.without_torchao  # noqa: F401  before a model class is asked for
    from rescalade.audit.rules import by_width
    from rescalade.models.locate import locate_head
    from rescalade.rescaling.divide import apply
    from rescalade.splade.fused_encoder import fusable, fuse, mark_divided

    if mode == "multiplier":
        raise UserError("mode 'multiplier': a folder of sentence-transformers cannot hold it; use folded")
    if k != "auto" and (isinstance(k, bool) or not isinstance(k, int | float)):
        raise UserError(f"k {k!r}: a number above 0 or 'auto' is expected")
    if isinstance(model, str | Path):
        encoder, ready = _loaded(str(model), reading, revision, device)
    elif not (reading is revision is device is None):
        raise UserError("reading, revision, device: a model that is loaded has them already; leave them out")
    else:
        encoder, ready = model, True
        fusable(encoder)
    if max_length is not None:
        _check_length(encoder, max_length)
    scale = 1.0
    if k != "auto" or not ready:
        with language_model(encoder) as masked_lm:
            head = locate_head(masked_lm)
            scale = float(by_width(head.weight.shape[1]).power) if k == "auto" else float(k)
            apply(masked_lm, Variant(scale, mode, head.bias is not None))
    if max_length is not None:
        _cut(encoder, max_length)
    fuse(encoder)
    if scale != 1:
        mark_divided(encoder)
    return encoder


def _loaded(name: str, reading: Reading | None, revision: str | None, device: str | None) -> tuple[SparseEncoder, bool]:
    """A stock SparseEncoder, and whether it was one on disk."""
    from sentence_transformers import SparseEncoder

    from rescalade.models.checkpoint_keys import check_checkpoint, language_models
    from rescalade.models.folder_files import check_files
    from rescalade.models.load import check_has_tokenizer, check_vocabulary
    from rescalade.models.refusals import cannot_load, check_no_adapter
    from rescalade.models.room import check_model_room
    from rescalade.splade.fused_encoder import fusable

    name = _place(name)
    check_files(name)
    check_no_adapter(name)
    try:
        modules = _modules(name, revision)
        if modules is None:
            return _of_language_model(name, reading, revision, device), False
        if reading is not None:
            raise UserError(f"model {name}: a SparseEncoder reads as its config.json says; leave `reading` out")
        if not Path(name).is_dir():
            check_model_room(name, revision, device=device or "cpu")  # of weights at the top, as nearly all have them
        for part in language_models(modules.parent):
            check_has_tokenizer(part)
            check_model_room(part, device=device or "cpu")
        encoder = SparseEncoder(
            name, revision=revision, device=device, trust_remote_code=False, model_kwargs=_safe(), **_quiet(name)
        )
    except UserError:
        raise
    except Exception as error:  # noqa: BLE001  # a broken file can end in anything
        raise cannot_load(name, error) from None
    for transformer, _ in fusable(encoder):
        if transformer.tokenizer is not None:
            check_vocabulary(transformer.model, transformer.tokenizer, name)
    for part in language_models(modules.parent):
        check_checkpoint(part)
    return encoder, True


def _modules(name: str, revision: str | None) -> Path | None:
    """The file that tells a SparseEncoder, None where there is none.

    Raises:
        UserError: the hub does not answer and the cache does not know.
    """
    if Path(name).is_dir():
        return path if (path := Path(name) / MODULES).is_file() else None
    from huggingface_hub import _CACHED_NO_EXIST, hf_hub_download, try_to_load_from_cache
    from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

    try:
        return Path(hf_hub_download(name, MODULES, revision=revision))
    except LocalEntryNotFoundError:
        if try_to_load_from_cache(name, MODULES, revision=revision) is _CACHED_NO_EXIST:
            return None
        raise UserError(
            f"model {name}: there is no folder of that name, the hub does not answer, and the cache does not say "
            "whether it is a SparseEncoder, whose settings would be lost; load it once with the hub in reach, or give "
            "the folder of its snapshot"
        ) from None
    except EntryNotFoundError:
        return None


def _of_language_model(name: str, reading: Reading | None, revision: str | None, device: str | None) -> SparseEncoder:
    """Stock modules over a language model, texts cut at what it has positions for, at most LONGEST."""
    from sentence_transformers import SparseEncoder
    from sentence_transformers.base.modules import Transformer
    from sentence_transformers.sparse_encoder.modules import SpladePooling

    from rescalade.models.checkpoint_config import read_config
    from rescalade.models.checkpoint_keys import check_checkpoint
    from rescalade.models.load import check_has_tokenizer, check_vocabulary, load_tokenizer, longest_text
    from rescalade.models.locate import family_of
    from rescalade.models.model_folder import open_model_name
    from rescalade.models.reading import set_reading
    from rescalade.models.room import check_model_room
    from rescalade.models.sparse_encoder_files import of_causal, refused

    check_has_tokenizer(name)
    config, tokenizer = read_config(name, revision), load_tokenizer(name, revision)
    causal, how = family_of(str(config.model_type)).causal, open_model_name(name, revision).how
    if reading is not None:
        how = how.model_copy(update={"reading": reading})
    if (reason := refused(config, tokenizer, how)) is not None:
        remedy = "encode with it by `rescalade encode`" if reading is None else "use another `reading`"
        raise UserError(f"model {name}: {reason}; {remedy}")
    if (Path(name) / FILE).is_file():
        raise UserError(
            f"model {name}: it is a trained model whose {MODULES} is missing; copy the folder again, or encode with it "
            "by `rescalade encode`"
        )
    check_checkpoint(name, revision)
    check_model_room(name, revision, device=device or "cpu")
    hub: dict[str, Any] = {} if revision is None else {"revision": revision}
    settings: dict[str, Any] = of_causal(how) if causal else {"transformer_task": "fill-mask"}
    transformer = Transformer(
        name,
        model_kwargs={**_safe(), **hub},
        processor_kwargs=dict(hub),
        config_kwargs=dict(hub),
        **settings,
    )
    set_reading(transformer.model, how.reading, name)
    check_vocabulary(transformer.model, transformer.tokenizer, name)
    if transformer.tokenizer.pad_token_id is None:
        transformer.tokenizer.pad_token = tokenizer.pad_token
    limits = (transformer.max_seq_length, longest_text(transformer.model))  # of the tokenizer, and of the positions
    transformer.max_seq_length = min(limit for limit in (*limits, LONGEST) if limit is not None)
    encoder = SparseEncoder(modules=[transformer, SpladePooling("max")], device=device, similarity_fn_name="dot")
    if not Path(name).is_dir():
        encoder.model_card_data.set_base_model(name, revision=revision)
    return encoder


def _place(name: str) -> str:
    """A folder, with ~ written out, or a hub id; what looks like a path and is none is not looked for on a hub."""
    place = Path(os.path.expanduser(name))  # noqa: PTH111  # pathlib's raises where ~NAME is nobody's
    if place.is_dir():
        return str(place) if name.startswith("~") else name
    if place.exists() or place.is_absolute() or name.startswith((".", "~")) or name.count("/") > 1:
        found = "a file" if place.exists() else "nothing"
        raise UserError(f"model {name}: a folder or an id on the hub is expected, found {found} there")
    return name


def _safe() -> dict[str, Any]:
    """How transformers reads weights: float32 and safetensors."""
    import torch

    return {"use_safetensors": True, "dtype": torch.float32}


def _quiet(name: str) -> dict[str, Any]:
    """A folder's model card needs no look at the hub."""
    return {"local_files_only": True} if Path(name).is_dir() else {}


def _cut(encoder: SparseEncoder, length: int) -> None:
    """Have texts cut at a length, wherever a length of queries or documents stands."""
    from rescalade.splade.fused_encoder import fusable

    encoder.max_seq_length = length
    modules: list[Any] = [transformer for transformer, _ in fusable(encoder)]
    for module in modules:
        for side in ("query_length", "document_length"):
            if getattr(module, side) is not None:
                setattr(module, side, length)
        module.processing_kwargs = {
            part: {name: value for name, value in calls.items() if name != "max_length"}
            for part, calls in module.processing_kwargs.items()
        }


def _check_length(encoder: SparseEncoder, length: int) -> None:
    from rescalade.models.load import longest_text
    from rescalade.rescaling.make import SHORTEST

    limit = longest_text(encoder.transformers_model) if encoder.transformers_model is not None else None
    if length < SHORTEST or (limit is not None and length > limit):
        upper = "" if limit is None else f" to {limit}"
        raise UserError(f"max_length {length}: {SHORTEST}{upper} tokens are expected, special ones included")
