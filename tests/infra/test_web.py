"""Publishing the web client: the values written into its page, and its policy in AWS and locally."""

from __future__ import annotations

from pathlib import Path

from infra import web
from infra.local.web import POLICY
from tests.tools import template

ROOT = Path(__file__).resolve().parents[2]
# Directives that only a header can set, or only AWS needs, where files come from another domain.
HEADERS_ONLY = {"frame-ancestors"}
PAGE = (ROOT / "web/index.html").read_text()


class Bucket:
    """A bucket that records uploads in order."""

    def __init__(self) -> None:
        self.put: list[dict[str, object]] = []

    def put_object(self, **given: object) -> None:
        self.put.append(given)


def _directives(policy: str) -> dict[str, set[str]]:
    words = [each.split() for each in policy.split(";")]
    return {each[0]: {word for word in each[1:] if "$" not in word and "{" not in word} for each in words}


def test_the_policy_of_the_local_page_is_that_of_the_header_in_aws() -> None:
    security = template("infra/web.yaml")["Resources"]["Headers"]["Properties"]["ResponseHeadersPolicyConfig"][
        "SecurityHeadersConfig"
    ]
    header = _directives(security["ContentSecurityPolicy"]["ContentSecurityPolicy"]["Fn::Sub"][0])
    page = _directives(POLICY)
    assert {name: words for name, words in header.items() if name not in HEADERS_ONLY} == page
    assert not any("unsafe" in word for words in header.values() for word in words)


def test_nobody_gets_the_failure_of_somebody_elses_call() -> None:
    """CloudFront caches answers to GET with these statuses for ten seconds, without a look at the cache policy or at
    no-store, under the path alone ("Control how long CloudFront caches errors": no-store counts for 404, 410, 414 and
    501 only). The paths of `/v1/users/me` or `/v1/conversations` are the same for everybody."""
    distribution = template("infra/web.yaml")["Resources"]["Distribution"]["Properties"]["DistributionConfig"]
    kept_s = {each["ErrorCode"]: each["ErrorCachingMinTTL"] for each in distribution["CustomErrorResponses"]}
    assert kept_s == {500: 0, 502: 0, 503: 0, 504: 0}


def test_the_page_has_no_code_of_its_own() -> None:
    assert PAGE.count("<script") == 1
    assert '<script type="module" src="' in PAGE
    assert "style=" not in PAGE


def test_a_page_on_the_local_cloud_knows_its_api() -> None:
    page = web.addressed(PAGE, api="/_aws/execute-api/abc/v1", socket="", policy="default-src 'none'")
    assert '<meta name="secureconnect-api" content="/_aws/execute-api/abc/v1" />' in page
    assert '<meta name="secureconnect-socket" content="" />' in page
    assert page.index("Content-Security-Policy") < page.index("<meta charset")


def test_a_page_in_aws_stays_as_it_was_built() -> None:
    assert web.addressed(PAGE, api=None, socket=None, policy=None) == PAGE


def test_the_page_comes_after_all_that_it_names(tmp_path: Path) -> None:
    for name in ("assets/a-1.js", "assets/a-1.css", "index.html", "sw.js", "icon.svg", ".vite/manifest.json"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("x")
    bucket = Bucket()
    web.upload(bucket, "b", dist=tmp_path)
    assert [each["Key"] for each in bucket.put][-2:] == ["index.html", "sw.js"]
    kinds = {each["Key"]: (each["ContentType"], each["CacheControl"]) for each in bucket.put}
    assert kinds["assets/a-1.js"] == ("text/javascript; charset=utf-8", "public, max-age=31536000, immutable")
    assert kinds["index.html"] == ("text/html; charset=utf-8", "no-cache")
    assert kinds["sw.js"][1] == "no-cache"
    assert ".vite/manifest.json" not in kinds


def test_a_page_with_other_addresses_is_another_page_to_the_service_worker() -> None:
    worker = 'precache([{"revision":"0a1b","url":"index.html"},{"revision":"2c3d","url":"icon.svg"}])'
    first, second = web.naming(worker, "a page"), web.naming(worker, "the page at another address")
    assert len({worker, first, second}) == 3
    assert '{"revision":"2c3d","url":"icon.svg"}' in first
