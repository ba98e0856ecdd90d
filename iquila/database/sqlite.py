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

from iquila.database.engine import Commit, Content
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
    :raises DatabaseTooNew: the file has a newer schema than this version knows.
    :raises DatabaseCorrupt: the file is damaged; it is left as it is.
    """

    blocking = True

    def __init__(self, path: Path, before_upgrade: Callable[[], None] = lambda: None) -> None:
        self.path = path
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
            self._set_revision(commits[-1].revision)
            execute("COMMIT")
        except BaseException:
            execute("ROLLBACK")
            raise

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
