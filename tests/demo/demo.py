"""The rollout of the demo, live: run by tests/demo/demo where the cluster can be reached."""

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from datetime import datetime

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))

from rich import box  # noqa: E402
from rich.console import Console, Group  # noqa: E402
from rich.live import Live  # noqa: E402
from rich.table import Table  # noqa: E402
from rich.text import Text  # noqa: E402

import client  # noqa: E402
import kube  # noqa: E402
import recording  # noqa: E402
import writer as writers  # noqa: E402
from openmldb_cluster import IMAGE, OpenMLDBCluster  # noqa: E402

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
BEFORE, AFTER = "0.9.1", "0.9.2"
TABLES = {"trades": (8, 3), "users": (4, 2), "lonely": (2, 1)}
COMPONENTS = ("nameserver", "tablet", "taskmanager", "apiserver")
# Shortened so that a demo is short; everything else is OpenMLDB's release configuration.
SHORTENED = {"zk_session_timeout": "4000"}
UPGRADE = f"helm upgrade demo charts/openmldb-cluster --reuse-values --set version={AFTER} --wait"
console = Console(width=min(100, max(80, Console().width)))


def helm(*arguments):
    kube.run("helm", *arguments, timeout=600)


def cluster_values(version):
    values = [f"version={version}", f"image={IMAGE}", "imagePullPolicy=IfNotPresent", "zookeeper.managed.enabled=true",
              "tablet.storage.size=1Gi"]
    for component in ("nameserver", "tablet"):
        values += [f"{component}.flags.{flag}={value}" for flag, value in SHORTENED.items()]
    return [part for value in values for part in ("--set-string" if "flags" in value else "--set", value)]


def progress(cluster, events_shown):
    status = cluster.status()
    table = Table(box=box.SIMPLE_HEAD, expand=True)
    for column in ("component", "version", "ready", "updated"):
        table.add_column(column)
    for component in COMPONENTS:
        found = status.get("components", {}).get(component, {})
        table.add_row(component, found.get("version", "-"), f"{found.get('ready', 0)}/{found.get('replicas', 0)}",
                      f"{found.get('updated', 0)}/{found.get('replicas', 0)}")
    lines = [Text.assemble((status.get("phase", ""), "bold"), "  ", status.get("progress", ""))]
    lines += [Text(f"  {note}", no_wrap=True, overflow="ellipsis") for note in events_shown[-8:]]
    return Group(table, *lines)


def story(cluster):
    return [f"{event['reason']}: {event.get('note', '')}" for event in cluster.events()]


