/** Waits until what is expected is so: for 5 s, since machines that test are slow machines. */
import { vi } from "vitest";

export const until = <T>(look: () => T | Promise<T>): Promise<T> => vi.waitFor(look, { timeout: 5_000, interval: 5 });
