import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import kube  # noqa: E402

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")


@pytest.fixture(scope="session", autouse=True)
def operator():
    """The operator, installed by its chart."""
    kube.run("helm", "upgrade", "--install", "openmldb-operator", f"{ROOT}/charts/openmldb-operator", "-n",
             "openmldb-system", "--create-namespace", "--set", "image.repository=openmldb-operator", "--set",
             "image.tag=dev", "--wait", timeout=300)
    yield
    log = kube.run("kubectl", "logs", "-n", "openmldb-system", "-l", "app.kubernetes.io/name=openmldb-operator",
                   "--tail=200", check=False)
    print(log.stdout)


@pytest.fixture(scope="session")
def namespace():
    name = "openmldb-e2e"
    kube.run("kubectl", "create", "namespace", name, check=False)
    yield name
    kube.run("kubectl", "delete", "namespace", name, "--wait=false", check=False)
