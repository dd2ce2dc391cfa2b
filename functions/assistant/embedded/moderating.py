"""Scores of how harmful a text is, by word lists and rules: between 0 and 1 for each category.

A hint for people, not a verdict: lists recognise neither irony nor quotation. Texts are folded, and evasions undone:
digits for letters, repeated letters, spaced-out words.
"""

# ruff: noqa: E501 - a rule is one row
from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from assistant.model import FLAG_FROM
from kernel.text import fold

CATEGORIES = ("harassment", "hate", "violence", "sexual", "self_harm", "spam")
MAX_CHARS = 10_000

# (weight, pattern over the folded text): the chance that a text with it belongs to the category
_RULES: Mapping[str, tuple[tuple[float, str], ...]] = {
    "harassment": (
        (
            0.7,
            r"\b(?:you(?:'re| are| r)? (?:a |an |such a |so |a total |a complete |a fucking |fucking )?(?:idiot|moron|loser|stupid|dumb|pathetic|worthless|ugly|trash|clown|disgusting|failure|useless|imbecile|scum|pig|bitch|asshole))",
        ),
        (
            0.75,
            r"\b(?:fuck ?(?:you|off)|go to hell|shut (?:the fuck )?up|piss off|screw you|kiss my ass|nobody (?:likes|wants) you|everyone hates you|i hate you)\b",
        ),
        (
            0.55,
            r"\b(?:asshole|bitch|bastard|dickhead|motherfucker|son of a bitch|cunt|douchebag|jackass|idiots?|morons?)\b",
        ),
        (
            0.7,
            r"\bdu (?:bist )?(?:\w+ ){0,3}(?:idiot|depp|trottel|arschloch|versager(?:in)?|dumm\w*|bloed\w*|blod\w*|hasslich\w*|wertlos\w*|nichtsnutz|hurensohn|wichser|penner|abschaum|opfer)\b",
        ),
        (
            0.75,
            r"\b(?:halt(?:'s)? (?:die fresse|dein maul|die klappe)|fick dich|verpiss dich|leck mich|keiner mag dich|niemand mag dich|ich hasse dich|geh sterben)\b",
        ),
        (0.55, r"\b(?:arschloch|hurensohn|wichser|fotze|miststuck|drecksack|vollidiot|schlampe)\b"),
        (
            0.7,
            r"(?:死ね|しね(?:よ|や|$)|くたばれ|消えろ|うざい|きもい|キモい|バカ野郎|ばか野郎|お前は(?:バカ|馬鹿|クズ|ゴミ|最低)|この(?:バカ|馬鹿|クズ|ゴミ)|役立たず|黙れ)",
        ),
    ),
    "hate": (
        (
            0.8,
            r"\b(?:(?:all|those|these|dirty|filthy|fucking) )?(?:jews|muslims|christians|blacks|whites|immigrants|refugees|gays|lesbians|homosexuals|trans people|foreigners|gypsies|asians|arabs|mexicans|women|disabled people) (?:are|r) (?:\w+ )?(?:vermin|animals|subhuman|scum|parasites|filth|inferior|criminals|rats|trash|a disease|cockroaches|disgusting|pigs)\b",
        ),
        (
            0.85,
            r"\b(?:gas the|kill all|death to|deport all|exterminate (?:the|all)|hang all) (?:\w+ )?(?:jews|muslims|christians|blacks|whites|immigrants|refugees|gays|foreigners|gypsies|arabs|women)\b",
        ),
        (
            0.75,
            r"\b(?:faggots?|kikes?|niggers?|spics?|chinks?|trann(?:y|ies)|wetbacks?|sand ?niggers?|towelheads?|white power|heil hitler|sieg heil)\b",
        ),
        (
            0.8,
            r"\b(?:alle |die |diese |dreckige )?(?:juden|muslime|christen|schwarzen|auslander|fluchtlinge|schwulen|lesben|zigeuner|turken|araber|frauen|behinderten) (?:sind|gehoren) (?:\w+ ){0,3}(?:ungeziefer|tiere|untermenschen|abschaum|parasiten|dreck|minderwertig|verbrecher|ratten|mull|vergast|abgeschoben|krank)\b",
        ),
        (0.8, r"\b(?:auslander raus|juden raus|kanaken?|neger|schwuchteln?|judensau|untermensch(?:en)?)\b"),
        (
            0.8,
            r"(?:外国人|朝鮮人|韓国人|中国人|黒人|ユダヤ人|障害者|同性愛者|女)(?:は|ども|ら)?.{0,6}(?:出て行け|出ていけ|死ね|皆殺し|害虫|ゴミ|劣等|消えろ|帰れ)",
        ),
    ),
    "violence": (
        (
            0.8,
            r"\b(?:i(?:'ll| will|'m going to| am going to|'m gonna| gonna|ma)|we(?:'ll| will|'re going to)|someone should) (?:\w+ )?(?:kill|murder|stab|shoot|beat (?:up )?|strangle|hurt|burn|rape|punch|smash|cut|behead|bomb|poison) (?:\w+ )?(?:you|u|him|her|them|your|everyone|everybody|all of)\b",
        ),
        (
            0.7,
            r"\b(?:you(?:'re| are) (?:dead|a dead man)|you will (?:die|pay|regret)|i know where you live|watch your back|bring a gun|blow up the|shoot up the|bomb threat)\b",
        ),
        (
            0.8,
            r"\bich (?:werde |will )?(?:\w+ )?(?:bringe?|schlage?|steche?|erschiesse|erschieße|verprugel[en]?|erwurge|toten?|umbringen|abstechen|erschiessen) ?(?:ich )?(?:dich|euch|ihn|sie)?(?: \w+)? ?(?:um|tot|zusammen|ab|nieder|umbringen|toten|erschiessen|verprugeln|abstechen)\b",
        ),
        (
            0.7,
            r"\b(?:ich weiss,? wo du wohnst|du bist tot|das wirst du bereuen|pass auf,? (?:was|dass) du|bombe (?:legen|zunden)|amoklauf)\b",
        ),
        (
            0.8,
            r"(?:殺す|ぶっ殺|殺して(?:やる|やろう)|刺してやる|殴ってやる|ぶん殴|爆破(?:する|してやる)|撃ち殺|痛い目に[あ遭]わせ|家は知って)",
        ),
    ),
    "sexual": (
        (
            0.7,
            r"\b(?:send (?:me )?(?:nudes|naked|pics of your)|nudes|dick pics?|blow ?job|hand ?job|gang ?bang|porn(?:o|hub)?|horny|suck my|fuck me|want to fuck|cum (?:on|in)|masturbat\w+|cock|pussy|tits|anal sex|hardcore sex)\b",
        ),
        (
            0.7,
            r"\b(?:schick (?:mir )?(?:nacktbilder|nackt\w*)|nacktbilder|nacktfotos|porno\w*|geil auf|ficken|blasen lassen|wichs\w+|schwanz|muschi|titten|sexbilder)\b",
        ),
        (0.7, r"(?:エロ(?:い|画像|動画)?|裸の?(?:写真|画像)|セックス|ポルノ|オナニー|ちんこ|まんこ|おっぱい|ヤらせ)"),
        (0.9, r"\b(?:child porn\w*|cp links?|underage (?:nudes|girls?|boys?)|kinderporn\w*)\b|児童ポルノ"),
    ),
    "self_harm": (
        (
            0.85,
            r"\b(?:(?:want|going|gonna|plan|planning|ready|wish) (?:to )?(?:die|kill myself|end (?:it all|my life)|hurt myself|cut myself)|kill(?:ing)? myself|end my life|suicid(?:e|al)|i (?:don'?t|do not) want to (?:live|be alive|exist)|better off (?:dead|without me)|cut(?:ting)? myself|no reason to live)\b",
        ),
        (0.85, r"\b(?:kill yourself|kys|you should (?:die|kill yourself)|go hang yourself)\b"),
        (
            0.85,
            r"\b(?:(?:ich )?(?:will|mochte|wollte) (?:\w+ )?(?:nicht mehr leben|sterben|tot sein)|bringe? mich um|mich umbringen|selbstmord|suizid\w*|mein leben beenden|ritze mich|mich ritzen|bring dich (?:doch )?um|ohne mich besser dran)\b",
        ),
        (
            0.85,
            r"(?:死にたい|消えてしまいたい|消えたい|自殺|自傷|リストカット|生きていたくない|生きる意味が(?:ない|わからない)|命を絶)",
        ),
    ),
    "spam": (
        (
            0.55,
            r"\b(?:click (?:here|the link|this link)|buy now|limited (?:time )?offer|act now|100 ?% free|risk[- ]free|work from home|earn \$?\d+|make money (?:fast|online)|double your|you(?:'ve| have) won|claim your (?:prize|reward|gift)|free (?:gift|iphone|money|crypto|bitcoin)|guaranteed (?:profit|income|returns)|whatsapp me|telegram me|dm me to|cheap (?:viagra|meds|pills)|investment opportunity)\b",
        ),
        (
            0.55,
            r"\b(?:hier klicken|klick(?:e|t)? (?:hier|auf den link)|jetzt kaufen|nur noch heute|kostenlos sichern|schnell geld verdienen|geld verdienen im internet|du hast gewonnen|sie haben gewonnen|gewinn abholen|garantierter? gewinn|verdiene \d+|sonderangebot|verdopple dein)\b",
        ),
        (
            0.55,
            r"(?:今すぐ(?:クリック|購入|登録)|無料(?:プレゼント|で稼)|副業で|簡単に稼|当選しました|限定(?:オファー|価格)|儲かる|必ず勝てる|クリックして(?:ください)?|月収\d+万)",
        ),
        (0.35, r"(?:https?://\S+.*){2,}"),
        (0.3, r"(?:[$€£¥!！]{3,}|(?:💰|🤑|🎁|🔥){2,})"),
        (0.3, r"\bbit\.ly|tinyurl|t\.me/"),
    ),
}
_LEET = str.maketrans({"0": "o", "1": "i", "3": "e", "4": "a", "5": "s", "7": "t", "@": "a", "$": "s", "!": "i"})
_APART = re.compile(r"\b(?:\w[ .\-_*]){2,}\w\b")
_DRAWN_OUT = re.compile(r"([^\W\d])\1{2,}")
_NEGATED = re.compile(r"\b(?:not|never|don'?t|nicht|nie|kein\w*)\s+(?:\w+\s+)?$")


