"""No answer leads anywhere."""

from __future__ import annotations

import pytest

from assistant import sanitizer

LINKS = [
    "https://evil.example/x?q=1",
    "HTTP://EVIL.EXAMPLE",
    "ｈｔｔｐｓ：／／evil.example/a",
    "h\u200bttps://evil.example",
    "&#104;ttps://evil.example/x",
    "&amp;#104;ttps://evil.example/x",
    "www.evil.example",
    "evil.com/login",
    "EVIL.com",
    "evil。com",
    "a.b.evil.co.uk/path",
    "192.168.0.1:8080/admin",
    "10.1.2.3",
    "//evil.example/x.png",
    "mailto:a@evil.example",
    "someone@evil.example",
    "data:text/html;base64,PHNjcmlwdD4=",
    "javascript:alert(1)",
    "ftp://evil.example/f",
    "tel:+4912345",
    "magnet:?xt=urn:btih:abc",
    "xn--e1afmkfd.xn--p1ai",
    "例え.jp/道",
]
SHAPES = ["{}", "see {} now", "[here]({})", "![picture]({})", "<a href='{}'>here</a>", "<{}>", "<img src={}>",
          "[x]: {}", "[![a]({})]({})", "({})", "“{}”", "see:{}"]  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("link", LINKS)
def test_nothing_that_looks_like_a_link_is_left(link: str, shape: str) -> None:
    cleaned = sanitizer.clean(shape.format(link, link))
    assert not sanitizer.has_link(cleaned)
    for part in ("evil", "://", "](", "<a", "<img", "192.168", "javascript:", "base64"):
        assert part not in cleaned.casefold()


@pytest.mark.parametrize(
    "text",
    [
        "Decision: we meet at 3.15pm in room B.12 [1][2]",
        "z.B. um 10.30 Uhr, d.h. und/oder später [3]",
        "Version 1.2 of report.pdf costs 3.50/kg, 5 < 6",
        "会議は火曜日の午後2時です [1]",
        "Really?! (yes) — node.js is fine. Done",
    ],
)
def test_plain_text_stays_as_it_is(text: str) -> None:
    assert sanitizer.clean(text) == text
    assert not sanitizer.has_link(text)


def test_the_words_of_a_link_stay_and_what_it_leads_to_goes() -> None:
    assert sanitizer.clean("Read [the plan](https://evil.example/p) first") == "Read the plan first"


def test_links_hidden_in_links_are_found_too() -> None:
    assert "evil" not in sanitizer.clean(
        "[[[[[a](http://evil.com)](http://evil.com)](http://evil.com)](http://evil.com)]"
    )
    assert "evil" not in sanitizer.clean("ht<b>tps://evil.com/x")
    assert "://" not in sanitizer.clean("hthttps://a.comtps://evil.com" * 50)
