"""Large drives: memory does not grow with the size of a file, and a folder of 10,000 entries is read in pages.

On a separate MiniStack: moto stores its data in the memory of this process, and would take minutes.
"""

from __future__ import annotations

import gzip
import io
import os
import random
import subprocess
import sys
import tracemalloc
import zipfile
from collections.abc import Iterator

import pytest
from PIL import Image

from drive import item_store, store
from drive.files import folders
from drive.item_store import Item
from drive.model import MIB, Kind, Node
from drive.uploads import intake, thumbnails
from infra.local.stack import Stack
from kernel import aws, config, dynamo
from kernel.blobs import CHUNK_BYTES
from kernel.caller import Caller
from tests.conftest import BUCKET, SEED, STACK, create_table, table_properties
from tests.infra import local_cloud
from tests.integration import desk
from tests.support import rings
from tests.tools import template

ADA = Caller("usr_01kb0000000000000000000001", "ses_01kb0000000000000000000001")
BOB = Caller("usr_01kb0000000000000000000002", "ses_01kb0000000000000000000002")
CHILDREN = 10_000
PAGE = 6_000  # the route returns at most 100; sorted by anything but names each page reads the whole index
MEASURED = """
import sys
from pathlib import Path
from drive.uploads import thumbnails

def most_kib():
    return next(int(line.split()[1]) for line in Path("/proc/self/status").open() if line.startswith("VmHWM"))

made = thumbnails.make(*sys.argv[1:3])
print(made["width"], made["height"], most_kib())
"""


@pytest.fixture(scope="module")
def _ministack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with local_cloud.running(local_cloud.instance(tmp_path_factory.mktemp("cloud"))) as cloud:
        create_table(next(each for each in table_properties() if each["TableName"] == f"{STACK}-drive"), cloud.client)
        cloud.client("s3").create_bucket(Bucket=BUCKET)
        cloud.client("s3").put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        yield cloud


@pytest.fixture
def cloud(_ministack: Stack, settings: pytest.MonkeyPatch) -> Iterator[Stack]:
    """The drive's table and bucket, in the place where the functions look for them."""
    caches = (config.config, aws.session, aws.client, dynamo.connection)
    settings.delenv("AWS_SESSION_TOKEN")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        settings.setenv(name, "test")
    settings.setenv("AWS_ENDPOINT_URL", _ministack.instance.endpoint)
    settings.setattr(aws, "AWS_READ_TIMEOUT_S", 30.0)  # the speed of the local cloud on a busy machine is not tested
    settings.setenv("BLOB_BUCKET", BUCKET)
    rings.hold_all(SEED)
    for cached in caches:
        cached.cache_clear()
    yield _ministack
    for cached in caches:
        cached.cache_clear()


# --- memory ---------------------------------------------------------------------------------------------------


def _of_size(content_type: str, size: int) -> bytes:
    """Incompressible bytes of a content type."""
    content = random.Random(size).randbytes(size)
    if content_type == "application/gzip":
        return gzip.compress(content, compresslevel=1)
    if content_type == "application/zip":
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            for first in range(0, size, MIB):
                archive.writestr(f"{first}", content[first : first + MIB])
        return out.getvalue()
    return content


def _arrived(cloud: Stack, content: bytes, content_type: str) -> tuple[str, str]:
    """Key and version of an upload whose bytes have arrived."""
    begun = desk.begin(ADA, content, content_type=content_type)
    level = store.node_access(begun["file"]["id"])
    assert level is not None
    assert level.upload is not None
    put = cloud.client("s3").put_object(Bucket=BUCKET, Key=level.upload.object_key, Body=content)
    return level.upload.object_key, put["VersionId"]


@pytest.mark.parametrize("content_type", ["application/octet-stream", "application/zip", "application/gzip"])
def test_memory_of_the_inspection_stays_flat_in_the_size_of_a_file(cloud: Stack, content_type: str) -> None:
    peaks = []
    for mib in (1, 16, 64):
        key, version = _arrived(cloud, _of_size(content_type, mib * MIB), content_type)
        tracemalloc.start()
        try:
            seen = intake.inspect(key, version)
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
        assert (seen["verdict"], seen["reason"]) == ("clean", None)
    assert max(peaks) < 3 * CHUNK_BYTES
    assert peaks[2] < 1.2 * peaks[1]


def test_the_largest_picture_that_gets_a_thumbnail_fits_the_function(cloud: Stack) -> None:
    """50 million pixels of 4 bytes, rotated by a quarter, which copies them."""
    out, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = 6
    Image.new("RGBA", (thumbnails.MAX_PIXELS // 5_000, 5_000), "teal").save(out, "PNG", exif=exif, compress_level=1)
    key, version = _arrived(cloud, out.getvalue(), "image/png")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, key, version], env=environment, capture_output=True, text=True, check=True
    )
    width, height, most_kib = map(int, done.stdout.splitlines()[-1].split())
    assert (width, height) == (5_000, thumbnails.MAX_PIXELS // 5_000)
    function = template("infra/drive.yaml")["Resources"]["IntakeThumbnailFunction"]["Properties"]
    assert most_kib / 1024 < 0.8 * function["MemorySize"]


# --- folders --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def children(_ministack: Stack) -> dict[str, Node]:
    """10,000 folders and files at the top of a drive, many with equal sort keys."""
    chance, nodes = random.Random(7), {}
    for number in range(CHILDREN):
        kind: Kind = "folder" if number % 10 == 0 else "file"
        node_id = f"{kind[:3]}_{number:026d}"
        nodes[node_id] = Node(
            node_id, kind, BOB.user_id, name=f"{chance.randrange(5_000)}", folder_id=None, size=chance.randrange(50),
            created_at=chance.randrange(1_000), updated_at=chance.randrange(CHILDREN), content_type="text/plain",
        )  # fmt: skip
    return nodes


@pytest.fixture
def full_folder(cloud: Stack, children: dict[str, Node], monkeypatch: pytest.MonkeyPatch) -> dict[str, Node]:
    """The same, in the table. Nodes are loaded from memory, because reading them would take minutes."""
    if not store.listed(item_store.root(BOB.user_id), "0", after=None, limit=1, descending=False):
        with Item.batch_write() as batch:
            for node in children.values():
                batch.save(item_store.node_item(node))
    monkeypatch.setattr(store, "nodes", lambda node_ids: {node_id: children[node_id] for node_id in node_ids})
    return children


@pytest.mark.parametrize(
    ("sort", "limit"),
    [(f"{turn}{key}", 1_000 if key == "name" else PAGE) for key in folders.SORTS for turn in ("", "-")],
)
def test_a_folder_of_ten_thousand_is_read_in_pages_each_child_once_in_order(
    full_folder: dict[str, Node], sort: str, limit: int
) -> None:
    found: list[Node] = []
    after, pages = None, 0
    while after is not None or not pages:
        page = folders.children(caller=BOB, folder_id="root", sort=sort, limit=limit, after=after)
        found += [full_folder[each["id"]] for each in page.items]
        after, pages = page.next_cursor, pages + 1
    assert pages == -(-CHILDREN // limit)
    assert sorted(each.id for each in found) == sorted(full_folder)
    kinds = [each.kind for each in found]
    assert kinds == sorted(kinds, reverse=True)  # folders first, in either direction
    for kind in ("folder", "file"):
        values = [getattr(each, sort.removeprefix("-")) for each in found if each.kind == kind]
        assert values == sorted(values, reverse=sort.startswith("-"))
