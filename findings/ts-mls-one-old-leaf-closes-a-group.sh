#!/usr/bin/env bash
# ts-mls 1.6.4, RFC 9420: one member who has been silent for longer than its key package lived closes a group to newcomers.
#
# A good guess: the lifetime of a key package ends with its use. Once its owner is a member, the group goes on, and who
# joins next has their own lifetime checked (`validateLifetimeOnReceive: true`), as whoever brings them in does.
# What happens: a leaf keeps the lifetime of the package it came from until its owner commits or updates. A newcomer
# checks all leaves of the tree that the Welcome brings, and refuses to join: "Current time not within Lifetime". All
# members were well a moment ago, the adder commits without a word, and the others move on to an epoch in which the
# newcomer's place is taken and never filled. As soon as the silent member has made a commit of its own, joining works.
# For users: with packages of a month, whoever reads for a month and changes no group stops every group they are in
# from taking newcomers. Either devices update their leaf before its package would have ended, or the lifetime is
# checked by whoever adds, and left alone in trees.
# Source: https://www.rfc-editor.org/rfc/rfc9420#section-7.3 (for a leaf "in a message being received", among them "a
# ratchet tree of the group the client is joining", it is RECOMMENDED to verify the lifetime); ts-mls,
# validateRatchetTree in clientState.ts.
set -euo pipefail
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
cd "$here"
npm install --silent --no-fund --no-audit --prefix "$here" ts-mls@1.6.4 @noble/curves@2.0.1 >/dev/null
node --input-type=module - <<'EOF'
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import * as mls from "ts-mls";

const text = new TextEncoder();
const suite = await mls.getCiphersuiteImpl(mls.getCiphersuiteFromName("MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519"));
const config = {
  keyRetentionConfig: mls.defaultKeyRetentionConfig,
  lifetimeConfig: { maximumTotalLifetime: 2628000n, validateLifetimeOnReceive: true },
  keyPackageEqualityConfig: mls.defaultKeyPackageEqualityConfig,
  paddingConfig: mls.defaultPaddingConfig,
  authService: mls.defaultAuthenticationService,
};
const device = (name, seconds) => {
  const now = BigInt(Math.floor(Date.now() / 1000));
  return mls.generateKeyPackage({ credentialType: "basic", identity: text.encode(name) }, mls.defaultCapabilities(),
    { notBefore: now - 60n, notAfter: now + seconds }, [], suite);
};
const add = (keyPackage) => ({ extraProposals: [{ proposalType: "add", add: { keyPackage } }], ratchetTreeExtension: true });
const join = (made, own) => mls.joinGroup(made.welcome, own.publicPackage, own.privatePackage, mls.emptyPskIndex, suite, undefined, undefined, config);
const tried = (work) => work.then(() => "joins", (error) => `is refused: ${error.message}`);

const SILENT_S = 3n; // stands for the month that a package lives
const alice = await device("alice", 86400n);
const bob = await device("bob", SILENT_S);
const group = await mls.createGroup(text.encode("room"), alice.publicPackage, alice.privatePackage, [], suite, config);
const first = await mls.createCommit({ state: group, cipherSuite: suite }, add(bob.publicPackage));
let bobs = await join(first, bob);

await wait(Number(SILENT_S + 2n) * 1000);
const carol = await device("carol", 86400n);
const second = await mls.createCommit({ state: first.newState, cipherSuite: suite }, add(carol.publicPackage));
bobs = (await mls.processMessage(second.commit, bobs, mls.emptyPskIndex, mls.acceptAll, suite)).newState;
const old = await tried(join(second, carol));

const renewed = await mls.createCommit({ state: bobs, cipherSuite: suite });
const alices = (await mls.processMessage(renewed.commit, second.newState, mls.emptyPskIndex, mls.acceptAll, suite)).newState;
const dave = await device("dave", 86400n);
const third = await mls.createCommit({ state: alices, cipherSuite: suite }, add(dave.publicPackage));
const anew = await tried(join(third, dave));

const { version } = JSON.parse(readFileSync("node_modules/ts-mls/package.json", "utf8"));
console.log(`ts-mls ${version}: bob's package lived for ${SILENT_S} s, and he has been silent for ${SILENT_S + 2n}`);
console.log(`the adder and bob go on to epoch ${bobs.groupContext.epoch}; carol ${old}`);
console.log(`bob commits, epoch ${alices.groupContext.epoch}; dave ${anew}`);
assert.match(old, /refused/, "she joins now: this finding is out of date");
assert.equal(anew, "joins");
EOF
