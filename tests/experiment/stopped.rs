//! Experiments that are stopped: Ctrl-C, a terminal that goes away, a reader that leaves, a process that is killed. What
//! was finished stays, and `--resume` goes on to the same bytes.
#![cfg(unix)]

use std::io::BufRead;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::bench::{Bench, Done};

const RUNS: &str = "compare small.json --seeds 60 --threads 2";

/// Starts the command and waits until some runs are on the disk.
fn begun(bench: &Bench, out: &str) -> Child {
    let mut command = bench.command(&format!("{RUNS} --out {out}"));
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
    let partial = bench.path(&format!("{out}/runs.jsonl.partial"));
    for _ in 0..6_000 {
        let rows = std::fs::File::open(&partial).map_or(0, |file| std::io::BufReader::new(file).lines().count());
        if rows > 5 {
            return child;
        }
        if child.try_wait().expect("a process").is_some() {
            panic!("it ended before enough runs came: {}", ended(child).err);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("no runs came");
}

fn signal(child: &Child, name: &str) {
    let status = Command::new("kill").args([format!("-{name}"), child.id().to_string()]).status().expect("kill");
    assert!(status.success(), "kill -{name}");
}

fn ended(child: Child) -> Done {
    Done::of(child.wait_with_output().expect("it ends"))
}

/// What was stopped is gone on with, to the bytes of a call that was never stopped.
fn assert_resumes(bench: &Bench, out: &str) {
    let refused = bench.ends(2, &format!("{RUNS} --out {out}"));
    assert!(refused.told().contains("--resume goes on with them"), "{}", refused.err);
    bench.ends(0, &format!("{RUNS} --out {out} --resume"));
    bench.ends(0, &format!("{RUNS} --out never-stopped"));
    bench.assert_same("never-stopped", out);
}

#[test]
fn ctrl_c_leaves_finished_runs_and_a_report_of_them() {
    let bench = Bench::new();
    let child = begun(&bench, "out");
    signal(&child, "INT");
    let done = ended(child);
    assert_eq!(done.code, Some(2), "{}", done.err);
    assert!(done.err.contains("stopped after") && done.err.contains("--resume"), "{}", done.err);
    assert!(done.out.contains("of 60 seeds") && done.out.contains("long against short"), "{}", done.out);
    assert!(bench.path("out/comparison.json").exists() && bench.path("out/charts/pause.svg").exists());
    assert!(!bench.path("out/runs.jsonl").exists(), "what is not whole does not have the name of the whole");
    assert_resumes(&bench, "out");
}

#[test]
fn a_terminal_that_goes_away_takes_nothing_with_it() {
    let bench = Bench::new();
    let child = begun(&bench, "out");
    signal(&child, "HUP");
    assert_eq!(ended(child).code, Some(2));
    assert_resumes(&bench, "out");
}

#[test]
fn a_process_that_is_killed_leaves_every_finished_run() {
    let bench = Bench::new();
    let child = begun(&bench, "out");
    signal(&child, "KILL");
    assert_eq!(ended(child).code, None);
    assert_resumes(&bench, "out");
}

#[test]
fn a_reader_that_leaves_is_an_error_but_the_results_are_written() {
    let bench = Bench::new();
    let mut command = bench.command("compare small.json --seeds 4 --out out");
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
    drop(child.stdout.take());
    let done = ended(child);
    assert_eq!(done.code, Some(2));
    assert!(done.err.contains("closed standard output"), "{}", done.err);
    assert!(bench.path("out/runs.jsonl").exists() && bench.path("out/comparison.txt").exists());
}

#[test]
fn two_processes_do_not_write_one_file() {
    let bench = Bench::new();
    let child = begun(&bench, "out");
    let second = bench.ends(2, &format!("{RUNS} --out out --resume"));
    assert!(second.err.contains("another process is writing"), "{}", second.err);
    signal(&child, "INT");
    ended(child);
}

#[test]
fn a_partial_file_of_another_experiment_is_not_gone_on_with() {
    let bench = Bench::new();
    let child = begun(&bench, "out");
    signal(&child, "INT");
    ended(child);
    let done = bench.ends(2, "compare small.json --seeds 61 --out out --resume");
    assert!(done.told().contains("another experiment (seeds: 1..60 and 1..61)"), "{}", done.err);
    bench.ends(0, "compare small.json --seeds 3 --out out --force");
}
