"""Addresses that people give us to call: only HTTPS to public addresses (R40)."""

from __future__ import annotations

import pytest

from kernel import config, outbound
from kernel.config import ConfigurationError
from kernel.outbound import Target, UnsafeUrl

REFUSED = """
http://updates.push.services.mozilla.com/wpush/v2/x
ftp://updates.push.services.mozilla.com/x
file:///etc/passwd
gopher://127.0.0.1:6379/_FLUSHALL
//push.example.com/x
push.example.com/x
https:push.example.com
https://
https:///x
https://localhost/x
https://LOCALHOST/x
https://localhost./x
https://a.localhost/x
https://printer.local/x
https://metadata.google.internal/computeMetadata/v1/
https://instance-data.ec2.internal/latest/
https://intranet/x
https://router.lan/x
https://nas.home.arpa/x
https://1.0.0.127.in-addr.arpa/x
https://127.0.0.1/x
https://127.0.0.1:4566/x
https://127.0.0.1./x
https://127.1/x
https://127.0.1/x
https://2130706433/x
https://0x7f000001/x
https://0x7f.0.0.1/x
https://0177.0.0.1/x
https://017700000001/x
https://127.0.0.0x1/x
https://0/x
https://0.0.0.0/x
https://00.00.00.00/x
https://10.0.0.1/x
https://172.16.0.1/x
https://172.31.255.255/x
https://192.168.1.1/x
https://169.254.169.254/latest/meta-data/
https://169.254.170.2/v2/credentials
https://100.64.0.1/x
https://100.100.100.200/latest/meta-data/
https://192.0.0.192/opc/v2/instance/
https://198.18.0.1/x
https://192.0.2.1/x
https://203.0.113.5/x
https://224.0.0.1/x
https://240.0.0.1/x
https://255.255.255.255/x
https://[::1]/x
https://[::]/x
https://[0:0:0:0:0:0:0:1]/x
https://[::ffff:127.0.0.1]/x
https://[::ffff:7f00:1]/x
https://[::ffff:a9fe:a9fe]/x
https://[::127.0.0.1]/x
https://[64:ff9b::7f00:1]/x
https://[64:ff9b:1::a00:1]/x
https://[2002:7f00:1::]/x
https://[2001:0:7f00:1::]/x
https://[fe80::1]/x
https://[fe80::1%25eth0]/x
https://[fc00::1]/x
https://[fd00:ec2::254]/latest/
https://[ff02::1]/x
https://[2001:db8::1]/x
https://user@push.example.com/x
https://user:pass@push.example.com/x
https://push.example.com@127.0.0.1/x
https://127.0.0.1#@push.example.com/
https://push.example.com#@127.0.0.1/
https://push.example.com\\@127.0.0.1/
https://push.example.com:80/x
https://push.example.com:22/x
https://push.example.com:0/x
https://push.example.com:99999/x
https://push.example.com:443x/x
https://push.example.com /x
https://push.example.com/a b
https://push.example.com\t/x
https://①②⑦.⓪.⓪.①/x
https://ⓛocalhost/x
https://127。0。0。1/x
https://push..example.com/x
https://-push.example.com/x
https://push.example.1/x
https://push.example.0x1/x
"""


@pytest.fixture(autouse=True)
def _settings(settings: pytest.MonkeyPatch) -> None:
    """Every test here has the environment of a function."""


@pytest.mark.attack
@pytest.mark.parametrize("url", [each for each in REFUSED.splitlines() if each] + ["", "https://a.com/" + "x" * 2_048])
def test_what_leads_elsewhere_is_refused(url: str) -> None:
    with pytest.raises(UnsafeUrl):
        outbound.parse(url)


@pytest.mark.parametrize(
    ("url", "origin", "path"),
    [
        (
            "https://updates.push.services.mozilla.com/wpush/v2/gAAA",
            "https://updates.push.services.mozilla.com",
            "/wpush/v2/gAAA",
        ),
        ("https://fcm.googleapis.com/fcm/send/a:b-_c", "https://fcm.googleapis.com", "/fcm/send/a:b-_c"),
        (
            "https://wns2-par02p.notify.windows.com/w/?token=BQY%3d",
            "https://wns2-par02p.notify.windows.com",
            "/w/?token=BQY%3d",
        ),
        ("https://web.push.apple.com:443/Q", "https://web.push.apple.com", "/Q"),
        ("https://8.8.8.8", "https://8.8.8.8", "/"),
        ("https://[2606:4700::1111]/x", "https://[2606:4700::1111]", "/x"),
    ],
)
def test_a_push_service_s_address_passes(url: str, origin: str, path: str) -> None:
    target = outbound.parse(url)
    assert (target.origin, target.path) == (origin, path)


@pytest.mark.attack
def test_a_public_name_that_leads_home_is_not_called() -> None:
    for host in ("127.0.0.1", "::1", "10.1.2.3"):  # as a resolver might answer for it
        with pytest.raises(UnsafeUrl):
            outbound.addresses(Target("https", host, 443, "/"))


def test_loopback_is_for_local_stacks_whose_parameter_says_so(settings: pytest.MonkeyPatch) -> None:
    settings.setenv("LOOPBACK_TARGETS", "on")
    config.config.cache_clear()

    target = outbound.parse("http://127.0.0.1:8099/push/1")

    assert (target.origin, outbound.addresses(target)) == ("http://127.0.0.1:8099", ["127.0.0.1"])
    for url in ("http://127.0.0.2/x", "http://push.example.com/x", "http://[::1]/x", "http://10.0.0.1/x"):
        with pytest.raises(UnsafeUrl):
            outbound.parse(url)


def test_elsewhere_the_parameter_keeps_the_process_from_starting(settings: pytest.MonkeyPatch) -> None:
    settings.setenv("LOOPBACK_TARGETS", "on")
    settings.setenv("ENVIRONMENT", "prod")
    config.config.cache_clear()
    with pytest.raises(ConfigurationError, match="LOOPBACK_TARGETS"):
        config.config()
