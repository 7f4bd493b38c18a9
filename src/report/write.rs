//! Puts files on disk, whole or not at all.
//!
//! A report is written beside its place under another name and moved there when it is complete, so that nobody ever
//! finds half of it under its own name: not after a full disk, not after Ctrl-C. `manifest.txt` lists what rebalab wrote
//! with a checksum each; whatever else lies in the directory is somebody else's and is not touched.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use thiserror::Error;
use xxhash_rust::xxh3::xxh3_64;

use super::OutputFile;

const MANIFEST: &str = "manifest.txt";
const MANIFEST_HEAD: &str = "# Files of one rebalab report, each with the xxh3 (64 bits) of its bytes.";

/// Names of places where a report is prepared; the process id keeps two processes apart.
const UNFINISHED: &str = ".rebalab-unfinished-";

/// Why a file or a report could not be written.
#[derive(Debug, Error)]
pub enum WriteError {
    /// The directory holds files that no report of rebalab's put there.
    #[error("{} holds files that are not from rebalab: {}", .directory.display(), listed(.names))]
    Foreign {
        /// The directory.
        directory: PathBuf,
        /// What was found, paths below the directory.
        names: Vec<String>,
    },
    /// There is something of that name, but it is no directory.
    #[error("{} exists and is not a directory", .0.display())]
    NotADirectory(PathBuf),
    /// The file system refused.
    #[error("failed to {doing} {}", .path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// With which file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// The first few names, for a message.
fn listed(names: &[String]) -> String {
    const SHOWN: usize = 3;
    let mut text = names.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    if names.len() > SHOWN {
        text.push_str(&format!(" and {} more", names.len() - SHOWN));
    }
    text
}

/// Adds to an I/O error what was tried with which path.
trait While<T> {
    fn during(self, doing: &'static str, path: &Path) -> Result<T, WriteError>;
}

impl<T> While<T> for io::Result<T> {
    fn during(self, doing: &'static str, path: &Path) -> Result<T, WriteError> {
        self.map_err(|source| WriteError::Io { doing, path: path.to_path_buf(), source })
    }
}

/// Whether a report may be written into this directory: it does not exist, is empty, or holds nothing but an earlier
/// report. Asked before a run begins, so that nobody waits for a refusal.
///
/// # Errors
/// [`WriteError::Foreign`] names what else is there, unless `force` is set; other files are then left alone.
pub fn check_directory(directory: &Path, force: bool) -> Result<(), WriteError> {
    check_directory_beside(directory, &[], force)
}

/// The same where files of these names, which no report lists, may stand beside the report.
///
/// # Errors
/// As [`check_directory`].
pub fn check_directory_beside(directory: &Path, own_beside: &[String], force: bool) -> Result<(), WriteError> {
    let found = match files_below(directory) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
            return Err(WriteError::NotADirectory(directory.to_path_buf()));
        }
        Err(error) => return Err(error).during("list", directory),
    };
    if force {
        return Ok(());
    }
    let own = manifest_of(directory);
    let names: Vec<String> =
        found.into_iter().filter(|name| !own.contains(name) && !own_beside.contains(name)).collect();
    if names.is_empty() { Ok(()) } else { Err(WriteError::Foreign { directory: directory.to_path_buf(), names }) }
}

/// Writes a report into a directory, in place of an earlier report.
///
/// # Errors
/// As [`check_directory`]; and [`WriteError::Io`] when the file system refuses. Nothing of the new report stands under its
/// own name then, and an earlier report is still there if it was refused before the last step, moving.
pub fn directory(directory: &Path, files: &[OutputFile], force: bool) -> Result<(), WriteError> {
    check_directory(directory, force)?;
    let is_new = !directory.exists();
    fs::create_dir_all(directory).during("create", directory)?;
    let staging = directory.join(format!("{UNFINISHED}{}", std::process::id()));
    let written = stage(&staging, files).and_then(|()| move_in(directory, &staging, files));
    let removed = fs::remove_dir_all(&staging);
    if written.is_err() && is_new {
        // Only goes if it is empty, which is what it was before.
        let _ = fs::remove_dir(directory);
    }
    written?;
    removed.during("remove", &staging)
}

