"""The extended options that there are, with the defaults of a new switch (reference §9.5)."""

from __future__ import annotations

from functools import partial

from iquila.database.options import ANY, Option, by_name

_number = partial(Option, highest=ANY)
_port = partial(Option, highest=65535)
MOST_SECONDS = 86_400

EXTENDED = by_name(
    Option("NoAddressPollingIPv4", "Do not ask known IPv4 hosts whether they are still there."),
    Option("NoAddressPollingIPv6", "Do not ask known IPv6 hosts whether they are still there."),
    Option("NoIpTable", "Learn no IP addresses."),
    Option("NoMacAddressLog", "Do not log newly learned MAC addresses.", 1),
    Option("ManageOnlyPrivateIP", "Learn private and link-local IPv4 addresses only.", 1),
    Option("ManageOnlyLocalUnicastIPv6", "Learn link-local IPv6 addresses only.", 1),
    Option("DisableIPParsing", "Do not look into IP packets: policies on IP have no effect."),
    Option("YieldAfterStorePacket", "Let other work go first after each frame."),
    Option("NoSpinLockForPacketDelay", "Delay frames by the system's timer, less exactly."),
    _number(
        "BroadcastStormDetectionThreshold",
        "From how many equal broadcasts in a second a session's are thinned out; 0 means 32.",
    ),
    _number(
        "ClientMinimumRequiredBuild",
        "The lowest build number of a client that may log in; 0 for any.",
        works=True,
    ),
    Option("FilterPPPoE", "Drop frames of PPPoE."),
    Option("FilterOSPF", "Drop packets of OSPF."),
    Option("FilterIPv4", "Drop IPv4 and ARP."),
    Option("FilterIPv6", "Drop IPv6."),
    Option("FilterNonIP", "Drop all that is neither IPv4, ARP nor IPv6."),
    Option("NoIPv4PacketLog", "Do not log IPv4 packets."),
    Option("NoIPv6PacketLog", "Do not log IPv6 packets."),
    Option("FilterBPDU", "Drop frames of the spanning tree protocol."),
    Option(
        "NoIPv6DefaultRouterInRAWhenIPv6",
        "Let no router announcement make a default route where the client came over IPv6.",
        1,
    ),
    Option("NoLookBPDUBridgeId", "Do not learn a bridge from its spanning tree frames."),
    Option("NoManageVlanId", "Learn MAC addresses without regard to the VLAN."),
    _port("VlanTypeId", "The Ethernet type of VLAN tags.", 0x8100),
    Option("FixForDLinkBPDU", "Work around spanning tree frames of some switches."),
    _number("RequiredClientId", "The client id without which nobody may log in; 0 for any."),
    _port("AdjustTcpMssValue", "The largest segment size that TCP connections agree on; 0 off."),
    Option("DisableAdjustTcpMss", "Leave the segment sizes of TCP connections alone."),
    Option("NoDhcpPacketLogOutsideHub", "Log DHCP packets of sessions only.", 1),
    Option("DisableHttpParsing", "Do not look into HTTP for the packet log."),
    Option(
        "DisableUdpAcceleration",
        "Let no session use UDP. Sessions of this server use TCP always.",
        works=True,
    ),
    Option("DisableUdpFilterForLocalBridgeNic", "Let a bridged adapter ask for addresses."),
    Option("ApplyIPv4AccessListOnArpPacket", "Hold ARP against the access list too."),
    Option(
        "RemoveDefGwOnDhcpForLocalhost",
        "Offer no default route by DHCP to a client on the server's own machine.",
        1,
    ),
    _number("SecureNAT_MaxTcpSessionsPerIp", "TCP connections of one host by NAT; 0 any."),
    _number("SecureNAT_MaxTcpSynSentPerIp", "TCP connections being made by one host; 0 any."),
    _number("SecureNAT_MaxUdpSessionsPerIp", "UDP conversations of one host by NAT; 0 any."),
    _number("SecureNAT_MaxDnsSessionsPerIp", "DNS questions of one host by NAT; 0 any."),
    _number("SecureNAT_MaxIcmpSessionsPerIp", "ICMP exchanges of one host by NAT; 0 any."),
    Option(
        "AccessListIncludeFileCacheLifetime",
        "For how many seconds a file of users that a rule names is not read again.",
        30,
        MOST_SECONDS,
    ),
    Option("DisableKernelModeSecureNAT", "Let virtual NAT do without the kernel."),
    Option("DisableIpRawModeSecureNAT", "Let virtual NAT do without raw sockets."),
    Option("DisableUserModeSecureNAT", "Let virtual NAT do without ordinary sockets."),
    Option("DisableCheckMacOnLocalBridge", "Let a bridged adapter take MAC addresses over."),
    Option("DisableCorrectIpOffloadChecksum", "Do not correct checksums of a bridged adapter."),
    Option("BroadcastLimiterStrictMode", "Count broadcasts alike if one of their addresses is."),
    _number(
        "MaxLoggedPacketsPerMinute",
        "Packets that are logged in a minute, up to 600000; 0 for 60000.",
        works=True,
    ),
    Option("DoNotSaveHeavySecurityLogs", "Leave frequent entries out of the security log."),
    Option(
        "DropBroadcastsInPrivacyFilterMode",
        "Drop broadcasts too between two sessions with the privacy filter.",
        1,
    ),
    Option(
        "DropArpInPrivacyFilterMode",
        "Drop ARP too between two sessions with the privacy filter.",
        1,
    ),
    Option("SuppressClientUpdateNotification", "Ask clients not to speak of newer versions."),
    _number(
        "FloodingSendQueueBufferQuota",
        "Bytes that flooded frames may take up in the queues of all sessions; 0 any.",
        33_554_432,
    ),
    Option("AssignVLanIdByRadiusAttribute", "Take a session's VLAN from the RADIUS server."),
    Option(
        "DenyAllRadiusLoginWithNoVlanAssign",
        "Refuse RADIUS users to whom the RADIUS server gives no VLAN.",
    ),
    Option("SecureNAT_RandomizeAssignIp", "Let virtual DHCP give out addresses at random."),
    Option(
        "DetectDormantSessionInterval",
        "After how many seconds of silence a session gets no flooded frames; 0 never.",
        highest=MOST_SECONDS,
    ),
    Option("NoPhysicalIPOnPacketLog", "Leave the clients' own addresses out of the packet log."),
    Option("UseHubNameAsDhcpUserClassOption", "Tell DHCP servers the switch's name."),
    Option("UseHubNameAsRadiusNasId", "Tell the RADIUS server the switch's name."),
)
