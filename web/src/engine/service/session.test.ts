import { expect, test } from "vitest";
import { Http } from "./http";
import { ApiError, NotSignedIn } from "./problems";
import { authorised } from "./requests";
import { SessionKeeper } from "./session";
import { MemoryStore } from "../storage/store";
import { FakeServer } from "../testing/fake-server";

/** `count` tabs of one browser in which somebody is signed in. */
async function tabs(server: FakeServer, count: number) {
  const ports = server.ports();
  const store = new MemoryStore();
  const http = new Http({ baseUrl: "http://service", fetch: ports.fetch, clock: ports.clock, random: ports.random, backoff: { baseMs: 1, capMs: 2 } });
  const made = Array.from({ length: count }, () => {
    const ended: boolean[] = [];
    const keeper = new SessionKeeper({
      http,
      store,
      clock: ports.clock,
      locks: ports.locks,
      lockName: "refresh",
      onChange: (session, revoked) => session === null && ended.push(revoked),
    });
    return { keeper, ended, me: () => authorised(http, keeper, "GET", { path: "/users/me" }) };
  });
  await made[0]?.keeper.begin({ user: { id: "me" }, tokens: server.tokens() });
  for (const tab of made) await tab.keeper.load();
  return made;
}

test("an expired token is renewed once, however many requests and tabs meet it", async () => {
  const server = new FakeServer();
  const all = await tabs(server, 4);
  server.accessToken = "another";
  await Promise.all(all.flatMap((tab) => [tab.me(), tab.me(), tab.me()]));
  expect(server.refreshes).toBe(1);
});

test("a token that expires soon is renewed before it is used", async () => {
  const server = new FakeServer();
  const [tab] = await tabs(server, 1);
  await tab?.keeper.begin({ user: { id: "me" }, tokens: server.tokens(30) });
  await tab?.me();
  expect(server.asked).toEqual(["POST /auth/refresh", "GET /users/me"]);
});

test("a failed refresh does not show while the token is still valid", async () => {
  const server = new FakeServer();
  const [tab] = await tabs(server, 1);
  await tab?.keeper.begin({ user: { id: "me" }, tokens: server.tokens(30) });
  for (let n = 0; n < 4; n += 1) server.once("POST /auth/refresh", 503, { code: "dependency_unavailable" });
  await expect(tab?.me()).resolves.toMatchObject({ id: "me" });
});

test("a session that the server has ended ends here as revoked", async () => {
  const server = new FakeServer();
  const [tab] = await tabs(server, 1);
  server.accessToken = "another";
  server.once("GET /users/me", 401, { code: "token_expired" });
  server.once("POST /auth/refresh", 401, { code: "refresh_reused" });
  await expect(tab?.me()).rejects.toThrow(ApiError);
  expect(tab?.ended).toEqual([true]);
  expect(tab?.keeper.current).toBeNull();
});

test("signing out during a refresh stays in effect", async () => {
  const server = new FakeServer();
  const [first, second] = await tabs(server, 2);
  server.accessToken = "another";
  const asking = first?.me();
  const refused = expect(asking).rejects.toThrow(NotSignedIn);
  while (server.count("POST /auth/refresh") === 0) await new Promise((go) => setTimeout(go, 0));
  await second?.keeper.end();
  await refused;
  expect(await first?.keeper.load()).toBeNull();
});

test("a request of a person who has signed out is not sent as somebody else", async () => {
  const server = new FakeServer();
  const [tab] = await tabs(server, 1);
  await expect(tab?.keeper.token("somebody else")).rejects.toThrow(NotSignedIn);
});

/** Two tabs, in which a second factor is demanded. */
async function enrolling(server: FakeServer) {
  const [first, second] = await tabs(server, 2);
  if (!first || !second) throw new Error("two tabs were asked for");
  await first.keeper.begin({ user: { id: "me" }, tokens: { ...server.tokens(), must_enrol: true } });
  await second.keeper.load();
  return { first: first.keeper, second: second.keeper };
}

test("noting an enrolled factor keeps the tokens that another tab has got meanwhile", async () => {
  const { first, second } = await enrolling(new FakeServer());
  const fresh = await second.renew("access-0", "me");
  await first.enrolled();
  expect(first.current).toMatchObject({ accessToken: fresh });
  expect(first.current?.mustEnrol).toBeUndefined();
  expect(await second.load()).toEqual(first.current);
});

test("a refresh under way does not demand an enrolled factor again", async () => {
  const server = new FakeServer();
  const { first, second } = await enrolling(server);
  server.once("POST /auth/refresh", 200, { tokens: { ...server.tokens(), access_token: "access-1", must_enrol: true } });
  const renewing = second.renew("access-0", "me");
  while (server.count("POST /auth/refresh") === 0) await new Promise((go) => setTimeout(go, 0));
  await Promise.all([renewing, first.enrolled()]);
  const kept = await first.load();
  expect(kept?.accessToken).toBe("access-1");
  expect(kept?.mustEnrol).toBeUndefined();
});
