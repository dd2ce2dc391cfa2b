"""ejabberd with its archive (XEP-0313) on SQLite as a side, if its Debian package is installed."""

from __future__ import annotations

import asyncio
import itertools
import os
import re
import secrets
import shutil
from base64 import b64encode
from dataclasses import dataclass, field
from pathlib import Path

from infra.local.config import HOST
from infra.local.process import Daemon
from infra.local.run import free_port
from perf.compare.side import PAGE, PEOPLE, Side
from perf.running.load_clients import ANSWER_TIMEOUT_S, PASSWORD, TEXT, Http, LoadPerson
from perf.template import ROOT

HOME = ROOT / ".local" / "compare" / "ejabberd"
START_WAIT_S, STOP_WAIT_S = 60, 20
DOMAIN = "compare.local"
USER = "ejabberd"  # the package's user
ROOMS = f"conference.{DOMAIN}"
ARCHIVE = Path("/usr/share/doc/erlang-p1-sqlite3")  # needed for an archive in SQLite
CONFIG = """
hosts: ["{domain}"]
loglevel: warning
auth_method: [internal]
auth_password_format: scram
sql_type: sqlite
sql_database: {home}/data/ejabberd.db
listen:
  - {{port: {port}, ip: "{host}", module: ejabberd_c2s, max_stanza_size: 262144, shaper: none, access: all}}
registration_timeout: infinity
modules:
  mod_disco: {{}}
  mod_roster: {{}}
  mod_offline: {{}}
  mod_register: {{ip_access: all, access: all}}
  mod_mam: {{default: always, assume_mam_usage: true, db_type: sql}}
  mod_muc: {{access: all, access_create: all, default_room_options: {{mam: true, persistent: true, max_users: 200}}}}
"""
CONTROL = """
INET_DIST_INTERFACE={host}
ERLANG_NODE=compare@localhost
ERL_DIST_PORT={distribution}
"""
STREAM = (
    f"<?xml version='1.0'?><stream:stream to='{DOMAIN}' xmlns='jabber:client' "
    "xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>"
)
FEATURES = "</stream:features>"
_ECHO = re.compile(r"<message[^>]* id='(m\d+)'")
_numbers = itertools.count()


def missing() -> str | None:
    """The reason why ejabberd cannot run here, None if it can."""
    if shutil.which("ejabberdctl") is None or not ARCHIVE.exists():
        return "Debian's packages ejabberd and erlang-p1-sqlite3 are not installed"
    return None


@dataclass(slots=True)
class XmppPerson(LoadPerson):
    """A person with an XMPP stream.

    A message counts as answered when its first recipient has it, because XMPP has no acknowledgement of storage.
    """

    port: int = 0
    sent: dict[str, asyncio.Future[None]] = field(default_factory=dict)  # shared by all people of this server
    _reader: asyncio.StreamReader | None = None
    _writer: asyncio.StreamWriter | None = None
    _listener: asyncio.Task[None] | None = None
    _wanted: tuple[str, asyncio.Future[str]] | None = None
    _told: str = ""

    async def sign_in(self, *, register: bool = False) -> None:
        self._reader, self._writer = await asyncio.open_connection(HOST, self.port)
        self._listener = asyncio.create_task(self._hear(self._reader))
        await self._ask(STREAM, FEATURES)
        if register:
            fields = f"<username>{self.username}</username><password>{PASSWORD}</password>"
            await self._ask(
                f"<iq type='set' id='r'><query xmlns='jabber:iq:register'>{fields}</query></iq>", "</iq>|/>"
            )
        token = b64encode(f"\0{self.username}\0{PASSWORD}".encode()).decode()
        await self._ask(f"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{token}</auth>", "<success")
        await self._ask(STREAM, FEATURES)
        bind = f"<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>{secrets.token_hex(4)}</resource></bind>"
        await self._ask(f"<iq type='set' id='b'>{bind}</iq>", "</iq>")

    async def appear(self) -> None:
        self._send("<presence/>")

    async def join(self, room: str) -> None:
        inside = "<x xmlns='http://jabber.org/protocol/muc'><history maxstanzas='0'/></x>"
        await self._ask(f"<presence to='{room}/{self.username}'>{inside}</presence>", r"code='110'")

    async def say(self, conversation_id: str, text: str = TEXT) -> None:
        kind = "groupchat" if conversation_id.endswith(ROOMS) else "chat"
        name = f"m{next(_numbers)}"
        arrived = self.sent[name] = asyncio.get_running_loop().create_future()
        self._send(f"<message to='{conversation_id}' type='{kind}' id='{name}'><body>{text}</body></message>")
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            await arrived

    async def page(self, room: str, before: str) -> str:
        """Read PAGE messages of a room's archive; returns the place of the earlier ones."""
        paging = f"<set xmlns='http://jabber.org/protocol/rsm'><max>{PAGE}</max><before>{before}</before></set>"
        query = f"<query xmlns='urn:xmpp:mam:2'>{paging}</query>"
        told = await self._ask(f"<iq type='set' id='h' to='{room}'>{query}</iq>", r"<fin.*</iq>")
        first = re.search(r"<first[^>]*>([^<]+)<", told)
        return first[1] if first and told.count("<forwarded") == PAGE else ""

    async def leave(self) -> None:
        if self._listener is not None:
            self._listener.cancel()
        if self._writer is not None:
            self._writer.close()

    def _send(self, text: str) -> None:
        assert self._writer is not None
        self._writer.write(text.encode())

    async def _ask(self, text: str, until: str) -> str:
        """Send a text, and return the answer up to this pattern."""
        answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._told, self._wanted = "", (until, answer)
        self._send(text)
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            return await answer

    async def _hear(self, reader: asyncio.StreamReader) -> None:
        rest = ""
        while piece := await reader.read(65_536):
            text = piece.decode(errors="replace")
            if self._wanted is not None:
                self._told += text
                if re.search(self._wanted[0], self._told, re.DOTALL):
                    self._wanted[1].set_result(self._told)
                    self._wanted = None
                continue
            whole, found, rest = (rest + text).rpartition("</message>")
            if not found:
                continue
            for name in _ECHO.findall(whole):
                arrived = self.sent.pop(name, None)
                if arrived is not None and not arrived.done():
                    arrived.set_result(None)
            self.heard(whole)


