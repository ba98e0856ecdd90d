"""The meter, on processes of this machine."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time

from twisted.trial.unittest import SynchronousTestCase

from .meter import Meter, cpu_seconds, resident_bytes


def burn(seconds: float) -> None:
    """Use so much CPU time of this process."""
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


class MeterTests(SynchronousTestCase):
    """CPU time and memory."""

    def test_threads_count(self) -> None:
        """The time of a thread that has ended belongs to its process, and to the machine's."""
        with Meter({"own": [os.getpid()]}) as meter:
            thread = threading.Thread(target=burn, args=(0.2,))
            thread.start()
            thread.join()
        self.assertGreater(meter.used["own"], 0.15)
        self.assertGreater(meter.used["machine"], 0.1)
        self.assertGreater(meter.elapsed, 0.15)

    def test_others_do_not_count(self) -> None:
        """A sleeping process has used next to nothing while this one worked."""
        script = "import time; print(flush=True); time.sleep(60)"
        child = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
        assert child.stdout is not None
        self.addCleanup(child.stdout.close)
        self.addCleanup(child.wait, 10)
        self.addCleanup(child.kill)
        child.stdout.readline()  # it has started
        with Meter({"child": [child.pid]}) as meter:
            burn(0.2)
        self.assertLess(meter.used["child"], 0.05)
        self.assertGreater(resident_bytes(child.pid), 1 << 20)

    def test_no_such_process(self) -> None:
        """It is told, not counted as nothing."""
        self.assertRaises(OSError, cpu_seconds, 4194305)  # above the highest id there can be
