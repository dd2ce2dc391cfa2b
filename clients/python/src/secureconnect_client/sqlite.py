"""The durable store: one SQLite file (readable by its owner only), or `:memory:`.

Tokens are stored in clear text, protected only by the file's mode: keep it where only the user can read.
"""

from __future__ import annotations

import dataclasses
import json
import os
import sqlite3
from collections.abc import Mapping
from pathlib import Path

from secureconnect_client.session import Session, Tokens
from secureconnect_client.store import OutboxItem

_BUSY_TIMEOUT_S = 5.0
_SCHEMA = """
CREATE TABLE IF NOT EXISTS session (
    id INTEGER PRIMARY KEY CHECK (id = 1), user_id TEXT NOT NULL, tokens TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS cursor (
    account TEXT NOT NULL, conversation_id TEXT NOT NULL, seq INTEGER NOT NULL,
    PRIMARY KEY (account, conversation_id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS outbox (
    position INTEGER PRIMARY KEY AUTOINCREMENT, client_id TEXT NOT NULL UNIQUE, account TEXT NOT NULL,
    conversation_id TEXT NOT NULL, body TEXT NOT NULL, created_at REAL NOT NULL, state TEXT NOT NULL,
    tries INTEGER NOT NULL, message_id TEXT, seq INTEGER, error TEXT
);
CREATE INDEX IF NOT EXISTS outbox_lane ON outbox (account, conversation_id, state, position);
PRAGMA user_version = 1;
"""
_ITEM = "client_id, account, conversation_id, body, created_at, state, tries, message_id, seq, error"


class SqliteStore:
    """The `Store` port over SQLite (WAL, fully synchronous, so that stored data survives a power failure)."""

    def __init__(self, path: str | os.PathLike[str] = ":memory:") -> None:
        if os.fspath(path) != ":memory:":
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        self._db = sqlite3.connect(
            path, timeout=_BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
        )
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.executescript(_SCHEMA)

    def load_session(self) -> Session | None:
        row = self._db.execute("SELECT user_id, tokens FROM session").fetchone()
        return Session(user_id=row[0], tokens=Tokens(**json.loads(row[1]))) if row else None

    def save_session(self, session: Session | None) -> None:
        if session is None:
            self._db.execute("DELETE FROM session")
            return
        tokens = json.dumps(dataclasses.asdict(session.tokens))
        self._db.execute("INSERT OR REPLACE INTO session VALUES (1, ?, ?)", (session.user_id, tokens))

    def load_cursors(self, account: str) -> dict[str, int]:
        query = "SELECT conversation_id, seq FROM cursor WHERE account = ?"
        return dict(self._db.execute(query, (account,)).fetchall())

    def save_cursors(self, account: str, changed: Mapping[str, int | None]) -> None:
        kept = [(account, each, seq) for each, seq in changed.items() if seq is not None]
        gone = [(account, each) for each, seq in changed.items() if seq is None]
        self._db.execute("BEGIN IMMEDIATE")
        with self._db:
            self._db.executemany("INSERT OR REPLACE INTO cursor VALUES (?, ?, ?)", kept)
            self._db.executemany("DELETE FROM cursor WHERE account = ? AND conversation_id = ?", gone)

    def put_item(self, item: OutboxItem) -> None:
        self._db.execute(
            f"INSERT INTO outbox ({_ITEM}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (client_id) DO UPDATE SET state = excluded.state, tries = excluded.tries,"
            " message_id = excluded.message_id, seq = excluded.seq, error = excluded.error",
            (
                item.client_id,
                item.account,
                item.conversation_id,
                json.dumps(item.body),
                item.created_at,
                item.state,
                item.tries,
                item.message_id,
                item.seq,
                item.error,
            ),
        )

    def get_item(self, client_id: str) -> OutboxItem | None:
        rows = self._db.execute(f"SELECT {_ITEM} FROM outbox WHERE client_id = ?", (client_id,))
        return next(map(_item, rows), None)

    def items(self, account: str) -> list[OutboxItem]:
        query = f"SELECT {_ITEM} FROM outbox WHERE account = ? ORDER BY position"
        return [_item(row) for row in self._db.execute(query, (account,))]

    def next_item(self, account: str, conversation_id: str) -> OutboxItem | None:
        query = (
            f"SELECT {_ITEM} FROM outbox WHERE account = ? AND conversation_id = ? AND state = 'pending'"
            " ORDER BY position LIMIT 1"
        )
        return next(map(_item, self._db.execute(query, (account, conversation_id))), None)

    def drop_item(self, client_id: str) -> None:
        self._db.execute("DELETE FROM outbox WHERE client_id = ?", (client_id,))

    def wipe(self, account: str) -> None:
        self._db.execute("BEGIN IMMEDIATE")
        with self._db:
            self._db.execute("DELETE FROM cursor WHERE account = ?", (account,))
            self._db.execute("DELETE FROM outbox WHERE account = ?", (account,))

    def close(self) -> None:
        self._db.close()


def _item(row: tuple[object, ...]) -> OutboxItem:
    values = dict(zip(_ITEM.split(", "), row, strict=True))
    values["body"] = json.loads(str(values["body"]))
    return OutboxItem(**values)  # type: ignore[arg-type]
