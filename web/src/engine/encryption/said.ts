/** What the application data of a message says: UTF-8 JSON, filled up with blanks so that its size tells little. */
import { type Bytes, bytesOf, textOf } from "./bytes";

const PADDED_TO = 128;

export function asData(text: string): Bytes {
  const plain = bytesOf(JSON.stringify({ text }));
  const data = new Uint8Array(Math.ceil(plain.length / PADDED_TO) * PADDED_TO).fill(32);
  data.set(plain);
  return data;
}

/** null where it is nothing that this client knows. */
export function said(data: Uint8Array): string | null {
  try {
    const { text } = JSON.parse(textOf(data)) as { text?: unknown };
    return typeof text === "string" ? text : null;
  } catch {
    return null;
  }
}
