"""Patterns that classify lines of a chat: decisions, questions, tasks, times, numbers, filler; in three languages."""

from __future__ import annotations

import re
import unicodedata

_I = re.IGNORECASE

_DECISION = re.compile(
    r"""\b(?:decided|decision|agreed?|approved|confirmed|settled|finali[sz]ed|final(?:\sanswer)?|signed\soff|it'?s\sa\sdeal
    |deal|(?:let'?s|we(?:'ll|\swill|'re\sgoing\sto)?)\s(?:go|going|take|use|do|meet|ship|keep|book|pick|choose|stick|drop|move|postpone)\b
    |going\swith|go\swith|(?:then|so)\s(?:it'?s|it\sis)|it\sis\sthen|booked|cancell?ed|postponed|moved\sto|chose|voted\sfor|green\slight)\b
    |\b(?:beschlossen|beschluss|entschieden|entscheidung|abgemacht|ausgemacht|vereinbart|einverstanden|genehmigt|bestätigt|festgelegt
    |freigegeben|verschoben|abgesagt|gebucht|reserviert|steht\sfest|bleibt\s(?:es\s)?(?:bei|dabei)|einig(?:en|ten)?
    |(?:dann\s)?(?:nehmen|machen|treffen|fahren|buchen|bestellen|gehen|starten|verschieben|bleiben|verwenden|wählen)\swir
    |wir\s(?:nehmen|machen|treffen|fahren|buchen|bestellen|gehen|starten|verschieben|bleiben|verwenden|wählen|wechseln)|machen\swir\sso)\b
    |決定|決まり|決ま(?:った|って)|決めました|決めた|に決|にしましょう|にします|にしよう|ことにしました|ことにします|ことになりました
    |で(?:行|い)きましょう|で進め|確定|承認|合意|予約しました|予約した|変更になりました|延期|中止|採用""",
    _I | re.VERBOSE,
)
_TASK = re.compile(
    r"""\b(?:(?:can|could|would|will)\s(?:you|someone|anyone)|please|need(?:s)?\sto|have\sto|has\sto|must|to-?do|action\sitem
    |i'?ll\s(?:do|send|call|write|bring|take|fix|prepare|book|handle|check|order|ask|draft|update|review|pick|look)
    |i\s(?:can|will)\s(?:do|send|call|write|bring|take|fix|prepare|book|handle|order|ask|draft|pick)|don'?t\sforget|remember\sto|deadline|due\s(?:on|by)
    |by\s(?:monday|tuesday|wednesday|thursday|friday|saturday|sunday|tomorrow|tonight|noon|end\sof))\b
    |\b(?:bitte|kannst\sdu|könntest\sdu|könnt\sihr|kann\sjemand|muss(?:t)?|müssen|aufgabe|ich\s(?:kümmere|übernehme|schicke|bringe|mache|schreibe|rufe|besorge|prüfe|bestelle|buche)
    |nicht\svergessen|denkt\san|denk\san|frist|bis\s(?:montag|dienstag|mittwoch|donnerstag|freitag|samstag|sonntag|morgen|heute|ende|spätestens))\b
    |お願い|してください|て下さい|てください|までに|担当|やります|対応します|送ります|持って(?:行|い|来|き)|忘れ(?:ずに|ないで)|締め?切""",
    _I | re.VERBOSE,
)
_TIME = re.compile(
    r"""\b(?:mon|tues|wednes|thurs|fri|satur|sun)days?\b|\b\d{1,2}\sin\sthe\s(?:morning|afternoon|evening)\b|\b(?:tomorrow|tonight|today|noon|midnight|next\s(?:week|month|year)|this\s(?:week|weekend|evening|afternoon|morning))\b
    |\b(?:january|february|march|april|june|july|august|september|october|november|december|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec)\.?\s\d{1,2}\b
    |\b\d{1,2}(?:st|nd|rd|th)?\s(?:of\s)?(?:january|february|march|april|may|june|july|august|september|october|november|december)\b
    |\b\d{1,2}(?::\d{2})?\s?(?:am|pm|a\.m\.|p\.m\.|o'clock)(?!\w)|\b\d{1,2}:\d{2}\b|\b\d{4}-\d{2}-\d{2}\b|\bat\s(?:half\spast\s)?(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\d{1,2})\b(?!\s?%)
    |\b(?:montag|dienstag|mittwoch|donnerstag|freitag|samstag|sonnabend|sonntag)s?\b|\b(?:morgen(?!s?\b\s*zusammen)|übermorgen|heute|mittags?|mitternacht|wochenende)\b|\bnächste[nrs]?\s(?:woche|monat|jahr)
    |\b\d{1,2}\.\s?(?:\d{1,2}\.|januar|februar|märz|april|mai|juni|juli|august|september|oktober|november|dezember)|\b\d{1,2}(?:[:.]\d{2})?\s?uhr\b|\bum\s(?:halb\s)?(?:\d{1,2}(?!\d|\s?(?:€|euro|%|prozent|kg|km))|eins|zwei|drei|vier|fünf|sechs|sieben|acht|neun|zehn|elf|zwölf)\b
    |[0-9０-９一二三四五六七八九十]{1,3}(?:月|日|時)|徒歩\d+分|[月火水木金土日]曜|明日|明後日|今日|今夜|今週|来週|来月|週末|正午|午前|午後""",
    _I | re.VERBOSE,
)
_NUMBER = re.compile(
    r"""[€$£¥]\s?\d|\d[\d.,]*\s?(?:€|\$|£|¥|%|euros?|dollars?|eur|usd|yen|pounds?|percent|prozent|kg|km|m²|gb|mb|people|persons|seats|tickets|personen|leute|plätze|stück|karten|users|kunden|円|人|名|枚|個|台|件|本|割|回|パーセント|万|千|億)
    |\b\d{3,}\b|\b(?:room|platform|gate|floor|extension|raum|gleis|zimmer|etage|nummer)\s?\w?\d+""",
    _I | re.VERBOSE,
)
_NAME = re.compile(r"@[\w.]+|(?<=[a-zäöüß,] )(?-i:[A-ZÄÖÜ][a-zäöüß]{2,})|さん|くん|ちゃん")
_PLACE = re.compile(
    r"\b(?:at|in|on|near|opposite|behind|room|hall|station|office|street|im|am|in|bei|beim|vor|gegenüber|raum|saal|bahnhof|büro|straße|halle)\b"
    r"|駅|会議室|前|ビル|店|室|館|オフィス|で",
    _I,
)
_BECAUSE = re.compile(r"\b(?:because|due\sto|as\sthe|so\sthat|weil|wegen|denn)\b|ので|から|ため", _I)
_QUESTION = re.compile(r"[?？]\s*[)）\"'»]*\s*$|[?？]|か[。\s]*$|(?:かな|ですかね|でしょうか)[。\s]*$")
_ASKS = re.compile(
    r"^\W*(?:@\w+\W+)?(?:so\W+|and\W+|also\W+|und\W+)?(?:what|when|where|who|why|how|which|is\sit|are\swe|does|did|do\swe|can\swe|shall\swe|should\swe"
    r"|was|wann|wo|wer|warum|wieso|wie|welche[rsn]?|wohin|womit|wen|wem)\b",
    _I,
)
_FILLER = re.compile(
    r"""^(?:\W|\d{0,2}|ok(?:ay|i)?|k|thx|ty|thanks?(?:\s(?:a\slot|so\smuch|everyone|all))?|thank\syou(?:\sso\smuch)?|lol|haha+|hehe+|yes|yeah|yep|yup|no|nope|sure|great|nice|cool|perfect|awesome
    |sounds\sgood|good\s(?:morning|night|evening)(?:\s\w+)?|morning|hi|hey|hello|bye|see\s(?:you|ya)|wow|oh|hmm+|same|me\stoo|got\sit|will\sdo|np|no\sproblem|welcome|you'?re\swelcome|congrats|all|everyone|guys|team|then|there
    |danke(?:\s(?:dir|euch|schön))?|super|prima|toll|klasse|passt|alles\sklar|ja|nein|genau|gut|gerne?|bitte|hallo|moin|morgen\szusammen|guten\s(?:morgen|abend|tag)|tschüss|bis\s(?:dann|später|bald)|ach\sso|stimmt|cool|ich\sauch
    |はい|うん|ええ|いいえ|了解(?:です|しました)?|りょ(?:うかい)?|ありがとう(?:ございます)?|おはよう(?:ございます)?|お疲れ様(?:です)?|こんにちは|こんばんは|いいね|いいですね|わかりました|分かりました|承知(?:しました|です)?|よろしく(?:お願いします)?|すごい|なるほど|笑+|w+)+$""",
    _I | re.VERBOSE,
)

