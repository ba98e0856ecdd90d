"""
Log files on the disk: appended to, continued in another file, deleted when old.

All calls block, and belong in one thread (:mod:`.writer`). Only regular files whose names are
ours are looked at.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from attrs import frozen

from iquila.errors import ObjectNotFound
from iquila.journal.names import (
    PACKET,
    SECURITY,
    SERVER,
    Cycle,
    LogPath,
    file_name,
    log_path,
    part_of,
    stamp,
)

SWEEP = 3600.0
"""Seconds between two searches for old files in all folders."""
MOST_FILES = 4096
"""Files of one log that are kept."""
MOST_LISTED = 2000
DAY = 86_400.0


@frozen
class Line:
    """
    A line to be written.

    :ivar folder: of its log.
    :ivar moment: seconds since 1970.
    :ivar data: with its newline.
    """

    folder: str
    cycle: Cycle
    moment: float
    data: bytes


@frozen
class LogFile:
    """A file that is there; `updated` is seconds since 1970."""

    path: LogPath
    size: int
    updated: float


class LogFiles:
    """
    The log files of one server.

    :param base: their directory; made when there is something to write.
    :param file_size: bytes after which a log goes on in another file.
    :param days: after which a file is deleted.
    :param total_size: bytes of all files of one log; the oldest go.
    """

    def __init__(self, base: Path, file_size: int, days: float, total_size: int) -> None:
        self._base = base
        self._file_size = file_size
        self._days = days
        self._total_size = total_size
        self._swept = 0.0
        self._current: dict[str, str] = {}
        """The file that each log was last written to."""

    def write(self, lines: Iterable[Line]) -> tuple[int, OSError | None]:
        """Append lines; return how many were lost, and why."""
        groups: dict[tuple[str, str], list[Line]] = {}
        for line in lines:
            groups.setdefault((line.folder, stamp(line.cycle, line.moment)), []).append(line)
        lost, problem = 0, None
        for (folder, name), group in groups.items():
            written = 0
            try:
                while written < len(group):
                    written += self._append(folder, name, group[written:])
            except OSError as error:
                lost, problem = lost + len(group) - written, error
        return lost, problem

    def _append(self, folder: str, stamp: str, lines: list[Line]) -> int:
        """Append what there is room for to the newest file of a stamp; return how many lines."""
        directory = self._base / folder
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = self._newest(directory, stamp)
        if self._current.get(folder) != name:
            self._current[folder] = name
            self._prune(directory, lines[0].moment, keep=name)
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(directory / name, flags, 0o600)
        try:
            size = os.fstat(descriptor).st_size
            # A full disk or a crash may have left half a line.
            half = size and os.pread(descriptor, 1, size - 1) != b"\n"
            taken, chunk = self._fitting(lines, size)
            _write_all(descriptor, b"\n" * bool(half) + chunk)
        finally:
            os.close(descriptor)
        return taken

    def _fitting(self, lines: list[Line], size: int) -> tuple[int, bytes]:
        """Return as many lines as fit in a file, at least one."""
        taken: list[bytes] = []
        for line in lines:
            size += len(line.data)
            if taken and size > self._file_size:
                break
            taken.append(line.data)
        return len(taken), b"".join(taken)

    def _newest(self, directory: Path, stamp: str) -> str:
        """Return the file of a stamp to write to: the last one, or the next if that is full."""
        part, size = 1, 0
        with os.scandir(directory) as entries:
            for entry in entries:
                found = part_of(entry.name, stamp)
                if found >= part:
                    part, size = found, entry.stat(follow_symlinks=False).st_size
        return file_name(stamp, part + 1 if size >= self._file_size else part)

    # -- what is old

    def sweep(self, now: float) -> None:
        """Delete what is too old in all logs, once an hour at most."""
        if 0 <= now - self._swept < SWEEP:
            return
        self._swept = now
        for directory in self._folders():
            self._prune(directory, now)

    def _folders(self) -> list[Path]:
        found = [self._base / SERVER]
        for log in (SECURITY, PACKET):
            try:
                found += [path for path in (self._base / log).iterdir() if path.is_dir()]
            except OSError:
                continue
        return found

    def _prune(self, directory: Path, now: float, keep: str = "") -> None:
        """Delete the oldest files of a log, over the limits; never the one that is written."""
        total = 0
        newest_first = sorted(self._in(directory), key=lambda f: f.updated, reverse=True)
        for number, file in enumerate(newest_first):
            total += file.size
            old = now - file.updated > self._days * DAY
            if file.path.name == keep or not (
                old or total > self._total_size or number >= MOST_FILES
            ):
                continue
            try:
                (directory / file.path.name).unlink()
            except OSError:
                continue

    # -- reading

    def _in(self, directory: Path) -> list[LogFile]:
        found = []
        relative = directory.relative_to(self._base).as_posix()
        try:
            with os.scandir(directory) as entries:
                for entry in entries:
                    if not entry.is_file(follow_symlinks=False):
                        continue
                    try:
                        path = log_path(f"{relative}/{entry.name}")
                        status = entry.stat(follow_symlinks=False)
                    except (ObjectNotFound, OSError):
                        continue
                    found.append(LogFile(path, status.st_size, status.st_mtime))
        except OSError:
            return found
        return found

    def listed(self, switch: str = "") -> list[LogFile]:
        """Return the files that are there, or those of one switch; the newest if very many."""
        if switch:
            folders = [self._base / log / switch.lower() for log in (SECURITY, PACKET)]
        else:
            folders = self._folders()
        found = [file for directory in folders for file in self._in(directory)]
        found.sort(key=lambda file: file.updated, reverse=True)
        return sorted(found[:MOST_LISTED], key=lambda file: file.path.text)

    def read(self, path: LogPath, offset: int, size: int) -> bytes:
        """
        Return a part of a file; nothing at its end.

        :raises ObjectNotFound: it is not there.
        """
        try:
            flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW
            descriptor = os.open(self._base / path.text, flags)
        except OSError as error:
            raise ObjectNotFound(
                f"There is no log file '{path.text}' ({error.strerror}): LogFileList lists them."
            ) from error
        try:
            return os.pread(descriptor, size, offset)
        finally:
            os.close(descriptor)


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
