"""People with browsers that hear pushes, and the whole way from what happened to them: stream, queues, functions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from moto.backends import get_backend

from kernel import clock
from kernel.caller import Caller
from notifications import service
from notifications.consumers import follow, notifying, push
from notifications.model import PushEndpoint
from tests.conftest import REGION, STACK
from tests.helpers import CONTEXT
from tests.integration.following import dispatched, told
from tests.support.push_services import Browser, WebPushService
from tests.tools import ACCOUNT, _delay_s


def register(who: Caller, browser: Browser, device_id: str = "d1", **fields: Any) -> dict[str, Any]:
    """Register a browser of a person for pushes."""
    given = browser.subscription
    keys = given["keys"]
    return service.register(
        caller=who,
        device_id=device_id,
        platform="web",
        provider="webpush",
        token=None,
        subscription=PushEndpoint(given["endpoint"], keys["p256dh"], keys["auth"]),
        app_version=None,
        locale=None,
        voip=False,
        **fields,
    )


def wishes(who: Caller, **changes: Any) -> None:
    """Change a person's notification preferences."""
    service.change_preferences(caller=who, changes=changes)


def listed(who: Caller) -> list[dict[str, Any]]:
    """A person's in-app list, newest first."""
    page, _ = service.list_notices(caller=who, limit=50, cursor=None)
    return page.items


def waiting(queue: str) -> list[dict[str, Any]]:
    """Receive the jobs of a queue, each with its `delay_s`."""
    found = get_backend("sqs")[ACCOUNT][REGION].get_queue(f"{STACK}-{queue}")
    jobs = [{"body": message.body, "delay_s": _delay_s(message)} for message in found._messages]
    found._messages.clear()
    return jobs


def queued(bodies: Sequence[str]) -> dict[str, Any]:
    """An SQS event with these messages."""
    return {
        "Records": [{"messageId": f"m{n}", "receiptHandle": f"r{n}", "body": body} for n, body in enumerate(bodies)]
    }


@dataclass(slots=True)
class World:
    """The consumers, run by hand. `seen` is how much of the stream was followed; `later` are jobs with a delay."""

    service: WebPushService
    seen: int = 0
    later: list[str] = field(default_factory=list)
    jobs: list[dict[str, Any]] = field(default_factory=list)

    def browser(self, who: Caller, name: str, device_id: str = "d1") -> Browser:
        """A person's browser that receives pushes."""
        made = self.service.browser(name)
        register(who, made, device_id)
        return made

    def follow(self) -> None:
        """Deliver the new events of the log to the notifier."""
        records = told()
        fresh, self.seen = records[self.seen :], len(records)
        assert follow.handler(queued(dispatched("follow", fresh)), CONTEXT) == {"batchItemFailures": []}

    def work(self) -> None:
        """Handle all jobs without a delay, until there are none."""
        self.follow()
        while True:
            jobs = waiting("notifications")
            self.later += [job["body"] for job in jobs if job["delay_s"]]
            now = [job["body"] for job in jobs if not job["delay_s"]]
            pushes = [job["body"] for job in waiting("push")]
            self.jobs += [json.loads(body) for body in pushes]
            if not now and not pushes:
                return
            assert notifying.handler(queued(now), CONTEXT) == {"batchItemFailures": []}
            assert push.handler(queued(pushes), CONTEXT) == {"batchItemFailures": []}

    def work_later(self) -> None:
        """Handle the jobs whose delay has passed."""
        bodies, self.later = self.later, []
        assert notifying.handler(queued(bodies), CONTEXT) == {"batchItemFailures": []}
        self.work()


def repeat(jobs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Call the push function with jobs again; returns its response."""
    answer: dict[str, Any] = push.handler(queued([json.dumps(job) for job in jobs]), CONTEXT)
    return answer


NOON = clock.parse("2026-11-28T12:00:00Z")
