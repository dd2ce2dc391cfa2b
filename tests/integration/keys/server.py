"""The real routes as a client of the package reaches them, in this process; and a server that cheats."""

from __future__ import annotations

import copy
import importlib
import re
from collections.abc import Callable, Mapping
from json import loads
from typing import Any

from kernel.http import App
from secureconnect_client.encryption.encryption import Encryption
from secureconnect_client.encryption.mls_rs import MlsRsEngine
from secureconnect_client.encryption.vault import MemoryVault, Vault
from secureconnect_client.errors import ApiError
from tests.helpers import CONTEXT, Person, rest_event

DOMAINS = ("accounts", "conversations", "keys", "messages")
Cheat = Callable[[str, str, Any], Any]


def _routes() -> list[tuple[str, re.Pattern[str], str, App]]:
    apps: list[App] = [importlib.import_module(f"{domain}.app").app for domain in DOMAINS]
    return [
        (route.method, re.compile(re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", route.path)), route.path, app)
        for app in apps
        for route in app.routes
    ]


class Server:
    """What one person's client talks to. `cheat` may change an answer: it gets method, path and the JSON."""

    def __init__(self, person: Person, cheat: Cheat | None = None) -> None:
        self.person = person
        self.cheat = cheat
        self._routes = _routes()

    async def request(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        idempotency_key: str | None = None,
        retry: bool | None = None,
        auth: bool = True,
        as_user: str | None = None,
    ) -> Any:
        answer = self._answer(method, path, json, params, auth)
        return answer if self.cheat is None else self.cheat(method, path, copy.deepcopy(answer))

    def _answer(self, method: str, path: str, body: Any, params: Mapping[str, Any] | None, auth: bool) -> Any:
        for verb, pattern, resource, app in self._routes:
            found = pattern.fullmatch(path) if verb == method else None
            if found is None:
                continue
            query = {name: str(value) for name, value in (params or {}).items()}
            token = self.person.token if auth else None
            event = rest_event(method, resource, found.groupdict(), body=body, token=token, query=query)
            answer = app(event, CONTEXT)
            content: Any = loads(answer["body"]) if answer["body"] else None
            if answer["statusCode"] >= 400:
                raise ApiError(status=answer["statusCode"], code=content["code"], detail=content["detail"])
            return content
        raise AssertionError(f"there is no route {method} {path}")


def encryption(
    person: Person, device_id: str = "phone", *, vault: Vault | None = None, cheat: Cheat | None = None
) -> Encryption:
    """The client's encryption on one device of somebody."""
    vault = vault or MemoryVault()
    engine = MlsRsEngine(vault, user_id=person.user_id, device_id=device_id)
    return Encryption(Server(person, cheat), vault, engine, user_id=person.user_id, device_id=device_id)


async def started(*devices: Encryption) -> None:
    """Has each of these devices register itself under its own name."""
    for device in devices:
        await device.register(device.device_id)
