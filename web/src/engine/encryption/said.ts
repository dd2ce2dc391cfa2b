/** The format of a message's application data: UTF-8 JSON, padded with spaces so that its size reveals little. */
import { type Bytes, bytesOf, textOf } from "./bytes";
import { type SealedFile, asSealedFile } from "./files";

const PADDED_TO = 128;

export interface Content {
  readonly text: string;
  readonly files: readonly SealedFile[];
}

export function asData({ text, files }: Content): Bytes {
  const plain = bytesOf(JSON.stringify(files.length > 0 ? { text, files } : { text }));
  const data = new Uint8Array(Math.ceil(plain.length / PADDED_TO) * PADDED_TO).fill(32);
  data.set(plain);
  return data;
}

/** Parses application data; null if its format is unknown. Unknown names are ignored. */
export function said(data: Uint8Array): Content | null {
  try {
    const { text, files } = JSON.parse(textOf(data)) as { text?: unknown; files?: unknown };
    if (typeof text !== "string") return null;
    return { text, files: Array.isArray(files) ? files.map(asSealedFile).filter((each) => each !== null) : [] };
  } catch {
    return null;
  }
}
