"""JSON-RPC without HTTP: batches, notifications, names, pages; tokens; the description."""

from __future__ import annotations

import json
import time
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from iquila.admin.jsoncall import MAX_BATCH, MAX_ROWS, JSONCalls, encoded
from iquila.admin.managed import ManagedServer
from iquila.admin.openrpc import document
from iquila.admin.operation import Caller
from iquila.admin.table import OPERATIONS
from iquila.admin.tokens import bearer
from iquila.database.records import LoginCount, ServerMode, ServerSettings, Switch, SwitchKind, User
from iquila.database.store import Database, put
from iquila.errors import AccessDenied, TooManyItems


class _Server:
    """What the calls of these tests need of a server."""

    logins: Any = None

    def __init__(self) -> None:
        self.settings = ServerSettings("id", ServerMode.STANDALONE)
        self.system = Database.in_memory()
        self.system.transact([put(Switch("office", SwitchKind.STANDALONE))])


class CallTestCase(SynchronousTestCase):
    """Calls to a server that has one switch."""

    def setUp(self) -> None:
        self.server = cast(ManagedServer, _Server())
        self.calls = JSONCalls(self.server)

    def raw(self, body: bytes, caller: Caller | None = None) -> Any:
        """Return the answer to a body."""
        done = Deferred.fromCoroutine(self.calls.call(caller or Caller(), body))
        return self.successResultOf(done)

    def ask(self, method: str, caller: Caller | None = None, **parameters: Any) -> Any:
        """Return the result of a call, or the number of its error."""
        question = {"jsonrpc": "2.0", "id": "1", "method": method, "params": parameters}
        answer = self.raw(json.dumps(question).encode(), caller)
        return answer["error"]["code"] if "error" in answer else answer["result"]

    def echo(self, **members: Any) -> dict[str, Any]:
        """Return a request that echoes a number."""
        return {"jsonrpc": "2.0", "method": "Test", "params": {"IntValue_u32": 1}} | members


