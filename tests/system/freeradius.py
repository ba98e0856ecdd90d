"""
Debian's FreeRADIUS on a host of its own, in the foreground, with a configuration of its own.

Users: ``accept`` and ``member`` (password = name; reply attributes), ``slow`` (an answer after
:data:`SLOW_SECONDS`, as with a push on a phone), ``token`` (password, then the code 123456 for a
challenge), ``bare`` (accepted, but without a Message-Authenticator). All others are rejected.
"""

from __future__ import annotations

import re
from pathlib import Path

from attrs import define, field

from .network import Host
from .processes import Process, eventually

SECRET = "shared-between-two"
SLOW_SECONDS = 22
"""Longer than clients wait for an answer, and longer than servers wait for a login."""
AUTHENTICATION, ACCOUNTING = 1812, 1813
_CONFIGURATION = """
prefix = /usr
localstatedir = {top}
logdir = {top}
run_dir = {top}
db_dir = {top}
libdir = /usr/lib/freeradius
pidfile = {top}/pid
max_request_time = 60
cleanup_delay = 5
hostname_lookups = no
log {{
  destination = stdout
  auth = yes
}}
thread pool {{
  start_servers = 4
  max_servers = 8
  min_spare_servers = 2
  max_spare_servers = 8
}}
security {{
  allow_vulnerable_openssl = yes
  reject_delay = 0
  status_server = no
}}
client network {{
  ipaddr = 10.77.0.0/24
  secret = {secret}
  require_message_authenticator = yes
}}
modules {{
  pap {{ }}
  files {{
    filename = {top}/users
    acctusersfile = {top}/none
  }}
  detail {{
    filename = {top}/detail
    permissions = 0600
  }}
  always ok {{
    rcode = ok
  }}
  always handled {{
    rcode = handled
  }}
  exec wait {{
    wait = yes
    program = "/bin/sleep {seconds}"
    input_pairs = request
    timeout = 30
  }}
}}
server default {{
  listen {{
    type = auth
    ipaddr = *
    port = {authentication}
  }}
  listen {{
    type = acct
    ipaddr = *
    port = {accounting}
  }}
  authorize {{
    if (&User-Name == "slow") {{
      wait
    }}
    if (&User-Name == "token" && !&State) {{
      if (&User-Password == "token") {{
        update control {{
          &Response-Packet-Type := Access-Challenge
        }}
        update reply {{
          &Reply-Message := "Enter the code"
          &State := 0x73746174652d6f66
        }}
        handled
      }}
    }}
    files
    if (&User-Name == "token" && &State == 0x73746174652d6f66) {{
      update control {{
        &Cleartext-Password := "123456"
      }}
    }}
    pap
  }}
  authenticate {{
    Auth-Type PAP {{
      pap
    }}
  }}
  # Debian 12's FreeRADIUS adds a Message-Authenticator only where it is told to.
  post-auth {{
    if (&User-Name != "bare") {{
      update reply {{
        &Message-Authenticator := 0x00
      }}
    }}
    Post-Auth-Type REJECT {{
      update reply {{
        &Message-Authenticator := 0x00
      }}
    }}
    Post-Auth-Type Challenge {{
      update reply {{
        &Message-Authenticator := 0x00
      }}
    }}
  }}
  accounting {{
    detail
  }}
}}
"""
_USERS = """
accept Cleartext-Password := "accept"
    Class := 0x636c617373, Acct-Interim-Interval := 61

member Cleartext-Password := "member"
    Tunnel-Private-Group-Id := "77", Session-Timeout := 6

slow Cleartext-Password := "slow"

bare Cleartext-Password := "bare"
"""


@define
class FreeRADIUS:
    """One server on a host."""

    host: Host
    process: Process | None = field(init=False, default=None)

    @property
    def _top(self) -> Path:
        return self.host.scratch / "radius"

    def start(self) -> None:
        """Start it, and return when it takes requests."""
        self._top.mkdir()
        text = _CONFIGURATION.format(
            top=self._top,
            secret=SECRET,
            seconds=SLOW_SECONDS,
            authentication=AUTHENTICATION,
            accounting=ACCOUNTING,
        )
        (self._top / "radiusd.conf").write_text(text)
        (self._top / "users").write_text(_USERS)
        (self._top / "none").write_text("")
        (self._top / "dictionary").write_text("")
        command = ["freeradius", "-f", "-d", str(self._top), "-l", "stdout"]
        self.process = self.host.start("freeradius", command)
        process = self.process

        def ready() -> bool:
            return "Ready to process requests" in process.log.read_text(errors="replace")

        eventually(ready, "FreeRADIUS, ready to process requests", timeout=20.0)

    def stop(self) -> None:
        """End it."""
        if self.process is not None:
            self.process.terminate()

    def accounted(self) -> list[dict[str, str]]:
        """Return the accounting requests that it has taken, each by attribute."""
        detail = self._top / "detail"
        text = detail.read_text() if detail.exists() else ""
        return [
            dict(re.findall(r"^\t(\S+) = \"?(.*?)\"?$", part, re.MULTILINE))
            for part in text.split("\n\n")
            if "Acct-Status-Type" in part
        ]
