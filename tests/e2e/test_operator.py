"""Operators one after the other and side by side: the pods of a running cluster are none of their business."""

import time

import pytest

import kube
import processes

RELEASE, NAMESPACE = "openmldb-operator", "openmldb-system"
# What the pod templates of openmldb-operator:next have and those of :dev have not.
NEXT = "example.com/rendered-by"


def holder():
    return kube.get("lease", "openmldb-operator", "kube-system")["spec"]["holderIdentity"]


def led_by(tag):
    """Whether the operator that acts is of that image, and stays."""
    pod = kube.get("pod", holder().split("_")[0], NAMESPACE)
    return (pod["spec"]["containers"][0]["image"].endswith(f":{tag}")
            and "deletionTimestamp" not in pod["metadata"])


def let_it_look(cluster, tag):
    """Long enough for a new operator to lead, to look several times and to do what it should not."""
    kube.wait_until(lambda: led_by(tag) and cluster.ready(), 60, f"the operator of image {tag} leading")
    time.sleep(15)


def rendered_by_next(cluster):
    """Components whose pods have what only the next operator's templates have."""
    return {pod["metadata"]["labels"]["app.kubernetes.io/component"] for pod in cluster.pods()
            if NEXT in pod["metadata"].get("annotations", {})}


def test_a_restart_of_the_operator_changes_no_running_pod(cluster):
    before = cluster.uids()
    kube.kubectl("rollout", "restart", f"deployment/{RELEASE}", "-n", NAMESPACE)
    kube.kubectl("rollout", "status", f"deployment/{RELEASE}", "-n", NAMESPACE, "--timeout=120s")
    let_it_look(cluster, "dev")
    assert cluster.uids() == before


def test_an_operator_whose_process_is_killed_does_not_wait_for_its_own_lease(cluster):
    before = holder()
    pod = kube.get("pod", before.split("_")[0], NAMESPACE)
    processes.kill(pod)
    killed = time.monotonic()
    kube.wait_until(lambda: holder() != before, 60, "another process leading", every=0.1)
    assert holder().startswith(f"{pod['metadata']['name']}_{pod['metadata']['uid']}_")
    assert time.monotonic() - killed < 10, "the Lease is for 15 s"
    kube.kubectl("delete", "pod", pod["metadata"]["name"], "-n", NAMESPACE)  # its restart was meant, others are not
    let_it_look(cluster, "dev")


def test_the_next_version_of_the_operator_changes_no_running_pod(cluster):
    before = cluster.uids()
    kube.install_operator(RELEASE, NAMESPACE, tag="next")
    let_it_look(cluster, "next")
    assert cluster.uids() == before
    assert rendered_by_next(cluster) == set()


def test_it_renders_its_own_templates_for_what_changes_and_nothing_else(cluster):
    before = cluster.uids()
    cluster.apply(apiServer={"replicas": 1, "flags": {"request_max_retry": "4"}})
    kube.wait_until(lambda: cluster.ready("0.9.1") and rendered_by_next(cluster) == {"apiserver"}, 120,
                    "API servers of the next operator's template")

    def servers_with_state(uids):
        return {name: uid for name, uid in uids.items() if "apiserver" not in name}

    assert servers_with_state(cluster.uids()) == servers_with_state(before)


def test_the_former_version_of_the_operator_changes_no_running_pod(cluster):
    before = cluster.uids()
    kube.install_operator(RELEASE, NAMESPACE)
    let_it_look(cluster, "dev")
    assert cluster.uids() == before


def test_a_second_release_for_the_same_namespaces_stands_by(cluster):
    before = holder()
    second = "openmldb-second"
    kube.install_operator("second", second, **{"replicas": 1, "crds.install": "false"})
    try:
        time.sleep(10)
        assert holder() == before
        log = kube.kubectl("logs", "deployment/second", "-n", second)
        assert f"leader: {before}" in log
        assert "leading as" not in log
    finally:
        kube.run("helm", "uninstall", "second", "-n", second, "--wait")
        kube.kubectl("delete", "namespace", second, "--wait=false")


@pytest.mark.parametrize("key", ["lease-name", "lease-namespace", "watch-namespace", "leader-elect"])
def test_the_chart_refuses_what_would_give_a_release_a_lease_of_its_own(key):
    done = kube.run("helm", "template", f"{kube.CHARTS}/openmldb-operator", "--set", f"config.{key}=mine", check=False)
    assert done.returncode != 0
    assert f"config.{key} cannot be set" in done.stderr
