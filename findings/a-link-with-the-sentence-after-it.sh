#!/usr/bin/env bash
# marked 18.2.1, remark-gfm 4.0.1, linkifyjs 4.4.0 (npm): a link in Chinese or Japanese goes on with the sentence.
#
# A good guess: "see https://example.com/docs." is a link without the full stop, as each of these libraries has it, and
# so are "。", "，" and a closing bracket; a plain URL has no other letters than ASCII anyway (RFC 3986).
# What happens: a link ends at the next blank, and only ASCII's marks are taken off its end. Chinese, Japanese and Thai
# have no blanks between words: the rest of the sentence is in the link. Behind a bare host name it is part of the name,
# for "。" is a dot there (UTS #46): of "https://example.com。次へ" a browser makes the host "example.com.xn--49j297o".
# Arabic's comma and Hindi's full stop are taken along as well. markdown-it 15.0.3 and autolinker 4.1.5 end the link at
# such marks; linkify-it 6.1.0, of which markdown-it makes its links, finds none at all by itself where a letter stands
# before "https".
# For users: links that work in English lead to an error page or an unknown host, and nothing says why. GitHub does the
# same, and marked and remark follow it on purpose. End a link at punctuation beyond ASCII (`\p{P}`), or take
# markdown-it or marked-linkify-it.
# Source: https://github.github.com/gfm/#autolinks-extension-; https://github.com/github/cmark-gfm/issues/377 and /83;
# https://github.com/remarkjs/remark-gfm/issues/83 (April 2026, as intended);
# https://github.com/openchamber/openchamber/issues/3039 (August 2026, a chat with marked);
# https://www.unicode.org/reports/tr46/#Notation (label separators).
set -euo pipefail
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
npm install --silent --no-fund --no-audit --prefix "$here" autolinker@4.1.5 linkify-it@6.1.0 linkifyjs@4.4.0 \
    markdown-it@15.0.3 marked@18.2.1 remark@15.0.1 remark-gfm@4.0.1 remark-html@16.0.1 >/dev/null
cat >"$here/links.mjs" <<'EOF'
import assert from "node:assert";
import Autolinker from "autolinker";
import { LinkifyIt } from "linkify-it";
import * as linkifyjs from "linkifyjs";
import markdownIt from "markdown-it";
import { marked } from "marked";
import { remark } from "remark";
import gfm from "remark-gfm";
import html from "remark-html";

const hrefOf = (page) => / href="([^"]*)"/.exec(page)?.[1];
const LIBRARIES = {
  marked: (text) => hrefOf(marked.parse(text)),
  "remark-gfm": (text) => hrefOf(String(remark().use(gfm).use(html).processSync(text))),
  linkifyjs: (text) => linkifyjs.find(text)[0]?.href,
  "markdown-it": (text) => hrefOf(markdownIt({ linkify: true }).render(text)),
  autolinker: (text) => (Autolinker.default ?? Autolinker).parse(text, {})[0]?.getAnchorHref(),
};
const DOCS = "https://example.com/docs", HOST = "https://example.com/";
const TEXTS = [
  ["See https://example.com/docs.", DOCS, DOCS],
  ["請看 https://example.com/docs，謝謝", DOCS, `${DOCS}，謝謝`],
  ["「https://example.com/docs」です", DOCS, `${DOCS}」です`],
  ["https://example.com/docs（旧版）", DOCS, `${DOCS}（旧版）`],
  ["देखें https://example.com/docs।", DOCS, `${DOCS}।`],
  ["見て：https://example.com。次へ", HOST, "https://example.com.xn--49j297o/"],
];
for (const [text, right, wrong] of TEXTS) {
  for (const [name, link] of Object.entries(LIBRARIES)) {
    const { href } = new URL(link(text));
    const asked = new URL(["markdown-it", "autolinker"].includes(name) ? right : wrong).href;
    console.log(`${text}  ${name}: ${decodeURI(href)}`);
    assert.equal(href, asked, "links end elsewhere now: this finding is out of date");
  }
}
const bare = (text) => new LinkifyIt().match(text)?.[0].url;
assert.deepEqual([bare("請看https://example.com/docs"), bare("請看 https://example.com/docs")], [undefined, DOCS]);
EOF
cd "$here"
npm ls --depth 0
node links.mjs