class CallTests(CallTestCase):
    """Requests, batches and notifications."""

    def test_ids(self) -> None:
        """Strings and numbers come back; nothing comes back to a notification."""
        for id in ("7", 7, 1.5, None, ""):
            self.assertEqual(self.raw(json.dumps(self.echo(id=id)).encode())["id"], id)
        self.assertIsNone(self.raw(json.dumps(self.echo()).encode()))
        bad: Any
        for bad in ({}, [], True, float("nan"), float("inf")):
            answer = self.raw(json.dumps(self.echo(id=bad)).encode())
            self.assertEqual(answer["error"]["code"], 38)

    def test_half_a_character(self) -> None:
        """Half of a surrogate pair is no text: refused by name."""
        for member in ("StrValue_str", "UniStrValue_utf"):
            call = self.echo(id="1", params={member: "\ud83d"})
            answer = self.raw(json.dumps(call).encode())
            self.assertEqual(answer["error"]["code"], 38)
            self.assertIn(member, answer["error"]["message"])
        self.assertIn(
            "result",
            self.raw(rb"""{"jsonrpc": "2.0", "id": 1, "method": "Test",
            "params": {"UniStrValue_utf": "\ud83d\ude00"}}"""),
        )

    def test_half_a_character_in_names(self) -> None:
        """What a refusal repeats of it can be sent all the same."""
        for call in (
            self.echo(id="\ud83d"),
            self.echo(id="1", params={"\ud83d": 1}),
            self.echo(id="\ud83d", method="\ud83d"),
        ):
            answer = self.raw(json.dumps(call).encode())
            self.assertEqual(json.loads(encoded(answer)), answer)

    def test_long_answers(self) -> None:
        """Many long lists in one batch would fill the memory: the rest of it is not done."""
        users = [put(User("office", f"u{number}")) for number in range(9_000)]
        self.server.system.transact(users)
        self.patch(_Server, "logins", lambda s, *_: LoginCount("office", "", 0, 0))
        turns: list[int] = []

        async def pause() -> None:
            turns.append(1)

        self.calls = JSONCalls(self.server, pause=pause)
        params = {"HubName_str": "office"}
        batch = [self.echo(id=n, method="EnumUser", params=params) for n in range(20)]
        answers = self.raw(json.dumps(batch).encode())
        self.assertEqual(len(answers), MAX_ROWS // 9_000 + 2)
        self.assertEqual(answers[-1]["error"]["code"], TooManyItems.code)
        self.assertEqual(len(turns), len(answers) - 1)

    def test_batches(self) -> None:
        """In order, without the notifications."""
        batch = [self.echo(id="a"), self.echo(), 5, self.echo(id="b", method="No")]
        answers = self.raw(json.dumps(batch).encode())
        self.assertEqual([a["id"] for a in answers], ["a", "0", "b"])
        self.assertEqual([a.get("error", {}).get("code") for a in answers], [None, 38, 33])
        self.assertIsNone(self.raw(json.dumps([self.echo(), self.echo()]).encode()))
        for count in (0, MAX_BATCH + 1):
            answer = self.raw(json.dumps([self.echo(id="a")] * count).encode())
            self.assertEqual(answer["error"]["code"], 38)

    def test_bad_bodies(self) -> None:
        """Nonsense, and what is nested deeply."""
        for body in (b"", b"{", b"\xff", b"[" * 100_000, b'{"a":' * 100_000, b"1e999999"):
            self.assertEqual(self.raw(body)["error"]["code"], 38, body[:9])

    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        )
    )
    def test_any_json_is_answered(self, body: Any) -> None:
        """With an error of the caller's doing, never with one of ours."""
        self.setUp()
        answer = self.raw(json.dumps(body).encode())
        for one in answer if isinstance(answer, list) else [answer]:
            self.assertIn(one["error"]["code"], (33, 38))

    @given(st.sampled_from([o.name for o in OPERATIONS]), st.data())
    def test_wrong_values_are_refused_by_name(self, method: str, data: st.DataObject) -> None:
        """A value of the wrong type in any field of any request."""
        schema = next(m for m in document()["methods"] if m["name"] == method)
        wrong = {"integer": "x", "boolean": "x", "string": 5, "array": {}}
        names = [p["name"] for p in schema["params"]]
        if not names:
            return
        name = data.draw(st.sampled_from(names))
        kind = next(p["schema"]["type"] for p in schema["params"] if p["name"] == name)
        if name.endswith("_dt"):
            return
        self.setUp()
        question = self.echo(id="1", method=method, params={name: wrong[kind]})
        error = self.raw(json.dumps(question).encode())["error"]
        self.assertEqual(error["code"], 38)
        self.assertIn(name, error["message"])

    def test_unknown_and_too_long(self) -> None:
        """Refused by name, and nothing is changed."""
        before = self.server.system.revision
        good = {"HubName_str": "new", "HubType_u32": 0, "Online_bool": True}
        for bad in ({"Colour_str": "x"}, {"HubType": 0}, {"AdminPasswordPlainText_str": "x" * 513}):
            question = self.echo(id="1", method="CreateHub", params=good | bad)
            error = self.raw(json.dumps(question).encode())["error"]
            self.assertEqual(error["code"], 38)
            self.assertIn(next(iter(bad)), error["message"])
        self.assertEqual(self.server.system.revision, before)

    def test_a_reply_may_be_sent_back(self) -> None:
        """Its fields are known, although the request has no use for them."""
        hub = self.ask("GetHub", HubName_str="office")
        self.assertIsInstance(self.ask("SetHub", **hub), dict)

    def test_pages(self) -> None:
        """Parts of a list, and how long it is."""
        for number in range(7):
            self.ask("CreateToken", Name_str=f"t{number}", Scope_str="server")
        page = self.ask("EnumToken", PageOffset_u32=5, PageSize_u32=3)
        self.assertEqual([t["Name_str"] for t in page["TokenList"]], ["t5", "t6"])
        self.assertEqual(page["PageTotal_u32"], 7)
        for bad in ({"PageSize_u32": 0}, {"PageOffset_u32": -1}, {"PageSize_u32": "x"}):
            self.assertEqual(self.ask("EnumToken", **bad), 38)
        self.assertEqual(self.ask("GetHub", HubName_str="office", PageSize_u32=1), 38)


