"""Models from the hub: what is downloaded, what is kept, and how each failure ends."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from huggingface_hub import constants
from safetensors import safe_open

from rescalade.backbones import hub as hub_module
from rescalade.backbones.hub import fetch
from rescalade.backbones.hub_bars import bar_class
from rescalade.backbones.hub_lock import HubLock
from rescalade.errors import UserError
from rescalade.models.load import load_lm
from support.commands import call
from support.fake_hub import COMMIT, FakeHub, Repository
from support.hub_models import OTHER_FILES, into_cache, tiny_checkpoint
from support.synthetic_audits import invented_audit

NAME = "owner/tiny"
WANTED = {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"}


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    return tiny_checkpoint(tmp_path / "checkpoint")


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, checkpoint: Path) -> Iterator[FakeHub]:
    fake = FakeHub({NAME: Repository(checkpoint)})
    server = fake.serve(tmp_path / "cache", monkeypatch)
    yield fake
    server.shutdown()
    server.server_close()


@pytest.fixture
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and no network."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    return tmp_path / "cache"


def refusal(name: str = NAME, revision: str = COMMIT) -> str:
    with pytest.raises(UserError) as caught:
        fetch(name, revision, known=["owner/other"])
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_only_safetensors_configuration_and_tokenizer_arrive(hub: FakeHub, checkpoint: Path) -> None:
    arrived = fetch(NAME, COMMIT)
    assert set(hub.downloads()) == {path.name for path in arrived.files}
    assert set(hub.downloads()) >= WANTED and not set(hub.downloads()) & set(OTHER_FILES)
    assert {path.name for path in arrived.folder.iterdir()} == {path.name for path in arrived.files}
    for name in WANTED:
        assert (arrived.folder / name).read_bytes() == (checkpoint / name).read_bytes()
    ours, theirs = load_lm(arrived.folder), load_lm(checkpoint)
    assert all(torch.equal(a, b) for a, b in zip(ours.parameters(), theirs.parameters(), strict=True))


def test_sizes_are_said_before_the_first_file(hub: FakeHub, caplog: pytest.LogCaptureFixture) -> None:
    said: list[tuple[str, int]] = []
    caplog.set_level("INFO", "rescalade")
    handler = caplog.handler
    emit = handler.emit
    handler.emit = lambda record: (said.append((record.getMessage(), len(hub.downloads()))), emit(record))[1]  # type: ignore[method-assign]
    fetch(NAME, COMMIT)
    sizes = [entry for entry in said if "to download" in entry[0]]
    assert len(sizes) == 1 and sizes[0][1] == 0
    assert f"{NAME} at {COMMIT[:12]}: " in sizes[0][0] and " MB in " in sizes[0][0]


def test_what_is_whole_is_not_asked_for_again(hub: FakeHub) -> None:
    first = fetch(NAME, COMMIT)
    asked = len(hub.requests)
    assert fetch(NAME, COMMIT) == first
    assert len(hub.requests) == asked


def test_a_dropped_connection_goes_on_where_it_stopped(
    hub: FakeHub, checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 1000)
    hub.models[NAME].cut = "model.safetensors"
    arrived = fetch(NAME, COMMIT)
    half = (checkpoint / "model.safetensors").stat().st_size // 2
    assert f"GET /{NAME}/resolve/{COMMIT}/model.safetensors bytes={half // 1000 * 1000}-" in hub.requests
    assert (arrived.folder / "model.safetensors").read_bytes() == (checkpoint / "model.safetensors").read_bytes()


def test_a_snapshot_that_lacks_a_file_is_completed(hub: FakeHub) -> None:
    arrived = fetch(NAME, COMMIT)
    (arrived.folder / "model.safetensors").unlink()
    hub.requests.clear()
    fetch(NAME, COMMIT)
    assert hub.downloads() in (["model.safetensors"], [])  # from the hub, or from its blob
    assert (arrived.folder / "model.safetensors").is_file()


def test_weights_that_others_left_in_the_cache_are_asked_for_their_modules(
    hub: FakeHub, checkpoint: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """transformers never fetches modules.json, and without it a sum would be taken for a maximum."""
    folder = into_cache(tmp_path / "cache", NAME, COMMIT, checkpoint)
    modules = [{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Router"}]
    (checkpoint / "modules.json").write_text(json.dumps(modules))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert fetch(NAME, COMMIT).folder == folder and "taken as a plain checkpoint" in caplog.text
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    assert (fetch(NAME, COMMIT).folder / "modules.json").is_file()
    assert hub.downloads() == ["modules.json"]
    asked = len(hub.requests)
    fetch(NAME, COMMIT)
    assert len(hub.requests) == asked


def test_a_moving_revision_is_locked(hub: FakeHub, tmp_path: Path) -> None:
    lock = HubLock(tmp_path / "lock")
    assert fetch(NAME, "main", lock=lock).commit == COMMIT
    hub.models[NAME].commit = "1" * 40  # the branch moves on
    assert fetch(NAME, "main", lock=lock).commit == COMMIT
    assert fetch(NAME, "main").commit == "1" * 40
    lock.path(NAME, "main").unlink()
    assert fetch(NAME, "main", lock=lock).commit == "1" * 40


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            f'{{"id": "a", "revision": "main", "commit": "{COMMIT}"}}',
            "schema_version: expected 1, found none: an older",
        ),
        ('{"schema_version": 1, "id": "a", "revision": "main"}', "commit: expected this key, found none"),
        (
            '{"schema_version": 1, "id": "a", "revision": "main", "commit": "12"}',
            "commit: expected a commit of 40 digits, found '12'",
        ),
    ],
)
def test_a_wrong_lock_is_one_line_that_says_how_to_keep_the_commit(
    hub: FakeHub,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    text: str,
    said: str,
) -> None:
    configure(tmp_path, monkeypatch, "main")
    assert call(capsys, "backbone", "tiny")[0] == 0
    (lock,) = tmp_path.rglob("owner--tiny@main.json")
    lock.write_text(text)
    status, lines = call(capsys, "backbone", "tiny")
    assert status == 2 and len(lines) == 1 and said in lines[0]
    assert lines[0].endswith("correct it to keep that commit, or delete it to take the newest one")


def test_the_first_digits_of_a_commit_name_it(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    assert fetch(NAME, COMMIT[:7]).commit == COMMIT
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert fetch(NAME, COMMIT[:7]).commit == COMMIT
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    assert "no revision 'abcdef1'" in refusal(revision="abcdef1")


def test_a_cache_laid_by_hand_serves_offline(offline: Path, checkpoint: Path) -> None:
    snapshot = into_cache(offline, NAME, COMMIT, checkpoint)
    for revision in (COMMIT, "main", COMMIT[:8]):
        assert fetch(NAME, revision).folder.samefile(snapshot)
    (snapshot / "model.safetensors").unlink()
    message = refusal()
    assert "HF_HUB_OFFLINE" in message and "prefetch" in message and "source: local" in message


def test_no_network(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    def waits(_: float) -> None:
        raise AssertionError("the hub library tries again and again")

    monkeypatch.setattr("huggingface_hub.utils._http.time.sleep", waits)
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")  # nobody listens there
    message = refusal()
    assert "cannot be reached (ConnectError" in message and "prefetch" in message and "source: local" in message


def test_a_hub_that_is_down(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.utils._http.time.sleep", lambda _: None)
    hub.down = True
    assert "cannot be reached" in refusal(revision="main")


def test_an_id_that_does_not_exist(hub: FakeHub) -> None:
    assert "did you mean 'answerdotai/ModernBERT-base'?" in refusal("answerdotai/ModernBERT-bas", "main")
    assert "did you mean 'owner/other'?" in refusal("owner/othr")
    assert "hf auth login" in refusal("owner/othr")
    assert "expected owner/name" in refusal("not an id")


def test_a_revision_that_does_not_exist(hub: FakeHub) -> None:
    assert f"no revision '{'9' * 40}'" in refusal(revision="9" * 40)
    assert "no revision 'devel'" in refusal(revision="devel")


def test_a_gated_model(hub: FakeHub) -> None:
    hub.models[NAME].gated = True
    message = refusal()
    assert f"accept its licence or ask for access at https://huggingface.co/{NAME}" in message
    assert "hf auth login" in message and "HF_TOKEN" in message


def test_a_revision_with_pickles_only(hub: FakeHub, checkpoint: Path) -> None:
    (checkpoint / "model.safetensors").unlink()
    assert "no safetensors weights (only flax_model.msgpack, pytorch_model.bin)" in refusal()
    assert hub.downloads() == []


def test_too_little_disk_is_known_before_the_download(
    hub: FakeHub, monkeypatch: pytest.MonkeyPatch, checkpoint: Path, tmp_path: Path
) -> None:
    usage = shutil.disk_usage(tmp_path)
    total = sum((checkpoint / name).stat().st_size for name in WANTED)
    weights = (checkpoint / "model.safetensors").stat().st_size
    monkeypatch.setattr(hub_module.shutil, "disk_usage", lambda _: usage._replace(free=total + weights - 1))
    with pytest.raises(UserError, match=r"MB are needed on the disk of .* are free"):
        fetch(NAME, COMMIT, copy_to=tmp_path / "results" / "backbones")
    assert hub.downloads() == []
    monkeypatch.setattr(hub_module.shutil, "disk_usage", lambda _: usage._replace(free=total + weights + 2000))
    fetch(NAME, COMMIT, copy_to=tmp_path / "results" / "backbones")


CONFIG = """
experiment: one
sources: {{pydoc: {{kind: pydoc}}}}
datasets: {{train: {{source: pydoc, packages: [rich]}}}}
backbones:
  tiny: {{source: hub, id: owner/tiny, revision: "{revision}"{more}}}