/// Writes one file. A device or a pipe is written to as it is.
///
/// # Errors
/// [`WriteError::Io`] when the file system refuses; a file that stood there before is then untouched.
pub fn file(path: &Path, content: &str) -> Result<(), WriteError> {
    let is_special = fs::metadata(path).is_ok_and(|metadata| !metadata.is_file());
    if is_special {
        return fs::OpenOptions::new()
            .write(true)
            .open(path)
            .and_then(|mut file| file.write_all(content.as_bytes()))
            .during("write", path);
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder).during("create", folder)?;
    let staging = folder.join(format!("{UNFINISHED}{}", std::process::id()));
    let written = write_whole(&staging, content).during("write", path);
    let moved = written.and_then(|()| fs::rename(&staging, path).during("write", path));
    if moved.is_err() {
        // What was tried first is what the user must hear of, not that the rest could not be tidied away.
        let _ = fs::remove_file(&staging);
    }
    moved
}

fn stage(staging: &Path, files: &[OutputFile]) -> Result<(), WriteError> {
    let mut manifest = format!("{MANIFEST_HEAD}\n");
    for file in files {
        let path = staging.join(&file.name);
        let folder = path.parent().unwrap_or(staging);
        fs::create_dir_all(folder).during("create", folder)?;
        write_whole(&path, &file.content).during("write", &path)?;
        manifest.push_str(&format!("{:016x}  {}\n", xxh3_64(file.content.as_bytes()), file.name));
    }
    let path = staging.join(MANIFEST);
    write_whole(&path, &manifest).during("write", &path)
}

/// Moves a complete report to its place. The manifest goes first of the old and comes last of the new: where there is
/// one, the report is whole.
fn move_in(directory: &Path, staging: &Path, files: &[OutputFile]) -> Result<(), WriteError> {
    let old = manifest_of(directory);
    remove(&directory.join(MANIFEST))?;
    for name in old.iter().filter(|name| *name != MANIFEST) {
        remove(&directory.join(name))?;
    }
    let names = files.iter().map(|file| file.name.as_str()).chain([MANIFEST]);
    for name in names {
        let place = directory.join(name);
        let folder = place.parent().unwrap_or(directory);
        fs::create_dir_all(folder).during("create", folder)?;
        fs::rename(staging.join(name), &place).during("move a finished file to", &place)?;
    }
    for folder in old.iter().filter_map(|name| Some(name.rsplit_once('/')?.0)) {
        // Only empty folders go; one that is still in use says so, and that is fine.
        let _ = fs::remove_dir(directory.join(folder));
    }
    Ok(())
}

fn remove(path: &Path) -> Result<(), WriteError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error).during("remove", path),
        _ => Ok(()),
    }
}

fn write_whole(path: &Path, content: &str) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(content.as_bytes())?;
    file.sync_all()
}

/// The files that an earlier report put into a directory, its manifest included; none if there is no manifest.
fn manifest_of(directory: &Path) -> BTreeSet<String> {
    let Ok(text) = fs::read_to_string(directory.join(MANIFEST)) else { return BTreeSet::new() };
    let Some(lines) = text.strip_prefix(MANIFEST_HEAD) else { return BTreeSet::new() };
    let names = lines.lines().filter_map(|line| Some(line.split_once("  ")?.1.to_string()));
    // A manifest that was tampered with must not lead out of the directory.
    let below =
        names.filter(|name| Path::new(name).components().all(|part| matches!(part, std::path::Component::Normal(_))));
    below.chain([MANIFEST.to_string()]).collect()
}

