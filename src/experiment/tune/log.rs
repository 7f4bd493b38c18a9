//! The runs of a search on disk, in the order in which they were made. A search makes the same runs every time, so one that
//! was stopped is gone on with by handing it its earlier runs first.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::experiment::definition::Definition;
use crate::experiment::record::Row;
use crate::experiment::store::{Earlier, partial_name};

/// The first line: all that the search depends on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SearchHeader {
    /// Says what the file is: `search`.
    pub rebalab: String,
    /// Version of this format.
    pub format_version: u32,
    /// Version of rebalab.
    pub version: String,
    /// What had to hold.
    pub constraints: Vec<String>,
    /// Most runs.
    pub budget: u64,
    /// Scenario, axes and seeds.
    pub experiment: Definition,
}

impl SearchHeader {
    /// The header of a search.
    pub fn new(experiment: &Definition, constraints: Vec<String>, budget: u64) -> Self {
        SearchHeader {
            rebalab: "search".into(),
            format_version: 1,
            version: env!("CARGO_PKG_VERSION").into(),
            constraints,
            budget,
            experiment: experiment.clone(),
        }
    }
}

/// Runs of a search: those of an earlier call first, then new ones.
pub struct SearchLog {
    path: PathBuf,
    file: File,
    earlier: VecDeque<Row>,
}

/// Why the runs of a search can't be kept or gone on with.
#[derive(Debug, thiserror::Error)]
pub enum SearchLogError {
    /// There are runs already.
    #[error("{} holds runs of an earlier search: --resume goes on with them, --force begins anew", .0.display())]
    Earlier(PathBuf),
    /// Runs of something else.
    #[error("{} is not of this search ({what}): choose another directory, or --force to begin anew", .path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// In what it differs.
        what: String,
    },
    /// The file system refused.
    #[error("failed to write or read {}: {source}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl SearchLog {
    /// Opens the file of a search, or begins it.
    ///
    /// # Errors
    /// If runs would be lost, or are of something else, or the file system refuses.
    pub fn open(path: &Path, header: &SearchHeader, earlier: Earlier) -> Result<SearchLog, SearchLogError> {
        let partial = partial_name(path);
        let known = [path.to_path_buf(), partial.clone()].into_iter().find(|path| path.exists());
        let rows = match (known, earlier) {
            (None, _) | (_, Earlier::Replace) => VecDeque::new(),
            (Some(known), Earlier::Keep) => return Err(SearchLogError::Earlier(known)),
            (Some(known), Earlier::Resume) => rows_of(&known, header)?,
        };
        // Written anew, so that a line that was half written is gone; renamed over the earlier file in one step.
        let fresh = path.with_extension("fresh");
        let io = |source| SearchLogError::Io { path: fresh.clone(), source };
        let mut file = File::create(&fresh).map_err(io)?;
        line(&mut file, header).map_err(io)?;
        rows.iter().try_for_each(|row| line(&mut file, row)).map_err(io)?;
        fs::rename(&fresh, &partial).map_err(io)?;
        Ok(SearchLog { path: path.to_path_buf(), file, earlier: rows })
    }

    /// The earlier run that comes next, if it is this one.
    ///
    /// # Errors
    /// If the earlier call made another run here.
    pub fn earlier(&mut self, point: u64, seed: u64) -> Result<Option<Row>, SearchLogError> {
        match self.earlier.pop_front() {
            Some(row) if (row.point, row.seed) != (point, seed) => Err(SearchLogError::Foreign {
                path: self.path.clone(),
                what: format!("point {} under seed {} stands where {point} under {seed} should", row.point, row.seed),
            }),
            row => Ok(row),
        }
    }

    /// Writes a run.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn row(&mut self, row: &Row) -> Result<(), SearchLogError> {
        line(&mut self.file, row).map_err(|source| SearchLogError::Io { path: self.path.clone(), source })
    }

    /// Gives the file its name.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn finish(self) -> Result<(), SearchLogError> {
        let io = |source| SearchLogError::Io { path: self.path.clone(), source };
        self.file.sync_all().map_err(io)?;
        fs::rename(partial_name(&self.path), &self.path).map_err(io)
    }
}

fn line(file: &mut File, line: &impl Serialize) -> io::Result<()> {
    let mut text = serde_json::to_vec(line)?;
    text.push(b'\n');
    file.write_all(&text)
}

/// The runs in a file up to where it was cut off.
fn rows_of(path: &Path, header: &SearchHeader) -> Result<VecDeque<Row>, SearchLogError> {
    let foreign = |what: &str| SearchLogError::Foreign { path: path.to_path_buf(), what: what.to_string() };
    let io = |source| SearchLogError::Io { path: path.to_path_buf(), source };
    let mut lines = BufReader::new(File::open(path).map_err(io)?).lines();
    let first = lines.next().transpose().map_err(io)?.unwrap_or_default();
    let known: SearchHeader = serde_json::from_str(&first).map_err(|_| foreign("it has no runs of a search"))?;
    if known != *header {
        let what = if known.version == header.version { "other settings" } else { "another version of rebalab" };
        return Err(foreign(what));
    }
    let mut rows = VecDeque::new();
    for line in lines {
        match serde_json::from_str(&line.map_err(io)?) {
            Ok(row) => rows.push_back(row),
            Err(_) => break, // The last line may be one that was half written.
        }
    }
    Ok(rows)
}