recipes: {{quick: {{}}}}
experiments:
  one: {{title: One, recipe: quick, train_on: train, in_domain: [train], grid: [{{backbones: [tiny], scales: [1]}}]}}
"""


def configure(folder: Path, monkeypatch: pytest.MonkeyPatch, revision: str = COMMIT, more: str = "") -> None:
    monkeypatch.chdir(folder)
    (folder / "config.yaml").write_text(CONFIG.format(revision=revision, more=more))


def test_the_stage_makes_float32_safetensors_and_says_which_commit(
    hub: FakeHub,
    checkpoint: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    load_lm(checkpoint).to(torch.bfloat16).save_pretrained(checkpoint)
    assert json.loads((checkpoint / "config.json").read_text())["dtype"] == "bfloat16"
    configure(tmp_path, monkeypatch, "main")
    assert call(capsys, "backbone", "tiny")[0] == 0
    made = tmp_path / "results" / "backbones" / "tiny"
    assert json.loads((made / "origin.json").read_text()) == {"id": NAME, "revision": "main", "commit": COMMIT}
    inputs = json.loads((made / "record.json").read_text())["inputs"]
    assert any(path.endswith(f"snapshots/{COMMIT}/model.safetensors") for path in inputs)
    with safe_open(made / "model.safetensors", "pt") as stream:
        assert {str(stream.get_tensor(key).dtype) for key in stream.keys()} == {"torch.float32"}  # noqa: SIM118
    assert load_lm(made).dtype == torch.float32
    hub.models[NAME].commit = "1" * 40
    shutil.rmtree(made)
    assert call(capsys, "backbone", "tiny")[0] == 0
    assert json.loads((made / "origin.json").read_text())["commit"] == COMMIT


@pytest.mark.parametrize(
    ("revision", "more", "part"),
    [("9" * 40, "", "no revision"), (COMMIT, ", trust_remote_code: true", "trust_remote_code: unknown key")],
)
def test_a_failed_stage_is_one_line_and_leaves_nothing(
    revision: str,
    more: str,
    part: str,
    hub: FakeHub,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure(tmp_path, monkeypatch, revision, more)
    status, lines = call(capsys, "backbone", "tiny")
    assert status == 2 and len(lines) == 1 and part in lines[0]
    assert not list((tmp_path / "results").glob("backbones/*"))


def test_a_model_of_another_type_than_was_said(
    hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    configure(tmp_path, monkeypatch, more=", model_type: albert")
    status, (*progress, line) = call(capsys, "backbone", "tiny")
    assert status == 2 and all(said.startswith(f"download {NAME}") for said in progress)
    assert line == (
        f"rescalade: error: backbone tiny: model_type 'albert' is said of it, but config.json of {NAME} at {COMMIT} "
        "has 'bert'; correct the entry's model_type, or leave it out"
    )
    assert not list((tmp_path / "results").glob("backbones/*"))
    configure(tmp_path, monkeypatch, more=", model_type: bert")
    assert call(capsys, "backbone", "tiny")[0] == 0


def test_a_model_of_the_hub_is_audited_by_its_id(
    hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    audited: list[str] = []
    found = invented_audit("tiny", "bert", 1.0)
    monkeypatch.setattr("rescalade.audit.sample_audit.audit_model", lambda origin, **_: audited.append(origin) or found)
    monkeypatch.setattr("rescalade.cli.audits.show", lambda _: None)
    assert call(capsys, "audit", NAME, "--revision", COMMIT[:9])[0] == 0
    assert audited == [str(tmp_path / "cache" / "models--owner--tiny" / "snapshots" / COMMIT)]
    status, lines = call(capsys, "audit", "owner/tinny")
    assert status == 2 and "the hub shows no model of that name" in lines[-1]


def test_progress_counts_the_bytes_that_are_written() -> None:
    """Two files of 30 and 12 MB, of the second a half was there; other bars of the library are not shown."""
    shown: list[tuple[int, int]] = []
    bar_of = bar_class(lambda done, total, _: shown.append((done, total)))
    received = bar_of(total=0, unit="B", desc="Downloading bytes")
    written = bar_of(total=0, unit="B", desc="Reconstructing (incomplete total...)")
    with bar_of(total=2, desc="Fetching 2 files") as files:
        written.total += 30_000_000
        written.refresh()
        written.total += 12_000_000
        for bar, step in ((written, 6_000_000), (received, 30_000_000), (written, 30_000_000), (files, 1)):
            bar.update(step)
        written.update(6_000_000)
    written.set_description("done")
    assert shown == [(6, 42), (36, 42), (42, 42)]
