//! What tests of experiments share: a small scenario in a folder of its own, the command line, and whole folders as bytes.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use tempfile::TempDir;

/// Three consumers, one crash at random, one pause at random: a tenth of a second of work for the simulation.
const SCENARIO: &str = r#"{
    "format_version": 1,
    "name": "small",
    "description": "Three consumers, of which one crashes and each pauses now and then.",
    "duration": "3m",
    "cluster": {
        "brokers": 1,
        "properties": { "group.initial.rebalance.delay.ms": 0 },
        "topics": [{ "name": "orders", "partitions": 6, "arrivals": { "per_second": 30 } }]
    },
    "groups": [{
        "id": "billing",
        "consumers": [{
            "name": "worker", "count": 3,
            "properties": { "session.timeout.ms": 10000, "heartbeat.interval.ms": 3000 },
            "processing": { "per_record": "2ms" }
        }]
    }],
    "faults": [
        {
            "random": { "from": "20s", "until": "2m", "gap": { "exponential": { "mean": "40s", "min": "5s", "max": "2m" } } },
            "gc_pause": { "host": "worker", "for": { "uniform": { "from": "1s", "to": "15s" } } }
        },
        { "at": "30s", "crash": { "host": "worker-2", "restart_after": "40s" } }
    ],
    "variants": {
        "short": { "session.timeout.ms": 6000, "heartbeat.interval.ms": 2000 },
        "long": { "session.timeout.ms": 30000 }
    }
}"#;

/// A folder with the scenario, and commands that run in it.
pub struct Bench {
    folder: TempDir,
}

impl Bench {
    /// A folder with `small.json`.
    pub fn new() -> Self {
        let bench = Bench { folder: tempfile::tempdir().expect("a folder") };
        bench.write("small.json", SCENARIO);
        bench
    }

    /// A path in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Puts a file there.
    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("written");
    }

    /// Reads a file from there.
    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// The scenario with a piece of its text replaced, under another name.
    pub fn changed(&self, name: &str, from: &str, to: &str) {
        assert!(SCENARIO.contains(from), "the scenario has no {from}");
        self.write(name, &SCENARIO.replacen(from, to, 1));
    }

    /// A command, not started yet.
    pub fn command(&self, arguments: &str) -> std::process::Command {
        let mut command = std::process::Command::new(assert_cmd::cargo::cargo_bin("rebalab"));
        command.args(arguments.split_whitespace()).current_dir(self.folder.path()).env("NO_COLOR", "1");
        command
    }

    /// Runs `rebalab ARGUMENTS` in the folder.
    pub fn run(&self, arguments: &str) -> Done {
        Done::of(self.command(arguments).output().expect("the program starts"))
    }

    /// Runs it, and it must end with this exit code.
    pub fn ends(&self, code: i32, arguments: &str) -> Done {
        let done = self.run(arguments);
        assert_eq!(done.code, Some(code), "rebalab {arguments}\n{}\n{}", done.out, done.err);
        done
    }

    /// Every file of a folder with its bytes.
    pub fn bytes(&self, folder: &str) -> BTreeMap<String, Vec<u8>> {
        let mut found = BTreeMap::new();
        collect(&self.path(folder), "", &mut found);
        assert!(!found.is_empty(), "{folder} is empty");
        found
    }

    /// Two folders hold the same files with the same bytes.
    pub fn assert_same(&self, one: &str, other: &str) {
        let (a, b) = (self.bytes(one), self.bytes(other));
        assert!(a.keys().eq(b.keys()), "{one}: {:?}\n{other}: {:?}", a.keys(), b.keys());
        for (name, bytes) in &a {
            assert!(*bytes == b[name], "{name} differs between {one} and {other}");
        }
    }
}

/// How a command ended.
pub struct Done {
    /// Exit code; none if a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Done {
    /// What was said on standard error, on one line: messages are wrapped, words are not to be looked for across lines.
    pub fn told(&self) -> String {
        self.err.split_whitespace().filter(|word| *word != "│").collect::<Vec<_>>().join(" ")
    }

    /// What a process left.
    pub fn of(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
        Done { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }
}

fn collect(folder: &Path, prefix: &str, found: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let entry = entry.expect("an entry");
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            collect(&entry.path(), &format!("{name}/"), found);
        } else {
            found.insert(name, fs::read(entry.path()).expect("read"));
        }
    }
}
