/** WebAuthn: creating a passkey and signing in with one. */
import type { Api } from "../engine";
import { ExplainedError } from "./hooks";

/**
 * Why passkeys do not work here, null if they do. They belong to a domain name, so an IP address is no host for them.
 */
export function whyNoPasskeys(): "browser" | "address" | null {
  if (!("PublicKeyCredential" in window) || typeof PublicKeyCredential.parseCreationOptionsFromJSON !== "function") return "browser";
  return /^[\d.]+$|:/.test(location.hostname) ? "address" : null;
}

export async function createPasskey(options: unknown): Promise<Record<string, unknown>> {
  requirePasskeys();
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options as PublicKeyCredentialCreationOptionsJSON);
  return responseOf(() => navigator.credentials.create({ publicKey }));
}

/** Signs in with a passkey; returns the answer for `auth.adopt`. */
export async function signInWithPasskey(api: Api) {
  requirePasskeys();
  const { challenge_id, options } = await api.post("/auth/passkeys/challenges", {});
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options as unknown as PublicKeyCredentialRequestOptionsJSON);
  const credential = await responseOf(() => navigator.credentials.get({ publicKey }));
  return api.post("/auth/passkeys/login", { body: { challenge_id, credential } });
}

function requirePasskeys(): void {
  const why = whyNoPasskeys();
  if (why !== null) throw new ExplainedError(why === "address" ? "passkey.address" : "passkey.browser");
}

async function responseOf(ceremony: () => Promise<Credential | null>): Promise<Record<string, unknown>> {
  try {
    const credential = await ceremony();
    if (credential instanceof PublicKeyCredential) return credential.toJSON() as Record<string, unknown>;
  } catch (error) {
    if (!(error instanceof DOMException)) throw error;
    if (error.name === "SecurityError" || error.name === "NotSupportedError") throw new ExplainedError("passkey.address");
  }
  throw new ExplainedError("passkey.dismissed");
}
