/**
 * Writes src/engine/generated/*.ts from docs/api. Every script of package.json that needs these files runs this first,
 * so they are never out of date and need not be committed.
 *
 * AsyncAPI's messages are JSON Schemas like OpenAPI's, so the same generator gets them as components.
 */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import openapiTS, { astToString } from "openapi-typescript";

const root = new URL("../../", import.meta.url);
const target = new URL("../src/engine/generated/", import.meta.url);
const HEADER = "// Generated from docs/api by scripts/generate-types.mjs (`npm run types`). Not to be edited.\n";
const EVENT = "event.";
const ACK = ".ack";

/** Rewrites every `$ref` to a message's payload into one flat set of components. */
function flattened(node) {
  if (Array.isArray(node)) return node.map(flattened);
  if (node === null || typeof node !== "object") return node;
  return Object.fromEntries(
    Object.entries(node).map(([key, value]) => [
      key,
      key === "$ref"
        ? value.replace(/^#\/components\/messages\/(.+)\/payload$/, "#/components/schemas/$1")
        : flattened(value),
    ]),
  );
}

/** Drops error responses: all are the same problem document, and 1,000 copies of it would slow down tsc. */
function withoutErrors(document) {
  for (const operations of Object.values(document.paths)) {
    for (const operation of Object.values(operations)) {
      if (!operation.responses) continue;
      operation.responses = Object.fromEntries(
        Object.entries(operation.responses).filter(([status]) => status.startsWith("2")),
      );
    }
  }
  return document;
}

async function httpTypes() {
  const document = withoutErrors(JSON.parse(await readFile(new URL("docs/api/openapi.json", root), "utf8")));
  return astToString(await openapiTS(document, { alphabetize: true, defaultNonNullable: false }));
}

async function socketTypes() {
  const { components } = JSON.parse(await readFile(new URL("docs/api/asyncapi.json", root), "utf8"));
  const payloads = Object.fromEntries(Object.entries(components.messages).map(([name, each]) => [name, each.payload]));
  const document = {
    openapi: "3.1.0",
    info: { title: "socket", version: "1" },
    paths: {},
    components: { schemas: flattened({ ...components.schemas, ...payloads }) },
  };
  const names = Object.keys(payloads).sort();
  const schema = (name) => `components["schemas"][${JSON.stringify(name)}]`;
  const events = names.filter((name) => name.startsWith(EVENT));
  const actions = names.filter((name) => names.includes(name + ACK));
  return [
    astToString(await openapiTS(document, { alphabetize: true, defaultNonNullable: false })),
    "/** Every event frame of the server, by its type. */",
    "export interface EventFrames {",
    ...events.map((name) => `  ${JSON.stringify(name.slice(EVENT.length))}: ${schema(name)};`),
    "}",
    "/** Every action of the socket, with the frame's fields and the acknowledgement's data. */",
    "export interface SocketActions {",
    ...actions.map(
      (name) =>
        `  ${name}: { fields: Omit<${schema(name)}, "action" | "id">; data: ${schema(name + ACK)}["data"] };`,
    ),
    "}",
    "",
  ].join("\n");
}

const texts = { "http.ts": HEADER + (await httpTypes()), "socket.ts": HEADER + (await socketTypes()) };
await mkdir(target, { recursive: true });
for (const [name, text] of Object.entries(texts)) {
  const path = new URL(name, target);
  if ((await readFile(path, "utf8").catch(() => "")) !== text) await writeFile(path, text);
}
