//! Files of runs: what is in them, line by line, and how a damaged or foreign one is told.
//!
//! A file holds JSON Lines. The first line says which experiment and which part of it this is; then one line per run, in
//! the order of the runs; the last line has the number of runs and a checksum. So a file proves itself whole, wherever it
//! was copied from, and a file that was cut off can be gone on with.

use std::io::{self, BufRead, Write};

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::Xxh3Default;

use super::definition::Definition;
use super::figures::RunFigures;
use super::plan::{Plan, Shard};
use super::settings::Settings;
use crate::trace::read::of_one_line;

/// Version of this format. Grows when a field is renamed, removed or changes its meaning.
pub const FORMAT_VERSION: u32 = 1;

/// The first line of a file of runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// Says that this is a file of runs: always `runs`.
    pub rebalab: String,
    /// [`FORMAT_VERSION`] of the writer.
    pub format_version: u32,
    /// Version of rebalab that ran them.
    pub version: String,
    /// Digest of the experiment.
    pub digest: String,
    /// Which part of its runs.
    pub shard: Shard,
    /// First run of the part, counted from 0 over the whole experiment.
    pub first_run: u64,
    /// Number of runs of the part.
    pub runs: u64,
    /// The experiment: scenario, axes, seeds.
    pub experiment: Definition,
}

impl Header {
    /// Header of a part of a plan.
    pub fn new(plan: &Plan, shard: Shard) -> Self {
        let share = shard.share(plan.runs());
        Header {
            rebalab: MARK.to_string(),
            format_version: FORMAT_VERSION,
            version: VERSION.to_string(),
            digest: plan.definition().digest(),
            shard,
            first_run: share.start,
            runs: share.end - share.start,
            experiment: plan.definition().clone(),
        }
    }

    /// In what two headers differ although they should belong to one experiment; `None` if they belong together.
    pub fn differs(&self, other: &Header) -> Option<String> {
        let (a, b) = (&self.experiment, &other.experiment);
        let differs =
            |what: &str, a: &dyn std::fmt::Display, b: &dyn std::fmt::Display| Some(format!("{what}: {a} and {b}"));
        if self.version != other.version {
            return differs("version of rebalab", &self.version, &other.version);
        }
        if a.seeds != b.seeds {
            return differs("seeds", &a.seeds, &b.seeds);
        }
        if a.scenario != b.scenario {
            let names = [a.scenario_name(), b.scenario_name()];
            return differs("scenario", &format!("`{}`", names[0]), &format!("`{}`, with other contents", names[1]));
        }
        if a.varied != b.varied || a.until != b.until {
            return Some("the settings that are varied".to_string());
        }
        if self.shard.of != other.shard.of {
            return differs("number of shards", &self.shard.of, &other.shard.of);
        }
        (self.digest != other.digest).then(|| "the experiment's digest".to_string())
    }
}

const MARK: &str = "runs";
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The line of one run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// Number of the run, counted from 0 over the whole experiment.
    pub run: u64,
    /// Number of its variant or point, counted from 0.
    pub point: u64,
    /// Its seed.
    pub seed: u64,
    /// Settings that were put over the scenario.
    pub settings: Settings,
    /// Its figures.
    pub figures: RunFigures,
}

/// The last line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct End {
    end: u64,
    xxh3: String,
}

/// What is wrong with a file of runs.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// It is something else.
    #[error("this is no file of runs: {0}")]
    Foreign(String),
    /// It comes from a version whose format is not known here.
    #[error(
        "format_version {0} is not known (this program reads {FORMAT_VERSION}): use the version of rebalab that wrote it"
    )]
    Version(u64),
    /// A line that can't be what stands there.
    #[error("line {line} is damaged: {what}")]
    Damaged {
        /// Which line, counted from 1.
        line: u64,
        /// What is wrong with it.
        what: String,
    },
    /// It ends too early.
    #[error("it breaks off after {runs} of {of} runs")]
    CutOff {
        /// Runs that are there.
        runs: u64,
        /// Runs that should be.
        of: u64,
    },
    /// Reading failed.
    #[error("failed to read: {0}")]
    Io(#[from] io::Error),
}

