"""
Everything that can go wrong, by class: a root, the protocol's numbered errors, and the rest.

An error's text is one sentence for the person who meets it; it says what to do where that is
known. Numbers are those of reference §4.5.
"""

from __future__ import annotations

from typing import ClassVar


class IquilaError(Exception):
    """The root of all errors of ours; ``str()`` is the sentence for a person."""

    default: ClassVar[str] = "An error occurred."

    def __init__(self, sentence: str | None = None) -> None:
        self.sentence = sentence or self.default
        super().__init__(self.sentence)


class ConfigurationError(IquilaError):
    """An option, a file or a directory is not as it has to be."""

    default = "The configuration is not valid."


class DataDirectoryInUse(ConfigurationError):
    """Another process works on the data directory."""

    default = "The data directory is in use by another process: stop it, or use another directory."


class DataDirectoryUnusable(ConfigurationError):
    """The data directory cannot be made, read or written."""

    default = "The data directory cannot be used: check that it is a directory and writable."


class DatabaseTooNew(ConfigurationError):
    """The database was written by a newer version."""

    default = "The database was written by a newer version: install that version, or a backup."


class DatabaseCorrupt(ConfigurationError):
    """The database file is damaged."""

    default = "The database is damaged: restore a copy from the directory of backups."


class Conflict(IquilaError):
    """A compare of a transaction did not hold; nothing was changed."""

    default = "Somebody else changed it meanwhile: look at it again, then try again."


class FrameStreamError(IquilaError):
    """The block stream of a session is violated: the connection has to be cut."""

    default = "The stream of blocks is not valid."


class PackError(IquilaError):
    """Bytes are not a PACK, or one larger than its limits."""

    default = "The PACK cannot be read."


class VENError(IquilaError):
    """An error with a number that both ends know."""

    code: ClassVar[int] = 23


class UnknownError(VENError):
    """A number that we have no class for; `code` is the instance's own."""

    default = "The other end reports an error that is not known here."

    def __init__(self, code: int, sentence: str | None = None) -> None:
        self.code = code  # type: ignore[misc]
        super().__init__(sentence or f"The other end reports error {code}.")


class ConnectFailed(VENError):
    """Error 1."""

    code = 1
    default = "The server cannot be reached: check its name, its port and the network."


class NotAVENServer(VENError):
    """Error 2."""

    code = 2
    default = "The other end is not a VEN server: check the address and the port."


class Disconnected(VENError):
    """Error 3."""

    code = 3
    default = "The connection was lost."


class ProtocolError(VENError):
    """Error 4."""

    code = 4
    default = "The other end does not keep to the protocol."


class NotAVENClient(VENError):
    """Error 5."""

    code = 5
    default = "The other end is not a VEN client."


class UserCancelled(VENError):
    """Error 6."""

    code = 6
    default = "The operation was cancelled by the user."


class AuthTypeUnsupported(VENError):
    """Error 7."""

    code = 7
    default = "This user cannot log in this way: ask the administrator."


class SwitchNotFound(VENError):
    """Error 8."""

    code = 8
    default = "There is no such Virtual Switch on this server: check its name."


class AuthenticationFailed(VENError):
    """Error 9."""

    code = 9
    default = "The user name or the password is wrong."


class SwitchOffline(VENError):
    """Error 10."""

    code = 10
    default = "The Virtual Switch is offline: ask the administrator to set it online."


class SessionDeleted(VENError):
    """Error 11."""

    code = 11
    default = "The session was ended by an administrator."


class AccessDenied(VENError):
    """Error 12."""

    code = 12
    default = "Access is denied."


class SessionTimedOut(VENError):
    """Error 13."""

    code = 13
    default = "The session has timed out or is not known here: log in again."


class WrongTransport(VENError):
    """Error 14."""

    code = 14
    default = "The session is not carried by TCP."


class TooManyConnections(VENError):
    """Error 15."""

    code = 15
    default = "The session has as many TCP connections as it was granted."


class SwitchFull(VENError):
    """Error 16."""

    code = 16
    default = "The Virtual Switch has as many sessions as it may: try again later."


class ProxyConnectFailed(VENError):
    """Error 17."""

    code = 17
    default = "The proxy cannot be reached."


