"""Operations on the client itself: what it is, and the few settings that it has."""

from __future__ import annotations

import os
import platform

from attrs import frozen

import iquila
from iquila.admin.client.managed import ManagedClient
from iquila.admin.fields import flag, text, u32
from iquila.admin.operation import Caller, Nothing, Table
from iquila.errors import NotSupported

TABLE: Table[ManagedClient] = Table()
PRODUCT = "iquila VEN Client"
LINUX = 3100
"""The type of the operating system, reference jsonrpc "Recorded exchanges"."""


@frozen
class Version:
    """What the client is."""

    product: str = text("ClientProductName")
    version: str = text("ClientVersionString")
    build_info: str = text("ClientBuildInfoString")
    version_number: int = u32("ClientVerInt")
    build: int = u32("ClientBuildInt")
    process: int = u32("ProcessId")
    os_type: int = u32("OsType")
    os_name: str = text("OsName")


@TABLE.operation("GetClientVersion", Nothing, Version)
async def get_client_version(client: ManagedClient, caller: Caller, request: Nothing) -> Version:
    """Tell the product and its version."""
    major, minor = iquila.__version__.split(".")[:2]
    return Version(
        product=PRODUCT,
        version=f"Version {iquila.__version__}",
        build_info=f"Python {platform.python_version()}",
        version_number=int(major) * 100 + int(minor),
        process=os.getpid(),
        os_type=LINUX,
        os_name=platform.system(),
    )


@frozen
class Config:
    """Settings of the client: both are off, and stay so."""

    remote: bool = flag("AllowRemoteConfig")
    keep_alive: bool = flag("UseKeepConnect")


@TABLE.operation("GetClientConfig", Nothing, Config)
async def get_client_config(client: ManagedClient, caller: Caller, request: Nothing) -> Config:
    """Tell the settings of the client."""
    return Config()


@TABLE.operation("SetClientConfig", Config, Config)
async def set_client_config(client: ManagedClient, caller: Caller, request: Config) -> Config:
    """Change the settings of the client, as far as they can."""
    if request.remote:
        raise NotSupported("This client is administered by its socket, on its own machine only.")
    if request.keep_alive:
        raise NotSupported("This client sends nothing to keep an Internet connection alive.")
    return request
