import { expect, test } from "vitest";
import { Http } from "./http";
import { ApiError } from "./problems";

/** A service that gives these answers in turn; `waits` are the delays between the requests. */
function service(...answers: Response[]) {
  const waits: number[] = [];
  const asked: string[] = [];
  const http = new Http({
    baseUrl: "http://service",
    fetch: (url) => {
      asked.push(String(url));
      return Promise.resolve(answers.shift() ?? Response.json({ ok: true }));
    },
    clock: {
      now: () => 0,
      sleep: (ms: number) => {
        waits.push(ms);
        return Promise.resolve();
      },
    },
    random: () => 0.5,
  });
  return { http, waits, asked };
}

function refusal(status: number, retryAfter?: string): Response {
  const headers = { "Content-Type": "application/problem+json", ...(retryAfter && { "Retry-After": retryAfter }) };
  return new Response(JSON.stringify({ status, code: status === 429 ? "rate_limited" : "dependency_unavailable" }), { status, headers });
}

test("a throttled request is repeated after its Retry-After, with growing jitter on top", async () => {
  const { http, waits, asked } = service(refusal(503, "1"), refusal(429, "2"), refusal(503));
  await expect(http.exchange("GET", { path: "/users/me" })).resolves.toEqual({ ok: true });
  expect(asked).toHaveLength(4);
  expect(waits).toEqual([1_000 + 100, 2_000 + 200, 400]);
});

test("after four tries the refusal is thrown", async () => {
  const { http, asked } = service(...[1, 2, 3, 4, 5].map(() => refusal(503, "1")));
  await expect(http.exchange("GET", { path: "/users/me" })).rejects.toMatchObject({ status: 503 });
  expect(asked).toHaveLength(4);
});

test("a request that may have been executed is repeated only if it carries a client_id", async () => {
  const bare = service(refusal(503, "1"));
  await expect(bare.http.exchange("POST", { path: "/conversations", body: {} })).rejects.toBeInstanceOf(ApiError);
  expect(bare.asked).toHaveLength(1);
  const named = service(refusal(503, "1"));
  await named.http.exchange("POST", { path: "/conversations/c/messages", body: { client_id: "a", text: "hello" } });
  expect(named.asked).toHaveLength(2);
});

test("a Retry-After of minutes is not waited for but thrown", async () => {
  const { http, waits } = service(refusal(429, "120"));
  await expect(http.exchange("GET", { path: "/users/me" })).rejects.toMatchObject({ retryAfterMs: 120_000 });
  expect(waits).toEqual([]);
});

test("a PATCH, which sets values, is repeated where a POST is not", async () => {
  const { http, asked } = service(refusal(503), Response.json({ name: "new" }), refusal(503));
  await expect(http.exchange("PATCH", { path: "/drive/files/fil_1", body: { name: "new" } })).resolves.toEqual({ name: "new" });
  await expect(http.exchange("POST", { path: "/drive/folders", body: { name: "new" } })).rejects.toThrow(ApiError);
  expect(asked).toHaveLength(3);
});
