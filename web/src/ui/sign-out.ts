/** Signs out, in the same way from each place that offers it. */
import type { Engine } from "../engine";
import { goHome } from "./places";
import { forgetPush } from "./push";

export async function signOut(engine: Engine, options?: { everywhere: boolean }): Promise<void> {
  if (!engine.keepsNothing) await forgetPush();
  await engine.auth.logout(options).finally(goHome);
}
