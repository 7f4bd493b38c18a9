//! The file that a trace goes into: under another name until it is complete.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::with_path;

/// A trace being written. Dropped before [`TraceFile::finish`] it leaves nothing behind.
pub(super) struct TraceFile {
    file: File,
    path: PathBuf,
    /// Where the trace is while it is not complete; none for a device or a pipe, which has no other name.
    unfinished: Option<PathBuf>,
}

impl TraceFile {
    pub fn create(path: &Path) -> miette::Result<Self> {
        let is_special = fs::metadata(path).is_ok_and(|metadata| !metadata.is_file());
        let unfinished = (!is_special).then(|| {
            let mut name = path.file_name().unwrap_or_default().to_os_string();
            name.push(format!(".rebalab-unfinished-{}", std::process::id()));
            path.with_file_name(name)
        });
        let file = match &unfinished {
            Some(unfinished) => File::create(unfinished),
            None => File::options().write(true).open(path),
        };
        let file = with_path(file, "write the trace to", path)?;
        Ok(TraceFile { file, path: path.to_path_buf(), unfinished })
    }

    pub fn writer(&mut self) -> &mut dyn Write {
        &mut self.file
    }

    /// Gives the trace its name, if all of it was written.
    pub fn finish(mut self, written: io::Result<()>) -> miette::Result<()> {
        with_path(written, "write the trace to", &self.path)?;
        let Some(unfinished) = self.unfinished.take() else { return Ok(()) };
        let renamed = fs::rename(&unfinished, &self.path);
        if renamed.is_err() {
            let _ = fs::remove_file(&unfinished);
        }
        with_path(renamed, "give the trace its name", &self.path)
    }
}

impl Drop for TraceFile {
    fn drop(&mut self) {
        if let Some(unfinished) = &self.unfinished {
            // Whatever went wrong is being told already.
            let _ = fs::remove_file(unfinished);
        }
    }
}
