"""A model hub on this machine: the calls of huggingface_hub that a download makes, answered from a folder."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Repository:
    """A model of the hub. gated: files are refused. cut: the first answer with this file stops half-way."""

    folder: Path
    commit: str = COMMIT
    gated: bool = False
    cut: str = ""


@dataclass
class FakeHub:
    """The models by id, and every request as `METHOD path [Range]`."""

    models: dict[str, Repository] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    down: bool = False

    def serve(self, cache: Path, monkeypatch: pytest.MonkeyPatch) -> ThreadingHTTPServer:
        """Start to serve, and point huggingface_hub here and at an empty cache."""
        from huggingface_hub import constants

        hub = self

        class Handler(_Handler):
            pass

        Handler.hub = hub
        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.setattr(constants, "ENDPOINT", address)
        monkeypatch.setattr(
            constants, "HUGGINGFACE_CO_URL_TEMPLATE", address + "/{repo_id}/resolve/{revision}/{filename}"
        )
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        return server

    def downloads(self) -> list[str]:
        """Names of the files that were sent."""
        return [
            line.split("/")[-1].split(" ")[0]
            for line in self.requests
            if line.startswith("GET") and "/resolve/" in line
        ]


class _Handler(BaseHTTPRequestHandler):
    hub: FakeHub

    def log_message(self, *_: Any) -> None:
        return

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        path = self.path.split("?")[0]
        self.hub.requests.append(f"{self.command} {path} {self.headers.get('Range', '')}".strip())
        if self.hub.down:
            return self._send(503, b"")
        match = re.fullmatch(
            r"/(?:api/models/)?(?P<id>[\w.-]+/[\w.-]+)/(?P<what>revision|tree|commits|resolve)/(?P<rest>.+)", path
        )
        model = self.hub.models.get(match["id"]) if match else None
        if match is None or model is None:
            return self._send(404, b"", {"X-Error-Code": "RepoNotFound"})
        revision, _, name = match["rest"].partition("/")
        if revision not in (model.commit, "main"):
            return self._send(404, b"", {"X-Error-Code": "RevisionNotFound"})
        if match["what"] == "resolve":
            return self._file(model, name)
        answers: dict[str, Any] = {
            "revision": {"id": match["id"], "sha": model.commit, "siblings": []},
            "tree": _tree(model.folder, recursive="recursive=true" in self.path.lower()),
            "commits": [
                {"id": commit, "authors": [], "date": "2026-01-01T00:00:00.000Z", "title": "", "message": ""}
                for commit in (model.commit, "f" * 40)
            ],
        }
        return self._send(200, json.dumps(answers[match["what"]]).encode())

    def _file(self, model: Repository, name: str) -> None:
        if model.gated:
            return self._send(401, b"", {"X-Error-Code": "GatedRepo", "X-Error-Message": "Access is restricted."})
        content = (model.folder / name).read_bytes()
        headers = {"ETag": f'"{_digest(model.folder / name)}"', "X-Repo-Commit": model.commit}
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if asked:
            start = int(asked[1])
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
            return self._send(206, content[start:], headers)
        if model.cut == name and self.command == "GET":
            model.cut = ""
            return self._send(200, content, headers, sent=len(content) // 2)
        return self._send(200, content, headers)

    def _send(self, status: int, body: bytes, headers: dict[str, str] | None = None, sent: int | None = None) -> None:
        self.send_response(status)
        for key, value in {**(headers or {}), "Content-Length": str(len(body))}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body[:sent])
        self.close_connection = True


def _tree(folder: Path, *, recursive: bool) -> list[dict[str, Any]]:
    """Files and folders, those at the top alone unless all are asked for."""
    found = []
    for path in sorted(folder.rglob("*") if recursive else folder.iterdir()):
        name = path.relative_to(folder).as_posix()
        kind, size, oid = ("directory", 0, "0" * 40) if path.is_dir() else ("file", path.stat().st_size, _digest(path))
        found.append({"type": kind, "path": name, "size": size, "oid": oid})
    return found


def _digest(path: Path) -> str:
    return hashlib.sha1(path.read_bytes(), usedforsecurity=False).hexdigest()
