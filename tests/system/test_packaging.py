"""What a user installs: a wheel and an editable install, each in a fresh virtual environment."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from ..twins import compiled
from .processes import CommandFailed, run
from .requirements import refuse

CHECKOUT = Path(__file__).resolve().parents[2]
ROLES = ("iquila-server", "iquila-controller", "iquila-member", "iquila-client")
NOT_SOURCE = shutil.ignore_patterns(
    ".*",
    "__pycache__",
    "*.egg-info",
    "*.so",
    "build",
    "dist",
    "_build",
    "_trial_temp*",
    "dropin.cache",
)


class Environment:
    """A fresh virtual environment."""

    def __init__(self, folder: Path) -> None:
        """Make it, with the interpreter that runs the tests."""
        self.folder = folder
        run([sys.executable, "-m", "venv", str(folder)], timeout=120.0)

    def install(self, *what: str, compiler: bool = True) -> None:
        """Install with pip, with the versions that are tested; without a compiler if so wished."""
        constraints = ["-c", str(CHECKOUT / "constraints.txt")]
        pip = [str(self.folder / "bin/python"), "-m", "pip", "--disable-pip-version-check"]
        env = ["env"] if compiler else ["env", "CC=/bin/false"]
        run([*env, *pip, "install", "--quiet", *constraints, *what], timeout=600.0)

    def run_outside(self, program: str, *arguments: str) -> str:
        """Run one of its programs in the root folder, far from the checkout."""
        return run(
            ["env", "-C", "/", "-u", "PURE_PYTHON", str(self.folder / "bin" / program), *arguments]
        )


class PackagingTests(SynchronousTestCase):
    """The plugins of twistd, the command and the data files arrive with every way to install."""

    def setUp(self) -> None:
        """Copy the source, so that building leaves nothing in the checkout."""
        probe = ["-m", "pip", "download", "--quiet", "--no-deps", "--dest", self.mktemp()]
        try:
            run([sys.executable, *probe, "setuptools>=77"], timeout=120.0)
        except CommandFailed:
            refuse("needs a package index that pip can reach, as the installation itself does")
        self.scratch = Path(self.mktemp()).resolve()
        self.source = self.scratch / "source"
        shutil.copytree(CHECKOUT, self.source, ignore=NOT_SOURCE)

    def check(self, environment: Environment, *, native: bool) -> None:
        """Assert that an environment offers all that a user calls, and which twins it uses."""
        tell = "from iquila.wire.scan import NATIVE; print(NATIVE)"
        self.assertEqual(environment.run_outside("python", "-c", tell), f"{native}\n")
        listed = environment.run_outside("twistd", "--help")
        for role in ROLES:
            self.assertIn(f"    {role} ", listed)
            self.assertIn("--", environment.run_outside("twistd", role, "--help"))
        self.assertIn("COMMAND", environment.run_outside("iquila", "--help"))

    def test_wheel(self) -> None:
        """A wheel, built from the source distribution, brings everything and keeps twistd whole."""
        wheels = self.scratch / "wheels"
        run(
            [sys.executable, "-m", "build", "--outdir", str(wheels), str(self.source)],
            timeout=600.0,
        )
        (wheel,) = wheels.glob("*.whl")
        environment = Environment(self.scratch / "wheel-environment")
        environment.install(str(wheel))
        self.check(environment, native=compiled() is not None)
        # The schema of the database is a data file, and easily left out.
        (package,) = (environment.folder / "lib").glob("*/site-packages/iquila")
        self.assertTrue((package / "_native.pyi").exists())
        self.assertFalse((package / "_native.c").exists())
        self.assertEqual(
            sorted(file.name for file in (package / "database/schema").glob("*.sql")),
            sorted(file.name for file in (CHECKOUT / "iquila/database/schema").glob("*.sql")),
        )
        pip = str(environment.folder / "bin/pip")
        run([pip, "uninstall", "--yes", "--quiet", "iquila"])
        self.assertNotIn("iquila", environment.run_outside("twistd", "--help"))

    def test_editable(self) -> None:
        """An editable install of a checkout offers the same, without a compiler too."""
        environment = Environment(self.scratch / "editable-environment")
        environment.install("-e", str(self.source), compiler=False)
        self.check(environment, native=False)