@lru_cache(maxsize=1)
def _compiled() -> Mapping[str, tuple[tuple[float, re.Pattern[str]], ...]]:
    """The rules, compiled when a text is first judged: many functions import this and few judge."""
    return {
        name: tuple((weight, re.compile(pattern.replace("é", "e"))) for weight, pattern in rules)
        for name, rules in _RULES.items()
    }


def scores(text: str) -> dict[str, float]:
    """The probability that a text belongs to each category, rounded to two digits."""
    plain = fold(text[:MAX_CHARS]).replace("’", "'").replace("ß", "ss")
    spelled = _respelled(plain)
    return {name: _score(rules, plain, spelled) for name, rules in _compiled().items()}


def flagged(found: Mapping[str, float]) -> bool:
    return any(score >= FLAG_FROM for score in found.values())


def _respelled(plain: str) -> str:
    together = _APART.sub(lambda found: re.sub(r"[ .\-_*]", "", found[0]), plain)
    return _DRAWN_OUT.sub(r"\1", together.translate(_LEET))


def _score(rules: tuple[tuple[float, re.Pattern[str]], ...], plain: str, spelled: str) -> float:
    """Independent hits combine as probabilities: 1 - (1 - a)(1 - b)…; each further hit of a rule counts half."""
    innocent = 1.0
    for weight, pattern in rules:
        hits = max(_hits(pattern, plain), _hits(pattern, spelled))
        for n in range(min(3, hits)):
            innocent *= 1 - weight * 0.5**n
    return round(1 - innocent, 2)


def _hits(pattern: re.Pattern[str], text: str) -> int:
    return sum(1 for found in pattern.finditer(text) if not _NEGATED.search(text[: found.start()][-30:]))
