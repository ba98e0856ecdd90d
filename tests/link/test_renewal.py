"""A member that changes its certificate, or anything else that its controller knows of it."""

from __future__ import annotations

import hashlib
from typing import Any

from twisted.internet.defer import Deferred

from iquila.cluster.challenge import renewal_statement
from iquila.errors import VENError
from iquila.link.commands import Describe
from iquila.link.signature import sign
from iquila.session.certificate import make_identity

from .test_link import IDENTITY, LinkTestCase

OTHER = make_identity("other")


def digest(der: bytes) -> bytes:
    """Return how a certificate is pinned."""
    return hashlib.sha256(der).digest()


class LiveTests(LinkTestCase):
    """While the cluster connection is there."""

    def setUp(self) -> None:
        """Join."""
        super().setUp()
        self.join()
        self.net.pump(0.2)

    def change(self) -> None:
        """Have another certificate."""
        self.member.previous, self.member.identity = self.member.identity, OTHER
        self.member.announced = OTHER.der

    def test_renewal(self) -> None:
        """The controller learns of it on the same connection, and pins it."""
        handle = self.controller.members["m1"]
        connected = handle.description.connected_at
        self.change()
        told = Deferred.fromCoroutine(self.link.describe())
        self.net.pump(0.2)
        self.assertTrue(self.successResultOf(told))
        self.assertIs(self.controller.members["m1"], handle)
        self.assertEqual(handle.description.certificate, OTHER.der)
        self.assertEqual(handle.description.connected_at, connected)
        self.assertEqual(self.controller.pinned["m1"], digest(OTHER.der))
        self.assertEqual(self.member.known[-1].certificate, OTHER.der)
        self.assertEqual(self.link.status.tries, 1)

    def test_other_facts(self) -> None:
        """What else has changed is told by itself after a while; no pin moves."""
        self.member.max_sessions = 77
        self.net.pump(12.0)
        self.assertEqual(self.controller.members["m1"].description.max_sessions, 77)
        self.assertEqual(self.controller.pinned["m1"], digest(IDENTITY.der))
        self.assertEqual(len(self.controller.described_as), 1)

    def test_nothing_new(self) -> None:
        """Nothing is said."""
        told = Deferred.fromCoroutine(self.link.describe())
        self.assertTrue(self.successResultOf(told))
        self.assertEqual(self.controller.described_as, [])

    def test_without_the_key(self) -> None:
        """A certificate whose key the member does not own is refused, and pinned nowhere."""
        self.member.announced = OTHER.der
        told = Deferred.fromCoroutine(self.link.describe())
        self.net.pump(0.2)
        self.assertFalse(self.successResultOf(told))
        self.assertEqual(self.controller.pinned["m1"], digest(IDENTITY.der))
        self.assertEqual(self.controller.members["m1"].description.certificate, IDENTITY.der)

    def test_the_name_of_another_member(self) -> None:
        """Nobody speaks for others."""
        refused = self.say(id="m2")
        self.assertEqual(refused.code, 4)
        self.assertEqual(self.controller.described_as, [])

    def say(self, **changes: Any) -> VENError:
        """Describe the member falsely; return the refusal."""
        from attrs import evolve

        protocol: Any = self.link._protocol
        facts = evolve(self.member.facts(), **changes)
        statement = renewal_statement(protocol.channel_binding(), facts.certificate)
        said = Deferred.fromCoroutine(
            protocol.call(Describe, facts=facts, signature=sign(IDENTITY.key, statement))
        )
        self.net.pump(0.2)
        error = self.failureResultOf(said, VENError).value
        assert isinstance(error, VENError)
        return error

    def test_without_a_connection(self) -> None:
        """It is not told now; joining again tells it, with the proof of the key before."""
        self.net.cut()
        self.change()
        told = Deferred.fromCoroutine(self.link.describe())
        self.net.pump(8.0)
        self.assertTrue(told.called)
        self.assertTrue(self.link.status.online)
        self.assertEqual(self.controller.pinned["m1"], digest(OTHER.der))
        self.assertEqual(self.controller.members["m1"].description.certificate, OTHER.der)


class JoinTests(LinkTestCase):
    """Joining with another certificate than before."""

    def test_with_the_key_before(self) -> None:
        """It is accepted, and pinned from then on."""
        self.controller.pinned["m1"] = digest(IDENTITY.der)
        self.member.previous = IDENTITY
        self.member.identity, self.member.announced = OTHER, OTHER.der
        self.join()
        self.assertEqual(self.controller.pinned["m1"], digest(OTHER.der))
        self.assertEqual([f.certificate for f in self.member.known], [OTHER.der])

    def test_without_the_key_before(self) -> None:
        """Naming the certificate is not enough."""
        self.controller.pinned["m1"] = digest(IDENTITY.der)

        class Thief(type(self.member)):  # type: ignore[misc]
            def sign_previous(self, data: bytes) -> bytes:
                return sign(OTHER.key, data)

        self.member.__class__ = Thief
        self.member.previous = IDENTITY
        self.member.identity, self.member.announced = OTHER, OTHER.der
        self.join()
        self.assertEqual(self.controller.members, {})
        self.assertEqual(self.link.status.last_error, 4)
        self.assertEqual(self.controller.pinned["m1"], digest(IDENTITY.der))
        self.assertEqual(self.member.known, [])
