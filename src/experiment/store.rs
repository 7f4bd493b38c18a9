//! Files of runs on disk: grown run by run under another name, moved to their own name when they are whole.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::record::{Header, Reader, RecordError, Row, Writer};

/// What to do about runs of an earlier call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Earlier {
    /// Refuse to touch them.
    Keep,
    /// Go on with them.
    Resume,
    /// Throw them away.
    Replace,
}

/// Why a file of runs can't be opened or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Runs of an earlier call that did not come to its end.
    #[error("{} holds {runs} of {of} runs of a call that was stopped: --resume goes on with them, --force begins anew", .path.display())]
    Unfinished {
        /// The file.
        path: PathBuf,
        /// Runs in it.
        runs: u64,
        /// Runs it should have.
        of: u64,
    },
    /// There is a file, but of something else.
    #[error("{} is already there and {what}: choose another name, or --force to replace it", .path.display())]
    Occupied {
        /// The file.
        path: PathBuf,
        /// What it is.
        what: String,
    },
    /// Another process is at it.
    #[error("another process is writing {}", .0.display())]
    Busy(PathBuf),
    /// A file of runs is damaged.
    #[error("{}: {source}", .path.display())]
    Record {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: RecordError,
    },
    /// The file system refused.
    #[error("failed to {doing} {}: {source}", .path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// With which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// A file of runs that is being written.
pub struct Store {
    path: PathBuf,
    partial: PathBuf,
    writer: Writer<File>,
}

/// What stood there.
pub enum Opened {
    /// All runs of this experiment: nothing is left to do.
    Complete,
    /// Some of them, or none.
    Growing(Box<Store>),
}

/// Opens a file of runs for an experiment and shows the runs that are there already, in order.
///
/// # Errors
/// If runs of something else, or of an earlier call, would be lost; if a file is damaged; if the file system refuses; if
/// `shown` breaks off.
pub fn open(path: &Path, header: &Header, earlier: Earlier, shown: &mut dyn FnMut(Row)) -> Result<Opened, StoreError> {
    if path.exists() && earlier != Earlier::Replace {
        match same_experiment(path, header) {
            Ok(()) => {
                read(path, shown)?;
                return Ok(Opened::Complete);
            }
            Err(what) => return Err(StoreError::Occupied { path: path.to_path_buf(), what }),
        }
    }
    let partial = partial_name(path);
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder).during("create", folder)?;
    }
    let mut options = OpenOptions::new();
    let mut file =
        options.read(true).write(true).create(true).truncate(false).open(&partial).during("open", &partial)?;
    if file.try_lock().is_err() {
        return Err(StoreError::Busy(partial));
    }
    let is_new = file.metadata().during("look at", &partial)?.len() == 0;
    let kept = match (is_new, earlier) {
        (true, _) => None,
        (false, Earlier::Replace) => None,
        (false, Earlier::Resume) => resumed(&file, &partial, header, shown)?,
        (false, Earlier::Keep) => {
            let runs = runs_in(&file).unwrap_or_default();
            return Err(StoreError::Unfinished { path: partial, runs, of: header.runs });
        }
    };
    let (bytes, runs) = kept.unwrap_or_default();
    file.set_len(bytes).during("shorten", &partial)?;
    let writer = if runs > 0 {
        file.rewind().during("read", &partial)?;
        let before = BufReader::new(file.try_clone().during("read", &partial)?);
        let writer = Writer::go_on(file.try_clone().during("write", &partial)?, before, runs);
        file.seek(SeekFrom::End(0)).during("write", &partial)?;
        writer
    } else {
        file.set_len(0).during("shorten", &partial)?;
        file.rewind().during("write", &partial)?;
        Writer::new(file, header)
    };
    let writer = writer.during("write", &partial)?;
    Ok(Opened::Growing(Box::new(Store { path: path.to_path_buf(), partial, writer })))
}

/// Reads a whole file of runs.
///
/// # Errors
/// If it is damaged or can't be read.
pub fn read(path: &Path, shown: &mut dyn FnMut(Row)) -> Result<Header, StoreError> {
    let record = |source| StoreError::Record { path: path.to_path_buf(), source };
    let mut reader = reader(path)?;
    while let Some(row) = reader.next_row().map_err(record)? {
        shown(row);
    }
    Ok(reader.header().clone())
}