class TokenTests(CallTestCase):
    """Bearer tokens and the auditor."""

    def caller(self, **parameters: Any) -> Caller:
        """Return whom a new token stands for."""
        made = self.ask("CreateToken", Name_str="t", **parameters)
        return bearer(self.server, made["Token_str"])

    def test_scopes(self) -> None:
        """What each may be."""
        self.assertTrue(self.caller(Scope_str="server").is_server_administrator)
        self.ask("DeleteToken", Name_str="t")
        self.assertTrue(self.caller(Scope_str="auditor").auditor)
        self.ask("DeleteToken", Name_str="t")
        self.assertEqual(self.caller(Scope_str="switch:OFFICE").switch, "office")

    def test_refusals(self) -> None:
        """Bad scopes, past times, names in use."""
        self.assertEqual(self.ask("CreateToken", Name_str="t", Scope_str="all"), 38)
        self.assertEqual(self.ask("CreateToken", Name_str="t", Scope_str="switch:none"), 8)
        self.assertEqual(self.ask("CreateToken", Name_str="", Scope_str="server"), 94)
        past = "2001-01-01T00:00:00Z"
        refused = self.ask("CreateToken", Name_str="t", Scope_str="server", ExpireTime_dt=past)
        self.assertEqual(refused, 38)
        self.caller(Scope_str="server")
        self.assertEqual(self.ask("CreateToken", Name_str="T", Scope_str="server"), 112)
        self.assertEqual(self.ask("DeleteToken", Name_str="none"), 29)

    def test_lifetime(self) -> None:
        """It proves nothing once it is deleted or over; it is kept nowhere and shown once."""
        made = self.ask(
            "CreateToken", Name_str="t", Scope_str="server", ExpireTime_dt="2999-01-01T00:00:00Z"
        )["Token_str"]
        self.assertTrue(bearer(self.server, made).is_server_administrator)
        self.assertNotIn(made, json.dumps(self.ask("EnumToken")))
        self.patch(time, "time", lambda: 33e9)
        self.assertRaises(AccessDenied, bearer, self.server, made)
        self.assertRaises(AccessDenied, bearer, self.server, made + "x")

    def test_of_a_deleted_switch(self) -> None:
        """It is none for another switch that gets the name."""
        made = self.ask("CreateToken", Name_str="t", Scope_str="switch:office")["Token_str"]
        self.assertEqual(bearer(self.server, made).switch, "office")
        self.ask("DeleteHub", HubName_str="office")
        self.assertRaises(AccessDenied, bearer, self.server, made)
        later = int(time.time() * 1000) + 1
        self.server.system.transact([put(Switch("Office", SwitchKind.STANDALONE, created=later))])
        self.assertRaises(AccessDenied, bearer, self.server, made)

    def test_an_auditor_makes_none(self) -> None:
        """Nor anything else."""
        auditor = Caller(auditor=True)
        self.assertEqual(self.ask("CreateToken", auditor, Name_str="t", Scope_str="server"), 52)
        self.assertIsInstance(self.ask("EnumToken", auditor), dict)


class DescriptionTests(SynchronousTestCase):
    """The OpenRPC document."""

    def test_it_has_every_operation(self) -> None:
        """With its parameters and who may call it."""
        methods = {m["name"]: m for m in document()["methods"]}
        self.assertEqual(set(methods), {o.name for o in OPERATIONS})
        names = [p["name"] for p in methods["CreateUser"]["params"]]
        self.assertIn("policy:MaxConnection_u32", names)
        self.assertIn("Recv.UnicastBytes_u64", names)
        json.dumps(document())
