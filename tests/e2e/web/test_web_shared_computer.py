"""Signing in to the web client on a shared computer, which keeps nothing (OWASP ASVS 5, V14.3.3)."""

from __future__ import annotations

from contextlib import closing

from playwright.sync_api import Browser, expect

from tests.e2e.people import Person, new_ada, new_bob
from tests.e2e.tools import eventually
from tests.e2e.web.windows import Window, needs_a_browser

pytestmark = needs_a_browser
ada, bob = new_ada, new_bob
# All that scripts of the page can read of what the browser has stored, but for the files that make up the page.
STORED = """async () => {
  const done = (request) => new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  const found = [JSON.stringify(localStorage), JSON.stringify(sessionStorage), document.cookie];
  for (const { name } of await indexedDB.databases()) {
    const database = await done(indexedDB.open(name));
    for (const each of database.objectStoreNames) {
      const store = database.transaction(each).objectStore(each);
      found.push(JSON.stringify([await done(store.getAllKeys()), await done(store.getAll())]));
    }
    database.close();
  }
  for (const name of await caches.keys()) {
    const cache = await caches.open(name);
    for (const request of await cache.keys()) {
      found.push(request.url);
      if (!/\\.(js|css|woff2|png|svg)$/.test(request.url)) found.push(await (await cache.match(request)).text());
    }
  }
  return found.join("\\n");
}"""


def test_a_shared_computer_keeps_nothing_of_who_was_signed_in(
    browser: Browser, endpoints: dict[str, str], ada: Person, bob: Person
) -> None:
    room, secret = bob.group_with(ada, name="Engines"), bob.group_with(ada, name="Keys", settings={"encrypted": True})
    bob.send(room, "the heard one")
    texts = ("the heard one", "the sent one", "the unsent one", "Engines", "Keys", ada.username, ada.id, room, secret)
    with closing(Window(browser, endpoints["web_url"], "Ada", ada.username)) as window:
        # given Ada at a shared computer, who reads, writes and leaves something unsent
        window.page.get_by_label("This is a shared or public computer").check()
        window.sign_in()
        window.open("Engines")
        expect(window.message("the heard one")).to_be_visible()
        window.say("the sent one")
        expect(window.message("the sent one")).to_be_visible()
        window.page.get_by_label("Write a message").fill("the unsent one")
        # and who is told in an encrypted conversation that there are no keys here
        window.open("Keys")
        expect(window.page.get_by_text("a shared computer, which gets no keys")).to_be_visible()

        # when she closes the page, then the browser has nothing of hers, and her session is over
        window.page.close()
        window.page = window.tab()
        expect(window.page.get_by_role("heading", name="Sign in")).to_be_visible()
        kept = window.page.evaluate(STORED)
        assert [text for text in (*texts, "eyJ") if text in kept] == []
        eventually(lambda: len(ada.ok("GET", "/auth/sessions")["items"]) == 1)
        assert ada.ok("GET", f"/keys/devices?user_ids={ada.id}")["items"] == []

        # and after a sign-in of the other kind it has
        window.sign_in()
        window.open("Engines")
        expect(window.message("the heard one")).to_be_visible()
        eventually(lambda: all(text in window.page.evaluate(STORED) for text in ("the heard one", ada.id, "eyJ")))
        assert window.wrong == []