/// Reads what there is of a file of runs: all of it, or the runs that an earlier call came to.
///
/// # Errors
/// If it is damaged or can't be read.
pub fn read_so_far(path: &Path, shown: &mut dyn FnMut(Row)) -> Result<Header, StoreError> {
    if path.exists() {
        return read(path, shown);
    }
    let partial = partial_name(path);
    let mut reader = reader(&partial)?;
    loop {
        match reader.next_row() {
            Ok(Some(row)) => shown(row),
            Ok(None) | Err(RecordError::CutOff { .. }) => return Ok(reader.header().clone()),
            Err(source) => return Err(StoreError::Record { path: partial, source }),
        }
    }
}

/// Opens a file of runs for reading.
///
/// # Errors
/// If it is none, or can't be read.
pub fn reader(path: &Path) -> Result<Reader<BufReader<File>>, StoreError> {
    let file = File::open(path).during("read", path)?;
    Reader::new(BufReader::new(file)).map_err(|source| StoreError::Record { path: path.to_path_buf(), source })
}

/// Where the runs of an unfinished file lie.
pub fn partial_name(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(".partial");
    path.with_file_name(name)
}

fn same_experiment(path: &Path, header: &Header) -> Result<(), String> {
    let there = reader(path).map_err(|error| match error {
        StoreError::Record { source, .. } => source.to_string(),
        other => other.to_string(),
    })?;
    match there.header().differs(header) {
        Some(what) => Err(format!("belongs to another experiment ({what})")),
        None if there.header().shard != header.shard => Err("is another shard".to_string()),
        None => Ok(()),
    }
}

/// Bytes and runs of an unfinished file that can be kept.
fn resumed(
    file: &File,
    partial: &Path,
    header: &Header,
    shown: &mut dyn FnMut(Row),
) -> Result<Option<(u64, u64)>, StoreError> {
    let record = |source| StoreError::Record { path: partial.to_path_buf(), source };
    let mut reader = match Reader::new(BufReader::new(file.try_clone().during("read", partial)?)) {
        Ok(reader) => reader,
        // Killed before the first line was on the disk: nothing is lost.
        Err(RecordError::Foreign(_)) if !has_a_line(file).during("read", partial)? => return Ok(None),
        Err(error) => return Err(record(error)),
    };
    if let Some(what) = reader.header().differs(header) {
        let what = format!("belongs to another experiment ({what})");
        return Err(StoreError::Occupied { path: partial.to_path_buf(), what });
    }
    if reader.header() != header {
        return Err(StoreError::Occupied { path: partial.to_path_buf(), what: "is another shard".to_string() });
    }
    loop {
        match reader.next_row() {
            Ok(Some(row)) => shown(row),
            // The last line may be one that was half written.
            Ok(None) | Err(RecordError::CutOff { .. }) => return Ok(Some((reader.bytes(), reader.runs()))),
            Err(error) => return Err(record(error)),
        }
    }
}

fn has_a_line(mut file: &File) -> io::Result<bool> {
    let mut line = Vec::new();
    file.rewind()?;
    io::BufRead::read_until(&mut BufReader::new(file), b'\n', &mut line)?;
    Ok(line.ends_with(b"\n"))
}

fn runs_in(file: &File) -> Option<u64> {
    let mut reader = Reader::new(BufReader::new(file.try_clone().ok()?)).ok()?;
    while let Ok(Some(_)) = reader.next_row() {}
    Some(reader.runs())
}

impl Store {
    /// Writes a run.
    ///
    /// # Errors
    /// If the file system refuses (a full disk); the runs before it can be gone on with.
    pub fn row(&mut self, row: &Row) -> Result<(), StoreError> {
        self.writer.row(row).during("write", &self.partial)
    }

    /// Where the runs lie as long as they are not all there.
    pub fn partial(&self) -> &Path {
        &self.partial
    }

    /// Ends the file and gives it its name.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn finish(self) -> Result<(), StoreError> {
        let Store { path, partial, writer } = self;
        let mut file = writer.finish().during("write", &partial)?;
        file.flush().and_then(|()| file.sync_all()).during("write", &partial)?;
        fs::rename(&partial, &path).during("rename", &partial)
    }
}

/// Adds to an I/O error what was tried with which file.
trait While<T> {
    fn during(self, doing: &'static str, path: &Path) -> Result<T, StoreError>;
}

impl<T> While<T> for io::Result<T> {
    fn during(self, doing: &'static str, path: &Path) -> Result<T, StoreError> {
        self.map_err(|source| StoreError::Io { doing, path: path.to_path_buf(), source })
    }
}
