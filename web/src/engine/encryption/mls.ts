/** The port of an MLS library (RFC 9420): what the rest needs of one, so that another can take its place. */
import type { Bytes } from "./bytes";

/** A device as a leaf of a group names it. */
export interface Leaf {
  readonly userId: string;
  readonly deviceId: string;
  /** Its Ed25519 public key. */
  readonly signatureKey: Bytes;
}

/** The credential of this device, and what it signs with. */
export interface Identity {
  readonly userId: string;
  readonly deviceId: string;
  readonly signatureKey: Bytes;
  /** As the library keeps it. */
  readonly secretKey: Bytes;
}

/** A key package: `message` is for others, `secret` is needed to open the Welcome that names it by `reference` (hex). */
export interface MadePackage {
  readonly message: Bytes;
  readonly secret: Bytes;
  readonly reference: string;
}

/** A commit that is not in force yet, the Welcome for those whom it adds, and the group as it will be. */
export interface MadeCommit {
  readonly message: Bytes;
  readonly welcome: Bytes | null;
  readonly next: Group;
}

/** What a message was, and the group after it. `data` is what somebody said, null of commits and proposals. */
export interface Received {
  readonly group: Group;
  readonly sender: Leaf | null;
  readonly data: Bytes | null;
  /** This device was removed by it. */
  readonly removed: boolean;
}

/** A group as one device sees it. It never changes: what changes it answers with the next one. */
export interface Group {
  readonly id: string;
  readonly epoch: number;
  readonly leaves: readonly Leaf[];
  /** To be kept; `Mls.load` makes the group of it again. */
  readonly bytes: Bytes;
  add(packages: readonly Bytes[]): Promise<MadeCommit>;
  remove(leaves: readonly Leaf[]): Promise<MadeCommit>;
  update(): Promise<MadeCommit>;
  encrypt(data: Bytes): Promise<{ group: Group; message: Bytes }>;
  /** Reads a message that others sent. Throws CannotDecrypt. */
  receive(message: Bytes): Promise<Received>;
}

export interface Mls {
  newIdentity(userId: string, deviceId: string): Promise<Identity>;
  /** The serialised credential of a device. */
  credential(identity: Identity): Bytes;
  newPackage(identity: Identity): Promise<MadePackage>;
  /** Whose package it is. Throws CannotDecrypt for none, and for one that is not valid now. */
  leafOfPackage(message: Bytes): Leaf;
  create(groupId: string, identity: Identity): Promise<Group>;
  /** The references (hex) of the packages that a Welcome is for. Throws CannotDecrypt. */
  packagesOf(welcome: Bytes): readonly string[];
  /** Throws CannotDecrypt. */
  join(welcome: Bytes, identity: Identity, made: MadePackage): Promise<Group>;
  load(bytes: Bytes): Group;
}

export const sameLeaf = (a: Leaf, b: Leaf): boolean => nameOf(a) === nameOf(b);

/** Different for different devices and keys. */
export const nameOf = ({ userId, deviceId, signatureKey }: Leaf): string => `${userId}/${deviceId}/${signatureKey.join()}`;

/** Nobody but the device that made it knows the group yet. */
export const isUnbegun = ({ epoch, leaves }: Group): boolean => epoch === 0 && leaves.length === 1;
