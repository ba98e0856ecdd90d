"""What a SoftEther server did and this one does not, or keeps elsewhere: a sentence each."""

from __future__ import annotations

from iquila.admin.softether.file import Block
from iquila.admin.softether.report import Report


def elsewhere(root: Block, report: Report) -> None:
    """Note everything that is in a file and has no place in our configuration."""
    for name, block in root.block("VirtualHUB").blocks.items():
        _of_switch(name, block, report)
    server = root.block("ServerConfiguration")
    if server.data("HashedPassword"):
        report.add((), "The administration password is not carried over: this server keeps its own")
    if server.data("ServerCert"):
        report.add(
            (),
            "The server's certificate and key are not carried over: clients that check the "
            "certificate have to be told the new one, or give this server the old files",
        )
    if server.number("ServerType"):
        report.add((), "What the server was in a cluster is not carried over: set it up anew")
    for number, block in enumerate(root.block("LocalBridgeList").blocks.values(), 1):
        names = f"'{block.text('HubName')[:64]}' and '{block.text('DeviceName')[:64]}'"
        report.add((), f"Local bridge {number} between {names} is not carried over")
    for name in root.block("VirtualLayer3SwitchList").blocks:
        report.add((), f"The layer 3 switch '{name[:64]}' is not carried over")
    _services(root, server, report)


def _of_switch(name: str, block: Block, report: Report) -> None:
    path = ("switch", name[:64])
    for cascade in block.block("CascadeList").blocks.values():
        option = cascade.block("ClientOption")
        report.add(
            path,
            f"the cascade connection '{option.text('AccountName')[:64]}' to "
            f"'{option.text('Hostname')[:64]}' is not carried over",
        )
    if "SecureNAT" in block.blocks and not block.block("SecureNAT").flag("Disabled", True):
        report.add(path, "virtual NAT and DHCP (SecureNAT) are not carried over")
    for word in ("RadiusRealm", "RadiusSuffixFilter"):
        if block.text(word):
            report.add(path, f"{word} is not carried over")
    for word in ("RadiusConvertAllMsChapv2AuthRequestToEap", "RadiusUsePeapInsteadOfEap"):
        if block.flag(word):
            report.add(path, f"{word} is not carried over")


def _services(root: Block, server: Block, report: Report) -> None:
    security = root.block("IPsec")
    proto = server.block("Proto")
    running = {
        "L2TP over IPsec": security.flag("L2TP_IPsec"),
        "L2TP without encryption": security.flag("L2TP_Raw"),
        "EtherIP and L2TPv3 over IPsec": security.flag("EtherIP_IPsec"),
        "OpenVPN": proto.block("OpenVPN").flag("Enabled")
        or ("DisableOpenVPNServer" in server.values and not server.flag("DisableOpenVPNServer")),
        "SSTP": proto.block("SSTP").flag("Enabled")
        or ("DisableSSTPServer" in server.values and not server.flag("DisableSSTPServer")),
        "VPN over ICMP": server.flag("EnableVpnOverIcmp"),
        "VPN over DNS": server.flag("EnableVpnOverDns"),
        "the cloud relay (VPN Azure)": server.flag("EnableVpnAzure"),
    }
    for what, runs in running.items():
        if runs:
            report.add((), f"This server does not serve {what}: clients need another way in")
    names = root.blocks.get("DDnsClient")
    if names is not None and not names.flag("Disabled"):
        report.add((), "This server has no dynamic DNS: clients need another name of it")
    if server.block("SyslogSettings").number("SaveType"):
        host = server.block("SyslogSettings").text("HostName")[:64]
        report.add((), f"Sending the logs to '{host}' (syslog) is not carried over: set it again")
    if server.text("CipherName") not in ("", "~DEFAULT~"):
        report.add((), "The choice of ciphers is not carried over")
