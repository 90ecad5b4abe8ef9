"""Pages that several modules read: to draw them takes seconds."""

from __future__ import annotations

import logging

import pytest

from rescalade.report.pages.page import make_pages
from support.html_pages import Pages
from support.synthetic_fates import mini, ugly
from support.synthetic_results import write_tree


@pytest.fixture(scope="session")
def ugly_pages(tmp_path_factory: pytest.TempPathFactory) -> Pages:
    """Of an experiment with runs that are missing, lost and dead; nobody changes them."""
    logged: list[str] = []

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            logged.append(f"{record.levelname} {record.getMessage()}")

    handler, top = Kept(logging.INFO), logging.getLogger()
    level = top.level
    top.addHandler(handler)
    top.setLevel(logging.INFO)
    try:
        return Pages(make_pages(mini(), write_tree(tmp_path_factory.mktemp("ugly"), mini(), ugly)), logged)
    finally:
        top.removeHandler(handler)
        top.setLevel(level)