class ProxyError(VENError):
    """Error 18."""

    code = 18
    default = "The proxy answered with an error."


class ProxyAuthenticationFailed(VENError):
    """Error 19."""

    code = 19
    default = "The proxy refused the user name or the password."


class TooManyLogins(VENError):
    """Error 20."""

    code = 20
    default = "The user is logged in as often as the policy allows."


class LicenseError(VENError):
    """Error 21."""

    code = 21
    default = "The licence does not allow this."


class DeviceDriverError(VENError):
    """Error 22."""

    code = 22
    default = "The virtual network adapter failed."


class InternalError(VENError):
    """Error 23."""

    code = 23
    default = "An internal error occurred: the server's log tells more."


class SmartCardError(VENError):
    """Error 24."""

    code = 24
    default = "The smart card failed."


class ObjectNotFound(VENError):
    """Error 29."""

    code = 29
    default = "There is no such object: check the name or the number."


class AdapterExists(VENError):
    """Error 30."""

    code = 30
    default = "There is a virtual adapter of this name already: choose another name."


class AdapterFailed(VENError):
    """Error 31."""

    code = 31
    default = "The virtual adapter could not be made."


class InvalidAdapterName(VENError):
    """Error 32."""

    code = 32
    default = (
        "This cannot be the name of a virtual adapter: give 1 to 11 letters, digits, '-' or '_'."
    )


class NotSupported(VENError):
    """Error 33."""

    code = 33
    default = "This is not supported here."


class AccountExists(VENError):
    """Error 34."""

    code = 34
    default = "A connection setting of this name exists already."


class AccountActive(VENError):
    """Error 35."""

    code = 35
    default = "The connection setting is in use: disconnect it first."


class AccountNotFound(VENError):
    """Error 36."""

    code = 36
    default = "There is no connection setting of this name."


class AccountInactive(VENError):
    """Error 37."""

    code = 37
    default = "The connection setting is not connected."


class InvalidParameter(VENError):
    """Error 38."""

    code = 38
    default = "A parameter is not valid."


class AdapterInUse(VENError):
    """Error 41."""

    code = 41
    default = "The virtual adapter is in use: disconnect its connection setting first."


class AdapterMissing(VENError):
    """Error 42."""

    code = 42
    default = (
        "The virtual adapter of the connection setting does not exist: make it, or choose another."
    )


class AdapterTaken(VENError):
    """Error 43."""

    code = 43
    default = (
        "Another connection setting is using the same virtual adapter: disconnect that one first."
    )


class AdapterDisabled(VENError):
    """Error 44."""

    code = 44
    default = "The virtual adapter of the connection setting is disabled: enable it first."


class InvalidValue(VENError):
    """Error 45."""

    code = 45
    default = "A value is out of its range."


class NotController(VENError):
    """Error 46."""

    code = 46
    default = "This server is not a cluster controller: connect to the controller."


class Connecting(VENError):
    """Error 47."""

    code = 47
    default = "The connection is being made."


class ControllerConnectFailed(VENError):
    """Error 48."""

    code = 48
    default = "The cluster controller cannot be reached: check its address and the network."


class NoMemberAvailable(VENError):
    """Error 49."""

    code = 49
    default = "No server of the cluster can take the session now: try again later."


class SwitchAdministratorRefused(VENError):
    """Error 50."""

    code = 50
    default = "A switch administrator connects to the controller, not to a member."


class EmptyPasswordRemote(VENError):
    """Error 51."""

    code = 51
    default = "An empty password is only accepted from the server's own machine: set a password."


class NotEnoughRights(VENError):
    """Error 52."""

    code = 52
    default = "This needs more rights than this administrator has."


class ListenerNotFound(VENError):
    """Error 53."""

    code = 53
    default = "There is no listener on this port."


class ListenerExists(VENError):
    """Error 54."""

    code = 54
    default = "There is a listener on this port already."


class NotMember(VENError):
    """Error 55."""

    code = 55
    default = "This server is not a cluster member."


class CipherUnsupported(VENError):
    """Error 56."""

    code = 56
    default = "The cipher suite is not known."


class SwitchExists(VENError):
    """Error 57."""

    code = 57
    default = "A Virtual Switch of this name exists already: choose another name."


