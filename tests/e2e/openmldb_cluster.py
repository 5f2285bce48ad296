"""An OpenMLDBCluster on the Kubernetes that KUBECONFIG names."""

import kube

IMAGE = "openmldb-standin"
# Of the cluster that the end-to-end tests share: partitions and replicas.
TABLES = {"three": (8, 3), "two": (4, 2), "one": (2, 1)}


class OpenMLDBCluster:
    def __init__(self, name, namespace, version, image=IMAGE, **spec):
        self.name = name
        self.namespace = namespace
        self.spec = {
            "version": version,
            "image": image,
            "imagePullPolicy": "IfNotPresent",
            "zookeeper": {"managed": {}},
            "nameserver": {"replicas": 2},
            "tablet": {"replicas": 3, "storage": {"size": "1Gi"}},
            "taskManager": {"replicas": 1},
            "apiServer": {"replicas": 1},
            **spec,
        }

    def manifest(self, **changes):
        return {
            "apiVersion": "openmldb.ai/v1alpha1",
            "kind": "OpenMLDBCluster",
            "metadata": {"name": self.name, "namespace": self.namespace},
            "spec": {**self.spec, **changes},
        }

    def apply(self, **changes):
        self.spec.update(changes)
        kube.apply(self.manifest())

    def object(self):
        return kube.get("openmldbcluster", self.name, self.namespace)

    def status(self):
        return self.object().get("status", {})

    def condition(self, kind):
        for condition in self.status().get("conditions", []):
            if condition["type"] == kind:
                return condition
        return {}

    def ready(self, version=None):
        found = self.object()
        status = found.get("status", {})
        if status.get("observedGeneration") != found["metadata"]["generation"]:
            return False
        if version and status.get("version") != version:
            return False
        return any(c["type"] == "Ready" and c["status"] == "True" for c in status.get("conditions", []))

    def wait_ready(self, version=None, patience=300):
        try:
            kube.wait_until(lambda: self.ready(version), patience, f"{self.name} ready")
        except TimeoutError as error:
            status = self.status()
            raise TimeoutError(f"{error}; phase {status.get('phase')}, progress {status.get('progress')}, "
                               f"conditions {status.get('conditions')}") from error

    def pods(self, component=None):
        selector = f"app.kubernetes.io/instance={self.name}"
        if component:
            selector += f",app.kubernetes.io/component={component}"
        return sorted(kube.get("pods", namespace=self.namespace, selector=selector),
                      key=lambda pod: pod["metadata"]["name"])

    def uids(self):
        """Of the pods that servers run in, by name."""
        return {pod["metadata"]["name"]: pod["metadata"]["uid"] for pod in self.pods()
                if pod["metadata"]["labels"]["app.kubernetes.io/component"] != "preflight"}

    def events(self):
        """Of this cluster, oldest first."""
        found = [event for event in kube.get("events.events.k8s.io", namespace=self.namespace)
                 if event.get("regarding", {}).get("name") == self.name
                 and event.get("regarding", {}).get("kind") == "OpenMLDBCluster"]
        return sorted(found, key=lambda event: event.get("eventTime") or event["metadata"]["creationTimestamp"])

    def zookeeper(self):
        service = kube.get("service", f"{self.name}-zookeeper-client", self.namespace)
        return f"{service['spec']['clusterIP']}:2181"

    def delete(self):
        kube.kubectl("delete", "openmldbcluster", self.name, "-n", self.namespace, "--wait=true")