/// Writes a file of runs.
pub struct Writer<W> {
    to: W,
    checksum: Xxh3Default,
    runs: u64,
}

impl<W: Write> Writer<W> {
    /// Begins a file.
    ///
    /// # Errors
    /// If it can't be written.
    pub fn new(to: W, header: &Header) -> io::Result<Self> {
        let mut writer = Writer { to, checksum: Xxh3Default::new(), runs: 0 };
        writer.line(header)?;
        Ok(writer)
    }

    /// Goes on with a file of which so many runs stand there; `before` is all of it so far.
    ///
    /// # Errors
    /// If it can't be read.
    pub fn go_on(to: W, mut before: impl BufRead, runs: u64) -> io::Result<Self> {
        let mut checksum = Xxh3Default::new();
        loop {
            let bytes = before.fill_buf()?;
            if bytes.is_empty() {
                return Ok(Writer { to, checksum, runs });
            }
            checksum.update(bytes);
            let count = bytes.len();
            before.consume(count);
        }
    }

    /// Writes a run, at once: whatever comes, a run that was finished is on its way to the disk.
    ///
    /// # Errors
    /// If it can't be written.
    pub fn row(&mut self, row: &Row) -> io::Result<()> {
        self.runs += 1;
        self.line(row)
    }

    /// Ends the file.
    ///
    /// # Errors
    /// If it can't be written.
    pub fn finish(mut self) -> io::Result<W> {
        let xxh3 = format!("{:016x}", self.checksum.digest());
        self.line(&End { end: self.runs, xxh3 })?;
        self.to.flush()?;
        Ok(self.to)
    }

    fn line(&mut self, line: &impl Serialize) -> io::Result<()> {
        let mut text = serde_json::to_vec(line)?;
        text.push(b'\n');
        self.checksum.update(&text);
        self.to.write_all(&text)
    }
}

/// Reads a file of runs, run by run. After the last run of a whole file it has checked everything.
pub struct Reader<R> {
    from: R,
    header: Header,
    checksum: Xxh3Default,
    /// Lines read.
    line: u64,
    /// Runs read.
    runs: u64,
    /// Bytes of whole lines read, up to the last run.
    bytes: u64,
    ended: bool,
}

impl<R: BufRead> Reader<R> {
    /// Opens a file and reads its first line.
    ///
    /// # Errors
    /// If it is no file of runs.
    pub fn new(mut from: R) -> Result<Self, RecordError> {
        let mut text = Vec::new();
        from.read_until(b'\n', &mut text)?;
        let mut checksum = Xxh3Default::new();
        checksum.update(&text);
        let header = header_of(&text)?;
        Ok(Reader { from, header, checksum, line: 1, runs: 0, bytes: text.len() as u64, ended: false })
    }

    /// The first line.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Bytes of the first line and of the runs read so far: where a file that was cut off is to be gone on with.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Runs read so far.
    pub fn runs(&self) -> u64 {
        self.runs
    }

    /// The next run; `None` at the proper end.
    ///
    /// # Errors
    /// A damaged line, or that the file ends too early.
    pub fn next_row(&mut self) -> Result<Option<Row>, RecordError> {
        if self.ended {
            return Ok(None);
        }
        let mut text = Vec::new();
        self.from.read_until(b'\n', &mut text)?;
        self.line += 1;
        if !text.ends_with(b"\n") {
            return Err(RecordError::CutOff { runs: self.runs, of: self.header.runs });
        }
        let may_end = self.header.experiment.until.is_some() && text.starts_with(b"{\"end\"");
        if self.runs == self.header.runs || may_end {
            self.check_end(&text)?;
            self.ended = true;
            return Ok(None);
        }
        let row: Row = serde_json::from_slice(&text).map_err(|error| self.damaged(of_one_line(&error)))?;
        let expected = self.header.first_run + self.runs;
        if row.run != expected {
            return Err(self.damaged(format!("run {} stands where run {expected} should", row.run)));
        }
        self.checksum.update(&text);
        self.runs += 1;
        self.bytes += text.len() as u64;
        Ok(Some(row))
    }

