/** The errors of encryption, by the reaction that they call for. */
import { EncryptionError } from "../service/problems";

/** This device is not in the conversation's group (yet): a device in the group must add it. */
export class NotInGroup extends EncryptionError {
  override name = "NotInGroup";

  constructor(message: string) {
    super(message, { code: "not_in_group", transient: true });
  }
}

/** This device cannot decrypt something: it is from before the device joined, or damaged. */
export class CannotDecrypt extends EncryptionError {
  override name = "CannotDecrypt";

  constructor(message: string) {
    super(message, { code: "cannot_decrypt", transient: false });
  }
}

/** A file is too large to be encrypted here. */
export class FileTooLarge extends EncryptionError {
  override name = "FileTooLarge";

  constructor() {
    super("the file is too large", { code: "file_too_large", transient: false });
  }
}

/** Other commits won the epoch too many times in a row. */
export class NoRest extends EncryptionError {
  override name = "NoRest";

  constructor() {
    super("the group does not come to rest", { code: "no_rest", transient: true });
  }
}

/** The server has provably misbehaved, so it must not be trusted with this conversation. */
export class ServerMisbehaved extends EncryptionError {
  override name = "ServerMisbehaved";

  constructor(message: string) {
    super(message, { code: "server_misbehaved", transient: false });
  }
}

/** Commits or entries of the key log were dropped, repeated, reordered or replaced, or a message has a false sender. */
export class LogTampered extends ServerMisbehaved {
  override name = "LogTampered";
}

/** A device in the group, or one to be added, was never registered in the key log, or its person is no member. */
export class GhostDevice extends ServerMisbehaved {
  override name = "GhostDevice";
}

/** A key package has another key than its device has in the key log. */
export class KeySwapped extends ServerMisbehaved {
  override name = "KeySwapped";
}
