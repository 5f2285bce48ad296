"""The charts: what they make is what the API server takes, with every field known to the schema."""

import pytest

import kube

SMALLEST = ["--set", "version=0.9.2", "--set", "zookeeper.servers=zk-0:2181"]
MANAGED = ["--set", "version=0.9.2", "--set", "zookeeper.managed.enabled=true", "--set", "image=openmldb-standin",
           "--set", "tablet.storage.size=1Gi", "--set-string", "tablet.flags.zk_session_timeout=4000"]


@pytest.mark.parametrize("chart, values", [("openmldb-operator", []), ("openmldb-cluster", SMALLEST),
                                           ("openmldb-cluster", MANAGED)])
def test_a_chart_is_clean_and_its_output_is_accepted(chart, values):
    kube.run("helm", "lint", "--strict", f"{kube.CHARTS}/{chart}", *values)
    made = kube.run("helm", "template", "try", f"{kube.CHARTS}/{chart}", "-n", "default", *values).stdout
    kube.kubectl("apply", "--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict", "-f", "-",
                 stdin=made)


def test_the_clusters_chart_refuses_values_that_it_does_not_know():
    done = kube.run("helm", "template", "try", f"{kube.CHARTS}/openmldb-cluster", *SMALLEST, "--set", "tablett.replicas=3",
                    check=False)
    assert done.returncode != 0 and "tablett" in done.stderr
