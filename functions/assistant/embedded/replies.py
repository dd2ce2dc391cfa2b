"""Suggested replies by the kind of the last message, in its language."""

# ruff: noqa: E501 - a rule is one row
from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Literal

from assistant.embedded import cues
from assistant.embedded.words import language
from assistant.model import Line

Kind = Literal[
    "when",
    "where",
    "who",
    "much",
    "why",
    "choice",
    "yes_no",
    "request",
    "thanks",
    "sorry",
    "greeting",
    "congratulation",
    "bad_news",
    "statement",
    "first",
]
_I = re.IGNORECASE

_SHAPES: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    (
        "congratulation",
        re.compile(
            r"\b(?:congrat\w*|happy birthday|glückwunsch|alles gute|gratulier\w*|geschafft|we won|i got the job|bestanden|passed)\b|おめでとう|合格|やったー",
            _I,
        ),
    ),
    (
        "bad_news",
        re.compile(
            r"\b(?:i'?m (?:sick|ill)|passed away|bad news|unfortunately|krank|leider|gestorben|verstorben|unfall|accident)\b|残念|体調|亡くな|事故|病気",
            _I,
        ),
    ),
    (
        "sorry",
        re.compile(
            r"\b(?:sorry|apolog\w+|my bad|entschuldig\w*|tut mir leid|verzeih\w*)\b|ごめん|すみません|申し訳", _I
        ),
    ),
)
_AFTER: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    ("thanks", re.compile(r"\b(?:thank\w*|thx|ty|danke|vielen dank)\b|ありがとう|感謝", _I)),
    (
        "greeting",
        re.compile(
            r"^\W*(?:hi|hello|hey|good (?:morning|evening|afternoon)|hallo|guten (?:morgen|tag|abend)|moin|servus)\b|^(?:おはよう|こんにちは|こんばんは)",
            _I,
        ),
    ),
)
_CHOICE = re.compile(r"\b(?:or|oder)\b.*[?？]|それとも|どっち", _I)

