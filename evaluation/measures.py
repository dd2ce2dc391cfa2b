"""Measures of answers: precision and recall of citations, ROUGE-L, recall at five. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

_UNIT = re.compile("[\u3040-\u30ff\u3400-\u9fff]|[^\\W_]+")


def units(text: str) -> list[str]:
    """Words in lower case, single signs where there are no spaces: what ROUGE-L compares."""
    return [each.casefold() for each in _UNIT.findall(text)]


def rouge_l_recall(summary: str, reference: str) -> float:
    """Which share of the reference, in its order, the summary has (longest common subsequence; Lin 2004)."""
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
    """Over (cited, supporting) of all questions: the share of citations that support, and of support that is cited.

    A question is recalled when one of its supporting messages is cited.
    """
    cited = sum(len(each) for each, _ in found)
    right = sum(len(set(each) & set(support)) for each, support in found)
    answerable = [(each, support) for each, support in found if support]
    recalled = sum(bool(set(each) & set(support)) for each, support in answerable)
    return (right / cited if cited else 1.0), (recalled / len(answerable) if answerable else 1.0)


def recall_at(found: Sequence[tuple[Sequence[str], Collection[str]]], places: int) -> float:
    """For which share of searches one of the wanted messages stands among the first `places`."""
    return sum(bool(set(ranked[:places]) & set(wanted)) for ranked, wanted in found) / len(found)
