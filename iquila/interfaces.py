"""
Where an embedder may plug in, and what crosses floors: zope interfaces and plain words.

Each interface names the exceptions it may raise (:mod:`iquila.errors`).
"""

from __future__ import annotations

from enum import IntEnum

from zope.interface import Attribute, Interface


class Purpose(IntEnum):
    """What an accepted TCP connection is for, by the numbers that administrators see."""

    SESSION = 0
    """It carries frames: it is listed with its session, not among the connections."""
    BEGINNING = 1
    """Nobody knows yet."""
    LOGIN = 2
    CLUSTER = 4
    ADMINISTRATION = 5
    OTHER = 0xFFFF_FFFF
    """A browser, for instance."""


class IFrameReceiver(Interface):
    """What an embedder gives a VEN client: it gets frames and session events."""

    def established(welcome):  # type: ignore[no-untyped-def]
        """
        A session is open.

        :param welcome: the :class:`iquila.wire.welcome.Welcome` that opened it.
        """

    def frames_received(frames):  # type: ignore[no-untyped-def]
        """
        Ethernet frames arrived, in order.

        :param frames: a list of bytes, 14..1600 bytes each, without FCS.
        """

    def lost(reason):  # type: ignore[no-untyped-def]
        """
        The session is over; the client goes on trying to open another.

        :param reason: the exception that says why.
        """


class IBlockReceiver(Interface):
    """
    What a device gives a VEN client: it gets frames as they travel, without a copy.

    Blocks are explained in :mod:`iquila.wire.blocks`. An embedder who wants frames gives an
    :class:`IFrameReceiver` instead.
    """

    super_frames = Attribute(
        "Whether it takes super-frames (:mod:`iquila.wire.superframe`) and may send them."
    )

    def established(welcome):  # type: ignore[no-untyped-def]
        """As :meth:`IFrameReceiver.established`."""

    def blocks_received(buffer, runs):  # type: ignore[no-untyped-def]
        """
        Blocks arrived, in order.

        :param buffer: a bytearray that is used again after the call.
        :param runs: where the blocks are, as :data:`iquila.wire.blocks.Run`.
        """

    def set_offload(on):  # type: ignore[no-untyped-def]
        """Send super-frames, or ordinary frames only; at first ordinary ones."""

    def set_congested(congested):  # type: ignore[no-untyped-def]
        """Stop reading frames while the session cannot take them."""

    def lost(reason):  # type: ignore[no-untyped-def]
        """As :meth:`IFrameReceiver.lost`."""


class IMemberSelector(Interface):
    """Chooses the server that takes a new session; the points selector is the default."""

    def select(candidates, switch):  # type: ignore[no-untyped-def]
        """
        Choose a server.

        An exception, or an answer that is no candidate, makes the points decide.

        :param candidates: a sequence of :class:`iquila.cluster.roster.Candidate`, never empty.
        :param switch: the name of the Virtual Switch.
        :returns: one of the candidates, or None to leave it to the points.
        """


class ISystemDatabase(Interface):
    """The durable configuration of a system, by revision (see `iquila.database.store`)."""

    def get(record_type, key):  # type: ignore[no-untyped-def]
        """Return the record with this key or None, from memory."""

    def all(record_type, prefix):  # type: ignore[no-untyped-def]
        """Return the records whose keys begin with a prefix, in the order of their keys."""

    def transact(changes, compare):  # type: ignore[no-untyped-def]
        """
        Make changes, all or none, durable before the returned awaitable fires.

        :raises Conflict: a compare does not hold; nothing was changed.
        :returns: an awaitable of the new revision.
        """

    def watch(callback):  # type: ignore[no-untyped-def]
        """
        Have `callback` called with each revision, in order, after it is durable.

        :returns: a callable that ends the watch.
        """
