"""The commands on the configuration as a document."""

from __future__ import annotations

import base64
import os
import zlib
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.admin.test_softether import SMALL

from .fake import Server, run

DOCUMENT = "[switch.Üü]\n"
SENT = base64.b64encode(DOCUMENT.encode()).decode()
NOTHING = {"NumChanges_u32": 0, "DifferenceList": [], "Seen_str": "abc"}
LINE = {
    "Kind_str": "switch",
    "Key_utf": 'switch."a"',
    "Action_str": "change",
    "Field_str": "message",
    "Before_utf": "one",
    "After_utf": "two\nlines",
}
CHANGED: dict[str, Any] = {"NumChanges_u32": 1, "DifferenceList": [LINE], "Seen_str": "abc"}


class ConfigurationTests(SynchronousTestCase):
    """export, plan, apply, import-softether."""

    def file(self, content: str) -> str:
        """Return the path of a file."""
        path = Path(self.mktemp())
        path.write_text(content, encoding="utf-8")
        return str(path)

    def test_export(self) -> None:
        """Printed as it is, or into a file that is the owner's alone."""
        server = Server(
            ExportConfigurationWithSecrets={"Document_bin": SENT},
            ExportConfiguration={"Document_bin": SENT},
        )
        self.assertEqual(run(server, "export"), (0, DOCUMENT, ""))
        path = self.file("old, and longer than the new one by far")
        os.chmod(path, 0o644)
        self.assertEqual(run(server, f"export {path} --secrets none"), (0, "", ""))
        self.assertEqual(Path(path).read_text("utf-8"), DOCUMENT)
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
        names = [name for name, _parameters in server.calls]
        self.assertEqual(names, ["ExportConfigurationWithSecrets", "ExportConfiguration"])
        self.assertEqual(run(server, "export --secrets some")[0], 2)

    def test_plan(self) -> None:
        """The exit status says whether anything differs."""
        path = self.file(DOCUMENT)
        server = Server(PlanConfiguration=NOTHING)
        self.assertEqual(run(server, f"plan {path}")[0], 0)
        self.assertEqual(server.calls[0][1]["Document_bin"], SENT)
        self.assertFalse(server.calls[0][1]["Compressed_bool"])
        server.answers["PlanConfiguration"] = CHANGED
        status, out, _err = run(server, f"plan {path} --keep")
        self.assertEqual(status, 4)
        self.assertIn('~ change|switch."a"|message|one   |two lines', out)
        self.assertTrue(server.calls[1][1]["Keep_bool"])

    def test_apply(self) -> None:
        """Without a terminal it has to be told yes; where nothing differs nothing is asked."""
        path = self.file(DOCUMENT)
        server = Server(PlanConfiguration=CHANGED, ApplyConfiguration=CHANGED)
        status, _out, err = run(server, f"apply {path}")
        self.assertEqual(status, 2)
        self.assertIn("--yes", err)
        self.assertEqual([name for name, _p in server.calls], ["PlanConfiguration"])
        self.assertEqual(run(server, f"apply {path} --allow-delete --yes")[0], 0)
        name, parameters = server.calls[-1]
        self.assertEqual((name, parameters["AllowDelete_bool"]), ("ApplyConfiguration", True))
        self.assertFalse(parameters["Keep_bool"])
        server = Server(PlanConfiguration=NOTHING)
        self.assertEqual(run(server, f"apply {path}")[0], 0)

    def test_a_large_document(self) -> None:
        """Travels compressed."""
        server = Server(PlanConfiguration=NOTHING)
        document = "# line\n" * 100_000
        self.assertEqual(run(server, f"plan {self.file(document)}")[0], 0)
        parameters = server.calls[0][1]
        self.assertTrue(parameters["Compressed_bool"])
        packed = base64.b64decode(parameters["Document_bin"])
        self.assertEqual(zlib.decompress(packed).decode(), document)

    def test_bad_files(self) -> None:
        """One sentence, and no call."""
        server = Server()
        large = self.file("")
        Path(large).write_bytes(os.urandom(800_000))
        for line in ("plan /no/such/file", f"plan {large}"):
            status, _out, err = run(server, line)
            self.assertEqual((status, len(err.splitlines())), (2, 1))
        self.assertEqual(server.calls, [])

    def test_import(self) -> None:
        """Nobody is asked anything; what is left behind is told beside the document."""
        server = Server(ApplyConfiguration=CHANGED)
        path, out = self.file(SMALL), self.file("")
        status, printed, left = run(server, f"import-softether {path} --as static")
        self.assertEqual(status, 0)
        self.assertIn('kind = "static"', printed)
        self.assertIn("SecureNAT", left)
        self.assertEqual(run(server, f"import-softether {path} --out {out}")[1], "")
        self.assertIn("[switch.office]", Path(out).read_text("utf-8"))
        self.assertEqual((server.calls, server.options), ([], None))
        self.assertEqual(run(server, f"import-softether {path} --apply")[0], 0)
        self.assertTrue(server.calls[0][1]["Keep_bool"])

    def test_import_refused(self) -> None:
        """With the line."""
        status, _out, err = run(Server(), f"import-softether {self.file('x')}")
        self.assertEqual(status, 1)
        self.assertIn("Line 1", err)
        self.assertEqual(run(Server(), f"import-softether {self.file(SMALL)} --as odd")[0], 2)
