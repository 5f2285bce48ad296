"""Upgrades clusters of several sizes on a real Kubernetes while two clients write, OpenMLDB's own SDK and a faster one, and
prints what they saw as a table of Markdown: run by tests/bench/bench where the cluster can be reached."""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from datetime import datetime

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))

import client  # noqa: E402
import kube  # noqa: E402
import writer as writers  # noqa: E402
from openmldb_cluster import OpenMLDBCluster  # noqa: E402

BEFORE, AFTER = "0.9.1", "0.9.2"
NAMESPACE = "openmldb-bench"
SDK_TABLE = {"sdk": (8, 3)}
# Whoever asks for no share of the processors gets next to nothing of them while others are busy.
SHARES = {"nameserver": {"replicas": 2, "resources": {"requests": {"cpu": "100m"}}},
          "tablet": {"replicas": 3, "storage": {"size": "1Gi"}, "resources": {"requests": {"cpu": "300m"}}}}
HEADER = ("partitions", "whole upgrade", "of it tablets", "leaders moved", "tablet fenced at most", "writer", "acknowledged",
          "refused", "pause, p99", "longest", "rows lost")


class FastWriter:
    """The program of that name: tables of its own, as many partitions as the cluster is to have."""

    def __init__(self, program, zookeeper, partitions, rate):
        self._process = subprocess.Popen(
            [program, f"--zookeeper={zookeeper}", f"--partitions={partitions}", f"--rate={rate}"],
            stdout=subprocess.PIPE, text=True)
        if self._process.stdout.readline() != "writing\n":
            raise RuntimeError("the fast writer did not come to write")

    def stop(self):
        self._process.terminate()
        told = self._process.stdout.read()
        self._process.wait(timeout=600)
        return json.loads(told)


def quantile(values, part):
    return sorted(values)[int(part * (len(values) - 1))] if values else 0


def seconds(report, name):
    return datetime.fromisoformat(report[name].replace("Z", "+00:00")).timestamp()


def row(*cells):
    print("| " + " | ".join(str(cell) for cell in cells) + " |", flush=True)


def measure(partitions, options):
    cluster = OpenMLDBCluster(f"bench-{partitions}", NAMESPACE, BEFORE, **SHARES)
    cluster.apply()
    cluster.wait_ready(BEFORE)
    with client.quiet():
        client.create_tables(client.connect(cluster.zookeeper()), "sdk", SDK_TABLE)
    journal_path = os.path.join(tempfile.mkdtemp(prefix="openmldb-bench-"), "journal")
    fast = FastWriter(options.fast_writer, cluster.zookeeper(), partitions, options.rate)
    writing = writers.Writer(cluster.zookeeper(), "/openmldb", "sdk", list(SDK_TABLE), journal_path, rate=options.sdk_rate)
    try:
        writing.wait_for_rows(200)
        began = time.monotonic()
        cluster.apply(version=AFTER)
        # One that watches takes less of the processors than to ask again and again.
        kube.kubectl("wait", f"openmldbcluster/{cluster.name}", "-n", NAMESPACE, "--timeout=1h",
                     f"--for=jsonpath={{.status.version}}={AFTER}", timeout=3700)
        cluster.wait_ready(AFTER)
        whole = time.monotonic() - began
        time.sleep(2)
    finally:
        journal = writing.stop()
        wrote = fast.stop()
    with client.quiet():
        lost = len(writers.lost_rows(client.connect(cluster.zookeeper()), "sdk", journal))
    reports = cluster.status()["tablets"]
    tablets = max(seconds(report, "finished") for report in reports) - min(seconds(report, "started") for report in reports)
    moved = sum(report["leadersMoved"] + report["leadersReturned"] for report in reports)
    fence = max((report["longestFence"] for report in reports), key=lambda text: float(text.rstrip("ms")))
    pauses = [pause.seconds * 1000 for pause in journal.pauses]
    row(partitions, f"{whole:.1f} s", f"{tablets:.1f} s", moved, fence, "SDK", journal.rows, len(journal.refused),
        f"{quantile(pauses, 0.99):.0f} ms", f"{max(pauses, default=0):.0f} ms", lost)
    row(partitions, "", "", "", "", "fast", wrote["acknowledged"], wrote["refused"],
        f"{quantile(wrote['pauses'], 0.99):.0f} ms", f"{max(wrote['pauses'], default=0):.0f} ms", wrote["lost"])
    cluster.delete()
    kube.wait_until(lambda: not cluster.pods(), 120, "all pods gone")
    return lost + wrote["lost"]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--partitions", default="24,240,800", help="leader partitions of three replicas each")
    parser.add_argument("--rate", type=float, default=500, help="rows a second of the fast writer")
    parser.add_argument("--sdk-rate", type=float, default=100, help="rows a second of the SDK, to eight more partitions")
    parser.add_argument("--fast-writer", required=True, help="the program")
    options = parser.parse_args()
    kube.run("kubectl", "create", "namespace", NAMESPACE, check=False)
    kube.install_operator("openmldb-operator", "openmldb-system")
    row(*HEADER)
    row(*["---"] * len(HEADER))
    lost = sum(measure(int(partitions), options) for partitions in options.partitions.split(","))
    sys.exit(1 if lost else 0)


if __name__ == "__main__":
    main()
