"""
SQLite as the engine of a database: WAL, every commit synchronous, numbered schema upgrades.

Not safe for two processes: :mod:`.directory` keeps others away from the whole directory.
"""

from __future__ import annotations

import re
import sqlite3
import uuid
from collections.abc import Callable
from contextlib import closing
from importlib import resources
from pathlib import Path
from typing import Any

from attrs import evolve

from iquila.database.audit import KEPT, AuditFilter, AuditRow, AuditState
from iquila.database.engine import ALL, WINDOW, Commit, Content
from iquila.errors import DatabaseCorrupt, DatabaseTooNew, DataDirectoryUnusable

_SCHEMA_FILE = re.compile(r"(\d+)\.sql\Z")


def schemas() -> dict[int, str]:
    """Return the schema steps by version."""
    found = {}
    for entry in (resources.files("iquila.database") / "schema").iterdir():
        match = _SCHEMA_FILE.match(entry.name)
        if match:
            found[int(match[1])] = entry.read_text()
    return found


class SQLiteEngine:
    """
    One database file.

    :param before_upgrade: called before an existing file is brought to a newer schema.
    :param audit_limit: entries of the audit that are kept; the oldest go.
    :raises DatabaseTooNew: the file has a newer schema than this version knows.
    :raises DatabaseCorrupt: the file is damaged; it is left as it is.
    """

    blocking = True

    def __init__(
        self,
        path: Path,
        before_upgrade: Callable[[], None] = lambda: None,
        audit_limit: int = KEPT,
    ) -> None:
        self.path = path
        self._audit_limit = audit_limit
        try:
            self._connection = sqlite3.connect(
                path, isolation_level=None, check_same_thread=False, timeout=5
            )
        except sqlite3.Error as error:
            raise DataDirectoryUnusable(
                f"The database {path} cannot be opened ({error}): check the directory's rights."
            ) from error
        try:
            self._open(before_upgrade)
        except sqlite3.DatabaseError as error:
            self._connection.close()
            raise self._problem(error) from error
        except BaseException:
            self._connection.close()
            raise

    def _problem(self, error: sqlite3.DatabaseError) -> Exception:
        if isinstance(error, sqlite3.OperationalError):
            return DataDirectoryUnusable(
                f"The database {self.path} cannot be used ({error}): check the directory's "
                "rights and the space on its disk."
            )
        return DatabaseCorrupt(
            f"The database {self.path} is damaged ({error}): restore a copy from the directory "
            "of backups."
        )

    def _open(self, before_upgrade: Callable[[], None]) -> None:
        execute = self._connection.execute
        version = int(execute("PRAGMA user_version").fetchone()[0])
        steps = schemas()
        if version > max(steps):
            raise DatabaseTooNew(
                f"The database {self.path} has schema {version}, this version knows up to "
                f"{max(steps)}: install the newer version again, or restore a backup."
            )
        check = execute("PRAGMA quick_check(1)").fetchone()[0]
        if check != "ok":
            raise sqlite3.DatabaseError(str(check))
        execute("PRAGMA journal_mode=WAL")
        execute("PRAGMA synchronous=FULL")
        if 0 < version < max(steps):
            before_upgrade()
        for number in sorted(n for n in steps if n > version):
            self._upgrade(number, steps[number])

    def _upgrade(self, number: int, script: str) -> None:
        # One transaction with the new version number: an upgrade happens whole or not.
        self._connection.executescript(
            f"BEGIN IMMEDIATE;\n{script}\nPRAGMA user_version = {number};\nCOMMIT;"
        )
        self._connection.execute(
            "INSERT OR IGNORE INTO meta VALUES ('id', ?), ('revision', '0')", (uuid.uuid4().hex,)
        )

    def load(self) -> Content:
        """Return everything."""
        meta = dict(self._connection.execute("SELECT name, value FROM meta"))
        rows = self._connection.execute("SELECT kind, key, value, revision FROM records")
        return Content(meta["id"], int(meta["revision"]), rows.fetchall())

    def commit(self, commits: list[Commit]) -> None:
        """Write revisions in one transaction."""
        execute = self._connection.execute
        execute("BEGIN IMMEDIATE")
        try:
            for commit in commits:
                for kind, key, value in commit.rows:
                    if value is None:
                        execute("DELETE FROM records WHERE kind = ? AND key = ?", (kind, key))
                    else:
                        execute(
                            "INSERT OR REPLACE INTO records VALUES (?, ?, ?, ?)",
                            (kind, key, value, commit.revision),
                        )
                self._add_audit(commit.audit)
            self._trim_audit()
            self._set_revision(commits[-1].revision)
            execute("COMMIT")
        except BaseException:
            execute("ROLLBACK")
            raise

    # -- the audit

    def _add_audit(self, rows: tuple[AuditRow, ...]) -> None:
        if rows:
            self._connection.executemany(
                "INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?)",
                [
                    (r.number, r.switch, r.actor, r.kind, r.entry, r.previous, r.digest)
                    for r in rows
                ],
            )
            self._set_meta(audit_number=str(rows[-1].number), audit_head=rows[-1].digest.hex())

    def _trim_audit(self) -> None:
        """Give up the oldest entries over the limit, some at a time; keep the chain's base."""
        state = self.audit_state()
        count = state.number - state.first + 1
        if count <= self._audit_limit + self._audit_limit // 64:
            return
        first = state.number - self._audit_limit + 1
        found = self._connection.execute("SELECT previous FROM audit WHERE number = ?", (first,))
        (base,) = found.fetchone() or (state.base,)
        self._connection.execute("DELETE FROM audit WHERE number < ?", (first,))
        self._set_meta(audit_first=str(first), audit_base=base.hex())

    def _set_meta(self, **values: str) -> None:
        self._connection.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", values.items())

    def audit_state(self) -> AuditState:
        """Return the ends of the chain, as the table of single values has them."""
        found = dict(self._connection.execute("SELECT name, value FROM meta WHERE name >= 'audit'"))
        default = AuditState()
        try:
            return AuditState(
                int(found.get("audit_number", default.number)),
                bytes.fromhex(found.get("audit_head", default.head.hex())),
                int(found.get("audit_first", default.first)),
                bytes.fromhex(found.get("audit_base", default.base.hex())),
            )
        except ValueError:
            # Somebody wrote something else there: nothing fits it, which a verification says.
            return evolve(default, head=b"", base=b"")

    def audit_rows(self, after: int, limit: int, wanted: AuditFilter = ALL) -> list[AuditRow]:
        """Return entries of the audit."""
        last, conditions, values = 2**63 - 1, "", []
        for name in ("switch", "actor", "kind"):
            value = getattr(wanted, name)
            if value:
                last = after + WINDOW
                conditions += f" AND {name} = ? COLLATE NOCASE"
                values.append(value)
        rows = self._connection.execute(
            "SELECT number, switch, actor, kind, entry, previous, digest FROM audit "
            f"WHERE number > ? AND number <= ?{conditions} ORDER BY number LIMIT ?",
            (after, last, *values, limit),
        )
        return [
            AuditRow(n, str(s), str(a), str(k), *map(_bytes, rest)) for n, s, a, k, *rest in rows
        ]

    # -- the whole

    def replace(self, content: Content) -> None:
        """Replace everything in one transaction."""
        execute = self._connection.execute
        execute("BEGIN IMMEDIATE")
        try:
            execute("DELETE FROM records")
            self._connection.executemany("INSERT INTO records VALUES (?, ?, ?, ?)", content.rows)
            execute("UPDATE meta SET value = ? WHERE name = 'id'", (content.id,))
            self._set_revision(content.revision)
            execute("COMMIT")
        except BaseException:
            execute("ROLLBACK")
            raise

    def _set_revision(self, revision: int) -> None:
        self._connection.execute(
            "UPDATE meta SET value = ? WHERE name = 'revision'", (str(revision),)
        )

    def backup(self, target: Path) -> None:
        """Write a consistent copy to a new file."""
        with closing(sqlite3.connect(target)) as copy:
            self._connection.backup(copy)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()


def _bytes(value: Any) -> bytes:
    """Return what a column holds, whatever somebody put there."""
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")
