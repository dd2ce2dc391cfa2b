/** Retries expectations until they hold, for up to 20 s, since machines may be slow. */
import { vi } from "vitest";

export const until = <T>(look: () => T | Promise<T>): Promise<T> => vi.waitFor(look, { timeout: 20_000, interval: 5 });