    fn check_end(&mut self, text: &[u8]) -> Result<(), RecordError> {
        let end: End = serde_json::from_slice(text).map_err(|error| self.damaged(of_one_line(&error)))?;
        if end != (End { end: self.runs, xxh3: format!("{:016x}", self.checksum.digest()) }) {
            return Err(self.damaged("the runs are not those that the checksum was made of"));
        }
        let mut more = [0];
        if self.from.read(&mut more)? > 0 {
            self.line += 1;
            return Err(self.damaged("something follows the end"));
        }
        Ok(())
    }

    fn damaged(&self, what: impl ToString) -> RecordError {
        RecordError::Damaged { line: self.line, what: what.to_string() }
    }
}

fn header_of(text: &[u8]) -> Result<Header, RecordError> {
    let value: serde_json::Value = serde_json::from_slice(text)
        .map_err(|_| RecordError::Foreign("its first line is not the JSON of a header".into()))?;
    if value["rebalab"] != MARK {
        return Err(RecordError::Foreign("its first line does not say that it has runs of rebalab".into()));
    }
    match value["format_version"].as_u64() {
        Some(version) if version == u64::from(FORMAT_VERSION) => {}
        Some(version) => return Err(RecordError::Version(version)),
        None => return Err(RecordError::Foreign("its first line has no format_version".into())),
    }
    let header: Header =
        serde_json::from_value(value).map_err(|error| RecordError::Damaged { line: 1, what: error.to_string() })?;
    if header.digest != header.experiment.digest() {
        return Err(RecordError::Damaged { line: 1, what: "the experiment is not the one of its digest".into() });
    }
    Ok(header)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::experiment::definition::{ScenarioText, Varied};
    use crate::experiment::{Sampling, Seeds};

    fn plan() -> Plan {
        let file = json!({
            "format_version": 1, "name": "two", "duration": "1m",
            "cluster": { "topics": [{ "name": "orders", "partitions": 4 }] },
            "groups": [{ "id": "billing", "consumers": [{ "name": "worker", "count": 2 }] }],
        });
        let scenario = ScenarioText { file, properties_files: Default::default() };
        let varied = Varied::Axes {
            axes: vec!["session.timeout.ms=6000,9000".into()],
            sampling: Sampling::Grid,
            aim: "pause_s.p99".into(),
            trade: Default::default(),
        };
        Plan::new(Definition { varied, seeds: Seeds::first(3), until: None, scenario }, false).unwrap()
    }

    fn row(plan: &Plan, run: u64) -> Row {
        let of = plan.run(run);
        let mut figures = RunFigures::quiet(60.0);
        figures.set_sum("paused_partition_seconds", run as f64 / 7.0);
        Row { run, point: of.point, seed: of.seed, settings: plan.settings(of.point), figures }
    }

    fn written(shard: Shard) -> Vec<u8> {
        let plan = plan();
        let mut writer = Writer::new(Vec::new(), &Header::new(&plan, shard)).unwrap();
        shard.share(plan.runs()).for_each(|run| writer.row(&row(&plan, run)).unwrap());
        writer.finish().unwrap()
    }

    fn read(bytes: &[u8]) -> Result<Vec<Row>, String> {
        let mut reader = Reader::new(bytes).map_err(|error| error.to_string())?;
        let mut rows = Vec::new();
        while let Some(row) = reader.next_row().map_err(|error| error.to_string())? {
            rows.push(row);
        }
        Ok(rows)
    }

    #[test]
    fn what_is_written_is_read_bit_by_bit() {
        let plan = plan();
        assert_eq!(read(&written(Shard::WHOLE)).unwrap(), (0..6).map(|run| row(&plan, run)).collect::<Vec<_>>());
        assert_eq!(read(&written(Shard { number: 2, of: 2 })).unwrap()[0].run, 3);
    }

    #[test]
    fn a_file_that_was_cut_off_is_gone_on_with_to_the_same_bytes() {
        let (whole, plan) = (written(Shard::WHOLE), plan());
        for cut in [whole.len() - 1, whole.len() / 2, whole.len() / 3] {
            let mut reader = Reader::new(&whole[..cut]).unwrap();
            let error = loop {
                match reader.next_row() {
                    Ok(row) => assert!(row.is_some(), "no end was there"),
                    Err(error) => break error,
                }
            };
            assert!(matches!(error, RecordError::CutOff { of: 6, .. }), "{error}");
            let kept = &whole[..reader.bytes() as usize];
            let mut writer = Writer::go_on(kept.to_vec(), kept, reader.runs()).unwrap();
            (reader.runs()..6).for_each(|run| writer.row(&row(&plan, run)).unwrap());
            assert!(writer.finish().unwrap() == whole, "cut at {cut}");
        }
    }

    #[test]
    fn damage_of_any_kind_is_noticed_and_placed() {
        let text = String::from_utf8(written(Shard::WHOLE)).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        let refused = |text: String| read(text.as_bytes()).unwrap_err();
        let swapped = [lines[0], lines[2], lines[1], lines[3], lines[4], lines[5], lines[6], lines[7], ""].join("\n");
        assert!(refused(swapped).contains("line 2 is damaged: run 1 stands where run 0 should"));
        assert!(refused(text.replacen("\"seed\":2", "\"seed\":9", 1)).contains("line 8 is damaged: the runs are not"));
        assert!(refused(text.replacen("\"sums\"", "\"sum\"", 1)).contains("line 2 is damaged: "));
        assert!(refused(text.replacen("\"to\":3", "\"to\":4", 1)).contains("not the one of its digest"));
        assert!(refused(format!("{text}x")).contains("line 9 is damaged: something follows the end"));
        assert!(refused(text[..text.len() - 3].to_string()).contains("breaks off after 6 of 6"));
        assert!(refused(lines[..4].join("\n") + "\n").contains("breaks off after 3 of 6"));
    }

    #[test]
    fn foreign_files_and_other_versions_are_named_as_such() {
        let refused = |text: &str| Reader::new(text.as_bytes()).err().unwrap().to_string();
        assert!(refused("").contains("no file of runs"));
        assert!(refused("time,value\n1,2\n").contains("no file of runs"));
        assert!(refused("{\"name\": \"a scenario\"}\n").contains("no file of runs"));
        assert!(refused("{\"rebalab\": \"runs\"}\n").contains("no format_version"));
        assert!(refused("{\"rebalab\": \"runs\", \"format_version\": 7}\n").contains("format_version 7 is not known"));
        assert!(refused("{\"rebalab\": \"runs\", \"format_version\": 1}\n").contains("line 1 is damaged"));
    }

    #[test]
    fn parts_of_different_experiments_say_in_what_they_differ() {
        let header = Header::new(&plan(), Shard { number: 1, of: 2 });
        let differs = |change: &dyn Fn(&mut Header)| {
            let mut other = header.clone();
            change(&mut other);
            header.differs(&other)
        };
        assert_eq!(differs(&|other| other.shard.number = 2), None);
        assert_eq!(differs(&|other| other.shard.of = 3).unwrap(), "number of shards: 2 and 3");
        assert_eq!(differs(&|other| other.experiment.seeds.to = 9).unwrap(), "seeds: 1..3 and 1..9");
        assert_eq!(
            differs(&|other| other.version = "9.0".into()).unwrap(),
            format!("version of rebalab: {VERSION} and 9.0")
        );
        let scenario = |other: &mut Header| other.experiment.scenario.file["duration"] = "2m".into();
        assert!(differs(&scenario).unwrap().starts_with("scenario: `two` and"));
        let varied = |other: &mut Header| other.experiment.varied = Varied::Variants(Vec::new());
        assert_eq!(differs(&varied).unwrap(), "the settings that are varied");
    }
}