# for each kind of question, the pattern of the question and the pattern of its answer
KINDS: dict[str, tuple[re.Pattern[str], re.Pattern[str]]] = {
    "when": (
        re.compile(
            r"\b(?:when|what\stime|which\sday|what\sday|until\swhen|deadline|what\sdate|wann|welche[rmn]\s(?:tag|uhrzeit)|um\swie\s?viel\suhr|bis\swann|frist)\b|いつ|何時|何日|何曜|締め?切",
            _I,
        ),
        _TIME,
    ),
    "much": (
        re.compile(
            r"\b(?:how\s(?:much|many|big|far|large)|what(?:'s|\sis|\sdoes)\s(?:the\s|it\s|that\s)?(?:price|cost|budget|number)|cost|price|wie\s?(?:viele?|teuer|groß|hoch|weit)|was\skostet|kostet|kosten|preis|budget)\b|いくら|何(?:人|名|枚|個|円|件|本|台|回|割|パーセント)|いくつ|予算|値段|料金",
            _I,
        ),
        re.compile(
            rf"{_NUMBER.pattern}|\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|twelve|hundred|thousand|zwei|drei|vier|fünf|sechs|sieben|acht|neun|zehn|zwölf|hundert|tausend)\b",
            _I | re.VERBOSE,
        ),
    ),
    "long": (
        re.compile(
            r"\b(?:how\s(?:long|often|far|old)|wie\s(?:lange?|oft|weit|alt))\b|どのくらい|どれくらい|何分|何時間|何日間|何回",
            _I,
        ),
        re.compile(
            rf"\d|\b(?:minutes?|hours?|days?|weeks?|months?|years?|every|daily|twice|once|minuten?|stunden?|tage?n?|wochen?|monate?n?|jahre?n?|jede[nrs]?|täglich)\b|{_NUMBER.pattern}",
            _I | re.VERBOSE,
        ),
    ),
    "who": (
        re.compile(r"\b(?:who|whose|whom|wer|wessen|wem|wen)\b|誰|だれ|どなた|担当者?は", _I),
        re.compile(
            rf"{_NAME.pattern}|(?-i:\b[A-Z][a-z]{{2,}})|\b(?:i(?:'ll|'m|\scan|\swill)|ich|me|mir)\b|私|僕|俺", _I
        ),
    ),
    "where": (
        re.compile(
            r"\b(?:where|which\s(?:room|place|platform|gate)|wo|wohin|woher|welche[rmsn]?\s(?:raum|gleis|ort))\b|どこ|どちら|場所|何番|何階",
            _I,
        ),
        _PLACE,
    ),
    "why": (
        re.compile(r"\b(?:why|what'?s\sthe\sreason|warum|wieso|weshalb)\b|なぜ|なんで|どうして|理由", _I),
        _BECAUSE,
    ),
}


