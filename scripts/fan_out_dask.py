#!/usr/bin/env python3
"""Runs a sweep or a comparison in shards on a dask.distributed cluster and merges the parts.

    python3 scripts/fan_out_dask.py --shards 16 --out result -- \\
        sweep scenarios/gc-pause-beyond-session.json --session.timeout.ms=6000,10000,45000 --seeds 200

Without --scheduler a local cluster is started, one worker per core. With --scheduler ADDRESS the shards run on the
workers of that cluster: each needs the same version of rebalab (--rebalab names it), but neither a shared disk nor the
scenario, which travel with the task; parts travel back the same way.

A shard is one task. A worker that dies loses the shard it was at; dask gives that to another one. Parts that are there
already are not run again, so a call that was stopped is simply repeated. The result is the same, byte for byte, as that
of the command without shards.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path


class ShardFailed(Exception):
    """rebalab itself refused a shard: trying again elsewhere would not help."""


def files_to_ship(arguments):
    """The files that the command names, and those that its scenario names, by the path the worker will find them at."""
    shipped = {}
    for argument in arguments:
        path = Path(argument)
        if argument.startswith("-") or not path.is_file():
            continue
        shipped[argument] = path.read_text(encoding="utf-8")
        if path.suffix == ".json":
            for named in named_files(json.loads(shipped[argument])):
                shipped[str(path.parent / named)] = (path.parent / named).read_text(encoding="utf-8")
    return shipped


def named_files(value):
    """Every `properties_file` of a scenario."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "properties_file" and isinstance(inner, str):
                yield inner
            else:
                yield from named_files(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from named_files(inner)


def below(folder, name):
    """Where a shipped file lies in the folder of a task; paths that lead out of it are folded in."""
    parts = [part for part in Path(name).parts if part not in ("/", "..", ".")]
    return folder.joinpath(*parts)


def run_shard(rebalab, arguments, shipped, number, of):
    """Runs one shard in a folder of its own and returns the bytes of its part. Runs on a worker."""
    with tempfile.TemporaryDirectory(prefix="rebalab-") as name:
        folder = Path(name)
        for path, text in shipped.items():
            place = below(folder, path)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text, encoding="utf-8")
        own = [str(below(folder, argument)) if argument in shipped else argument for argument in arguments]
        part = folder / "part"
        command = [rebalab, *own, "--shard", f"{number}/{of}", "--out", str(part), "--threads", "1"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise ShardFailed(f"shard {number}/{of} ended with exit code {done.returncode}:\n{done.stderr}")
        return part.read_bytes()


def keep(part, content):
    """Writes a part whole or not at all."""
    partial = part.with_name(part.name + ".partial-copy")
    partial.write_bytes(content)
    os.replace(partial, part)


def fan_out(client, rebalab, arguments, shards, parts, on_part=lambda number: None):
    """Runs the shards whose parts are not there yet and returns the paths of all parts."""
    from distributed import as_completed

    parts.mkdir(parents=True, exist_ok=True)
    paths = {number: parts / f"part-{number}-of-{shards}" for number in range(1, shards + 1)}
    shipped = files_to_ship(arguments)
    missing = [number for number, path in paths.items() if not path.exists()]
    # pure=False: a shard must run although one of the same name ran before. retries: for what a worker's machine does.
    futures = {
        client.submit(run_shard, rebalab, arguments, shipped, number, shards, pure=False, retries=2): number
        for number in missing
    }
    for future in as_completed(futures):
        number = futures[future]
        keep(paths[number], future.result())
        print(f"part {number} of {shards} is done", file=sys.stderr)
        on_part(number)
    return list(paths.values())


def merge(rebalab, parts, out, force):
    """Puts the parts together and prints the result."""
    command = [rebalab, "merge", *map(str, parts), "--out", str(out), *(["--force"] if force else [])]
    return subprocess.run(command, check=False).returncode


def find_rebalab():
    """The program: in the path, or as cargo builds it."""
    built = Path(__file__).resolve().parent.parent / "target" / "release" / "rebalab"
    return shutil.which("rebalab") or (str(built) if built.exists() else None)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shards", type=int, required=True, metavar="N", help="number of parts; a few per worker")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="directory of the merged result")
    parser.add_argument("--parts", type=Path, metavar="DIR", help="directory of the parts (default: OUT.parts)")
    parser.add_argument("--scheduler", metavar="ADDRESS", help="scheduler of a cluster (default: a local cluster)")
    parser.add_argument("--workers", type=int, metavar="N", help="workers of the local cluster (default: one per core)")
    parser.add_argument("--rebalab", metavar="PATH", help="the program on the workers (default: as found here)")
    parser.add_argument("--force", action="store_true", help="replace the result of an earlier call")
    parser.add_argument("command", nargs=argparse.REMAINDER, help="-- sweep … or -- compare …, without --shard and --out")
    options = parser.parse_args()
    arguments = [argument for argument in options.command if argument != "--"]
    if not arguments or arguments[0] not in ("sweep", "compare"):
        parser.error("after -- comes the command to run in shards: sweep … or compare …")
    rebalab = options.rebalab or find_rebalab()
    if rebalab is None:
        parser.error("rebalab is neither in the path nor built (cargo build --release); name it with --rebalab")
    if options.shards < 1:
        parser.error("--shards must be at least 1")
    try:
        from distributed import Client, LocalCluster
    except ImportError:
        sys.exit("dask.distributed is not installed: pip install dask distributed")

    parts = options.parts or options.out.with_name(options.out.name + ".parts")
    if options.scheduler:
        cluster = options.scheduler
    else:
        cluster = LocalCluster(n_workers=options.workers or os.cpu_count(), threads_per_worker=1, dashboard_address=None)
    with Client(cluster) as client:
        try:
            paths = fan_out(client, rebalab, arguments, options.shards, parts)
        except ShardFailed as failure:
            sys.exit(str(failure))
    return merge(rebalab, paths, options.out, options.force)


if __name__ == "__main__":
    sys.exit(main())
