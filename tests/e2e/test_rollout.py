"""The life of one cluster on a real Kubernetes, with OpenMLDB's own client as the witness. The tests build on each other."""

import time

import pytest

import client
import kube
import nameserver
from witness import write_while


def reasons(cluster):
    return [event["reason"] for event in cluster.events()]


def test_creates_a_cluster_that_the_sdk_can_use(cluster):
    connection = client.connect(cluster.zookeeper())
    roles = [role for _, role, status, _ in client.components(connection) if status == "online"]
    assert roles.count("tablet") == 3
    assert roles.count("nameserver") == 2
    assert client.table_warnings(connection) == []
    status = cluster.status()
    assert status["phase"] == "Ready"
    assert {name: part["version"] for name, part in status["components"].items()} == dict.fromkeys(
        ("nameserver", "tablet", "taskmanager", "apiserver"), "0.9.1")


@pytest.mark.parametrize("changes, field", [
    ({"version": ""}, "version"),
    ({"tablet": {"replicas": 2}}, "tablet.replicas"),
    ({"zookeeper": {"managed": {}, "servers": "zk:2181"}}, "zookeeper"),
])
def test_refuses_an_invalid_resource_and_names_the_field(cluster, changes, field):
    refusal = kube.refused(cluster.manifest(**changes))
    assert refusal is not None and field in refusal


@pytest.mark.parametrize("version, reason", [("9.9.9", "ImagePullFailed"), ("0.9.8", "VersionMismatch")])
def test_replaces_no_pod_for_a_version_that_does_not_run(cluster, version, reason):
    """9.9.9 has no image; the servers in the image of 0.9.8 are of 0.9.1."""
    before = cluster.uids()
    cluster.apply(version=version)
    kube.wait_until(lambda: cluster.condition("Ready").get("reason") == reason, 120, f"condition {reason}")
    kube.wait_until(lambda: reason in reasons(cluster), 60, f"event {reason}")
    message = cluster.condition("Ready")["message"]
    assert f"openmldb-standin:{version}" in message and "spec.version" in message
    assert cluster.status()["phase"] == "Waiting"
    time.sleep(5)
    assert cluster.uids() == before, "not even a nameserver"
    cluster.apply(version="0.9.1")
    cluster.wait_ready("0.9.1")
    assert cluster.uids() == before
    kube.wait_until(lambda: not cluster.pods("preflight"), 30, "the preflight pod gone")


def test_upgrades_in_order_though_the_operator_is_killed(cluster, tmp_path):
    before = nameserver.placement(cluster)
    assert nameserver.auto_failover(cluster)

    def upgrade():
        cluster.apply(version="0.9.2")
        kube.wait_until(lambda: "handing over leaders" in cluster.status()["progress"]
                        or "ReplacingTablet" in reasons(cluster), 180, "the first tablet's turn", every=0.1)
        leader = kube.get("lease", "openmldb-operator", "kube-system")["spec"]["holderIdentity"].split("_")[0]
        kube.kubectl("delete", "pod", leader, "-n", "openmldb-system", "--grace-period=0", "--force")
        cluster.wait_ready("0.9.2", patience=400)

    journal = write_while(cluster, tmp_path, upgrade)
    assert journal.longest_pause() < 5

    created = {name: [pod["metadata"]["creationTimestamp"] for pod in cluster.pods(name)]
               for name in ("nameserver", "tablet", "taskmanager", "apiserver")}
    assert max(created["nameserver"]) <= min(created["tablet"])
    assert max(created["tablet"]) <= min(created["taskmanager"])
    assert max(created["taskmanager"]) <= min(created["apiserver"])
    assert len(set(created["tablet"])) == 3, "one tablet at a time"

    assert nameserver.placement(cluster) == before, "leaders are back and no temporary replica is left"
    assert nameserver.auto_failover(cluster)
    status = cluster.status()
    assert status["rowsLost"] == 0
    assert len(status["tablets"]) == 3
    assert status["sdks"]["java"].startswith("com.4paradigm.openmldb:openmldb-jdbc:0.9.2")


def test_goes_back_and_leaves_auto_failover_off(cluster, tmp_path):
    nameserver.set_auto_failover(cluster, False)
    before = nameserver.placement(cluster)

    def back():
        cluster.apply(version="0.9.1")
        cluster.wait_ready("0.9.1", patience=400)

    write_while(cluster, tmp_path, back)
    assert nameserver.placement(cluster) == before
    assert not nameserver.auto_failover(cluster)


def test_deletion_leaves_nothing_but_the_data_volumes(cluster):
    cluster.delete()
    kube.wait_until(lambda: not cluster.pods(), 120, "all pods gone")
    selector = f"app.kubernetes.io/instance={cluster.name}"
    for kind in ("statefulset", "deployment", "service", "configmap", "poddisruptionbudget"):
        kube.wait_until(lambda kind=kind: not kube.get(kind, namespace=cluster.namespace, selector=selector), 60,
                        f"no {kind} left")
    claims = [claim["metadata"]["name"] for claim in kube.get("persistentvolumeclaim", namespace=cluster.namespace)]
    assert sum(f"{cluster.name}-tablet-" in claim for claim in claims) == 3
