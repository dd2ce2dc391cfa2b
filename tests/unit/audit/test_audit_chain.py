from __future__ import annotations

import copy
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from audit import chain
from audit.model import GENESIS_HASH, Act, Head
from infra import verify_audit


def acts(count: int) -> list[Act]:
    return [Act(f"act_{n}", 1_000 * n, "usr_a", "user.banned", "usr_b", None, {"until": None}) for n in range(count)]


def shown(count: int = 5) -> list[dict[str, Any]]:
    return [{**entry.content, "hash": entry.hash} for entry in chain.linked(Head(), acts(count))]


def proof_of(entries: list[dict[str, Any]]) -> dict[str, Any]:
    return {"first": 1, "last": entries[-1]["n"], "previous_hash": GENESIS_HASH, "head_hash": entries[-1]["hash"]}


def test_the_hash_is_of_the_one_before_a_newline_and_the_canonical_json() -> None:
    content = {"n": 1, "details": {"ü": 1, "a": [True, None]}, "at": "2026-11-28T00:00:00.000Z"}
    canonical = '{"at":"2026-11-28T00:00:00.000Z","details":{"a":[true,null],"ü":1},"n":1}'
    expected = hashlib.sha256(f"{GENESIS_HASH}\n{canonical}".encode()).hexdigest()
    assert chain.hash_of(GENESIS_HASH, content) == expected


def test_each_entry_holds_the_hash_of_the_one_before() -> None:
    first, second, third = chain.linked(Head(), acts(3))
    assert [each.n for each in (first, second, third)] == [1, 2, 3]
    assert [first.previous, second.previous, third.previous] == [GENESIS_HASH, first.hash, second.hash]


def test_a_chain_as_it_was_is_verified_from_its_beginning_or_a_later_entry() -> None:
    entries = shown()
    verify_audit.check(entries, proof_of(entries))
    later = {**proof_of(entries), "first": 3, "previous_hash": entries[1]["hash"]}
    verify_audit.check(entries[2:], later)


@pytest.mark.parametrize("field", ["n", "at", "actor", "action", "target", "ip", "details", "hash"])
def test_any_changed_field_is_found(field: str) -> None:
    entries = copy.deepcopy(shown())
    proof = proof_of(entries)
    entries[2][field] = 7
    with pytest.raises(ValueError, match="entry 3"):
        verify_audit.check(entries, proof)


def test_a_missing_added_or_cut_off_entry_is_found() -> None:
    entries = shown()
    for broken in (entries[:2] + entries[3:], [*entries[:2], entries[1], *entries[2:]], entries[1:], entries[:-1], []):
        with pytest.raises(ValueError, match="entry"):
            verify_audit.check(broken, proof_of(entries))


def test_a_chain_that_was_written_anew_is_not_the_one_that_was_proved() -> None:
    proof = proof_of(shown())
    anew = [Act("act_x", 0, "usr_evil", "user.banned", None, None), *acts(5)[1:]]
    forged = [{**entry.content, "hash": entry.hash} for entry in chain.linked(Head(), anew)]
    with pytest.raises(ValueError, match="proved"):
        verify_audit.check(forged, proof)


@pytest.mark.parametrize("form", ["list", "answer", "lines"])
def test_the_program_reads_exports_in_any_order_and_form(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], form: str
) -> None:
    entries = shown()
    export, proof = tmp_path / "export", tmp_path / "proof.json"
    newest_first = entries[::-1]
    texts = {
        "list": json.dumps(newest_first),
        "answer": json.dumps({"items": newest_first, "next_cursor": None}),
        "lines": "\n".join(json.dumps(each) for each in newest_first),
    }
    export.write_text(texts[form])
    proof.write_text(json.dumps(proof_of(entries)))

    assert verify_audit.main([str(export), str(proof)]) == 0
    export.write_text(texts[form].replace("usr_b", "usr_c", 1))
    assert verify_audit.main([str(export), str(proof)]) == 1
    assert "entry 5" in capsys.readouterr().out


@pytest.mark.parametrize("content", [None, "no JSON", "7", '{"other": 1}'])
def test_what_is_no_export_is_refused_with_the_use(
    content: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    export, proof = tmp_path / "export", tmp_path / "proof"
    proof.write_text(json.dumps(proof_of(shown())))
    if content is not None:
        export.write_text(content)
    assert verify_audit.main([str(export), str(proof)]) == 2
    assert "EXPORT holds entries" in capsys.readouterr().out
