"""The runtime layer's botocore trusts the authorities that it came with, and reads only the one that it needs."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import botocore
import pytest
from botocore.awsrequest import AWSPreparedRequest
from botocore.exceptions import SSLError

from kernel import curl
from tests.support.tls import Identity, new_identity, protect
from tests.tools import module_of

ROOT = Path(__file__).parents[2]
BOTOCORE = Path(botocore.__file__).parent


authorities, lean = (module_of(name, ROOT / "layers/runtime" / f"{name}.py") for name in ("authorities", "lean"))


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """botocore's module of connections as it is in the layer, and the folder of authorities beside it."""
    folder = tmp_path_factory.mktemp("packages")
    for name in {*lean.CHANGES, "botocore/cacert.pem"}:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(BOTOCORE.parent / name, folder / name)
    lean.put_off(folder)
    authorities.split(folder)
    return folder


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    return new_identity(tmp_path_factory.mktemp("own"))


@pytest.fixture(scope="module")
def url(own: Identity) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing to the console."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    protect(server, own)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield f"https://localhost:{server.server_address[1]}/"
    server.shutdown()
    server.server_close()
    thread.join(5)


@pytest.fixture
def knowing(packages: Path, own: Identity, tmp_path: Path) -> Path:
    """The layer's folder of authorities with that of the server."""
    folder = tmp_path / "cacert"
    shutil.copytree(packages / "botocore/cacert", folder)
    authorities.write([own.certificate.read_bytes()], tmp_path / "more")
    for file in (tmp_path / "more").iterdir():
        shutil.copy(file, folder / file.name)
    return folder


def _asked_by_botocore(packages: Path, url: str, verify: str | bool) -> tuple[int, int]:
    """The status of an answer, and how many certificates were read for it."""
    session = module_of("changed_httpsession", packages / "botocore/httpsession.py").URLLib3Session(verify=verify)
    headers: Any = {}
    answer = session.send(AWSPreparedRequest("GET", url, headers, None, False))
    context = session._manager.connection_from_url(url).conn_kw["ssl_context"]
    return answer.status_code, context.cert_store_stats()["x509"]


def test_each_authority_of_botocore_is_in_the_folder(packages: Path) -> None:
    known = (BOTOCORE / "cacert.pem").read_bytes().count(b"BEGIN CERTIFICATE")
    files = list((packages / "botocore/cacert").iterdir())
    assert sum(file.read_bytes().count(b"BEGIN CERTIFICATE") for file in files) == len(files) == known > 100
    assert not (packages / "botocore/cacert.pem").exists()


def test_an_authority_of_the_folder_is_trusted_and_alone_read(packages: Path, knowing: Path, url: str) -> None:
    assert _asked_by_botocore(packages, url, str(knowing)) == (200, 1)


def test_whoever_is_not_in_the_folder_is_not_trusted(packages: Path, url: str) -> None:
    with pytest.raises(SSLError, match="CERTIFICATE_VERIFY_FAILED"):
        _asked_by_botocore(packages, url, verify=True)


def test_a_file_that_an_operator_names_is_trusted(packages: Path, own: Identity, url: str) -> None:
    assert _asked_by_botocore(packages, url, str(own.certificate)) == (200, 1)


@pytest.mark.parametrize("known", [True, False])
def test_posts_to_sockets_trust_the_same_folder(
    packages: Path, knowing: Path, url: str, monkeypatch: pytest.MonkeyPatch, known: bool
) -> None:
    monkeypatch.setattr(curl, "_authorities", lambda: str(knowing if known else packages / "botocore/cacert"))

    def asking() -> curl.Exchange[int]:
        return (yield curl.Request("GET", url, {}, b"", 5.0, 5.0))

    client = curl.Client(1)
    assert client.run([asking()]) == [200 if known else 0]
    client.close()


def _asked_by_a_function(folder: Path, url: str, **environment: str) -> list[str]:
    """The status for a client that trusts what the system trusts, and how many certificates it read."""
    code = (
        "import kernel, ssl, sys, urllib.request\n"
        "context = ssl.create_default_context()\n"
        "before = context.cert_store_stats()['x509']\n"
        "try:\n    print(before, urllib.request.urlopen(sys.argv[1], context=context).status)\n"
        "except OSError as error:\n    print(before, type(error.reason).__name__)"
    )
    paths = {"PYTHONPATH": f"{ROOT / 'layers/shared'}:{folder}", "LAMBDA_TASK_ROOT": "/var/task"}
    ran = subprocess.run(
        [sys.executable, "-c", code, url], env={**paths, **environment}, capture_output=True, check=True, text=True
    )
    return ran.stdout.split()


def test_what_trusts_the_system_reads_the_folder_in_a_function(
    packages: Path, knowing: Path, own: Identity, url: str
) -> None:
    folder = knowing.parent / "layer"
    (folder / "botocore").mkdir(parents=True)
    knowing.rename(folder / "botocore/cacert")
    assert _asked_by_a_function(folder, url) == ["0", "200"]
    assert _asked_by_a_function(packages, url) == ["0", "SSLCertVerificationError"]
    assert _asked_by_a_function(packages, url, SSL_CERT_FILE=str(own.certificate)) == ["1", "200"]
