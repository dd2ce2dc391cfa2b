"""Quality measures of answers: precision and recall of citations, ROUGE-L, recall at a rank. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

_UNIT = re.compile("[\u3040-\u30ff\u3400-\u9fff]|[^\\W_]+")


def units(text: str) -> list[str]:
    """The units that ROUGE-L compares: words in lower case, or single characters in scripts without spaces."""
    return [each.casefold() for each in _UNIT.findall(text)]


def rouge_l_recall(summary: str, reference: str) -> float:
    """The share of the reference that the summary contains in the same order (longest common subsequence; Lin 2004)."""
    ours, theirs = units(summary), units(reference)
    row = [0] * (len(ours) + 1)
    for unit in theirs:
        before = 0
        for n, each in enumerate(ours, 1):
            kept = row[n]
            row[n] = before + 1 if each == unit else max(row[n], row[n - 1])
            before = kept
    return row[-1] / len(theirs) if theirs else 0.0


def precision_and_recall(found: Sequence[tuple[Collection[str], Collection[str]]]) -> tuple[float, float]:
    """Precision and recall over the (cited, supporting) messages of all questions.

    Precision is the share of citations that support an answer. Recall is the share of answerable questions of which at
    least one supporting message is cited.
    """
    cited = sum(len(each) for each, _ in found)
    right = sum(len(set(each) & set(support)) for each, support in found)
    answerable = [(each, support) for each, support in found if support]
    recalled = sum(bool(set(each) & set(support)) for each, support in answerable)
    return (right / cited if cited else 1.0), (recalled / len(answerable) if answerable else 1.0)


def recall_at(found: Sequence[tuple[Sequence[str], Collection[str]]], places: int) -> float:
    """The share of searches with a wanted message among the first `places` results."""
    return sum(bool(set(ranked[:places]) & set(wanted)) for ranked, wanted in found) / len(found)