def is_decision(text: str) -> bool:
    return not is_question(text) and bool(_DECISION.search(text))


def is_task(text: str) -> bool:
    return bool(_TASK.search(text))


def is_question(text: str) -> bool:
    return bool(_QUESTION.search(text) or _ASKS.search(text))


def has_time(text: str) -> bool:
    return bool(_TIME.search(text))


def has_number(text: str) -> bool:
    return bool(_NUMBER.search(text))


def is_filler(text: str) -> bool:
    """Whether a line has no content: a greeting, a thank-you, a laugh, a lone emoji."""
    letters = [char for char in text if unicodedata.category(char)[0] in "LN"]
    return not letters or (len(text) <= 60 and bool(_FILLER.match(" ".join(re.findall(r"[\w']+", text)))))


def asked_kinds(question: str) -> list[str]:
    """The `KINDS` that a question asks for."""
    return [kind for kind, (asks, _) in KINDS.items() if asks.search(question)]


def answers_kind(kind: str, text: str) -> bool:
    """Whether a text could answer a question of this kind."""
    if kind == "much":
        text = _TIME.sub(" ", text)  # a time is no amount
    return bool(KINDS[kind][1].search(text))


def subject_of(question: str) -> str:
    """A question without its question words."""
    for asks, _ in KINDS.values():
        question = asks.sub(" ", question)
    return question
