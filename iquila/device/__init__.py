"""Network devices of this machine: TAP adapters."""
