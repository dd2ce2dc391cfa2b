#!/usr/bin/env bash
# tantivy 0.27.0 (PyPI): a word of 40 bytes is not in the index: a commit's id, a clause in Japanese, a German compound.
#
# A good guess: what is stored in a field of text is found by its own words, at the latest by the very words in quotes.
# The default drops what is longer than 40 characters, says the documentation, so blobs in base64 and the like.
# What happens: 40 are too many already, and it is bytes of UTF-8 that are counted. The id of a commit (SHA-1, 40 hex
# digits) is searched for in vain, its first 39 are found. A script without spaces is one word up to its next comma: of
# Japanese and Chinese, at three bytes a character, 13 characters fit in, so a clause of 14 is nowhere, while a shorter
# one, as a test has it, is found. Greek and Cyrillic have 19 letters, German compounds run against it as well. The
# query loses the word in the same way and answers nothing, without an error.
# For users: messages in Japanese are found or not by where their commas are, and a pasted commit, checksum or key is
# found by nobody. Register an analyzer without `Filter.remove_long`, and one by Tokenizer.ngram or a segmenter for
# scripts without spaces.
# Source: https://docs.rs/tantivy/latest/tantivy/tokenizer/ ("removes tokens that are longer than 40 chars");
# https://docs.rs/tantivy/latest/tantivy/tokenizer/struct.RemoveLongFilter.html ("bytes (in UTF-8 representation)");
# https://github.com/quickwit-oss/quickwit/discussions/1388.
set -euo pipefail
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
python3 -m venv "$here/venv"
"$here/venv/bin/pip" install -q --disable-pip-version-check tantivy==0.27.0
"$here/venv/bin/python" - <<'EOF'
from importlib.metadata import version

import tantivy

COMMIT = "70f526b48b0c8a94d1d2a6f1f0f5e4c3b2a19087"
TEXTS = {
    "a commit": COMMIT,
    "39 digits of it": COMMIT[:-1],
    "Japanese, 14": "会議は水曜日に延期されました",
    "Japanese, 13": "会議は水曜日に延期されまし",
    "Chinese, 14": "会议改到星期三下午两点半开始",
    "Greek, 20": "ηλεκτροεγκεφαλογράφο",
    "Russian, 20": "достопримечательност",
    "German, 42": "Donaudampfschifffahrtsgesellschaftskapitän",
    "English, 20": "internationalization",
}


def found(tokenizer):
    """How often each text is found in an index of all of them, by itself in quotes."""
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("body", stored=True, tokenizer_name=tokenizer)
    index = tantivy.Index(builder.build())
    whole = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple()).filter(tantivy.Filter.lowercase()).build()
    index.register_tokenizer("whole", whole)
    writer = index.writer(15_000_000, 1)
    for text in TEXTS.values():
        writer.add_document(tantivy.Document(body=text))
    writer.commit()
    index.reload()
    searcher = index.searcher()
    return {name: searcher.search(index.parse_query(f'"{text}"', ["body"])).count for name, text in TEXTS.items()}


print("tantivy", version("tantivy"))
default, whole = found("default"), found("whole")
for name, text in TEXTS.items():
    size = len(text.encode())
    print(f"{name:16} {len(text)} characters, {size} bytes: found {default[name]}, without the filter {whole[name]}")
    assert default[name] == (size < 40), "another limit: this finding is out of date"
    assert whole[name] == 1
EOF
