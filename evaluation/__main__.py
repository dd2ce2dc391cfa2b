"""`make evaluate`: the quality of a provider's answers on the chats of this folder, by language.

The provider is chosen as in a deployment (`AI_PROVIDER`, `AI_MODELS` …), by default the embedded one. Other providers
get the messages that retrieval selects, and their answers are checked like those for people.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from assistant import checking, retrieval
from assistant.embedded import meaning
from assistant.embedded.words import terms
from assistant.model import MICRO, Length, Line, ModelUsage
from assistant.providers.choice import provider
from assistant.providers.port import Provider, Task
from evaluation.chats import LANGUAGES, Chat, all_chats
from evaluation.measures import precision_and_recall, recall_at, rouge_l_recall

Rank = Callable[[str, Sequence[Line]], list[str]]
NOBODY = "usr_reader"


@dataclass(slots=True)
class Asking:
    """A provider, and its consumption so far."""

    provider: Provider
    usage: ModelUsage = field(default_factory=ModelUsage)

    def text_of(self, task: Task) -> tuple[str, list[Line]]:
        """The checked text that people would see, and the lines that it cites."""
        outcome = self.provider.run(task)
        self.usage += outcome.usage
        return checking.check(outcome.text, outcome.cited)


def summary_of(asking: Asking, chat: Chat, length: Length) -> str:
    task = Task("summaries", chat.language, NOBODY, lines=chat.lines, length=length, names=_names(chat.lines))
    return asking.text_of(task)[0]


def citations(asking: Asking, chats: Sequence[Chat]) -> list[tuple[list[str], frozenset[str]]]:
    """For each question the cited messages and the ones that support its answer.

    A question is asked over all chats of its language, one without an answer over its own chat.
    """
    pool = [line for chat in chats for line in chat.lines]
    found = []
    for chat in chats:
        for asked in chat.questions:
            lines: Sequence[Line] = chat.lines if not asked.support else pool
            if asking.provider.name != "embedded":
                lines = retrieval.relevant_lines(lines, asked.text)
            task = Task("answers", chat.language, NOBODY, lines=lines, question=asked.text, names=_names(lines))
            found.append(([line.message_id for line in asking.text_of(task)[1]], asked.support))
    return found


def _names(lines: Sequence[Line]) -> dict[str, str]:
    return {line.sender_id: line.sender_id.capitalize() for line in lines}


def by_words(query: str, lines: Sequence[Line]) -> list[str]:
    """The messages that share words with a query, those with most first, and the newest first among equals."""
    wanted = terms(query)
    shared = [(len(wanted & terms(line.text)), n, line.message_id) for n, line in enumerate(lines)]
    return [each for count, _, each in sorted(shared, reverse=True) if count]


def by_meaning() -> Rank:
    kept: dict[str, bytes] = {}

    def rank(query: str, lines: Sequence[Line]) -> list[str]:
        new = [line for line in lines if line.message_id not in kept]
        kept.update(zip((line.message_id for line in new), meaning.of_texts([line.text for line in new]), strict=True))
        found = meaning.similarities(query, [kept[line.message_id] for line in lines])
        return [line.message_id for _, line in sorted(zip(found, lines, strict=True), key=lambda each: -each[0])]

    return rank


def searched(chats: Sequence[Chat], rank: Rank) -> list[tuple[list[str], frozenset[str]]]:
    pool = [line for chat in chats for line in chat.lines]
    return [(rank(asked.text, pool), asked.support) for chat in chats for asked in chat.searches]


def _coverage(asking: Asking, chats: Sequence[Chat], length: Length) -> float:
    covered = [rouge_l_recall(summary_of(asking, chat, length), chat.summary) for chat in chats]
    return sum(covered) / len(covered)


def report(asking: Asking, chats: Sequence[Chat]) -> list[str]:
    """The rows to print: one per language, and one for all."""
    rank = by_meaning() if meaning.is_present() else None
    rows = ["language  chats  citations precision  recall  ROUGE-L short  long  recall@5 words  meaning"]
    for name in (*LANGUAGES, "all"):
        chosen = [chat for chat in chats if name in (chat.language, "all")]
        found = [
            each
            for language in LANGUAGES
            for each in citations(asking, [chat for chat in chosen if chat.language == language])
        ]
        precision, recall = precision_and_recall(found)
        words = recall_at(searched(chosen, by_words), 5)
        short, long = (_coverage(asking, chosen, length) for length in ("short", "long"))
        by_vectors = f"{recall_at(searched(chosen, rank), 5):7.2f}" if rank is not None else "      -"
        rows.append(
            f"{name:8}  {len(chosen):5}  {precision:19.2f}  {recall:6.2f}"
            f"  {short:13.2f}  {long:4.2f}  {words:14.2f}  {by_vectors}"
        )
    return rows


def main() -> None:
    asking = Asking(provider())
    print(f"provider {asking.provider.name}")
    print("\n".join(report(asking, all_chats())))
    print(f"tokens: {asking.usage.tokens}, dollars: {asking.usage.cost_micro_usd / MICRO:.4f}")
    if not meaning.is_present():
        print("the model of meaning is not installed (layers/meaning/requirements.txt)")


if __name__ == "__main__":
    main()