def roll(cluster, pictures):
    """Changes the version with Helm and shows the rollout until Helm says that it is over."""
    upgrade = subprocess.Popen(
        ["helm", "upgrade", cluster.name, f"{ROOT}/charts/openmldb-cluster", "-n", cluster.namespace,
         *cluster_values(AFTER), "--wait", "--timeout", "15m"],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    shown = 0
    # Where there is no terminal only the notes are told, each once.
    with Live(console=console, refresh_per_second=4) if console.is_terminal else contextlib.nullcontext() as live:
        over = False
        while not over:
            over = upgrade.poll() is not None
            notes = story(cluster)
            frame = progress(cluster, notes)
            pictures.add(cluster.status().get("progress"), Group(Text(f"$ {UPGRADE}", style="bold green"), frame))
            if live:
                live.update(frame)
            else:
                for note in notes[shown:]:
                    console.print(f"  {note}", highlight=False, markup=False, soft_wrap=True)
            shown = len(notes)
            time.sleep(0 if over else 0.5)
    if upgrade.returncode != 0:
        raise SystemExit(f"helm upgrade failed: {upgrade.stderr.read()}")


def verdict(cluster, journal, versions_before, lost, warnings):
    """The closing tables."""
    status = cluster.status()
    tables = []
    table = Table(title="versions", box=box.SIMPLE_HEAD)
    for column in ("component", "before", "after"):
        table.add_column(column)
    for component in COMPONENTS:
        table.add_row(component, versions_before[component], status["components"][component]["version"])
    tables.append(table)

    table = Table(title="tablets", box=box.SIMPLE_HEAD)
    for column in ("tablet", "leaders\nmoved", "leaders\nreturned", "tablet fenced\nat most", "longest pause\n(real client)",
                   "inserts\nrefused"):
        table.add_column(column, justify="right" if column != "tablet" else "left")
    for report in status["tablets"]:
        start, end = timestamp(report["started"]), timestamp(report["finished"])
        table.add_row(report["name"], str(report["leadersMoved"]), str(report["leadersReturned"]),
                      report["longestFence"], f"{journal.longest_pause(start, end):.2f} s",
                      str(journal.refused_between(start, end)))
    tables.append(table)

    table = Table(title="rows", box=box.SIMPLE_HEAD)
    for column in ("acknowledged", "found", "lost", "inserts refused", "longest pause"):
        table.add_column(column, justify="right")
    table.add_row(str(journal.rows), str(journal.rows - len(lost)), str(len(lost)), str(len(journal.refused)),
                  f"{journal.longest_pause():.2f} s")
    tables.append(table)
    told = [Text(f"warnings in SHOW TABLE STATUS: {len(warnings)}")]
    told += [Text(f"  {name}: {warning}") for name, warning in warnings]
    return Group(*tables, *told)


def timestamp(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--picture", help="a file for an animated SVG of the rollout")
    options = parser.parse_args()
    pictures = recording.Recording("OpenMLDB operator")
    namespace = "openmldb-demo"
    kube.run("kubectl", "create", "namespace", namespace, check=False)
    console.print("[bold]installing the operator[/bold] (charts/openmldb-operator)")
    helm("upgrade", "--install", "openmldb-operator", f"{ROOT}/charts/openmldb-operator", "-n", "openmldb-system",
         "--create-namespace", "--set", "image.repository=openmldb-operator", "--set", "image.tag=dev", "--wait")
    console.print(f"[bold]creating an OpenMLDB cluster[/bold] of version {BEFORE} (charts/openmldb-cluster); "
                  f"shortened for the demo: {', '.join(f'{k}={v}' for k, v in SHORTENED.items())}")
    cluster = OpenMLDBCluster("demo", namespace, BEFORE)
    helm("upgrade", "--install", cluster.name, f"{ROOT}/charts/openmldb-cluster", "-n", namespace, *cluster_values(BEFORE),
         "--wait", "--timeout", "10m")
    with client.quiet():
        connection = client.connect(cluster.zookeeper())
        client.create_tables(connection, "demo", TABLES)
    journal_path = os.path.join(tempfile.mkdtemp(prefix="openmldb-demo-"), "journal")
    writing = writers.Writer(cluster.zookeeper(), "/openmldb", "demo", list(TABLES), journal_path)
    try:
        writing.wait_for_rows(500)
        before = {component: cluster.status()["components"][component]["version"] for component in COMPONENTS}
        console.print(f"[bold]upgrading to {AFTER}[/bold] while a client writes ({UPGRADE})", highlight=False)
        started = time.monotonic()
        roll(cluster, pictures)
        took = Text(f"the rollout took {time.monotonic() - started:.1f} s")
        console.print(took)
        time.sleep(2)
    finally:
        journal = writing.stop()
    with client.quiet():
        fresh = client.connect(cluster.zookeeper())
        lost = writers.lost_rows(fresh, "demo", journal)
        warnings = client.table_warnings(fresh)
    closing = verdict(cluster, journal, before, lost, warnings)
    console.print(closing)
    if options.picture:
        pictures.add("verdict", Group(Text(f"$ {UPGRADE}", style="bold green"), took, closing))
        pictures.save(options.picture)
    sys.exit(1 if lost or warnings else 0)


if __name__ == "__main__":
    main()
