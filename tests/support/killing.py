"""Programs that are killed at random moments of one call."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Callable

# Kills of each command; fifty or more are made where this is set.
KILLS = int(os.environ.get("PYRAMID_TEST_KILLS", "3"))
# Prints a line when the call begins, as what is imported is no part of it, and how long the call took.
PROGRAM = """
import sys, time, warnings
warnings.simplefilter("ignore")
import pyramid
pyramid.{name}
began_s = time.perf_counter()
print(flush=True)
pyramid.{name}({arguments})
print(time.perf_counter() - began_s, flush=True)
"""


def kill_at_random(name: str, arguments: str, prepare: Callable[[], None], check: Callable[[], None]) -> None:
    """Call a function of the package in processes that are killed, each after `prepare` and before `check`.

    The moments are spread over the time that an undisturbed call takes, which is measured first.

    Parameters
    ----------
    name
        The function.
    arguments
        Its arguments, as Python.
    prepare
        Makes what the call begins with.
    check
        Asserts what must hold after a kill.
    """
    command = [sys.executable, "-c", PROGRAM.format(name=name, arguments=arguments)]
    prepare()
    whole_s = float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    rng = random.Random(0)
    for _ in range(KILLS):
        prepare()
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(rng.uniform(0, whole_s))
            process.kill()
        check()
