#!/usr/bin/env bash
# ts-mls 1.6.4: `maximumTotalLifetime` of its LifetimeConfig is read by nothing; a package of any length is taken.
#
# A good guess: a client whose config says `maximumTotalLifetime: 2628000n` ("1 month", also the default) and
# `validateLifetimeOnReceive: true` refuses a key package that lives for ten years, be it as the one who adds it or as
# a member who receives the commit. Some limit is what RFC 9420 asks of every application.
# What happens: both take it. The option stands in the types and the defaults, and no other line of the package names
# it; `validateLifetimeOnReceive` looks at whether the present moment lies within the lifetime, and at nothing else.
# For users: a package that was stolen, or kept by a server that hands it out again, lets its device be added for as
# long as whoever made it wrote down; the default lifetime of the same library ends in 292 billion years. Who wants a
# limit reads the leaf's lifetime before `createCommit`.
# Source: https://www.rfc-editor.org/rfc/rfc9420#section-7.2 ("Applications MUST define a maximum total lifetime that
# is acceptable for a LeafNode, and reject any LeafNode where the total lifetime is longer than this duration");
# ts-mls, lifetimeConfig.ts and validateLeafNodeKeyPackage in clientState.ts.
set -euo pipefail
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
cd "$here"
npm install --silent --no-fund --no-audit --prefix "$here" ts-mls@1.6.4 @noble/curves@2.0.1 >/dev/null
node --input-type=module - <<'EOF'
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
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
const now = BigInt(Math.floor(Date.now() / 1000));
const day = 86400n;
const device = (name, days) =>
  mls.generateKeyPackage({ credentialType: "basic", identity: text.encode(name) }, mls.defaultCapabilities(),
    { notBefore: now - day, notAfter: now + days * day }, [], suite);
const add = (keyPackage) => ({ extraProposals: [{ proposalType: "add", add: { keyPackage } }], ratchetTreeExtension: true });
const join = (made, own) => mls.joinGroup(made.welcome, own.publicPackage, own.privatePackage, mls.emptyPskIndex, suite, undefined, undefined, config);

const [alice, bob, carol] = [await device("alice", 20n), await device("bob", 20n), await device("carol", 3650n)];
const group = await mls.createGroup(text.encode("room"), alice.publicPackage, alice.privatePackage, [], suite, config);
const first = await mls.createCommit({ state: group, cipherSuite: suite }, add(bob.publicPackage));
const bobs = await join(first, bob);

const second = await mls.createCommit({ state: first.newState, cipherSuite: suite }, add(carol.publicPackage));
const received = await mls.processMessage(second.commit, bobs, mls.emptyPskIndex, mls.acceptAll, suite);
await join(second, carol);

const { version } = JSON.parse(readFileSync("node_modules/ts-mls/package.json", "utf8"));
const folder = "node_modules/ts-mls/dist/src/";
const naming = readdirSync(folder, { recursive: true }).filter((each) => each.endsWith(".js") && readFileSync(folder + each, "utf8").includes("maximumTotalLifetime"));
console.log(`ts-mls ${version}: a limit of 30 days, a package of 3651 days`);
console.log(`the one who adds: taken, epoch ${second.newState.groupContext.epoch}; a member who receives: ${received.actionTaken}, epoch ${received.newState.groupContext.epoch}`);
console.log(`files that name the option: ${naming.join(", ")}`);
assert.equal(received.newState.groupContext.epoch, 2n, "it is refused now: this finding is out of date");
assert.deepEqual(naming, ["lifetimeConfig.js"]);
EOF
