#!/usr/bin/env python3
"""Answers the worked question of the fifty pods: runs the comparisons of scenarios/fifty-pods.json and writes the page.

    cargo build --release && python3 scripts/fifty_pods.py
    python3 scripts/fifty_pods.py --grid        # the full grid too: reports/fifty-pods/grid.md

The pages are made of what `rebalab compare` and `rebalab sweep` measured; nothing in them is written beforehand.
"""

import argparse
import csv
import json
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SCENARIO = "scenarios/fifty-pods.json"
DEPLOYS_A_DAY = 10
SESSIONS = ["session-10", "session-30", "session-45", "session-60"]
MEMBERSHIPS = [
    "dynamic-eager",
    "dynamic-cooperative",
    "static-45",
    "static-60",
    "static-120",
    "static-cooperative-60",
]
# The full grid: settings, and how many pods a deploy restarts at a time.
GRID = [
    "--session.timeout.ms=10000,30000,45000,60000,120000",
    "--partition.assignment.strategy=range,cooperative-sticky",
    "--faults[deploy].rolling_restart.concurrency=1,5,10",
]
# A dead pod may stand unnoticed this long: what Kafka's own session timeout of 45 s gives, and a third more.
DETECTION_MOST_S = 60.0


def compare(rebalab, names, seeds, folder):
    """Runs these variants under the same seeds and returns the comparison and its folder."""
    out = Path(folder) / "-".join(names)
    command = [rebalab, "compare", SCENARIO, "--only", ",".join(names), "--seeds", str(seeds), "--out", str(out)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):
        sys.exit(done.stderr)
    return json.loads((out / "comparison.json").read_text(encoding="utf-8")), out


def figure(comparison, name):
    return next(figure for figure in comparison["figures"] if figure["name"] == name)


def number(value):
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.1f}" if abs(value) >= 1 else f"{value:.2g}"


def estimate(value, times=1.0):
    """A value with its interval and its number of runs."""
    if value["value"] is None:
        return f"no value ({value['runs']} runs)"
    interval = value["interval"]
    spread = f" ({number(interval['low'] * times)} … {number(interval['high'] * times)})" if interval else ""
    return f"{number(value['value'] * times)}{spread}"


def difference(found, times=1.0):
    interval = found["interval"]
    spread = f" ({number(interval['low'] * times)} … {number(interval['high'] * times)})" if interval else ""
    return f"{number(found['value'] * times)}{spread}"


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "| " + " | ".join("---" for _ in head) + " |"]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows]) + "\n"


def evictions(sessions):
    """What each session costs and gives, without deploys."""
    told = [(figure(sessions, name)["values"], times) for name, times in
            [("false_expulsions_per_hour", 24), ("rebalances_per_hour", 24), ("detection_s.p95", 1), ("detection_s.max", 1)]]
    rows = [
        [f"{name.removeprefix('session-')} s", *(estimate(values[index], times) for values, times in told)]
        for index, name in enumerate(SESSIONS)
    ]
    head = ["session.timeout.ms", "needless evictions a day", "rebalances a day", "detection of a crash, p95, s", "longest, s"]
    return table(head, rows)


def deploys(pairs):
    """What a deploy costs: the hour with it less the same hour without it, under the same seeds."""

    def row(name, comparison):
        paused, rebalances = (figure(comparison, f"{what}_per_hour")["differences"][0] for what in ("paused_partition_seconds", "rebalances"))
        detection = figure(comparison, "detection_s.p95")["values"][0]
        return [name, difference(paused), difference(rebalances), difference(paused, DEPLOYS_A_DAY), estimate(detection)]

    head = ["members", "paused partition-seconds of a deploy", "rebalances of a deploy", "paused a day (10 deploys)", "detection of a crash without deploys, p95, s"]
    return table(head, [row(name, comparison) for name, comparison in pairs.items()])


def holds(pairs):
    """How often a slow batch holds the barrier, and how long the others wait then."""
    rows = []
    for name, comparison in pairs.items():
        held, all_ = figure(comparison, "rebalances_held_by_batch_per_hour"), figure(comparison, "rebalances_per_hour")
        share = held["values"][1]["value"] / all_["values"][1]["value"]
        waits = [estimate(figure(comparison, f"batch_hold_s.{q}")["values"][1]) for q in ("p50", "p95", "max")]
        rows.append([name, f"{share:.0%}", *waits])
    head = ["members", "rebalances held 5 s or longer by the last one's batch", "others wait, median, s", "p95, s", "longest, s"]
    return table(head, rows)


