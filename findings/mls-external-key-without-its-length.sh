#!/usr/bin/env bash
# ts-mls 1.6.4: the `external_pub` extension of a GroupInfo holds the bare key, one byte shorter than RFC 9420 says.
#
# A good guess: ts-mls and another library of RFC 9420 that exchange key packages, Welcomes, commits and messages both
# ways can let a device join from outside as well, by a GroupInfo from the server.
# What happens: the data of the extension is a struct with an HPKEPublicKey, which is opaque<V>: for X25519 the length
# 32 and 32 bytes. ts-mls writes the 32 bytes alone and reads them so, so it agrees with itself; who decodes by the RFC
# takes the first byte of a random key for a length. ts-mls does write the lengths of external_senders, and the
# GroupInfo around the extension decodes as it should.
# For users: the device that lost its state, the one case that needs an external commit, cannot come back into the
# group by another library, and no test of usual traffic shows it. Also `npm install ts-mls` alone cannot be imported:
# it needs @noble/hashes, which its package names for its own development only; @noble/curves brings it.
# Source: https://www.rfc-editor.org/rfc/rfc9420#section-12.4.3.2 (ExternalPub), section 5.1.1 (HPKEPublicKey) and
# section 2.1.2 (variable-size vectors); ts-mls, createCommit.ts.
set -euo pipefail
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
cd "$here"
npm install --silent --no-fund --no-audit --prefix "$here" ts-mls@1.6.4 >/dev/null
alone=$(node --input-type=module -e 'await import("ts-mls")' 2>&1 | grep -o "ERR_MODULE_NOT_FOUND" | head -1) || true
npm install --silent --no-fund --no-audit --prefix "$here" ts-mls@1.6.4 @noble/curves@2.0.1 >/dev/null
ALONE=$alone node --input-type=module - <<'EOF'
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import * as mls from "ts-mls";

const text = new TextEncoder();
const suite = await mls.getCiphersuiteImpl(mls.getCiphersuiteFromName("MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519"));
const credential = { credentialType: "basic", identity: text.encode("alice") };
const key = await mls.generateKeyPackage(credential, mls.defaultCapabilities(), mls.defaultLifetime, [], suite);
const sender = { credential, signaturePublicKey: key.publicPackage.leafNode.signaturePublicKey };
const senders = { extensionType: "external_senders", extensionData: mls.encodeExternalSender(sender) };
const group = await mls.createGroup(text.encode("room"), key.publicPackage, key.privatePackage, [], suite);
const info = await mls.createGroupInfoWithExternalPub(group, [], suite);

const { extensionData } = info.extensions.find((each) => each.extensionType === "external_pub");
const { version } = JSON.parse(readFileSync("node_modules/ts-mls/package.json", "utf8"));
console.log(`ts-mls ${version} external_pub ${extensionData.length} bytes, by the RFC 33 (20 and the key)`);
console.log(`external_senders begins with the length ${senders.extensionData[0]} of its key; alone: ${process.env.ALONE}`);
assert.equal(extensionData.length, 32, "it has its length now: this finding is out of date");
assert.equal(senders.extensionData[0], 32);
assert.equal(process.env.ALONE, "ERR_MODULE_NOT_FOUND");
EOF
