"""Builds the web client and copies it into its bucket.

`python -m infra.web --stack NAME` does so for a stack in AWS, after `make deploy`; `make up` does so for the local
cloud. `python -m infra.web --run typecheck` runs a script of its package.json, as `make check` and `make test` do.
Assets have a hash in their names, and browsers cache them for ever; files that name assets are never cached.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import mimetypes
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
WEB = ROOT / "web"
DIST = WEB / "dist"
SOURCES = ("src", "public", "index.html", "vite.config.ts", "package.json", "package-lock.json", "tsconfig.json")
NODE_MIN = (20, 19)
INSTALLING = "npm", "ci", "--no-audit", "--no-fund"
BUILDING = "npx", "vite", "build", "--logLevel", "warn"
FOR_EVER = "public, max-age=31536000, immutable"
ASK_FIRST = "no-cache"
# The tables of content types differ between machines, and browsers refuse a script with a wrong type.
TYPES = {
    ".js": "text/javascript",
    ".css": "text/css",
    ".html": "text/html",
    ".webmanifest": "application/manifest+json",
}


class CannotBuild(Exception):
    """Why the web client could not be built, in one line."""


def missing() -> str | None:
    """The software that this machine lacks for the build; None if nothing is missing."""
    node = shutil.which("node")
    if node is None or shutil.which("npm") is None:
        return f"Node.js {NODE_MIN[0]}.{NODE_MIN[1]} or newer is not installed"
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout.strip()  # noqa: S603
    found = re.match(r"v(\d+)\.(\d+)", said)
    if not found or (int(found[1]), int(found[2])) < NODE_MIN:
        return f"Node.js {said.lstrip('v')} is too old: it needs {NODE_MIN[0]}.{NODE_MIN[1]}"
    return None


def fingerprint() -> str:
    """A hash of everything that a build depends on."""
    digest = hashlib.sha256()
    for name in SOURCES:
        for path in _files(WEB / name):
            digest.update(str(path.relative_to(WEB)).encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def build(log: Path) -> str:
    """Build into web/dist, unless the last build had the same sources. Returns a note for the user.

    Raises CannotBuild with the path of the log.
    """
    stamp, wanted = DIST / ".fingerprint", fingerprint()
    if stamp.exists() and stamp.read_text() == wanted:
        return "unchanged"
    log.parent.mkdir(parents=True, exist_ok=True)
    install(log)
    _run(log, *BUILDING)
    stamp.write_text(wanted)
    return "built"


def build_other(web: Path, log: Path) -> Path:
    """Build another work tree's client, with our packages if its lock file is the same. Returns its dist folder."""
    log.parent.mkdir(parents=True, exist_ok=True)
    if (web / "package-lock.json").read_bytes() == (WEB / "package-lock.json").read_bytes():
        install(log)
        (web / "node_modules").symlink_to(WEB / "node_modules")
    else:
        _run(log, *INSTALLING, where=web)
    _run(log, *BUILDING, where=web)
    return web / "dist"


def install(log: Path) -> None:
    """Install the packages of web/package-lock.json into web/node_modules, unless they are installed."""
    stamp = WEB / "node_modules" / ".lock"
    wanted = hashlib.sha256((WEB / "package-lock.json").read_bytes()).hexdigest()
    if not stamp.exists() or stamp.read_text() != wanted:
        _run(log, *INSTALLING)
        stamp.write_text(wanted)


