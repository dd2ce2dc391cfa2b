/** Retries expectations until they hold, for up to 5 s, since CI machines are slow. */
import { vi } from "vitest";

export const until = <T>(look: () => T | Promise<T>): Promise<T> => vi.waitFor(look, { timeout: 5_000, interval: 5 });