class TooManySwitches(VENError):
    """Error 58."""

    code = 58
    default = "The server has as many Virtual Switches as it may."


class CascadeExists(VENError):
    """Error 59."""

    code = 59
    default = "A cascade connection of this name exists already."


class CascadeInCluster(VENError):
    """Error 60."""

    code = 60
    default = "A cascade connection cannot be made on a server of a cluster."


class CascadeOffline(VENError):
    """Error 61."""

    code = 61
    default = "The cascade connection is offline."


class TooManyAccessRules(VENError):
    """Error 62."""

    code = 62
    default = "The access list has as many rules as it may."


class TooManyUsers(VENError):
    """Error 63."""

    code = 63
    default = "The Virtual Switch has as many users as it may."


class TooManyGroups(VENError):
    """Error 64."""

    code = 64
    default = "The Virtual Switch has as many groups as it may."


class GroupNotFound(VENError):
    """Error 65."""

    code = 65
    default = "There is no such group on this Virtual Switch."


class UserExists(VENError):
    """Error 66."""

    code = 66
    default = "A user of this name exists already: choose another name."


class GroupExists(VENError):
    """Error 67."""

    code = 67
    default = "A group of this name exists already: choose another name."


class WrongAuthType(VENError):
    """Error 68."""

    code = 68
    default = "The user does not log in with a password."


class OldPasswordWrong(VENError):
    """Error 69."""

    code = 69
    default = "The user name or the old password is wrong."


class CascadeSessionFixed(VENError):
    """Error 73."""

    code = 73
    default = "The session of a cascade connection cannot be ended."


class NoAccount(VENError):
    """Error 74."""

    code = 74
    default = "No connection setting is configured."


class AlreadyOnline(VENError):
    """Error 75."""

    code = 75
    default = "It is online already."


class Offline(VENError):
    """Error 76."""

    code = 76
    default = "It is offline."


class NotRSA1024(VENError):
    """Error 77."""

    code = 77
    default = "The certificate does not have an RSA key of 1024 bits."


class VirtualHostSessionFixed(VENError):
    """Error 78."""

    code = 78
    default = "The session of the virtual host cannot be ended."


class VirtualHostNeedsStandalone(VENError):
    """Error 79."""

    code = 79
    default = "The virtual host needs a standalone Virtual Switch."


class VirtualHostNotRunning(VENError):
    """Error 80."""

    code = 80
    default = "The virtual host does not run."


class StoppedByBlocker(VENError):
    """Error 81."""

    code = 81
    default = "The communication was stopped by a blocker."


class BridgeSessionFixed(VENError):
    """Error 82."""

    code = 82
    default = "The session of a local bridge cannot be ended."


class BridgeStopped(VENError):
    """Error 83."""

    code = 83
    default = "The local bridge is stopped."


class BridgeUnsupported(VENError):
    """Error 84."""

    code = 84
    default = "Local bridges are not possible on this system."


class ServerCertificateUntrusted(VENError):
    """Error 85."""

    code = 85
    default = "The server's certificate is not trusted."


class ProductDiffers(VENError):
    """Error 86."""

    code = 86
    default = "The product codes differ."


class VersionDiffers(VENError):
    """Error 87."""

    code = 87
    default = "The versions differ: update the client."


class CaptureAddFailed(VENError):
    """Error 88."""

    code = 88
    default = "The capture device cannot be added."


class CodeDiffers(VENError):
    """Error 89."""

    code = 89
    default = "The codes of the two ends differ."


class CaptureNotFound(VENError):
    """Error 90."""

    code = 90
    default = "There is no such capture device."


class Layer3SessionFixed(VENError):
    """Error 91."""

    code = 91
    default = "The session of a virtual layer 3 switch cannot be ended."


class Layer3SwitchExists(VENError):
    """Error 92."""

    code = 92
    default = "A virtual layer 3 switch of this name exists already."


class Layer3SwitchNotFound(VENError):
    """Error 93."""

    code = 93
    default = "There is no such virtual layer 3 switch."


class InvalidName(VENError):
    """Error 94."""

    code = 94
    default = "The name is not allowed: use letters, digits, spaces and . - _"


