"""The processes of pods, where the cluster runs on this machine: to do to them what Kubernetes does not do."""

import contextlib
import os
import signal

import pytest


def of(pod):
    """Process ids of the pod's servers. Skips the test where they are not to be seen."""
    uid = pod["metadata"]["uid"]
    found = []
    for process in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{process}/cgroup") as groups, open(f"/proc/{process}/comm") as command:
                if uid in groups.read().replace("_", "-") and command.read().strip() != "pause":
                    found.append(int(process))
        except OSError:
            continue  # it ended
    if not found:
        pytest.skip("the nodes' processes cannot be seen from here")
    return found


def send(pod, number):
    for process in of(pod):
        with contextlib.suppress(ProcessLookupError):  # it went with the one before
            os.kill(process, number)


def kill(pod):
    """As when a server crashes: its container is started again in the same pod."""
    send(pod, signal.SIGKILL)
