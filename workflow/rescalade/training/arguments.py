"""What sentence-transformers' trainer is told; everything that it could decide otherwise is switched off."""

from __future__ import annotations

from pathlib import Path

from sentence_transformers.sparse_encoder import SparseEncoderTrainingArguments

from rescalade.training.settings import TrainSettings


def training_arguments(
    settings: TrainSettings, folder: Path, *, steps: int, accumulation: int, device: str, seed: int
) -> SparseEncoderTrainingArguments:
    """Arguments of the trainer for one run.

    Last state, never the best; no filter on non-finite losses; no logging, checkpoints, progress or reports of the
    trainer's own; precision, clipping and schedule are ours and therefore not set here.

    Args:
        folder: the trainer wants one; nothing is written to it.
        steps: optimiser steps to take. accumulation: batches of this device per step.
    """
    return SparseEncoderTrainingArguments(
        output_dir=str(folder),
        max_steps=steps,
        per_device_train_batch_size=settings.batch_size,
        gradient_accumulation_steps=accumulation,
        learning_rate=settings.learning_rate,
        max_grad_norm=settings.max_gradient_norm,
        seed=seed % 2**32,
        use_cpu=device == "cpu",
        eval_strategy="no",
        save_strategy="no",
        logging_strategy="no",
        logging_nan_inf_filter=False,
        load_best_model_at_end=False,
        report_to="none",
        disable_tqdm=True,
        dataloader_drop_last=True,
        dataloader_num_workers=0,
        dataloader_pin_memory=False,
        remove_unused_columns=False,
    )
