"""The pages as a browser lays them out: no sideways scrolling on a phone, a dark style that is its own."""

import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from rescalade.report.audit.audit_page import write_audit_page
from rescalade.report.pages.page import make_pages
from rescalade.report.pages.template import drawn
from support.html_pages import Pages
from support.synthetic_audits import invented_audit
from support.synthetic_fates import many, mini
from support.synthetic_results import write_tree

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.browser

FRAME = '<iframe src="{name}" style="width:{width}px;height:900px;border:0"></iframe>'
"""A window cannot be narrower than 500 pixels, a frame can; its media queries see the frame."""
FRAMES = """<!doctype html>{frames}<pre id="measured"></pre>
<script>const found = [...document.querySelectorAll("iframe")].map(() => null);
addEventListener("message", (e) => {{
  found[[...document.querySelectorAll("iframe")].findIndex((frame) => frame.contentWindow === e.source)] = e.data;
  if (found.every((value) => value)) document.getElementById("measured").textContent = `[${{found}}]`;
}});</script>"""
"""Many in one window: to start the browser takes longer than to lay a page out."""
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


def measure(*wanted: tuple[Path, int], flags: Sequence[str] = ()) -> list[dict[str, Any]]:
    """What the browser says of each page at each width."""
    frames = []
    for page, width in wanted:
        copy = page.with_name(f"measured-{page.name}")
        copy.write_text(page.read_text(encoding="utf-8").replace("</body>", MEASURE + "</body>"), encoding="utf-8")
        frames.append(FRAME.format(name=copy.resolve().as_uri(), width=width))
    frame = wanted[0][0].with_name("frame.html")
    frame.write_text(FRAMES.format(frames="".join(frames)), encoding="utf-8")
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
    values: list[dict[str, Any]] = json.loads(found[1].replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">"))
    assert len(values) == len(wanted)
    return values


@dataclass(frozen=True)
class LaidOut:
    """The whole report and the page of one backbone at both widths, the page of audits on a phone; in either style."""

    phone: list[dict[str, Any]]
    wide: list[dict[str, Any]]
    dark: dict[str, Any]
    audits: list[dict[str, Any]]


@pytest.fixture(scope="module")
def laid_out(ugly_pages: Pages, tmp_path_factory: pytest.TempPathFactory) -> LaidOut:
    folder, pages = tmp_path_factory.mktemp("browser"), ugly_pages.paths[:2]
    audits = [invented_audit("bert-large", "bert", 15.2), invented_audit("owner/" + "long-name-" * 8, "gemma2", 1.2)]
    write_audit_page(audits, folder / "audits")
    page_of_audits = (folder / "audits" / "audit.html", 390)
    # blink's numbers: 0 dark, 1 light
    *found, light_audits = measure(
        *((page, width) for width in (390, 1280) for page in pages), page_of_audits,
        flags=["--blink-settings=preferredColorScheme=1"],
    )  # fmt: skip
    dark, dark_audits = measure((pages[0], 1280), page_of_audits, flags=["--blink-settings=preferredColorScheme=0"])
    return LaidOut(found[: len(pages)], found[len(pages) :], dark, [dark_audits, light_audits])


def test_a_phone_scrolls_only_downwards(laid_out: LaidOut) -> None:
    assert len(laid_out.phone) == 2
    for found in laid_out.phone:
        assert found["width"] == 390, "the browser must really lay out at this width"
        assert found["scroll"] <= 390, found["wide"]
        assert found["wide"] == []
        # 9 points drawn at 0.76 of their size: a line of 8 CSS pixels is the least that can be read
        assert found["smallest"] >= 8
        assert found["fetched"] == []


def test_at_1280_pixels_nothing_is_cut_off(laid_out: LaidOut) -> None:
    assert len(laid_out.wide) == 2
    for found in laid_out.wide:
        assert found["scroll"] <= 1280
        assert found["cut"] == [], "a table is wider than its place"


def test_lead_figure_and_verdicts_are_the_first_screen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The figures below that screen are not drawn."""
    monkeypatch.setattr(
        "rescalade.report.pages.page.drawn",
        lambda figures: [*drawn(figures[:1]), *({"about": figure, "panels": []} for figure in figures[1:])],
    )
    (page,) = make_pages(mini(), write_tree(tmp_path, mini(), queries=24, steps=20), ["index"])
    assert measure((page, 1280))[0]["first"] <= 900


def test_dark_is_a_style_of_its_own(laid_out: LaidOut) -> None:
    dark, light = laid_out.dark, laid_out.wide[0]
    assert dark["ground"] == "rgb(18, 22, 28)"
    assert light["ground"] == "rgb(244, 246, 248)"
    assert dark["figure"] == dark["ink"] != light["ink"] == light["figure"]


def test_a_page_of_audits_fits_a_phone_and_has_both_styles(laid_out: LaidOut) -> None:
    for found in laid_out.audits:
        assert found["width"] == 390
        assert found["scroll"] <= 390, found["wide"]
        assert (found["wide"], found["fetched"]) == ([], [])
        assert found["smallest"] >= 8
    dark, light = laid_out.audits
    assert dark["figure"] == dark["ink"] != light["ink"] == light["figure"]


@pytest.mark.slow
def test_long_names_and_many_backbones_fit_a_phone(tmp_path: Path) -> None:
    config = many(8, (1, 2, 4, 8, 16))
    (page,) = make_pages(config, write_tree(tmp_path, config, queries=20, steps=20), ["index"])
    phone, wide = measure((page, 390), (page, 1280))
    assert phone["wide"] == []
    assert wide["cut"] == []
