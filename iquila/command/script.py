"""Commands from a file: one per line, comments with ``#`` and ``//``, quotes as in a shell."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from typing import TextIO

from iquila.command.arguments import UsageError
from iquila.command.runner import DONE, USAGE, Runner

LINE_LIMIT = 64 * 1024
_LEAVE = ("exit", "quit")


def run_script(runner: Runner, path: str, keep_going: bool) -> int:
    """
    Run the commands of a file; return the exit status of the first that failed.

    :param path: ``-`` for standard input.
    :param keep_going: whether to go on after one that failed.
    :raises UsageError: the file cannot be read.
    """
    if path == "-":
        return _run(runner, sys.stdin, "standard input", keep_going)
    try:
        with open(path, encoding="utf-8-sig") as file:
            return _run(runner, file, path, keep_going)
    except OSError as error:
        raise UsageError(f"The file {path} cannot be read ({error.strerror}).") from error


def _run(runner: Runner, file: TextIO, name: str, keep_going: bool) -> int:
    first = DONE
    for number, line in _lines(file, name):
        where = f"{name}, line {number}: "
        try:
            words = split(line)
        except UsageError as error:
            print(f"{where}iquila: {error}", file=sys.stderr)
            status = USAGE
        else:
            if not words:
                continue
            if words[0].lower() in _LEAVE:
                break
            status = runner.attempt(words, where)
        first = first or status
        if status != DONE and not keep_going:
            break
    return first


def _lines(file: TextIO, name: str) -> Iterator[tuple[int, str]]:
    number = 0
    try:
        while line := file.readline(LINE_LIMIT + 1):
            number += 1
            if len(line) > LINE_LIMIT:
                raise UsageError(f"{name}, line {number} is too long: {LINE_LIMIT} characters.")
            yield number, line
    except UnicodeDecodeError as error:
        raise UsageError(f"{name} is not a text in UTF-8.") from error


def split(line: str) -> list[str]:
    """
    Return the words of a line; none of an empty one or a comment.

    :raises UsageError: a quote is not closed.
    """
    text = line.strip()
    if text.startswith(("#", "//")):
        return []
    try:
        return shlex.split(text)
    except ValueError as error:
        raise UsageError(f"The line cannot be split into words: {error}.") from error