class Ejabberd(Side):
    """A fresh ejabberd.

    No goals apply to it, because it stores passwords as SCRAM, which is far cheaper than bcrypt.
    """

    name = "ejabberd"
    passwords = "SCRAM-SHA-1, 4096 iterations"
    created = "<body>"
    judged = False

    def __init__(self) -> None:
        self._daemon: Daemon | None = None
        self._sent: dict[str, asyncio.Future[None]] = {}
        self._xmpp: dict[str, XmppPerson] = {}  # by name
        self.people: list[LoadPerson] = []

    async def ready(self) -> None:
        self._daemon = await asyncio.to_thread(_start)
        self.servers = [pid] if (pid := self._daemon.pid()) else []
        for number in range(PEOPLE):
            name = f"p{number}"
            self._xmpp[name] = person = self._person(name)
            await person.sign_in(register=True)
            await person.appear()
        self.people = list(self._xmpp.values())
        self.directs = [(self.people[n], partner.id) for n, partner in enumerate(self.partners)]
        self.group, self.long = f"all@{ROOMS}", f"long@{ROOMS}"
        for room in (self.group, self.long):
            for person in self._xmpp.values():
                await person.join(room)
        await self.fill()

    def _person(self, name: str) -> XmppPerson:
        assert self._daemon is not None
        port = self._daemon.port
        return XmppPerson(Http(""), f"{name}@{DOMAIN}", "", username=name, port=port, sent=self._sent)

    async def sign_in(self, person: LoadPerson) -> None:
        again = self._person(person.username)
        try:
            await again.sign_in()
        finally:
            await again.leave()

    async def page(self, person: LoadPerson, place: str) -> str:
        return await self._xmpp[person.username].page(self.long, place)

    def stop(self) -> None:
        if self._daemon is not None:
            self._daemon.stop(wait_s=STOP_WAIT_S)


def _start() -> Daemon:
    """Run it as the package's own user, who owns its files; Erlang's name daemon ends with it."""
    shutil.rmtree(HOME, ignore_errors=True)
    for folder in ("data", "log"):
        (HOME / folder).mkdir(parents=True)
    port = free_port()
    (HOME / "ejabberd.yml").write_text(CONFIG.format(domain=DOMAIN, home=HOME, port=port, host=HOST))
    (HOME / "ejabberdctl.cfg").write_text(CONTROL.format(host=HOST, distribution=free_port()))
    shutil.copy("/etc/ejabberd/inetrc", HOME / "inetrc")
    options = ["--config-dir", HOME, "--config", HOME / "ejabberd.yml", "--ctl-config", HOME / "ejabberdctl.cfg"]
    places = ["--spool", HOME / "data", "--logs", HOME / "log"]
    command: tuple[str, ...] = ("ejabberdctl", *map(str, [*options, *places]), "foreground")
    if os.geteuid() == 0:  # ejabberd refuses to run as root
        for each in (HOME, *HOME.rglob("*")):
            shutil.chown(each, USER)
        command = ("runuser", "-u", USER, "--", "env", f"HOME={HOME}", *command)
    daemon = Daemon(
        name="ejabberd",
        port=port,
        mark=f'"{HOME / "data"}"',  # as it is in the command line of Erlang, a child of the started process
        pid_file=HOME / "ejabberd.pid",
        log=HOME / "ejabberd.log",
        command=command,
        environment={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(HOME)},
    )
    daemon.start(wait_s=START_WAIT_S)
    return daemon
