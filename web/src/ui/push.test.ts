import { afterEach, expect, test, vi } from "vitest";
import { PUSH_ENCRYPTED, PUSH_TEXTS } from "../push-messages";
import { forgetPush, keepEncrypted, keepPushTexts } from "./push";

/** A browser without pushes, with a cache in memory. */
function browser(): Map<string, unknown> {
  const kept = new Map<string, unknown>();
  const cache = {
    put: async (name: string, answer: Response) => void kept.set(name, await answer.json()),
    delete: async (name: string) => kept.delete(name),
  };
  const caches = { open: async () => cache };
  vi.stubGlobal("window", { caches });
  vi.stubGlobal("caches", caches);
  vi.stubGlobal("navigator", {});
  return kept;
}
afterEach(() => void vi.unstubAllGlobals());

test("sign-out leaves no ids of encrypted conversations behind, also where pushes are impossible", async () => {
  const kept = browser();
  await keepPushTexts((key) => key);
  await keepEncrypted(["a", "b"]);
  expect(kept.get(PUSH_ENCRYPTED)).toEqual(["a", "b"]);
  await forgetPush();
  expect([...kept.keys()]).toEqual([PUSH_TEXTS]);
});