class Layer3InterfaceAddFailed(VENError):
    """Error 95."""

    code = 95
    default = "The interface cannot be added."


class Layer3InterfaceDeleteFailed(VENError):
    """Error 96."""

    code = 96
    default = "The interface cannot be deleted."


class Layer3InterfaceExists(VENError):
    """Error 97."""

    code = 97
    default = "The virtual layer 3 switch has an interface to this Virtual Switch already."


class Layer3RouteAddFailed(VENError):
    """Error 98."""

    code = 98
    default = "The route cannot be added."


class Layer3RouteDeleteFailed(VENError):
    """Error 99."""

    code = 99
    default = "The route cannot be deleted."


class Layer3RouteExists(VENError):
    """Error 100."""

    code = 100
    default = "The route exists already."


class BadClock(VENError):
    """Error 101."""

    code = 101
    default = "The clocks of client and server differ too much."


class Layer3CannotStart(VENError):
    """Error 102."""

    code = 102
    default = "The virtual layer 3 switch needs an interface before it can start."


class ClientLicenseShort(VENError):
    """Error 103."""

    code = 103
    default = "The server has too few client licences."


class BridgeLicenseShort(VENError):
    """Error 104."""

    code = 104
    default = "The server has too few bridge licences."


class ServerCannotAccept(VENError):
    """Error 105."""

    code = 105
    default = "The server takes no connections at present: try again later."


class ServerCertificateExpired(VENError):
    """Error 106."""

    code = 106
    default = "The server's certificate has expired or is not valid yet."


class MonitorModeDenied(VENError):
    """Error 107."""

    code = 107
    default = "The policy does not allow monitor mode."


class BridgeModeDenied(VENError):
    """Error 108."""

    code = 108
    default = "The policy allows neither bridging nor routing."


class AddressDenied(VENError):
    """Error 109."""

    code = 109
    default = "Connections from this address are not allowed."


class TooManyItems(VENError):
    """Error 110."""

    code = 110
    default = "There are too many items."


class OutOfMemory(VENError):
    """Error 111."""

    code = 111
    default = "The server is out of memory."


class ObjectExists(VENError):
    """Error 112."""

    code = 112
    default = "It exists already."


class FatalError(VENError):
    """Error 113."""

    code = 113
    default = "A fatal error occurred: the server's log tells more."


class BadCommand(VENError):
    """Error 117."""

    code = 117
    default = "The command is not known."


class BetaExpired(VENError):
    """Error 123."""

    code = 123
    default = "The version has expired."


class AutoDisconnected(VENError):
    """Error 126."""

    code = 126
    default = "The session was ended after the time that its policy allows."


class ClientIdDiffers(VENError):
    """Error 127."""

    code = 127
    default = "The client's id is not the one required."


class TooManyUsersCreated(VENError):
    """Error 128."""

    code = 128
    default = "Too many users were created."


class SeveralServers(VENError):
    """Error 131."""

    code = 131
    default = "Several servers are behind this address."


class PasswordResetNeeded(VENError):
    """Error 138."""

    code = 138
    default = "The user's password has to be set again before this way to log in works."


class OpenVPNDisabled(VENError):
    """Error 142."""

    code = 142
    default = "OpenVPN is not enabled."


class Suspending(VENError):
    """Error 148."""

    code = 148
    default = "The system is about to sleep."


class HostNameMismatch(VENError):
    """Error 149."""

    code = 149
    default = "The server's certificate carries another name."


class TLSVersion(VENError):
    """Error 150."""

    code = 150
    default = "The two ends have no TLS version in common."


class NoSharedCipher(VENError):
    """Error 151."""

    code = 151
    default = "The two ends have no cipher suite in common."


class TLSHandshakeFailed(VENError):
    """Error 152."""

    code = 152
    default = "The TLS handshake failed."


_BY_CODE: dict[int, type[VENError]] = {
    cls.code: cls for cls in VENError.__subclasses__() if cls is not UnknownError
}


def error_for(code: int, sentence: str | None = None) -> VENError:
    """Return the error with a number, :class:`UnknownError` where it has no class."""
    cls = _BY_CODE.get(code)
    return UnknownError(code, sentence) if cls is None else cls(sentence)
