#!/usr/bin/env python3
"""Tests fan_out_dask.py on a local cluster of two workers, one of which is killed midway.

    cargo build --release && python3 scripts/test_fan_out_dask.py

Skips itself, and says why, where dask.distributed or the program is missing.
"""

import importlib.util
import json
import os
import signal
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import fan_out_dask

REBALAB = os.environ.get("REBALAB") or fan_out_dask.find_rebalab()
HAS_DASK = importlib.util.find_spec("distributed") is not None
SHARDS = 8

SCENARIO = {
    "format_version": 1,
    "name": "fan-out",
    "duration": "30m",
    "cluster": {"topics": [{"name": "orders", "partitions": 12, "arrivals": {"per_second": 20}}]},
    "groups": [
        {
            "id": "billing",
            "properties_file": "settings/group.properties",
            "consumers": [{"name": "worker", "count": 4, "processing": {"per_record": "2ms"}}],
        }
    ],
    "faults": [
        {
            "random": {"from": "1m", "until": "25m", "gap": {"exponential": {"mean": "3m", "min": "10s", "max": "20m"}}},
            "gc_pause": {"host": "worker", "for": {"uniform": {"from": "1s", "to": "20s"}}},
        }
    ],
}


def bytes_of(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@unittest.skipUnless(HAS_DASK, "dask.distributed is not installed (pip install dask distributed)")
@unittest.skipUnless(REBALAB, "rebalab is neither in the path nor built (cargo build --release)")
class FanOut(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="rebalab-test-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        (self.folder / "settings").mkdir()
        (self.folder / "settings" / "group.properties").write_text("heartbeat.interval.ms=2000\n")
        (self.folder / "fan-out.json").write_text(json.dumps(SCENARIO))
        sweep = ["--session.timeout.ms=6000..18000/3000", "--max.poll.records=50,500", "--seeds", "12"]
        self.arguments = ["sweep", str(self.folder / "fan-out.json"), *sweep]

    def rebalab(self, *arguments):
        return subprocess.run([REBALAB, *arguments], check=True, capture_output=True, text=True)

    def test_a_killed_worker_changes_no_byte_of_the_result(self):
        from distributed import Client, LocalCluster

        killed = []

        def kill_one(number):
            if killed:
                return
            busy = [worker for worker, tasks in client.processing().items() if tasks]
            pids = client.run(os.getpid, workers=busy[:1])
            for pid in pids.values():
                os.kill(pid, signal.SIGKILL)
                killed.append((number, pid))

        parts = self.folder / "parts"
        with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster, Client(cluster) as client:
            paths = fan_out_dask.fan_out(client, REBALAB, self.arguments, SHARDS, parts, on_part=kill_one)
        self.assertEqual(len(killed), 1, "a worker was to be killed while it was at work")
        self.assertEqual(len(paths), SHARDS)
        self.rebalab("merge", *map(str, reversed(paths)), "--out", str(self.folder / "merged"))
        self.rebalab(*self.arguments, "--out", str(self.folder / "whole"))
        self.assertEqual(bytes_of(self.folder / "merged"), bytes_of(self.folder / "whole"))

    def test_parts_that_are_there_are_not_run_again(self):
        from distributed import Client, LocalCluster

        ran = []
        parts = self.folder / "parts"
        with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster, Client(cluster) as client:
            paths = fan_out_dask.fan_out(client, REBALAB, self.arguments, SHARDS, parts)
            before = [path.read_bytes() for path in paths]
            paths[2].unlink()
            again = fan_out_dask.fan_out(client, REBALAB, self.arguments, SHARDS, parts, on_part=ran.append)
        self.assertEqual(ran, [3])
        self.assertEqual([path.read_bytes() for path in again], before)

    def test_a_command_that_rebalab_refuses_is_told_with_its_reason(self):
        from distributed import Client, LocalCluster

        arguments = ["sweep", str(self.folder / "fan-out.json"), "--sesion.timeout.ms=6000"]
        with LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None) as cluster, Client(cluster) as client:
            with self.assertRaisesRegex(fan_out_dask.ShardFailed, "mean `session.timeout.ms`"):
                fan_out_dask.fan_out(client, REBALAB, arguments, 1, self.folder / "parts")


class Shipping(unittest.TestCase):
    def test_a_scenario_travels_with_the_files_that_it_names(self):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "a.properties").write_text("x=1\n")
            (folder / "s.json").write_text(json.dumps({"groups": [{"properties_file": "a.properties"}]}))
            shipped = fan_out_dask.files_to_ship(["sweep", str(folder / "s.json"), "--seeds", "3"])
            self.assertEqual(sorted(Path(path).name for path in shipped), ["a.properties", "s.json"])

    def test_no_file_is_put_outside_the_folder_of_the_task(self):
        self.assertEqual(fan_out_dask.below(Path("/task"), "../../etc/x"), Path("/task/etc/x"))
        self.assertEqual(fan_out_dask.below(Path("/task"), "/abs/x"), Path("/task/abs/x"))


if __name__ == "__main__":
    unittest.main()
