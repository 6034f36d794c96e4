"""Settings of all tests: the servers they may ask for, and how many examples a property is tried on."""

from __future__ import annotations

import os
import signal
import sys

from hypothesis import HealthCheck, settings

from tests.support.servers.loopback import NO_CLOUD

pytest_plugins = ["tests.support.servers.fixtures"]
collect_ignore = ["plugin"]  # a package of its own, whose tests run where it is installed
if sys.platform != "linux":
    # Only Linux says how much memory was used at most.
    collect_ignore += ["integration/engine/test_task_memory.py", "integration/viewing/test_memory.py"]
    collect_ignore.append("unit/writing/test_direct_io.py")  # no other system writes past its cache by that flag
os.environ.update(NO_CLOUD)
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in the background, for children too
    signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile("brief", max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("quick", max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("thorough", max_examples=1000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))
