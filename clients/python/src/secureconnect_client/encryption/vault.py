"""The storage of keys and decrypted messages, by name and account.

Its contents are never sent to a server.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Protocol

_BUSY_TIMEOUT_S = 5.0


class Vault(Protocol):
    """A small durable map; a write is durable when it returns."""

    def get(self, name: str) -> bytes | None: ...

    def put(self, name: str, value: bytes) -> None: ...

    def remove(self, name: str) -> None: ...

    def names(self, prefix: str) -> list[str]:
        """The names that begin with `prefix`, sorted."""


class MemoryVault:
    """A vault in memory, which ends with the process."""

    def __init__(self) -> None:
        self._values: dict[str, bytes] = {}

    def get(self, name: str) -> bytes | None:
        return self._values.get(name)

    def put(self, name: str, value: bytes) -> None:
        self._values[name] = value

    def remove(self, name: str) -> None:
        self._values.pop(name, None)

    def names(self, prefix: str) -> list[str]:
        return sorted(name for name in self._values if name.startswith(prefix))


class SqliteVault:
    """A SQLite file that only its owner can read. The file is not encrypted."""

    def __init__(self, path: str | os.PathLike[str], account: str) -> None:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        self._account = account
        self._db = sqlite3.connect(
            path, timeout=_BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
        )
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS vault (account TEXT NOT NULL, name TEXT NOT NULL,"
            " value BLOB NOT NULL, PRIMARY KEY (account, name)) WITHOUT ROWID"
        )

    def get(self, name: str) -> bytes | None:
        query = "SELECT value FROM vault WHERE account = ? AND name = ?"
        row = self._db.execute(query, (self._account, name)).fetchone()
        return None if row is None else bytes(row[0])

    def put(self, name: str, value: bytes) -> None:
        self._db.execute("INSERT OR REPLACE INTO vault VALUES (?, ?, ?)", (self._account, name, value))

    def remove(self, name: str) -> None:
        self._db.execute("DELETE FROM vault WHERE account = ? AND name = ?", (self._account, name))

    def names(self, prefix: str) -> list[str]:
        query = "SELECT name FROM vault WHERE account = ? AND substr(name, 1, ?) = ? ORDER BY name"
        return [row[0] for row in self._db.execute(query, (self._account, len(prefix), prefix))]

    def close(self) -> None:
        self._db.close()
