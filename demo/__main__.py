"""A short live conversation in the terminal, with what each person sees and when."""

from __future__ import annotations

import asyncio
import json
import secrets
import sys
import time
from pathlib import Path

from secureconnect_client import Client, Event, Live, SecureConnectError
from secureconnect_client.events import MemberEvent, MessageEvent, PollCreated, PollEvent, ReactionEvent, Typing
from secureconnect_client.models import Poll

ENDPOINTS = Path(__file__).resolve().parent.parent / ".local" / "endpoints.json"
PASSWORD = "a long demo passphrase"
_started = time.perf_counter()


def say(who: str, what: str) -> None:
    print(f"{(time.perf_counter() - _started) * 1000:7.0f} ms  {who:<6} {what}", flush=True)


def describe(event: Event) -> str | None:
    """One line for an event, None for events that the demo does not show."""
    if isinstance(event, MessageEvent):
        verb = {"message.created": "sees", "message.updated": "sees edited", "message.deleted": "sees deleted"}
        return f"{verb[event.type]} #{event.seq}: {event.message.text or '(deleted)'}"
    if isinstance(event, PollEvent) and not isinstance(event, PollCreated):  # the message event has shown the poll
        return f"sees #{event.seq}: {event.type} {describe_poll(event.poll)}"
    if isinstance(event, ReactionEvent):
        return f"sees #{event.seq}: reaction {event.reaction.emoji}"
    if isinstance(event, MemberEvent):
        return f"sees #{event.seq}: {event.type} {event.data['user']['display_name']}"
    if isinstance(event, Typing):
        return "sees that somebody is typing" if event.typing else "sees that typing is over"
    return None


def describe_poll(poll: Poll) -> str:
    """The votes as this person may see them."""
    counts = ", ".join(f"{option.text} {'?' if option.votes is None else option.votes}" for option in poll.options)
    return f"{poll.question} ({counts}; {poll.state})"


async def ask_the_group(ada: Client, bob: Client, live: Live, tea_id: str) -> None:
    """A poll whose results are hidden from people who have not voted, until it closes."""
    poll = await ada.polls.create(tea_id, "Which tea?", ["Assam", "Sencha"], results="after_vote")
    await live.vote(poll, [poll.option("Sencha").id])
    await asyncio.sleep(1.5)  # an event shows the poll as it is when it is read, so ada is to read it before the end
    say("ada", f"has not voted: {describe_poll(await ada.polls.get(poll.id))}")
    say("bob", f"has voted: {describe_poll(await bob.polls.get(poll.id))}")
    await ada.polls.close(poll.id)
    await asyncio.sleep(0.5)


async def send_a_file(ada: Client, bob: Client, tea_id: str) -> None:
    """A file for the group, which the service checks before anybody may download it."""
    file = await ada.drive.upload(
        b"1. boil water\n2. wait\n", name="Tea.txt", content_type="text/plain", conversation_id=tea_id
    )
    say("ada", f"has uploaded {file.name}: {file.state}")
    file = await ada.drive.wait(file.id)
    await ada.messages.send(tea_id, "How to make tea", attachment_ids=[file.id])
    say("bob", f"downloads {file.name} ({file.state}): {len(await bob.drive.download(file.id))} bytes")
    link = await ada.drive.link(file.id, max_downloads=1)
    say("ada", f"has a public link for one download: {link.id}")


async def ask_for_help(ada: Client, bob: Client, tea_id: str) -> None:
    """AI help, which the group and the person must both enable: a streamed summary, and an answer with citations."""
    await ada.conversations.update(tea_id, settings={"ai_enabled": True})
    settings = await bob.ai.change_settings(enabled=True, language="en")
    say("bob", f"has AI help by the provider {settings.provider}")
    await ada.messages.send(tea_id, "Decided: we meet on Friday at 16:30 in the kitchen.")
    async with bob.ai.stream("summaries", conversation_id=tea_id, after_seq=0) as pieces:
        told = "".join([piece async for piece in pieces])
    for line in filter(None, told.splitlines()):
        say("bob", f"is told: {line}")
    answer = await bob.ai.answer("When do we meet?", conversation_id=tea_id)
    say("bob", f"asks when they meet: {answer.text} from #{answer.citations[0].seq}")


async def watch(name: str, live: Live) -> None:
    async for event in live:
        line = describe(event)
        if line is not None:
            say(name, line)


async def person(http_url: str, name: str, run: str) -> Client:
    client = await Client(http_url).__aenter__()
    await client.register(
        email=f"{name}.{run}@example.com",
        username=f"{name}_{run}",
        password=PASSWORD,
        display_name=name.capitalize(),
    )
    return client


async def play(http_url: str) -> None:
    run = secrets.token_hex(3)
    ada, bob, cleo = [await person(http_url, name, run) for name in ("ada", "bob", "cleo")]
    say("", "ada, bob and cleo are registered")
    direct = await ada.conversations.direct(bob.user_id)
    tea = await ada.conversations.create([bob.user_id], name="Tea")
    say("ada", "has a direct conversation with bob, and the group Tea")
    async with ada.connect(start="now") as a, bob.connect(start="now") as b:
        watching = [asyncio.create_task(watch("ada", a)), asyncio.create_task(watch("bob", b))]
        await b.typing(direct.id, True)
        sent = await a.send_message(direct.id, "Hello Bob, is this thing on?")
        say("ada", f"acknowledged as #{sent.seq}")
        await b.send_message(direct.id, "Loud and clear.")
        await a.react(direct.id, sent.id, "👍")
        await a.edit_message(direct.id, sent.id, "Hello Bob! Is this thing on?")
        await asyncio.sleep(0.3)
        say("bob", "loses the connection")
        b.drop_connection()
        await a.send_message(tea.id, "Bob missed this one on the wire…")
        await a.send_message(tea.id, "…and this one.")
        await asyncio.sleep(2.5)
        await ask_the_group(ada, bob, b, tea.id)
        await send_a_file(ada, bob, tea.id)
        await ask_for_help(ada, bob, tea.id)
        await ada.conversations.add_members(tea.id, [cleo.user_id])
        async with cleo.connect() as c:
            watching.append(asyncio.create_task(watch("cleo", c)))
            await c.send_message(tea.id, "Hello both! I see nothing from before I came.")
            await asyncio.sleep(1.0)
        for task in watching:
            task.cancel()
        await asyncio.gather(*watching, return_exceptions=True)
    told = await bob.notifications.list()
    say("bob", f"has {told.unread_count} notifications: {[each.text for each in reversed(told.items)]}")
    page = await bob.messages.list(tea.id)
    say("bob", f"has the whole of Tea: {[message.text for message in reversed(page.items)]}")
    for client in (ada, bob, cleo):
        await client.__aexit__(None, None, None)


def main() -> int:
    if not ENDPOINTS.exists():
        print("There is no running stack: run `make up` first.", file=sys.stderr)
        return 1
    try:
        asyncio.run(play(json.loads(ENDPOINTS.read_text())["http_url"]))
    except SecureConnectError as error:
        print(f"The demo stopped: {error}. Is the stack running? `make status` tells.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
