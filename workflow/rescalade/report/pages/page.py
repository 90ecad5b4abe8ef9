"""Writes the report: one page for the experiment, one for each backbone, all self-contained."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rescalade.config import Config
from rescalade.errors import unknown
from rescalade.paths import Paths
from rescalade.pipeline.command import call_again
from rescalade.pipeline.graph import output
from rescalade.pipeline.report_settings import ReportSettings
from rescalade.pipeline.rows.reporting import INDEX_PAGE
from rescalade.progress import headline
from rescalade.published import load_published
from rescalade.report.claims.claim import Answer
from rescalade.report.claims.claims import claims_of
from rescalade.report.figures.figures import all_figures, audit_figure
from rescalade.report.pages.explained import board
from rescalade.report.pages.lead import lead_sentence
from rescalade.report.pages.systems_lead import systems_facts, systems_lead
from rescalade.report.pages.template import drawn, write_page
from rescalade.report.pages.wording import facts, missing, sentences
from rescalade.report.results.labels import backbone_title
from rescalade.report.results.load import load_results
from rescalade.report.results.provenance import Provenance, check_settings, configuration_digest, gather
from rescalade.report.results.published_match import counted, matches
from rescalade.report.results.summary import Summary
from rescalade.report.tables.datasets import cost_table
from rescalade.report.tables.effectiveness import main_table, run_table
from rescalade.report.tables.row_norms import audit_tables, prediction_table
from rescalade.report.tables.tables import tables_of
from rescalade.stage import Call, Files

logger = logging.getLogger(__name__)
INDEX = "index"
SIGNS: Mapping[Answer, str] = {
    "holds": "\N{CHECK MARK}",
    "does not hold": "\N{MULTIPLICATION X}",
    "mixed": "\N{CIRCLE WITH LEFT HALF BLACK}",
    "cannot be said": "?",
    "not run": "\N{EN DASH}",
}


def run_page(settings: ReportSettings, inputs: Files, outputs: Files, call: Call) -> None:
    """The stages `index_page` and `page`: the experiment's page, or that of one backbone, which keeps no record.

    Raises:
        UserError: results were made by other settings than the configuration's, or cannot be read.
    """
    make_pages(settings.config, call.paths, [call.names.get("backbone", INDEX)])
    if "record" in outputs:
        call.record(outputs["record"])


def make_pages(config: Config, paths: Paths, pages: Sequence[str] | None = None) -> list[Path]:
    """Write report/EXPERIMENT/index.html and report/EXPERIMENT/BACKBONE.html.

    Args:
        pages: `index` and names of backbones; all of them where None. The page of a backbone rests on the results of
            that backbone alone, whatever has become of the others.

    Raises:
        UserError: results were made by other settings than the configuration's, or cannot be read; there is no such
            page.
    """
    known = [INDEX, *config.backbones()]
    chosen = known if pages is None else list(pages)
    for name in chosen:
        if name not in known:
            raise unknown("page", name, known)
        check_settings(config, paths, None if name == INDEX else name)
    folder = output(paths, INDEX_PAGE, "page", experiment=config.name).parent
    written = []
    for name in chosen:
        if name == INDEX:
            context = _index(Summary(load_results(config, paths)), gather(config, paths))
        else:
            context = _backbone(Summary(load_results(config, paths, name)), name)
        template = "page.html.j2" if name == INDEX else "backbone.html.j2"
        written.append(write_page(folder / f"{name}.html", template, context))
    return written


def _index(summary: Summary, found: Provenance) -> dict[str, Any]:
    config = summary.config
    trained = bool(config.experiment.grid)
    claims = claims_of(summary)
    for claim in claims:
        logger.info(headline(f"{SIGNS[claim.result]} {claim.result:<14} {claim.title}"))
    lead = lead_sentence(summary, claims) if trained else systems_lead(summary)
    logger.info(headline(lead))
    published = load_published(config.experiment.published) if config.experiment.published else None
    return {
        **_common(config),
        "lead": lead,
        "prepared": any(cell.variant.prepared for cell in summary.cells),
        "missing": missing(summary),
        "sentences": sentences(summary, claims),
        "facts": facts(summary, found) if trained else systems_facts(summary, found),
        "explanations": board(summary),
        "claims": claims,
        "signs": SIGNS,
        "tables": tables_of(summary),
        "costs": cost_table(found),
        "published": published,
        "published_counts": counted(matches(summary, published)) if published else "",
        "figures": drawn(all_figures(summary)),
        "provenance": found,
        "settings": {
            **{backbone_title(config, name): _settings(config, name) for name in config.backbones()},
            **{backbone_title(config, name): _model(config, name) for name in config.experiment.models},
        },
        "experiment_json": _pretty(config.experiment.model_dump(mode="json", exclude_none=True)),
        "retrieval_json": _pretty(config.model.retrieval.model_dump(mode="json")),
    }


def _backbone(summary: Summary, name: str) -> dict[str, Any]:
    config = summary.config
    return {
        **_common(config),
        "name": name,
        "backbone_title": backbone_title(config, name),
        "tables": [
            main_table(summary, name),
            prediction_table(summary, name),
            *audit_tables(summary, name),
            run_table(summary, name),
        ],
        "audit_figures": drawn([audit_figure(summary, name)]),
        "figures": drawn(all_figures(summary, name)),
        "settings": _settings(config, name),
    }


def _common(config: Config) -> dict[str, Any]:
    return {
        "config": config,
        "digest": configuration_digest(config),
        "pages": {name: backbone_title(config, name) for name in config.backbones()},
        "command": call_again(config),
    }


def _model(config: Config, name: str) -> str:
    """Of a model that others have trained."""
    return _pretty(config.backbone(name).model_dump(mode="json", exclude_defaults=True))


def _settings(config: Config, name: str) -> str:
    return _pretty(
        {
            "backbone": config.backbone(name).model_dump(mode="json", exclude_none=True),
            "train": config.train_settings(name).model_dump(mode="json"),
        }
    )


def _pretty(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
