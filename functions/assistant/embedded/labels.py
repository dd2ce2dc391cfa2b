"""The embedded provider's own texts by language. Everything else in its answers is quoted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Label = Literal["decision", "answered", "open", "task", "date", "number", "mention", "liked", "note"]

LABELS: Mapping[str, Mapping[Label, str]] = {
    "en": {
        "decision": "Decision",
        "answered": "Question",
        "open": "Open question",
        "task": "To do",
        "date": "Date",
        "number": "Figure",
        "mention": "You were mentioned",
        "liked": "Many reactions",
        "note": "Also",
    },
    "de": {
        "decision": "Entscheidung",
        "answered": "Frage",
        "open": "Offene Frage",
        "task": "Zu tun",
        "date": "Termin",
        "number": "Zahl",
        "mention": "Du wurdest erwähnt",
        "liked": "Viele Reaktionen",
        "note": "Außerdem",
    },
    "ja": {
        "decision": "決定",
        "answered": "質問",
        "open": "未回答の質問",
        "task": "やること",
        "date": "日時",
        "number": "数字",
        "mention": "あなたへのメンション",
        "liked": "反応が多い",
        "note": "その他",
    },
}
NOTHING_NEW = {"en": "Nothing new.", "de": "Nichts Neues.", "ja": "新しいメッセージはありません。"}
ONLY_SMALL_TALK = {
    "en": "Nothing but small talk.",
    "de": "Nur Plauderei.",
    "ja": "雑談のみです。",
}
NO_SUPPORT = {
    "en": "No support found: no message that you may read answers this.",
    "de": "Kein Beleg gefunden: Keine Nachricht, die du lesen darfst, beantwortet das.",
    "ja": "根拠が見つかりません：閲覧できるメッセージの中に答えはありませんでした。",
}


def localized(texts: Mapping[str, str], language: str) -> str:
    """A text in a language, or in English if there is no translation."""
    return texts.get(language.partition("-")[0].lower(), texts["en"])


def labels(language: str) -> Mapping[Label, str]:
    return LABELS.get(language.partition("-")[0].lower(), LABELS["en"])
