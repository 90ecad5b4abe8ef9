"""The pages as a browser lays them out: no sideways scrolling on a phone, a dark style that is its own."""

import json
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pytest

from rescalade.report.audit.audit_page import write_audit_page
from rescalade.report.pages.page import make_pages
from support.synthetic_audits import invented_audit
from support.synthetic_fates import many, mini, ugly
from support.synthetic_results import write_tree

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.browser

FRAME = """<!doctype html><iframe src="{name}" style="width:{width}px;height:900px;border:0"></iframe>
<pre id="measured"></pre>
<script>addEventListener("message", (e) => {{ document.getElementById("measured").textContent = e.data; }});</script>"""
"""A window cannot be narrower than 500 pixels, a frame can; its media queries see the frame."""
MEASURE = """<script>
addEventListener("load", () => {
  const closed = new Map([...document.body.querySelectorAll("*")].map((e) => [e, e.getBoundingClientRect().bottom]));
  for (const item of document.querySelectorAll("details")) item.open = true;
  const page = document.documentElement, box = (e) => e.getBoundingClientRect();
  const inside = (e) => e.closest(".scroll, .panel, pre");
  const wide = [...document.body.querySelectorAll("*")].filter((e) => !inside(e) && box(e).right > innerWidth + 1);
  const texts = [...document.querySelectorAll(".panel svg text")].map((e) => box(e).height).filter((h) => h > 0);
  parent.postMessage(JSON.stringify({
    cut: [...document.querySelectorAll(".scroll, pre")].filter((e) => e.scrollWidth > e.clientWidth + 1)
      .map((e) => `${e.ariaLabel}: ${e.scrollWidth} in ${e.clientWidth}`),
    first: Math.max(...[...document.querySelectorAll("h1, .lead, main > figure, .board")].map((e) => closed.get(e))),
    width: innerWidth, scroll: page.scrollWidth, wide: wide.map((e) => e.tagName + "." + e.className),
    ground: getComputedStyle(document.body).backgroundColor, ink: getComputedStyle(document.body).color,
    figure: getComputedStyle(document.querySelector(".panel svg text")).fill, smallest: Math.min(...texts),
    fetched: performance.getEntriesByType("resource").map((e) => e.name),
  }), "*");
});
</script>"""


def measure(page: Path, width: int, *flags: str) -> dict[str, Any]:
    copy = page.with_name(f"measured-{page.name}")
    copy.write_text(page.read_text(encoding="utf-8").replace("</body>", MEASURE + "</body>"), encoding="utf-8")
    frame = page.with_name("frame.html")
    frame.write_text(FRAME.format(name=copy.name, width=width), encoding="utf-8")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [
            str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            f"--user-data-dir={profile}", "--window-size=1400,1000", "--virtual-time-budget=4000",
            *flags, "--dump-dom", frame.resolve().as_uri(),
        ]  # fmt: skip
        result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    found = re.search(r'<pre id="measured">(.*?)</pre>', result.stdout, re.DOTALL)
    assert found is not None, result.stderr[-2000:]
    values: dict[str, Any] = json.loads(found[1].replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">"))
    return values


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The whole report, and the page of one backbone."""
    paths = write_tree(tmp_path_factory.mktemp("browser"), mini(), ugly, queries=24)
    return make_pages(mini(), paths, ["index", mini().backbones()[0]])


def test_a_phone_scrolls_only_downwards(pages: list[Path]) -> None:
    for page in pages:
        found = measure(page, 390)
        assert found["width"] == 390, "the browser must really lay out at this width"
        assert found["scroll"] <= 390, found["wide"]
        assert found["wide"] == []
        # 9 points drawn at 0.76 of their size: a line of 8 CSS pixels is the least that can be read
        assert found["smallest"] >= 8
        assert found["fetched"] == []


def test_at_1280_pixels_nothing_is_cut_off(pages: list[Path]) -> None:
    for page in pages:
        found = measure(page, 1280)
        assert found["scroll"] <= 1280
        assert found["cut"] == [], "a table is wider than its place"


def test_lead_figure_and_verdicts_are_the_first_screen(tmp_path: Path) -> None:
    (page,) = make_pages(mini(), write_tree(tmp_path, mini(), queries=24, steps=20), ["index"])
    assert measure(page, 1280)["first"] <= 900


def test_dark_is_a_style_of_its_own(pages: list[Path]) -> None:
    # blink's numbers: 0 dark, 1 light
    dark = measure(pages[0], 1280, "--blink-settings=preferredColorScheme=0")
    light = measure(pages[0], 1280, "--blink-settings=preferredColorScheme=1")
    assert dark["ground"] == "rgb(18, 22, 28)"
    assert light["ground"] == "rgb(244, 246, 248)"
    assert dark["figure"] == dark["ink"] != light["ink"] == light["figure"]


def test_a_page_of_audits_fits_a_phone_and_has_both_styles(tmp_path: Path) -> None:
    audits = [invented_audit("bert-large", "bert", 15.2), invented_audit("owner/" + "long-name-" * 8, "gemma2", 1.2)]
    write_audit_page(audits, tmp_path)
    dark = measure(tmp_path / "audit.html", 390, "--blink-settings=preferredColorScheme=0")
    light = measure(tmp_path / "audit.html", 390, "--blink-settings=preferredColorScheme=1")
    for found in (dark, light):
        assert found["width"] == 390
        assert found["scroll"] <= 390, found["wide"]
        assert (found["wide"], found["fetched"]) == ([], [])
        assert found["smallest"] >= 8
    assert dark["figure"] == dark["ink"] != light["ink"] == light["figure"]


@pytest.mark.slow
def test_long_names_and_many_backbones_fit_a_phone(tmp_path: Path) -> None:
    config = many(8, (1, 2, 4, 8, 16))
    (page,) = make_pages(config, write_tree(tmp_path, config, queries=20, steps=20), ["index"])
    assert measure(page, 390)["wide"] == []
    assert measure(page, 1280)["cut"] == []
