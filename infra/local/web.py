"""The web client on the local cloud: built if Node.js is installed, served by its S3 from the API's origin."""

from __future__ import annotations

import hashlib
from concurrent.futures import Future
from urllib.parse import urlsplit

from infra import web
from infra.local.config import Instance
from infra.local.stack import Stack

# The same policy as in infra/web.yaml, without the directives that only a header can set.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; media-src 'self' blob:; "
    "font-src 'self'; connect-src 'self' ws://{host}; manifest-src 'self'; worker-src 'self'; frame-src blob:; "
    "base-uri 'none'; form-action 'self'; require-trusted-types-for 'script'; trusted-types secureconnect"
)


def build(instance: Instance) -> str:
    """Build the web client; returns a note for the user. Raises CannotBuild."""
    if (why := web.missing()) is not None:
        raise web.CannotBuild(why)
    return web.build(instance.logs / "web.log")


def publish(instance: Instance, stack: Stack, built: Future[str]) -> tuple[str | None, str]:
    """Deploy the web client to the local cloud. Returns its URL (None if there is none) and a note for the user."""
    outputs = stack.outputs()
    bucket = outputs.get("WebBucketName")
    if bucket is None:
        return None, "off: WebClient is not on"
    try:
        done = built.result()
    except web.CannotBuild as problem:
        return None, f"left out: {problem}"
    api = urlsplit(instance.execute_api(outputs["RestApiId"])).path
    policy = policy_of(instance.endpoint)
    marker = instance.home / "web"
    wanted = hashlib.sha256(f"{web.fingerprint()} {bucket} {api} {policy}".encode()).hexdigest()
    if not marker.exists() or marker.read_text() != wanted:
        web.upload(stack.client("s3"), bucket, api=api, socket="", policy=policy, compressed=True)
        marker.write_text(wanted)
    return instance.web_url, done


def policy_of(endpoint: str) -> str:
    """The content security policy of a page on the cloud at this address."""
    return POLICY.format(host=urlsplit(endpoint).netloc)
