"""`iquila audit`."""

from __future__ import annotations

import contextlib
import io
import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from iquila.command.main import main


def entry(number: int) -> dict[str, Any]:
    """Return an entry of an answer."""
    return {
        "Number_u64": number,
        "Time_dt": "2026-11-22T14:46:00.000Z",
        "Actor_utf": "administrator",
        "Address_str": "10.0.0.9",
        "Door_str": "json-rpc",
        "Operation_str": "CreateUser",
        "Kind_str": "user",
        "Key_utf": f"lab/u{number}",
        "HubName_str": "lab",
        "Revision_u64": number,
        "Before_utf": "null",
        "After_utf": '{"name": "u"}',
        "Digest_str": "ab",
    }


class Server:
    """Has an audit of some entries, and a verdict on it."""

    def __init__(self, last: int, problem: str = "") -> None:
        self.last = last
        self.problem = problem
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def call(self, method: str, parameters: dict[str, Any]) -> dict[str, Any]:
        """Answer."""
        self.calls.append((method, parameters))
        if method == "VerifyAudit":
            return {"VerdictList": [self.verdict("system"), self.verdict("server")]}
        after, limit = parameters.get("After_u64", 0), parameters["Limit_u32"]
        numbers = range(after + 1, self.last + 1)[:limit]
        more = numbers[-1] if numbers and numbers[-1] < self.last else 0
        return {"AuditList": [entry(n) for n in numbers], "Next_u64": more, "Last_u64": self.last}

    def verdict(self, name: str) -> dict[str, Any]:
        """Return what is found in one database."""
        bad = self.problem if name == "system" else ""
        return {
            "Database_str": name,
            "Good_bool": not bad,
            "Entries_u64": self.last,
            "First_u64": 1,
            "Head_str": "cd" * 32,
            "Bad_u64": 7 if bad else 0,
            "Problem_utf": bad,
        }

    def run(self, *words: str) -> tuple[int, str, str]:
        """Run the command; return exit status, output and errors."""
        out, errors = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
            status = main(["--password-file=/dev/null", *words], lambda _options, _secret: self)
        return status, out.getvalue(), errors.getvalue()


class AuditTests(SynchronousTestCase):
    """Listing and verifying."""

    def test_newest(self) -> None:
        """The last hundred, or as many as are wanted, over several pages."""
        _, out, _ = Server(5000).run("audit", "--json", "--limit", "2500")
        numbers = [e["Number_u64"] for e in json.loads(out)["AuditList"]]
        self.assertEqual(numbers, list(range(2501, 5001)))
        _, out, _ = Server(3).run("Audit")
        self.assertEqual(len(out.splitlines()), 5)
        self.assertIn("lab/u3", out)

    def test_filters(self) -> None:
        """They are passed on, and everything from the beginning is asked for."""
        server = Server(2500)
        server.run("audit", "--hub", "lab", "--actor=boss", "/KIND:user", "--json")
        method, asked = server.calls[0]
        self.assertEqual((method, asked["After_u64"]), ("EnumAudit", 0))
        self.assertEqual(
            (asked["HubName_str"], asked["Actor_str"], asked["Kind_str"]), ("lab", "boss", "user")
        )
        self.assertEqual(len(server.calls), 3)

    def test_verify(self) -> None:
        """Heads are shown to be noted; a digest that was is sent."""
        for words in (["--verify"], ["/VERIFY"], ["--verify=yes"]):
            status, out, _ = Server(9).run("audit", *words)
            self.assertEqual(status, 0)
            self.assertIn("cd" * 32, out)
        server = Server(9)
        server.run("audit", "--verify", "--expect", "ab" * 32)
        self.assertEqual(
            server.calls, [("VerifyAudit", {"Database_str": "system", "Expect_str": "ab" * 32})]
        )

    def test_broken(self) -> None:
        """The entry is named, and the exit status is 1."""
        status, out, errors = Server(9, "Entry 7 was altered.").run("audit", "--verify")
        self.assertEqual((status, out), (1, ""))
        self.assertIn("Entry 7 was altered. (database: system)", errors)

    def test_usage(self) -> None:
        """A limit is a number."""
        self.assertEqual(Server(9).run("audit", "--limit", "0")[0], 2)