/// All files below a directory, paths with `/`, sorted; what another process prepares is left out.
fn files_below(directory: &Path) -> io::Result<Vec<String>> {
    let mut found = Vec::new();
    let mut folders = vec![(directory.to_path_buf(), String::new())];
    while let Some((folder, prefix)) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
            if entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
                continue;
            }
            if entry.file_type()?.is_dir() {
                folders.push((entry.path(), format!("{name}/")));
            } else {
                found.push(name);
            }
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(text: &str) -> Vec<OutputFile> {
        vec![OutputFile::new("report.json", text), OutputFile::new("charts/lag.svg", text)]
    }

    fn read(directory: &Path, name: &str) -> String {
        fs::read_to_string(directory.join(name)).unwrap_or_default()
    }

    #[test]
    fn a_report_is_written_with_its_manifest_and_nothing_else() {
        let folder = tempfile::tempdir().expect("a folder");
        let out = folder.path().join("a/b/out");
        directory(&out, &report("one"), false).expect("written");
        assert_eq!(files_below(&out).expect("listed"), ["charts/lag.svg", "manifest.txt", "report.json"]);
        assert_eq!(read(&out, "report.json"), "one");
        let names: Vec<_> =
            fs::read_dir(&out).expect("listed").map(|entry| entry.expect("entry").file_name()).collect();
        assert_eq!(names.len(), 3, "no place of preparation stays behind: {names:?}");
    }

    #[test]
    fn a_new_report_takes_the_place_of_the_old_one() {
        let folder = tempfile::tempdir().expect("a folder");
        directory(folder.path(), &report("one"), false).expect("written");
        directory(folder.path(), &[OutputFile::new("report.json", "two")], false).expect("written again");
        assert_eq!(files_below(folder.path()).expect("listed"), ["manifest.txt", "report.json"]);
        assert_eq!(read(folder.path(), "report.json"), "two");
        assert!(!folder.path().join("charts").exists(), "no empty folder stays behind");
    }

    #[test]
    fn a_directory_with_foreign_files_is_refused_and_left_as_it_is() {
        let folder = tempfile::tempdir().expect("a folder");
        directory(folder.path(), &report("one"), false).expect("written");
        for name in ["thesis.txt", "charts/own.svg"] {
            fs::write(folder.path().join(name), "mine").expect("written");
        }
        let error = directory(folder.path(), &report("two"), false).expect_err("refused");
        let text = error.to_string();
        assert!(text.ends_with("holds files that are not from rebalab: charts/own.svg, thesis.txt"), "{text}");
        assert_eq!(read(folder.path(), "report.json"), "one");
    }

    #[test]
    fn with_force_foreign_files_stay_and_the_report_is_replaced() {
        let folder = tempfile::tempdir().expect("a folder");
        directory(folder.path(), &report("one"), false).expect("written");
        fs::write(folder.path().join("thesis.txt"), "mine").expect("written");
        directory(folder.path(), &report("two"), true).expect("forced");
        assert_eq!(read(folder.path(), "thesis.txt"), "mine");
        assert_eq!(read(folder.path(), "charts/lag.svg"), "two");
    }

    #[test]
    fn a_file_in_the_place_of_the_directory_is_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let out = folder.path().join("out");
        fs::write(&out, "mine").expect("written");
        assert!(matches!(directory(&out, &report("one"), true), Err(WriteError::NotADirectory(_))));
    }

    #[test]
    fn an_earlier_report_stays_whole_when_the_new_one_cannot_be_written() {
        let folder = tempfile::tempdir().expect("a folder");
        directory(folder.path(), &report("one"), false).expect("written");
        // A file cannot have another file below it: the second one fails while the first is prepared already.
        let broken = [OutputFile::new("report.json", "two"), OutputFile::new("report.json/below", "two")];
        let error = directory(folder.path(), &broken, false).expect_err("refused");
        assert!(error.to_string().starts_with("failed to "), "{error}");
        assert_eq!(read(folder.path(), "report.json"), "one");
        let entries = fs::read_dir(folder.path()).expect("listed").count();
        assert_eq!(entries, 3, "report.json, charts and manifest.txt, and nothing unfinished");
    }

    #[test]
    fn a_manifest_cannot_name_files_outside() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("thesis.txt"), "mine").expect("written");
        let out = folder.path().join("out");
        fs::create_dir(&out).expect("created");
        fs::write(out.join(MANIFEST), format!("{MANIFEST_HEAD}\n0  ../thesis.txt\n0  {}\n", folder.path().display()))
            .expect("written");
        directory(&out, &report("one"), false).expect("written");
        assert_eq!(read(folder.path(), "thesis.txt"), "mine");
    }

    #[test]
    fn a_single_file_is_replaced_whole() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("new/junit.xml");
        file(&path, "one").expect("written");
        file(&path, "two").expect("written");
        assert_eq!(fs::read_to_string(&path).expect("read"), "two");
        assert_eq!(fs::read_dir(folder.path().join("new")).expect("listed").count(), 1);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_told_by_its_name() {
        let error = file(Path::new("/dev/full"), "one").expect_err("full");
        assert_eq!(error.to_string(), "failed to write /dev/full");
        let cause = std::error::Error::source(&error).expect("what the system said");
        assert_eq!(cause.to_string(), "No space left on device (os error 28)");
    }
}
