import { expect, test } from "vitest";
import type { Api } from "./service/api";
import { AnswerDesk } from "./assistant";
import { ApiError, TransportFailed } from "./service/problems";
import { until } from "./testing/until";

const ANSWER = { result: "one two", citations: [], model: "m", provider: "p", usage: { input_tokens: 1, output_tokens: 1, cost_usd: 0 } };

/** A desk with a fake service, which returns the request's id once `begin` is called; `sleep` controls time. */
function desk({ streaming = true, sleep = () => new Promise<void>(() => undefined) }: { streaming?: boolean; sleep?: () => Promise<void> } = {}) {
  const asked: unknown[] = [];
  const cancelled: unknown[] = [];
  let begin: () => void = () => undefined;
  let now = 0;
  const api = {
    post: async (route: string, { body }: { body: { stream?: boolean } }) => {
      asked.push([route, body]);
      if (!body.stream) return ANSWER;
      await new Promise<void>((go) => (begin = go));
      return { request_id: "r1" };
    },
    delete: async (_route: string, question: unknown) => void cancelled.push(question),
  };
  const made = new AnswerDesk({
    api: api as unknown as Api,
    clock: { now: () => (now += 20_000), sleep: () => sleep() },
    streaming: () => streaming,
  });
  const frame = (type: string, data: unknown) => made.apply({ type, data } as never);
  const delta = (n: number, text: string, request_id = "r1") => frame("ai.delta", { request_id, n, text });
  const done = (more: object) => frame("ai.done", { request_id: "r1", answer: null, problem: null, ...more });
  return { made, asked, cancelled, delta, done, begin: () => begin() };
}

test("chunks are joined in order, also those that arrived before the request's id", async () => {
  const { made, delta, done, begin } = desk();
  const shown: string[] = [];
  const asking = made.ask("answers", { question: "?" }, { onText: (text) => shown.push(text) });
  delta(2, "two");
  delta(7, "of another", "r2");
  begin();
  await new Promise((go) => setTimeout(go, 5));
  delta(1, "one ");
  done({ answer: ANSWER });
  expect((await asking).result).toBe("one two");
  expect(shown).toEqual(["one two"]);
});

test("a failed answer throws the service's error", async () => {
  const { made, done, begin } = desk();
  const asking = made.ask("translations", { text: "a", target_language: "de" });
  begin();
  await new Promise((go) => setTimeout(go, 5));
  done({ problem: { status: 501, code: "ai_unavailable" } });
  await expect(asking).rejects.toMatchObject({ code: "ai_unavailable" } satisfies Partial<ApiError>);
});

test("an answer that is no longer wanted is cancelled at the service", async () => {
  const { made, cancelled, begin } = desk();
  const stop = new AbortController();
  const asking = made.ask("summaries", { conversation_id: "c" }, { signal: stop.signal });
  begin();
  await new Promise((go) => setTimeout(go, 5));
  stop.abort();
  await expect(asking).rejects.toThrow();
  await until(() => expect(cancelled).toEqual([{ path: { request_id: "r1" } }]));
});

test("a request that is aborted before its id is known is cancelled once it is", async () => {
  const { made, cancelled, begin } = desk();
  const stop = new AbortController();
  const asking = made.ask("summaries", { conversation_id: "c" }, { signal: stop.signal });
  stop.abort();
  await expect(asking).rejects.toThrow();
  begin();
  await until(() => expect(cancelled).toEqual([{ path: { request_id: "r1" } }]));
});

test("a finished answer is not cancelled when its panel is closed", async () => {
  const { made, cancelled, done, begin } = desk();
  const stop = new AbortController();
  const asking = made.ask("summaries", { conversation_id: "c" }, { signal: stop.signal });
  begin();
  await new Promise((go) => setTimeout(go, 5));
  done({ answer: ANSWER });
  await asking;
  stop.abort();
  await new Promise((go) => setTimeout(go, 5));
  expect(cancelled).toEqual([]);
});

test("without a socket the whole answer is requested at once", async () => {
  const { made, asked } = desk({ streaming: false });
  expect((await made.ask("answers", { question: "?" })).result).toBe("one two");
  expect(asked).toEqual([["/ai/answers", { question: "?" }]]);
});

test("an answer that stops in the middle fails after a while", async () => {
  const { made, begin } = desk({ sleep: async () => undefined });
  const asking = made.ask("answers", { question: "?" });
  begin();
  await expect(asking).rejects.toBeInstanceOf(TransportFailed);
});
