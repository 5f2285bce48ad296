"""OpenMLDB's own client writes while something happens to the cluster, and looks whether everything is there afterwards."""

import client
import writer as writers
from openmldb_cluster import TABLES


def write_while(cluster, tmp_path, change):
    """Writes before, during and after `change()`; nothing that was acknowledged may be missing. Returns the journal."""
    writing = writers.Writer(cluster.zookeeper(), "/openmldb", "db", list(TABLES), str(tmp_path / "journal"), rate=150)
    try:
        writing.wait_for_rows(200)
        change()
        rows = writers.read_journal(writing.journal_path).rows
        writing.wait_for_rows(rows + 100)
    finally:
        journal = writing.stop()
    fresh = client.connect(cluster.zookeeper())
    assert writers.lost_rows(fresh, "db", journal) == []
    assert client.table_warnings(fresh) == []
    return journal