def a_day(comparison):
    """Paused partition-seconds a day: 24 hours without a deploy, and ten deploys."""
    paused = figure(comparison, "paused_partition_seconds_per_hour")
    return paused["values"][0]["value"] * 24 + paused["differences"][0]["value"] * DEPLOYS_A_DAY


def chosen(pairs):
    """The members whose partitions stand still the least in a day, of those whose crashes are noticed in time."""
    in_time = [name for name in pairs if (figure(pairs[name], "detection_s.p95")["values"][0]["value"] or 0) <= DETECTION_MOST_S]
    return min(in_time or list(pairs), key=lambda name: a_day(pairs[name]))


def properties(name, comparison):
    settings = {key: value for key, value in comparison["variants"][1]["settings"].items() if not key.startswith("faults")}
    paused, runs = figure(comparison, "paused_partition_seconds_per_hour"), comparison["seeds"]
    lines = [
        f"# {name}: chosen for the least time that partitions stand still in a day with ten deploys, among those that",
        f"# notice a crash within {DETECTION_MOST_S:.0f} s (p95). {runs} runs with and {runs} without a deploy.",
        f"# paused partition-seconds a day: {a_day(comparison):,.0f}",
        f"# paused partition-seconds of a deploy: {difference(paused['differences'][0])}",
        f"# detection of a crash, p95: {estimate(figure(comparison, 'detection_s.p95')['values'][0])} s",
    ]
    if "group.instance.id" in settings:
        lines += [
            "# {name} stands for the pod's stable name, for example that of a StatefulSet.",
            "# The few restarts that take longer than the session (it lies between P95, 35 s, and P99, 70 s) are in these figures.",
        ]
    return "\n".join(lines + [f"{key}={value}" for key, value in settings.items()]) + "\n"


def page(sessions, pairs, best, worst_file, runs):
    comparison = pairs[best]
    worst = comparison["variants"][1]["worst_run"]
    ranking = sorted(pairs, key=lambda name: a_day(pairs[name]))
    days = table(["members", "paused partition-seconds a day"], [[name, f"{a_day(pairs[name]):,.0f}"] for name in ranking])
    return f"""# Fifty pods: which settings?

50 pods, 300 partitions, 10 s GC pauses about once an hour per pod, restarts of 20/35/70 s (P50/P95/P99), ten deploys a day
(five pods at a time), batches of up to 500 records of 20 ms of which one in a hundred takes 30 s, 50 records a second. The
scenario: [`{SCENARIO}`](../../{SCENARIO}), an hour with one deploy and one crash.

{runs:,} runs; every value stands for {sessions['seeds']} runs, one per seed, the same seeds everywhere. In brackets: 95 %
intervals (bootstrap over the paired seeds). Made by `python3 scripts/fifty_pods.py`.

**Take [`consumer.properties`](consumer.properties): {best}.** It is the one whose partitions stand still the least in a day
with ten deploys, of those that notice a crash within {DETECTION_MOST_S:.0f} s.

{days}
`rebalab lint reports/fifty-pods/consumer.properties --restart-time 35s..70s` (P95 and P99) passes; it notes that the longest
restarts outlast the session. A session above them all, 120 s, would leave a crash unnoticed for two minutes. The full grid,
deploys of 1, 5 and 10 pods at a time among it: [grid.md](grid.md).

## Needless evictions at each session timeout

Dynamic members, eager, without deploys. An eviction is needless if the process lived.
A crash is noticed later than the session timeout where it falls into a rebalance: the session of a member that
waits for the others rests until the barrier opens, which batches with records of 30 s put off for minutes.

{evictions(sessions)}
## What a deploy costs

The hour with a deploy less the same hour without it, under the same seeds.

{deploys(pairs)}
A session of 120 s is possible with the classic protocol only: under `group.protocol=consumer` the broker allows 60 s unless
`group.consumer.max.session.timeout.ms` is raised.

## A record of 30 s at the barrier

An eager rebalance ends when the last member has finished its batch and joins again. Hours with a deploy:

{holds(pairs)}
## The worst run left

{worst['paused_partition_seconds']:,.0f} partition-seconds, under seed {worst['seed']}. To see it again:

```sh
rebalab run reports/fifty-pods/{worst_file} --seed {worst['seed']}
```
"""


