"""The options of the VEN client that say how a user logs in."""

from __future__ import annotations

from pathlib import Path

from twisted.python.usage import UsageError
from twisted.trial.unittest import SynchronousTestCase

from iquila.service.client_plugin import certificate
from iquila.service.options import ClientOptions
from tests.certificates import make, rsa_key

ALICE = make("alice", rsa_key(2))
ACCOUNT = ("--to=localhost", "--switch=lab", "--user=alice", "--device=tap0")


class ClientOptionsTests(SynchronousTestCase):
    """Passwords and certificates."""

    def file(self, content: bytes) -> str:
        """Return the path of a file."""
        path = Path(self.mktemp())
        path.write_bytes(content)
        return str(path)

    def options(self, *arguments: str) -> ClientOptions:
        """Return what some arguments mean."""
        options = ClientOptions()
        options.parseOptions([*ACCOUNT, *arguments])
        return options

    def test_certificate(self) -> None:
        """Is read with its key."""
        files = f"--certificate={self.file(ALICE.pem)}", f"--key={self.file(ALICE.key_pem)}"
        found = certificate(self.options(*files))
        assert found is not None
        self.assertEqual(found.certificate, ALICE.der)
        self.assertIsNone(certificate(self.options()))

    def test_what_does_not_belong_together(self) -> None:
        """Is refused, and the options are named."""
        one = f"--certificate={self.file(ALICE.pem)}"
        key = f"--key={self.file(ALICE.key_pem)}"
        password = f"--password-file={self.file(b'secret')}"
        for arguments, word in (
            ((one,), "--key"),
            ((key,), "--certificate"),
            ((one, key, password), "--password-file"),
            (("--plain-password",), "--password-file"),
        ):
            error = self.assertRaises(UsageError, self.options, *arguments)
            self.assertIn(word, str(error))
        self.assertTrue(self.options(password, "--plain-password")["plain-password"])
