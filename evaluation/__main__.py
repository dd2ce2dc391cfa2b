"""`make evaluate`: how good the embedded provider's answers are on the chats of this folder, by language."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from assistant.embedded import answering, catchup, meaning
from assistant.embedded.words import terms
from assistant.model import Length, Line
from evaluation.chats import LANGUAGES, Chat, all_chats
from evaluation.measures import precision_and_recall, recall_at, rouge_l_recall

Rank = Callable[[str, Sequence[Line]], list[str]]


def summary_of(chat: Chat, length: Length) -> str:
    found = catchup.extracts(chat.lines, length=length)
    return catchup.written(found, length=length, language=chat.language)[0]


def citations(chats: Sequence[Chat]) -> list[tuple[list[str], frozenset[str]]]:
    """For each question what was cited and what supports its answer; it is asked over all chats of its language, one
    that has no answer over its own chat."""
    pool = [line for chat in chats for line in chat.lines]
    found = []
    for chat in chats:
        for asked in chat.questions:
            lines = answering.answer(asked.text, chat.lines if not asked.support else pool)
            found.append(([line.message_id for line in lines], asked.support))
    return found


def by_words(query: str, lines: Sequence[Line]) -> list[str]:
    """The messages that share words with a query, those with most first, the newest of equals first."""
    wanted = terms(query)
    shared = [(len(wanted & terms(line.text)), n, line.message_id) for n, line in enumerate(lines)]
    return [each for count, _, each in sorted(shared, reverse=True) if count]


def by_meaning() -> Rank:
    kept: dict[str, bytes] = {}

    def rank(query: str, lines: Sequence[Line]) -> list[str]:
        new = [line for line in lines if line.message_id not in kept]
        kept.update(zip((line.message_id for line in new), meaning.of_texts([line.text for line in new]), strict=True))
        found = meaning.likenesses(query, [kept[line.message_id] for line in lines])
        return [line.message_id for _, line in sorted(zip(found, lines, strict=True), key=lambda each: -each[0])]

    return rank


def searched(chats: Sequence[Chat], rank: Rank) -> list[tuple[list[str], frozenset[str]]]:
    pool = [line for chat in chats for line in chat.lines]
    return [(rank(asked.text, pool), asked.support) for chat in chats for asked in chat.searches]


def _coverage(chats: Sequence[Chat], length: Length) -> float:
    covered = [rouge_l_recall(summary_of(chat, length), chat.summary) for chat in chats]
    return sum(covered) / len(covered)


def report() -> list[str]:
    """The rows that are printed: one per language, one for all."""
    chats = all_chats()
    rank = by_meaning() if meaning.is_present() else None
    rows = ["language  chats  citations precision  recall  ROUGE-L short  long  recall@5 words  meaning"]
    for name in (*LANGUAGES, "all"):
        chosen = [chat for chat in chats if name in (chat.language, "all")]
        found = [
            each for language in LANGUAGES for each in citations([chat for chat in chosen if chat.language == language])
        ]
        precision, recall = precision_and_recall(found)
        words = recall_at(searched(chosen, by_words), 5)
        by_vectors = f"{recall_at(searched(chosen, rank), 5):7.2f}" if rank is not None else "      -"
        rows.append(
            f"{name:8}  {len(chosen):5}  {precision:19.2f}  {recall:6.2f}"
            f"  {_coverage(chosen, 'short'):13.2f}  {_coverage(chosen, 'long'):4.2f}  {words:14.2f}  {by_vectors}"
        )
    return rows


def main() -> None:
    print("provider embedded")
    print("\n".join(report()))
    if not meaning.is_present():
        print("the model of meaning is not installed (layers/meaning/requirements.txt)")


if __name__ == "__main__":
    main()
