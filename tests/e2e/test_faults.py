"""What dies in the middle of a rollout on a real Kubernetes, while replication is slow. The tests build on each other."""

import os
import random
import shlex
import signal
import time

import pytest

import client
import kube
import nameserver
import processes
from conftest import OPERATORS
from openmldb_cluster import TABLES, OpenMLDBCluster
from witness import write_while

KILLS = 20
OUTAGE = 20  # seconds


@pytest.fixture(scope="module")
def cluster(operator, namespace):
    cluster = OpenMLDBCluster("faults", namespace, "0.9.1")
    cluster.spec["nameserver"]["flags"] = {"zk_session_timeout": "4000"}
    # Followers fetch what is new three times a second and are not told when there is some.
    cluster.spec["tablet"]["flags"] = {"zk_session_timeout": "4000", "binlog_notify_on_put": "false",
                                       "binlog_sync_wait_time": "300"}
    cluster.apply()
    cluster.wait_ready("0.9.1")
    client.create_tables(client.connect(cluster.zookeeper()), "db", TABLES)
    yield cluster
    cluster.delete()
    kube.wait_until(lambda: not cluster.pods(), 120, "all pods gone")


def kill_the_leading_operator():
    """And takes the Lease from it, as the other would after 15 s."""
    holder = kube.get("lease", "openmldb-operator", "kube-system")["spec"].get("holderIdentity")
    if not holder:
        return False
    kube.kubectl("delete", "pod", holder.split("_")[0], "-n", OPERATORS, "--grace-period=0", "--force")
    kube.kubectl("delete", "lease", "openmldb-operator", "-n", "kube-system")
    return True


def test_an_operator_that_is_killed_at_any_moment_goes_on(cluster, tmp_path):
    before = nameserver.placement(cluster)
    chance = random.Random()
    killed = 0

    def upgrade():
        nonlocal killed
        cluster.apply(version="0.9.2")
        while killed < KILLS:
            time.sleep(chance.uniform(0.2, 1.5))
            assert not cluster.ready("0.9.2"), f"the rollout was over after {killed} kills"
            killed += kube.wait_until(kill_the_leading_operator, 60, "an operator that leads", every=0.1)
        cluster.wait_ready("0.9.2", patience=600)

    write_while(cluster, tmp_path, upgrade)
    assert killed == KILLS
    assert cluster.status()["rowsLost"] == 0
    assert nameserver.placement(cluster) == before
    assert nameserver.auto_failover(cluster)


def test_servers_the_api_server_and_zookeeper_fail_during_a_rollout(cluster, tmp_path):
    before = nameserver.placement(cluster)

    def turn_of(number):
        kube.wait_until(lambda: f"tablet {number}/3" in cluster.status().get("progress", ""), 300,
                        f"the turn of tablet {number}", every=0.1)

    def back():
        cluster.apply(version="0.9.1")
        turn_of(1)
        in_hand = cluster.status()["progress"]
        processes.kill(next(pod for pod in cluster.pods("tablet") if pod["metadata"]["name"] not in in_hand))
        turn_of(2)
        processes.kill(cluster.pods("nameserver")[0])
        processes.kill(cluster.pods("nameserver")[1])
        turn_of(3)
        if restart := os.environ.get("OMDB_LIVE_RESTART"):
            kube.run(*shlex.split(restart))
        [zookeeper] = cluster.pods("zookeeper")
        processes.send(zookeeper, signal.SIGSTOP)
        time.sleep(OUTAGE)
        processes.send(zookeeper, signal.SIGCONT)
        cluster.wait_ready("0.9.1", patience=600)

    write_while(cluster, tmp_path, back)
    assert cluster.status()["rowsLost"] == 0
    assert nameserver.placement(cluster) == before
    assert nameserver.auto_failover(cluster)
