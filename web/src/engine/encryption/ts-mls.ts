/**
 * Implements the MLS port with ts-mls 1.6.4. Its modules are imported one by one: the package's index bundles the code
 * of all suites and cannot be loaded without packages that it declares optional.
 *
 * Stricter than the library's defaults: which credentials are accepted, the longest lifetime of key packages and its
 * check on receiving, and the number of skipped keys that are kept. Welcomes include the ratchet tree, as mls-rs
 * expects; capabilities name only the one suite, without random GREASE values. External commits are refused, since the
 * two libraries disagree on their encoding.
 */
import { createCommit } from "ts-mls/createCommit.js";
import { createApplicationMessage } from "ts-mls/createMessage.js";
import type { ClientConfig } from "ts-mls/clientConfig.js";
import { type ClientState, createGroup, decodeGroupState, encodeGroupState, joinGroup } from "ts-mls/clientState.js";
import { type Credential, encodeCredential } from "ts-mls/credential.js";
import type { CiphersuiteImpl } from "ts-mls/crypto/ciphersuite.js";
import { defaultKeyPackageEqualityConfig } from "ts-mls/keyPackageEqualityConfig.js";
import { type KeyPackage, type PrivateKeyPackage, decodeKeyPackage, encodeKeyPackage, generateKeyPackageWithKey, makeKeyPackageRef } from "ts-mls/keyPackage.js";
import { mlsExporter } from "ts-mls/keySchedule.js";
import type { LeafNode } from "ts-mls/leafNode.js";
import type { Lifetime } from "ts-mls/lifetime.js";
import { type MLSMessage, decodeMlsMessage, encodeMlsMessage } from "ts-mls/message.js";
import { decryptSenderData, type PrivateMessage } from "ts-mls/privateMessage.js";
import { processMessage } from "ts-mls/processMessages.js";
import type { Proposal } from "ts-mls/proposal.js";
import { emptyPskIndex } from "ts-mls/pskIndex.js";
import type { RatchetTree } from "ts-mls/ratchetTree.js";
import { type Bytes, bytesOf, hex, owned, textOf } from "./bytes";
import { CannotDecrypt } from "./errors";
import type { Group, Identity, IndexedLeaf, Leaf, MadeCommit, MadePackage, Mls, Received } from "./mls";
import { sameLeaf } from "./mls";
import { suite1 } from "./suite";

/** A key package's lifetime; it begins in the past, since others refuse a package that begins after their own clock. */
const LIFETIME_S = 28 * 86_400;
const BEGINS_BEFORE_S = 3_600;
/** The longest accepted lifetime of others' packages, which is also the server's limit. */
const LONGEST_LIFETIME_S = 400 * 86_400;
const KEY_BYTES = 32;
const CAPABILITIES = {
  versions: ["mls10" as const],
  ciphersuites: ["MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519" as const],
  extensions: [],
  proposals: [],
  credentials: ["basic" as const],
};
const CONFIG: ClientConfig = {
  // The server accepts messages of the present and the previous epoch.
  keyRetentionConfig: { retainKeysForEpochs: 3, retainKeysForGenerations: 16, maximumForwardRatchetSteps: 256 },
  // A leaf keeps its package's lifetime while it is in the tree, and logs may be read long after, so an expired
  // lifetime is no error on receiving. The device that adds a leaf checks that it is valid at that time
  // (`leafOfPackage`). Everybody checks the length of lifetimes (`livesTooLong`), since ts-mls 1.6.4 ignores
  // `maximumTotalLifetime`.
  lifetimeConfig: { maximumTotalLifetime: BigInt(LONGEST_LIFETIME_S), validateLifetimeOnReceive: false },
  keyPackageEqualityConfig: defaultKeyPackageEqualityConfig,
  paddingConfig: { kind: "alwaysPad", paddingLength: 0 }, // messages are padded by the sender (`asData`)
  authService: {
    validateCredential: async (credential, signatureKey) => leafOf(credential, signatureKey) !== null,
  },
};

/**
 * The device that a credential names (`user_id/device_id`), null for other kinds; the key log tells whether it is true.
 */
function leafOf(credential: Credential, signatureKey: Uint8Array): Leaf | null {
  if (credential.credentialType !== "basic" || signatureKey.length !== KEY_BYTES) return null;
  const [userId, deviceId, ...more] = nameIn(credential.identity).split("/");
  return userId && deviceId && more.length === 0 ? { userId, deviceId, signatureKey: owned(signatureKey) } : null;
}

const credentialOf = ({ userId, deviceId }: Identity): Credential => ({ credentialType: "basic", identity: bytesOf(`${userId}/${deviceId}`) });

function nameIn(identity: Uint8Array): string {
  try {
    return textOf(identity);
  } catch {
    return ""; // invalid UTF-8 names nobody
  }
}

function leafOfNode(node: LeafNode): Leaf {
  const leaf = leafOf(node.credential, node.signaturePublicKey);
  if (!leaf) throw new CannotDecrypt("a leaf does not say whose device it is");
  return leaf;
}

