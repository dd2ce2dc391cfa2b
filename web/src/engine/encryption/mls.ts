/** The port of an MLS library (RFC 9420), so that the library can be replaced. */
import type { Bytes } from "./bytes";

/** A leaf of a group: one device. */
export interface Leaf {
  readonly userId: string;
  readonly deviceId: string;
  /** The device's Ed25519 public key. */
  readonly signatureKey: Bytes;
}

/** A leaf with its index, which stays the same while the device is in the group. */
export interface IndexedLeaf {
  readonly index: number;
  readonly leaf: Leaf;
}

/** This device's credential and signature key pair. */
export interface Identity {
  readonly userId: string;
  readonly deviceId: string;
  readonly signatureKey: Bytes;
  /** In the library's format. */
  readonly secretKey: Bytes;
}

/** A key package: others use `message`; `secret` opens a Welcome that names the package by `reference` (hex). */
export interface MadePackage {
  readonly message: Bytes;
  readonly secret: Bytes;
  readonly reference: string;
}

/** A commit that is not accepted yet, the Welcome for the devices that it adds, and the group after it. */
export interface MadeCommit {
  readonly message: Bytes;
  readonly welcome: Bytes | null;
  readonly next: Group;
}

/** A received message, and the group after it. `data` is application data; null for commits and proposals. */
export interface Received {
  readonly group: Group;
  readonly sender: Leaf | null;
  readonly data: Bytes | null;
  /** Whether the message removed this device. */
  readonly removed: boolean;
}

/** One device's state of a group. Immutable: operations return the next state. */
export interface Group {
  readonly id: string;
  readonly epoch: number;
  readonly leaves: readonly Leaf[];
  readonly indexed: readonly IndexedLeaf[];
  /** The serialised state, for `Mls.load`. */
  readonly bytes: Bytes;
  add(packages: readonly Bytes[]): Promise<MadeCommit>;
  remove(leaves: readonly Leaf[]): Promise<MadeCommit>;
  update(): Promise<MadeCommit>;
  encrypt(data: Bytes): Promise<{ group: Group; message: Bytes }>;
  /** A secret of this epoch that all members can derive: MLS-Exporter with an empty context (RFC 9420, section 8.5). */
  exportSecret(label: string, length: number): Promise<Bytes>;
  /** Processes a message from another device. Throws CannotDecrypt. */
  receive(message: Bytes): Promise<Received>;
}

export interface Mls {
  newIdentity(userId: string, deviceId: string): Promise<Identity>;
  /** The serialised credential of a device. */
  credential(identity: Identity): Bytes;
  newPackage(identity: Identity): Promise<MadePackage>;
  /** The device of a key package. Throws CannotDecrypt if it is malformed or not valid now. */
  leafOfPackage(message: Bytes): Leaf;
  create(groupId: string, identity: Identity): Promise<Group>;
  /** The references (hex) of the key packages that a Welcome uses. Throws CannotDecrypt. */
  packagesOf(welcome: Bytes): readonly string[];
  /** Throws CannotDecrypt. */
  join(welcome: Bytes, identity: Identity, made: MadePackage): Promise<Group>;
  load(bytes: Bytes): Group;
}

export const sameLeaf = (a: Leaf, b: Leaf): boolean => nameOf(a) === nameOf(b);

/** A unique name of a device with its key. */
export const nameOf = ({ userId, deviceId, signatureKey }: Leaf): string => `${userId}/${deviceId}/${signatureKey.join()}`;

/** Whether no commit was made yet: only the device that created the group knows it. */
export const isUnbegun = ({ epoch, leaves }: Group): boolean => epoch === 0 && leaves.length === 1;