def grid(rebalab, seeds, folder):
    """Every combination of the grid, for dynamic and for static members: the points of both, best first."""
    points = []
    for members, axes in [("dynamic", GRID), ("static", [*GRID, "--group.instance.id={name}"])]:
        out = Path(folder) / f"grid-{members}"
        command = [rebalab, "sweep", SCENARIO, *axes, "--seeds", str(seeds), "--out", str(out)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode not in (0, 1):
            sys.exit(done.stderr)
        with open(out / "points.csv", encoding="utf-8", newline="") as file:
            points += [{"members": members, **point} for point in csv.DictReader(file)]
    return sorted(points, key=lambda point: float(point["paused_partition_seconds_per_hour"]))


def grid_page(points, seeds):
    def cell(point, name):
        if not point[name]:
            return "-"
        low, high = point.get(f"{name}.low"), point.get(f"{name}.high")
        return number(float(point[name])) + (f" ({number(float(low))} … {number(float(high))})" if low and high else "")

    rows = [
        [
            point["members"],
            point["partition.assignment.strategy"],
            number(int(point["session.timeout.ms"]) / 1000),
            point["faults[deploy].rolling_restart.concurrency"],
            *(cell(point, name) for name in ("paused_partition_seconds_per_hour", "rebalances_per_hour", "false_expulsions_per_hour", "detection_s.p95")),
        ]
        for point in points
    ]
    head = ["members", "assignor", "session, s", "pods at a time", "paused partition-seconds", "rebalances", "needless evictions", "detection of the crash, p95, s"]
    return f"""# Fifty pods: the full grid

Each combination of membership, assignor, session timeout and pods restarted at a time, best first: an hour with one deploy
and one crash of [`{SCENARIO}`](../../{SCENARIO}), {seeds} seeds each, {seeds * len(points):,} runs. In brackets: 95 % intervals. Made by
`python3 scripts/fifty_pods.py --grid`, which runs, and the same again with `'--group.instance.id={{name}}'`:

```sh
rebalab sweep {SCENARIO} {" ".join(f"'{axis}'" for axis in GRID)} --seeds {seeds} --out grid
```

Where the crash falls into a rebalance it is noticed later than the session timeout: the session of a member that waits for the
others rests until the barrier opens, which batches with records of 30 s put off for minutes.

{table(head, rows)}"""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rebalab", default=str(ROOT / "target" / "release" / "rebalab"), help="the program")
    parser.add_argument("--seeds", type=int, default=12, help="seeds of each variant (default: 12)")
    parser.add_argument("--grid", action="store_true", help="run the full grid too")
    parser.add_argument("--out", type=Path, default=ROOT / "reports" / "fifty-pods", help="where the page goes")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        sessions, _ = compare(options.rebalab, SESSIONS, options.seeds, folder)
        pairs, folders = {}, {}
        for name in MEMBERSHIPS:
            pairs[name], folders[name] = compare(options.rebalab, [f"{name}-without-deploy", name], options.seeds, folder)
        best = chosen(pairs)
        runs = options.seeds * (len(SESSIONS) + 2 * len(MEMBERSHIPS))
        options.out.mkdir(parents=True, exist_ok=True)
        worst = (folders[best] / "variants" / f"{best}.json").read_text(encoding="utf-8")
        (options.out / "chosen.json").write_text(worst, encoding="utf-8")
        (options.out / "consumer.properties").write_text(properties(best, pairs[best]), encoding="utf-8")
        (options.out / "README.md").write_text(page(sessions, pairs, best, "chosen.json", runs), encoding="utf-8")
        for name, comparison in {"sessions": sessions, **pairs}.items():
            (options.out / f"{name}.json").write_text(json.dumps(comparison, indent=1) + "\n", encoding="utf-8")
        if options.grid:
            points = grid(options.rebalab, options.seeds, folder)
            (options.out / "grid.md").write_text(grid_page(points, options.seeds), encoding="utf-8")


if __name__ == "__main__":
    main()
