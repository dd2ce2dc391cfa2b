"""The key log's tree: roots and proofs as RFC 9162 has them, checked by what a client checks them with."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys import merkle
from secureconnect_client.encryption import merkle as client
from secureconnect_client.encryption.merkle import ProofFailed

# The inputs and roots of the tests of certificate-transparency-go (merkletree/tree_test.go).
INPUTS = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def grown(contents: Sequence[bytes]) -> dict[merkle.Node, bytes]:
    """All subtrees of a tree of these entries, made by appending one after the other."""
    hashes: dict[merkle.Node, bytes] = {}
    for size, content in enumerate(contents):
        known = {node: hashes[node] for node in merkle.subtrees(0, size)}
        hashes |= merkle.grow(size, content, known)
    return hashes


def entries(count: int) -> list[bytes]:
    return [b"entry %d" % n for n in range(count)]


def test_the_roots_are_those_of_certificate_transparency() -> None:
    hashes = grown([bytes.fromhex(text) for text in INPUTS])
    assert merkle.root(0, {}) == hashlib.sha256().digest()
    assert [merkle.root(size, hashes).hex() for size in range(1, 9)] == ROOTS


@given(size=st.integers(1, 130), data=st.data())
def test_every_entry_is_proved_to_be_in_the_log_with_no_more_reads_than_said(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    hashes = grown(entries(size))
    needed = merkle.needed_for_inclusion(index, size)
    proof = merkle.inclusion(index, size, {node: hashes[node] for node in needed})
    root = merkle.root(size, hashes)
    client.require_inclusion(merkle.leaf(entries(size)[index]), index=index, size=size, proof=proof, root=root)
    with pytest.raises(ProofFailed):
        client.require_inclusion(merkle.leaf(b"another"), index=index, size=size, proof=proof, root=root)


@given(sizes=st.tuples(st.integers(0, 130), st.integers(0, 130)).map(sorted))
def test_a_later_log_is_proved_to_begin_with_an_earlier_one(sizes: list[int]) -> None:
    earlier, size = sizes
    hashes = grown(entries(size))
    needed = merkle.needed_for_consistency(earlier, size)
    proof = merkle.consistency(earlier, size, {node: hashes[node] for node in needed})
    client.require_consistency(
        earlier=earlier,
        earlier_root=merkle.root(earlier, hashes),
        size=size,
        root=merkle.root(size, hashes),
        proof=proof,
    )


@given(sizes=st.tuples(st.integers(1, 60), st.integers(1, 60)).map(sorted), data=st.data())
def test_a_log_whose_past_was_changed_proves_nothing(sizes: list[int], data: st.DataObject) -> None:
    earlier, size = sizes
    changed = entries(size)
    changed[data.draw(st.integers(0, earlier - 1))] = b"rewritten"
    hashes = grown(changed)
    with pytest.raises(ProofFailed):
        client.require_consistency(
            earlier=earlier,
            earlier_root=merkle.root(earlier, grown(entries(earlier))),
            size=size,
            root=merkle.root(size, hashes),
            proof=merkle.consistency(earlier, size, hashes),
        )


def test_a_log_that_became_shorter_is_noticed() -> None:
    hashes = grown(entries(5))
    with pytest.raises(ProofFailed, match="shorter"):
        client.require_consistency(
            earlier=5, earlier_root=merkle.root(5, hashes), size=4, root=merkle.root(4, hashes), proof=[]
        )


@given(entry=st.dictionaries(st.sampled_from("abcdz_"), st.text('aé€"\\ \n') | st.integers(0, 2**53 - 1)))
def test_both_sides_write_an_entry_alike(entry: dict[str, str | int]) -> None:
    assert merkle.leaf(merkle.canonical(entry)) == client.leaf(entry)


def test_an_entry_is_written_as_rfc_8785_has_it() -> None:
    entry = {"user_id": "usr_1", "n": 1, "at": "2026-11-28T19:00:00.000Z", "name": 'ü "€"'}
    assert merkle.canonical(entry).decode() == (
        '{"at":"2026-11-28T19:00:00.000Z","n":1,"name":"ü \\"€\\"","user_id":"usr_1"}'
    )
