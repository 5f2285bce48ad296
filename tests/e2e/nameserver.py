"""The leading nameserver, by JSON over HTTP as a person would ask it with curl."""

import json
import urllib.request


def call(cluster, method, **arguments):
    """Asks each nameserver and takes the answer of the one that leads."""
    last = None
    for pod in cluster.pods("nameserver"):
        address = pod["status"].get("podIP")
        request = urllib.request.Request(
            f"http://{address}:7527/NameServer/{method}", data=json.dumps(arguments).encode(),
            headers={"Authorization": "sdefault", "Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                last = json.load(answer)
        except OSError as error:
            last = {"code": -1, "msg": str(error)}
            continue
        if last.get("code") == 0:
            return last
    raise RuntimeError(f"{method}: {last}")


def auto_failover(cluster):
    return {pair["key"]: pair["value"] for pair in call(cluster, "ConfGet")["conf"]}["auto_failover"] == "true"


def set_auto_failover(cluster, on):
    call(cluster, "ConfSet", conf={"key": "auto_failover", "value": "true" if on else "false"})


def placement(cluster):
    """{(db, table, pid): (leader, all replicas)} of every table, internal ones included."""
    found = {}
    for table in call(cluster, "ShowTable", show_all=True)["table_info"]:
        for partition in table["table_partition"]:
            metas = partition["partition_meta"]
            leaders = [meta["endpoint"] for meta in metas if meta["is_leader"] and meta.get("is_alive", True)]
            found[table["db"], table["name"], partition["pid"]] = (
                leaders[0] if len(leaders) == 1 else leaders, sorted(meta["endpoint"] for meta in metas))
    return found