function decoded(message: Bytes): MLSMessage {
  const found = decodeMlsMessage(message, 0);
  if (!found || found[1] !== message.length) throw new CannotDecrypt("this is no MLS message");
  return found[0];
}

const encoded = (message: MLSMessage): Bytes => owned(encodeMlsMessage(message));

/** Turns any error of ts-mls and WebCrypto about foreign bytes into CannotDecrypt. */
async function orCannotDecrypt<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof CannotDecrypt) throw error;
    throw new CannotDecrypt(error instanceof Error ? error.message : String(error));
  }
}

function leavesOf(tree: RatchetTree): IndexedLeaf[] {
  return tree.flatMap((node, n) => (node?.nodeType === "leaf" ? [{ index: n / 2, leaf: leafOfNode(node.leaf) }] : []));
}

class TsMlsGroup implements Group {
  readonly #suite: CiphersuiteImpl;
  readonly #state: ClientState;
  #leaves: IndexedLeaf[] | null = null;

  constructor(suite: CiphersuiteImpl, state: ClientState) {
    this.#suite = suite;
    this.#state = state;
  }

  get id(): string {
    return textOf(this.#state.groupContext.groupId);
  }

  get epoch(): number {
    return Number(this.#state.groupContext.epoch);
  }

  get leaves(): readonly Leaf[] {
    return this.indexed.map(({ leaf }) => leaf);
  }

  get indexed(): readonly IndexedLeaf[] {
    return (this.#leaves ??= leavesOf(this.#state.ratchetTree));
  }

  get bytes(): Bytes {
    return owned(encodeGroupState(this.#state));
  }

  add(packages: readonly Bytes[]): Promise<MadeCommit> {
    return this.#commit(packages.map((each) => ({ proposalType: "add", add: { keyPackage: packageOf(each) } })));
  }

  remove(leaves: readonly Leaf[]): Promise<MadeCommit> {
    const found = this.indexed.filter(({ leaf }) => leaves.some((each) => sameLeaf(each, leaf)));
    return this.#commit(found.map(({ index }) => ({ proposalType: "remove", remove: { removed: index } })));
  }

  update(): Promise<MadeCommit> {
    return this.#commit([]);
  }

  async encrypt(data: Bytes): Promise<{ group: Group; message: Bytes }> {
    const { newState, privateMessage } = await createApplicationMessage(this.#state, data, this.#suite);
    const message = encoded({ version: "mls10", wireformat: "mls_private_message", privateMessage });
    return { group: this.#next(newState), message };
  }

  async exportSecret(label: string, length: number): Promise<Bytes> {
    return owned(await mlsExporter(this.#state.keySchedule.exporterSecret, label, new Uint8Array(), length, this.#suite));
  }

  async receive(bytes: Bytes): Promise<Received> {
    const message = decoded(bytes);
    if (message.wireformat !== "mls_private_message" && message.wireformat !== "mls_public_message") {
      throw new CannotDecrypt("this is no message to a group");
    }
    return orCannotDecrypt(async () => {
      let committer: number | undefined;
      const result = await processMessage(
        message,
        this.#state,
        emptyPskIndex,
        (incoming) => {
          if (incoming.kind === "proposal") return "accept";
          committer = incoming.senderLeafIndex;
          return committer === undefined || incoming.proposals.some(({ proposal }) => livesTooLong(proposal)) ? "reject" : "accept";
        },
        this.#suite,
      );
      const group = this.#next(result.newState);
      if (result.kind === "applicationMessage") {
        const sender = await this.#senderOf((message as { privateMessage: PrivateMessage }).privateMessage);
        return { group, sender, data: owned(result.message), removed: false };
      }
      if (result.actionTaken === "reject") throw new CannotDecrypt("a commit comes from outside of the group, or brings a package that lives for too long");
      const removed = result.newState.groupActiveState.kind === "removedFromGroup";
      const sender = this.indexed.find(({ index }) => index === committer)?.leaf ?? null;
      return { group, sender, data: null, removed };
    });
  }

  /** The signer of a decrypted message: ts-mls has verified its signature against this leaf, but does not return it. */
  async #senderOf(message: PrivateMessage): Promise<Leaf | null> {
    const { groupContext, keySchedule, ratchetTree, historicalReceiverData } = this.#state;
    const past = message.epoch === groupContext.epoch ? undefined : historicalReceiverData.get(message.epoch);
    const data = await decryptSenderData(message, past?.senderDataSecret ?? keySchedule.senderDataSecret, this.#suite);
    return leavesOf(past?.ratchetTree ?? ratchetTree).find(({ index }) => index === data?.leafIndex)?.leaf ?? null;
  }

  async #commit(extraProposals: Proposal[]): Promise<MadeCommit> {
    const made = await createCommit({ state: this.#state, cipherSuite: this.#suite }, { extraProposals, ratchetTreeExtension: true });
    return {
      message: encoded(made.commit),
      welcome: made.welcome ? encoded({ version: "mls10", wireformat: "mls_welcome", welcome: made.welcome }) : null,
      next: this.#next(made.newState),
    };
  }

  #next(state: ClientState): TsMlsGroup {
    return new TsMlsGroup(this.#suite, state);
  }
}

const isTooLong = ({ notBefore, notAfter }: Lifetime): boolean => notAfter - notBefore > BigInt(LONGEST_LIFETIME_S);

const livesTooLong = (proposal: Proposal): boolean =>
  proposal.proposalType === "add" && "add" in proposal && isTooLong(proposal.add.keyPackage.leafNode.lifetime);

function packageOf(bytes: Bytes): KeyPackage {
  const message = decoded(bytes);
  if (message.wireformat !== "mls_key_package") throw new CannotDecrypt("this is no key package");
  return message.keyPackage;
}

/** The format of `MadePackage.secret`: two private keys of `KEY_BYTES` each, and the package. */
function packed(keyPackage: KeyPackage, { initPrivateKey, hpkePrivateKey }: PrivateKeyPackage): Bytes {
  return new Uint8Array([...initPrivateKey, ...hpkePrivateKey, ...encodeKeyPackage(keyPackage)]);
}

function unpacked(secret: Bytes, signaturePrivateKey: Bytes): [KeyPackage, PrivateKeyPackage] {
  const found = decodeKeyPackage(secret, 2 * KEY_BYTES);
  if (!found) throw new CannotDecrypt("a key package was not kept whole");
  return [
    found[0],
    { initPrivateKey: secret.slice(0, KEY_BYTES), hpkePrivateKey: secret.slice(KEY_BYTES, 2 * KEY_BYTES), signaturePrivateKey },
  ];
}

export class TsMls implements Mls {
  readonly #suite: CiphersuiteImpl;
  readonly #nowMs: () => number;

  private constructor(suite: CiphersuiteImpl, nowMs: () => number) {
    this.#suite = suite;
    this.#nowMs = nowMs;
  }

  static async open(nowMs: () => number): Promise<TsMls> {
    return new TsMls(await suite1(), nowMs);
  }

  async newIdentity(userId: string, deviceId: string): Promise<Identity> {
    const { publicKey, signKey } = await this.#suite.signature.keygen();
    return { userId, deviceId, signatureKey: owned(publicKey), secretKey: owned(signKey) };
  }

  credential(identity: Identity): Bytes {
    return owned(encodeCredential(credentialOf(identity)));
  }

  async newPackage(identity: Identity): Promise<MadePackage> {
    const { publicPackage, privatePackage } = await this.#package(identity);
    return {
      message: encoded({ version: "mls10", wireformat: "mls_key_package", keyPackage: publicPackage }),
      secret: packed(publicPackage, privatePackage),
      reference: hex(await makeKeyPackageRef(publicPackage, this.#suite.hash)),
    };
  }

  leafOfPackage(message: Bytes): Leaf {
    const { cipherSuite, leafNode } = packageOf(message);
    const now = BigInt(Math.floor(this.#nowMs() / 1000));
    const { notBefore, notAfter } = leafNode.lifetime;
    if (cipherSuite !== this.#suite.name) throw new CannotDecrypt("a key package is of another cipher suite");
    if (notBefore > now || notAfter < now || isTooLong(leafNode.lifetime)) {
      throw new CannotDecrypt("a key package is not valid now, or lives for too long");
    }
    return leafOfNode(leafNode);
  }

  async create(groupId: string, identity: Identity): Promise<Group> {
    const { publicPackage, privatePackage } = await this.#package(identity);
    return new TsMlsGroup(this.#suite, await createGroup(bytesOf(groupId), publicPackage, privatePackage, [], this.#suite, CONFIG));
  }

  packagesOf(welcome: Bytes): readonly string[] {
    const message = decoded(welcome);
    if (message.wireformat !== "mls_welcome") throw new CannotDecrypt("this is no Welcome");
    return message.welcome.secrets.map(({ newMember }) => hex(newMember));
  }

  async join(bytes: Bytes, identity: Identity, made: MadePackage): Promise<Group> {
    const message = decoded(bytes);
    if (message.wireformat !== "mls_welcome") throw new CannotDecrypt("this is no Welcome");
    const [keyPackage, secrets] = unpacked(made.secret, identity.secretKey);
    return orCannotDecrypt(async () => {
      const state = await joinGroup(message.welcome, keyPackage, secrets, emptyPskIndex, this.#suite, undefined, undefined, CONFIG);
      return new TsMlsGroup(this.#suite, state);
    });
  }

  load(bytes: Bytes): Group {
    const found = decodeGroupState(bytes, 0);
    if (!found) throw new CannotDecrypt("a group was not kept whole");
    return new TsMlsGroup(this.#suite, { ...found[0], clientConfig: CONFIG });
  }

  /** Makes a key package that is valid from an hour ago, for others whose clocks are behind. */
  #package(identity: Identity) {
    const now = BigInt(Math.floor(this.#nowMs() / 1000));
    const lifetime = { notBefore: now - BigInt(BEGINS_BEFORE_S), notAfter: now + BigInt(LIFETIME_S) };
    const keys = { publicKey: identity.signatureKey, signKey: identity.secretKey };
    return generateKeyPackageWithKey(credentialOf(identity), CAPABILITIES, lifetime, [], keys, this.#suite);
  }
}