def upload(
    s3: Any,
    bucket: str,
    *,
    api: str | None = None,
    socket: str | None = None,
    policy: str | None = None,
    compressed: bool = False,
    dist: Path = DIST,
) -> int:
    """Copy web/dist into a bucket; the page comes last, after everything that it names. Returns the number of files.

    `api` and `socket` replace the page's own addresses (`socket` empty: the address comes with a ticket). `policy`
    becomes the page's content security policy, for servers that cannot send one as a header. `compressed` is for
    servers that do not compress.
    """
    files = sorted(
        (path for path in _files(dist) if path.name != ".fingerprint" and ".vite" not in path.parts), key=_last
    )
    page = addressed((dist / "index.html").read_text(), api=api, socket=socket, policy=policy)
    for path in files:
        body = path.read_bytes()
        if path.name == "index.html":
            body = page.encode()
        elif path.name == "sw.js":
            body = naming(body.decode(), page).encode()
        key = path.relative_to(dist).as_posix()
        small = compressed and path.suffix in TYPES
        s3.put_object(
            Bucket=bucket,
            Key=key,
            Body=gzip.compress(body, mtime=0) if small else body,
            ContentType=content_type(path),
            CacheControl=FOR_EVER if key.startswith("assets/") else ASK_FIRST,
            **({"ContentEncoding": "gzip"} if small else {}),
        )
    return len(files)


def addressed(page: str, *, api: str | None, socket: str | None, policy: str | None) -> str:
    """The page with these addresses and this policy in its head."""
    for name, value in (("api", api), ("socket", socket)):
        if value is not None:
            page = re.sub(rf'(<meta name="secureconnect-{name}" content=")[^"]*(")', rf"\g<1>{value}\g<2>", page)
    if policy is not None:
        page = page.replace(
            "<head>", f'<head>\n    <meta http-equiv="Content-Security-Policy" content="{policy}" />', 1
        )
    return page


def naming(worker: str, page: str) -> str:
    """The service worker with this page's revision, so that browsers notice a page with changed addresses."""
    revision = hashlib.sha256(page.encode()).hexdigest()[:32]
    return re.sub(r'("revision":")\w+(","url":"index.html")', rf"\g<1>{revision}\g<2>", worker)


def content_type(path: Path) -> str:
    kind = TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return f"{kind}; charset=utf-8" if kind.startswith("text/") else kind


def _last(path: Path) -> tuple[bool, str]:
    return path.name in ("index.html", "sw.js"), path.name


def _files(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
    elif path.is_dir() and path.name != "generated":
        for child in sorted(path.iterdir()):
            yield from _files(child)


def _run(log: Path, *command: str, where: Path = WEB) -> None:
    with log.open("a") as output:
        output.write(f"{time.strftime('%F %T')} {' '.join(command)}\n")
        output.flush()
        done = subprocess.run(  # noqa: S603
            command, cwd=where, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, check=False
        )
    if done.returncode != 0:
        raise CannotBuild(f"{' '.join(command[:2])} failed; its words are in {log}")


def checked(*scripts: str) -> int:
    """Run scripts of web/package.json, such as `typecheck` and `test`; without Node.js, say so and pass."""
    if (why := missing()) is not None:
        print(f"The web client is left out: {why}")
        return 0
    log = ROOT / ".local" / "logs" / "web.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    install(log)
    codes = [subprocess.run(["npm", "run", "-s", script], cwd=WEB, check=False).returncode for script in scripts]  # noqa: S603, S607
    return max(codes)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m infra.web", description="Build and publish the web client.")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--stack", help="the deployed stack, such as secureconnect-dev")
    what.add_argument("--run", nargs="+", metavar="SCRIPT")
    given = parser.parse_args()
    if given.run:
        raise SystemExit(checked(*given.run))
    publish(given.stack)


def publish(stack: str) -> None:
    """Build the web client and put it into the bucket of a stack in AWS."""
    import boto3

    described = boto3.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
    outputs = {each["OutputKey"]: each["OutputValue"] for each in described.get("Outputs", ())}
    if "WebUrl" not in outputs:
        raise SystemExit(f"{stack} serves no web client: it was deployed with WebClient=off")
    if (why := missing()) is not None:
        raise SystemExit(why)
    print(build(ROOT / ".local" / "logs" / "web.log"))
    count = upload(boto3.client("s3"), outputs["WebBucketName"])
    boto3.client("cloudfront").create_invalidation(
        DistributionId=outputs["WebDistributionId"],
        InvalidationBatch={"Paths": {"Quantity": 1, "Items": ["/*"]}, "CallerReference": str(time.time_ns())},
    )
    print(f"{count} files are at {outputs['WebUrl']}")


if __name__ == "__main__":
    main()
