/** What goes wrong with encryption, told apart by what somebody can do about it. */
import { EncryptionError } from "../problems";

/** This device is not in the conversation's group (yet): a device that is must add it. */
export class NotInGroup extends EncryptionError {
  override name = "NotInGroup";

  constructor(message: string) {
    super(message, { code: "not_in_group", passing: true });
  }
}

/** What this device has no key for: from before it came, or damaged on the way. */
export class CannotDecrypt extends EncryptionError {
  override name = "CannotDecrypt";

  constructor(message: string) {
    super(message, { code: "cannot_decrypt", passing: false });
  }
}

/** Others were faster, again and again. */
export class NoRest extends EncryptionError {
  override name = "NoRest";

  constructor() {
    super("the group does not come to rest", { code: "no_rest", passing: true });
  }
}

/** The server has shown something that honest servers do not: it is not to be trusted with this conversation. */
export class ServerMisbehaved extends EncryptionError {
  override name = "ServerMisbehaved";

  constructor(message: string) {
    super(message, { code: "server_misbehaved", passing: false });
  }
}

/** Commits were dropped, doubled, shuffled or replaced. */
export class LogTampered extends ServerMisbehaved {
  override name = "LogTampered";
}

/** A device is in the group, or was offered, that its person never registered in the key log. */
export class GhostDevice extends ServerMisbehaved {
  override name = "GhostDevice";
}

/** A key package carries another key than its device has in the key log. */
export class KeySwapped extends ServerMisbehaved {
  override name = "KeySwapped";
}
