"""Who may come from where, and what options leave of a policy: rules without a server."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from attrs import fields
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from iquila.database.belongings import AddressRule
from iquila.session.addresses import address_allowed
from iquila.session.restrictions import restricted
from iquila.wire.policy import DEFAULT_POLICY, Policy

Address = IPv4Address | IPv6Address
ADDRESSES = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6))


@st.composite
def rules_near(draw: st.DrawFn) -> tuple[list[AddressRule], Address]:
    """Return rules of both kinds, and an address that some of them may be about."""
    client = draw(ADDRESSES)
    rules = []
    for id in range(draw(st.integers(0, 6))):
        about = client if draw(st.booleans()) else draw(ADDRESSES)
        mask = ""
        if draw(st.booleans()):
            length = draw(st.integers(0, about.max_prefixlen))
            mask = str(ip_network(f"{about}/{length}", strict=False).netmask)
        rules.append(AddressRule(id, id, draw(st.booleans()), str(about), mask))
    return rules, client


def matches(rule: AddressRule, client: Address) -> bool:
    """Return whether a line is about a client, as the standard library has it."""
    address = ip_address(rule.address)
    if address.version != client.version:
        return False
    length = bin(int(ip_address(rule.mask))).count("1") if rule.mask else address.max_prefixlen
    return client in ip_network(f"{address}/{length}", strict=False)


class AddressTests(SynchronousTestCase):
    """The source address list."""

    @given(rules_near())
    def test_the_first_match_decides(self, drawn: tuple[list[AddressRule], Address]) -> None:
        """For IPv4 and IPv6; without any the client may come."""
        rules, client = drawn
        about = [rule for rule in rules if matches(rule, client)]
        self.assertEqual(address_allowed(rules, client), not (about and about[0].deny))

    @given(st.ip_addresses(v=4), st.ip_addresses(v=4), st.ip_addresses(v=4))
    def test_any_mask(self, address: IPv4Address, mask: IPv4Address, client: IPv4Address) -> None:
        """Masks are compared bit by bit, also those that are no prefix."""
        same = (int(address) ^ int(client)) & int(mask) == 0
        rule = AddressRule(1, 1, True, str(address), str(mask))
        self.assertEqual(address_allowed([rule], client), not same)


class RestrictionTests(SynchronousTestCase):
    """Options over policies."""

    OPTIONS = (
        "max_multilogins_per_user",
        "max_bitrates_upload",
        "max_bitrates_download",
        "deny_bridge",
        "deny_routing",
        "deny_qos",
    )

    @given(
        st.builds(
            Policy,
            no_bridge=st.booleans(),
            max_upload=st.integers(0, 9),
            max_download=st.integers(0, 9),
            multi_logins=st.integers(0, 9),
        ),
        st.dictionaries(st.sampled_from(OPTIONS), st.integers(0, 9)),
    )
    def test_never_more(self, policy: Policy, options: dict[str, int]) -> None:
        """No number grows, no denial is lifted, and all else stays."""
        left = restricted(policy, options)
        for option, name in (
            ("max_multilogins_per_user", "multi_logins"),
            ("max_bitrates_upload", "max_upload"),
            ("max_bitrates_download", "max_download"),
        ):
            limits = [n for n in (getattr(policy, name), options.get(option, 0)) if n]
            self.assertEqual(getattr(left, name), min(limits, default=0))
        for option, name in (
            ("deny_bridge", "no_bridge"),
            ("deny_routing", "no_routing"),
            ("deny_qos", "no_qos"),
        ):
            self.assertIs(getattr(left, name), getattr(policy, name) or options.get(option, 0) > 0)
        touched = {
            "multi_logins",
            "max_upload",
            "max_download",
            "no_bridge",
            "no_routing",
            "no_qos",
        }
        for attribute in fields(Policy):
            if attribute.name not in touched:
                name = attribute.name
                self.assertEqual(getattr(left, name), getattr(policy, name))

    def test_without_options(self) -> None:
        """The policy itself comes back: logins without any pay nothing."""
        self.assertIs(restricted(DEFAULT_POLICY, {"max_sessions": 5}), DEFAULT_POLICY)