_REPLIES: Mapping[str, Mapping[Kind, tuple[str, str, str]]] = {
    "en": {
        "when": ("Let me check my calendar.", "Any time works for me.", "How about tomorrow?"),
        "where": ("Let me look that up.", "The usual place?", "I'm not sure, does anyone know?"),
        "who": ("I can do it.", "I'm not sure who that is.", "Let me ask around."),
        "much": ("Let me check the number.", "I don't know exactly.", "I'll get back to you with a figure."),
        "why": ("Good question, let me find out.", "I'll explain it in a moment.", "I'm not sure either."),
        "choice": ("I prefer the first one.", "I prefer the second one.", "Either is fine with me."),
        "yes_no": ("Yes, that works.", "No, sorry.", "Let me check and get back to you."),
        "request": ("Sure, I'll take care of it.", "I can do it later today.", "Sorry, I can't right now."),
        "thanks": ("You're welcome!", "Any time.", "Happy to help."),
        "sorry": ("No problem at all.", "Don't worry about it.", "Thanks for telling me."),
        "greeting": ("Hi! How are you?", "Good to hear from you.", "Hello, what's up?"),
        "congratulation": ("Congratulations!", "That's wonderful news!", "Well done, let's celebrate."),
        "bad_news": ("I'm sorry to hear that.", "Can I help with anything?", "Thanks for letting us know."),
        "statement": ("Sounds good.", "Thanks for letting me know.", "Can you tell me more?"),
        "first": ("Hello everyone!", "How is it going?", "Shall we get started?"),
    },
    "de": {
        "when": ("Ich schaue in meinen Kalender.", "Mir passt jede Zeit.", "Wie wäre es morgen?"),
        "where": ("Ich schaue nach.", "Am üblichen Ort?", "Ich bin nicht sicher, weiß es jemand?"),
        "who": ("Ich kann das machen.", "Ich weiß nicht, wer das ist.", "Ich frage mal nach."),
        "much": ("Ich prüfe die Zahl.", "Genau weiß ich es nicht.", "Ich melde mich mit einer Zahl."),
        "why": ("Gute Frage, ich finde es heraus.", "Das erkläre ich gleich.", "Ich weiß es auch nicht."),
        "choice": ("Ich bin für das Erste.", "Ich bin für das Zweite.", "Mir ist beides recht."),
        "yes_no": ("Ja, das passt.", "Nein, leider nicht.", "Ich prüfe das und melde mich."),
        "request": (
            "Klar, ich kümmere mich darum.",
            "Das mache ich später heute.",
            "Tut mir leid, gerade geht es nicht.",
        ),
        "thanks": ("Gern geschehen!", "Jederzeit.", "Freut mich, dass es hilft."),
        "sorry": ("Gar kein Problem.", "Mach dir keine Gedanken.", "Danke fürs Bescheidgeben."),
        "greeting": ("Hallo! Wie geht es dir?", "Schön, von dir zu hören.", "Hallo, was gibt es?"),
        "congratulation": ("Herzlichen Glückwunsch!", "Das freut mich sehr!", "Super, das feiern wir."),
        "bad_news": ("Das tut mir leid.", "Kann ich etwas tun?", "Danke, dass du Bescheid gibst."),
        "statement": ("Klingt gut.", "Danke für die Info.", "Kannst du mehr dazu sagen?"),
        "first": ("Hallo zusammen!", "Wie läuft es?", "Wollen wir anfangen?"),
    },
    "ja": {
        "when": ("予定を確認します。", "いつでも大丈夫です。", "明日はどうですか？"),
        "where": ("調べてみます。", "いつもの場所ですか？", "わかりません。どなたかご存じですか？"),
        "who": ("私がやります。", "どなたかわかりません。", "聞いてみます。"),
        "much": ("数字を確認します。", "正確にはわかりません。", "後ほど金額をお知らせします。"),
        "why": ("確認してみます。", "後で説明します。", "私もわかりません。"),
        "choice": ("一つ目がいいです。", "二つ目がいいです。", "どちらでも大丈夫です。"),
        "yes_no": ("はい、大丈夫です。", "すみません、難しいです。", "確認して折り返します。"),
        "request": ("わかりました、やっておきます。", "今日中に対応します。", "すみません、今は難しいです。"),
        "thanks": ("どういたしまして。", "いつでもどうぞ。", "お役に立ててよかったです。"),
        "sorry": ("大丈夫ですよ。", "気にしないでください。", "ご連絡ありがとうございます。"),
        "greeting": ("こんにちは、お元気ですか？", "ご連絡ありがとうございます。", "こんにちは、どうしましたか？"),
        "congratulation": ("おめでとうございます！", "すばらしいですね！", "お祝いしましょう。"),
        "bad_news": ("それは残念です。", "何か手伝えることはありますか？", "お知らせありがとうございます。"),
        "statement": ("いいですね。", "共有ありがとうございます。", "もう少し詳しく教えてください。"),
        "first": ("皆さん、こんにちは！", "調子はどうですか？", "始めましょうか？"),
    },
}


def suggestions(lines: Sequence[Line], *, reader_id: str, fallback_language: str) -> tuple[str, str, str]:
    """Three replies to the last line of somebody else (oldest line first)."""
    others = [line for line in lines if line.sender_id != reader_id and line.text.strip()]
    if not others:
        return _in(fallback_language)["first"]
    last = others[-1].text
    spoken = language(last) if len(last) > 3 else fallback_language
    return _in(spoken)[kind_of(last)]


def _in(spoken: str) -> Mapping[Kind, tuple[str, str, str]]:
    return _REPLIES.get(spoken.partition("-")[0].lower(), _REPLIES["en"])


def kind_of(text: str) -> Kind:
    """The kind of a message, which selects its replies."""
    for kind, shape in _SHAPES:
        if shape.search(text):
            return kind
    if cues.is_question(text):
        asked = cues.asked_kinds(text)
        if asked:
            return asked[0]  # type: ignore[return-value]  # the kinds of questions are among ours
        if _CHOICE.search(text):
            return "choice"
        return "request" if cues.is_task(text) else "yes_no"
    for kind, shape in _AFTER:
        if shape.search(text):
            return kind
    return "request" if cues.is_task(text) else "statement"
