"""Content words of texts in several scripts, and language detection."""

from __future__ import annotations

import re
from functools import lru_cache

from kernel.text import fold

STEM_CHARS = 7  # words are compared by their beginnings: "reservation" equals "reservations"
_ENDINGS = ("ings", "ing", "ied", "ed", "es", "en", "er", "em", "est", "st", "s", "e", "t", "n", "y")
_WORD = re.compile(r"[^\W_]+")
_UNSPACED = re.compile("[\u3005\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+")
_KANA = re.compile("[\u3040-\u30ff]")
# in Japanese, content words are written in kanji and katakana; hiragana is mostly endings and particles
_CONTENT = re.compile("[\u3005\u3400-\u9fff\uf900-\ufaff]+|[\u30a0-\u30ff]+")
_COUNTED = re.compile(r"(?<=\d)(?:パーセント|[円人名枚個台件本回割万千億月日時分年歳泊])+")


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_ENGLISH = _set(
    """
    a about above after again all also am an and any are as at be because been before being but by can could did do
    does doing don down for from get go going good got had has have having he her here hers him his how i if in into
    is it its just know let like ll m make may me more most much my need no nor not now of off ok okay on once one
    only or other our out over own please re really s same see she should so some still such sure t take than thank
    thanks that the their them then there these they think this those through to too under until up us ve very want
    was we well were what when where which while who whom why will with would yeah yes you your d isn won aren hey
    hi hello
    """
)
_GERMAN = _set(
    """
    aber alle allem allen aller alles als also am an auch auf aus bei beim bin bis bist bitte da dabei dafur damit
    dann das dass dein deine dem den denn der des dich die dies diese diesem diesen dieser dieses dir doch dort du
    durch ein eine einem einen einer eines er es etwas euch euer fur gerade gern gibt gut hab habe haben hallo hat
    hatte ich ihm ihn ihr ihre im in ins ist ja jetzt kann kannst kein keine konnen mach machen man mehr mein meine
    mich mir mit muss mussen nach nein nicht noch nochmal nur ob oder ohne schon sein sich sie sind so soll sollen
    uber um und uns unser unter vom von vor wann war waren warum was weil welche welcher welches wenn wer werden wie
    wieder will wir wird wo wohl wurde zu zum zur hey danke okay
    """
)
_STOP = _ENGLISH | _GERMAN
_GERMAN_SIGNS = frozenset(fold(word) for word in _GERMAN) - _ENGLISH
_ENGLISH_SIGNS = _ENGLISH - _GERMAN


def terms(text: str) -> frozenset[str]:
    """The stemmed content words of a text; pairs of characters for scripts without spaces."""
    return _terms(text[:2_000])


@lru_cache(maxsize=4_096)
def _terms(text: str) -> frozenset[str]:
    found: set[str] = set()
    folded = _COUNTED.sub(" ", fold(text))
    for run in _CONTENT.findall(folded):
        found.update([run] if len(run) == 1 else (run[n : n + 2] for n in range(len(run) - 1)))
    for word in _WORD.findall(_UNSPACED.sub(" ", folded)):
        if word not in _STOP and (len(word) > 1 or word.isdigit()):
            found.add(_stem(word))
    return frozenset(found)


def _stem(word: str) -> str:
    """A word without one common ending and without a doubled last letter; numbers are not changed."""
    if word.isdigit() or len(word) < 4:
        return word
    ending = next((each for each in _ENDINGS if word.endswith(each) and len(word) - len(each) >= 3), "")
    stem = word[: len(word) - len(ending)]
    return (stem[:-1] if len(stem) > 3 and stem[-1] == stem[-2] else stem)[:STEM_CHARS]


def language(text: str) -> str:
    """The most probable language of a text: `ja`, `de` or `en`."""
    if _KANA.search(text):
        return "ja"
    seen = _WORD.findall(fold(text))
    german = sum(word in _GERMAN_SIGNS for word in seen) + 2 * bool(re.search("[äöüß]", text.casefold()))
    english = sum(word in _ENGLISH_SIGNS for word in seen)
    return "de" if german > english else "en"
