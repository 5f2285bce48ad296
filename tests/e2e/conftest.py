import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import client  # noqa: E402
import kube  # noqa: E402
from openmldb_cluster import TABLES, OpenMLDBCluster  # noqa: E402

OPERATORS = "openmldb-system"


@pytest.fixture(scope="session", autouse=True)
def operator():
    """The operator, installed by its chart."""
    kube.install_operator("openmldb-operator", OPERATORS)
    yield
    for pod in kube.get("pods", namespace=OPERATORS):
        print_log(pod)


@pytest.fixture(autouse=True)
def no_crash(operator):
    """An operator that crashes is started again, and everything may still come to a good end."""
    yield
    crashed = [pod for pod in kube.get("pods", namespace=OPERATORS) if restarts(pod) > 0]
    for pod in crashed:
        print_log(pod, "--previous")
    assert not crashed, "an operator ended that nobody had told to"


def restarts(pod):
    return sum(container["restartCount"] for container in pod["status"].get("containerStatuses", []))


def print_log(pod, *options):
    name = pod["metadata"]["name"]
    log = kube.run("kubectl", "logs", "-n", OPERATORS, name, "--tail=200", *options, check=False)
    print(f"== {name} {' '.join(options)}\n{log.stdout}{log.stderr}")


@pytest.fixture(scope="session")
def namespace():
    name = "openmldb-e2e"
    kube.run("kubectl", "create", "namespace", name, check=False)
    yield name
    kube.run("kubectl", "delete", "namespace", name, "--wait=false", check=False)


@pytest.fixture(scope="session")
def cluster(operator, namespace):
    """One cluster for all tests, which build on each other in the order of files and lines."""
    cluster = OpenMLDBCluster("e2e", namespace, "0.9.1")
    for component in ("nameserver", "tablet"):
        cluster.spec[component]["flags"] = {"zk_session_timeout": "4000"}
    cluster.apply()
    cluster.wait_ready("0.9.1")
    client.create_tables(client.connect(cluster.zookeeper()), "db", TABLES)
    return cluster
