"""Where the parts of a model folder lie, and how its model turns texts into vectors.

Three kinds of folders are known, and asked for in this order: those with splade.json, which are ours; those with
modules.json, which sentence-transformers wrote (`rescalade.models.sparse_encoder_modules`); and plain checkpoints of
transformers, which say nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from rescalade.errors import UserError
from rescalade.models.families import FAMILIES
from rescalade.models.folder_files import check_files, own_json
from rescalade.models.model_files import MODULES
from rescalade.models.refusals import check_no_adapter
from rescalade.models.splade_config import FILE, LONGEST, USUAL, SpladeConfig, special_tokens


@dataclass(frozen=True)
class ModelFolder:
    """A model folder, read but not loaded.

    folder: the whole. language_model: where config.json, weights and tokenizer of the model lie that reads documents,
    and queries too unless there is a table of them. query_table: folder of the weights of query tokens and of their
    tokenizer, None where queries are read by the model. how: how texts become vectors. kind: who says so, splade.json,
    modules.json or nobody.
    """

    folder: Path
    language_model: Path
    query_table: Path | None
    how: SpladeConfig
    kind: Literal["splade", "modules", "plain"]

    @property
    def parts(self) -> list[Path]:
        """The folders that hold weights and tokenizers."""
        return [self.language_model] if self.query_table is None else [self.language_model, self.query_table]

    def check_one_model(self, wish: str) -> None:
        """Refuse a folder whose queries are looked up in a table, where one model is to read both sides.

        Args:
            wish: what is to be done with the model, as in `it cannot be audited`.

        Raises:
            UserError: there is a table.
        """
        if self.query_table is not None:
            raise UserError(
                f"model {self.folder}: its queries are looked up in a table of weights ({self.query_table.name}) and "
                f"only documents are read by a model, so it cannot be {wish}; encode and search take it as it is"
            )


def is_model_folder(folder: Path) -> bool:
    """Whether a folder holds a model: of transformers, or as modules of sentence-transformers."""
    return (folder / "config.json").is_file() or (folder / MODULES).is_file()


def open_model_folder(folder: Path) -> ModelFolder:
    """How the model in a folder encodes, by its own file or, where others have made it, by what theirs say.

    A folder of sentence-transformers is taken at its word: pooling, activation, prompts, lengths, special tokens, case,
    and which tokens are kept; what is not known of it is refused. A plain checkpoint has texts cut at the length of its
    tokenizer or at its positions, at most LONGEST, for queries and documents alike, no prompts, every token in the max,
    and fp32.

    Raises:
        UserError: a file is damaged or says something impossible; ours is of an older schema or says something else
            than the modules beside it; or modules.json names a model that gives no term weights.
    """
    check_no_adapter(folder)
    check_files(folder)
    found = SpladeConfig.read_or_none(folder / FILE)
    if found is not None:
        _check_agreement(folder, found)
        return ModelFolder(folder, folder, None, found, "splade")
    if (folder / MODULES).is_file():
        from rescalade.models.sparse_encoder_modules import read_modules

        return read_modules(folder)
    how = _plain(own_json(folder / "config.json"), tokenizer_limit(folder))
    return ModelFolder(folder, folder, None, how, "plain")


def read_splade_config(folder: Path) -> SpladeConfig:
    """How the model in a folder encodes; see `open_model_folder`.

    Raises:
        UserError: as there.
    """
    return open_model_folder(folder).how


def open_model_name(name: str | Path, revision: str | None = None) -> ModelFolder:
    """The same of a folder or of an id on the hub, which has to be a plain checkpoint's.

    Raises:
        UserError: as `open_model_folder`; or the hub has modules of sentence-transformers under this id.
    """
    if Path(name).is_dir():
        return open_model_folder(Path(name))
    from transformers import PreTrainedConfig
    from transformers.utils.hub import cached_file

    asked = {"revision": revision, "_raise_exceptions_for_missing_entries": False}
    try:
        modules = cached_file(str(name), MODULES, **asked)
        config, _ = PreTrainedConfig.get_config_dict(str(name), revision=revision)
    except (OSError, ValueError):  # what is wrong with the name is said when the model is loaded
        modules, config = None, {}
    if modules is not None:
        raise UserError(
            f"model {name}: it is made of sentence-transformers' modules, whose settings have to be here too; "
            f"`hf download {name} --local-dir FOLDER` and use the folder"
        )
    return ModelFolder(Path(name), Path(name), None, _plain(config, None), "plain")


def positions(config: dict[str, Any]) -> int | None:
    """Tokens that a model has positions for by its config.json, special ones included; None where it does not say."""
    limit = config.get("max_position_embeddings")
    if not isinstance(limit, int) or limit < 1:
        return None
    family = FAMILIES.get(str(config.get("model_type")))
    if family is not None and family.absolute_after_padding:
        padding = config.get("pad_token_id")
        limit -= (padding if isinstance(padding, int) else 0) + 1
    return limit


def tokenizer_limit(folder: Path) -> int | None:
    """Tokens at which a folder's tokenizer cuts by itself; None where it does not, which stands as a huge number."""
    limit = own_json(folder / "tokenizer_config.json").get("model_max_length")
    return int(limit) if isinstance(limit, int | float) and 0 < limit < _HUGE else None


_HUGE = 10**9


def _plain(config: dict[str, Any], tokenizer_limit: int | None) -> SpladeConfig:
    """What a checkpoint without a word on SPLADE is encoded by.

    Args:
        config: its config.json. tokenizer_limit: tokens at which its tokenizer cuts.
    """
    added = special_tokens(str(config.get("model_type")), bos=False)
    length = min(LONGEST, positions(config) or LONGEST, tokenizer_limit or LONGEST)
    return SpladeConfig(
        query_length=length,
        document_length=length,
        pool_special_tokens=True,
        precision="fp32",
        query_prompt="",
        document_prompt="",
        special_tokens=added,
        pool_prompt=True,
        reading="bidirectional" if added == "none" and config.get("is_causal") is False else "causal",
        echo_layout="contiguous",
        **USUAL,
    )


def _check_agreement(folder: Path, ours: SpladeConfig) -> None:
    """Refuse a folder whose two files contradict each other, of which one was changed by hand."""
    theirs = own_json(folder / "1_SpladePooling" / "config.json")
    for key, value in (("pooling_strategy", ours.pooling), ("activation_function", ours.activation)):
        if theirs.get(key, value) != value:
            raise UserError(
                f"model {folder}: 1_SpladePooling/config.json says {key} {theirs[key]!r}, {FILE} says {value!r}; make "
                "the two agree"
            )
