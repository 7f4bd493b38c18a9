//! The recordings in `tests/vectors/live` and `live-scale`.

use std::io::Read;
use std::path::{Path, PathBuf};

use rebalab::conformance::live::{Recording, read};

/// All files of a folder of recordings, in order.
pub fn files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors").join(folder);
    let entries = std::fs::read_dir(&folder).expect("the folder is there");
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "gz"));
    files.sort();
    assert!(!files.is_empty(), "no recordings in {}", folder.display());
    files
}

/// The lines of a file.
pub fn text(file: &Path) -> String {
    let bytes = std::fs::read(file).expect("the recording is there");
    let mut text = String::new();
    flate2::read::MultiGzDecoder::new(&bytes[..]).read_to_string(&mut text).expect("a gzip file");
    text
}

/// All repetitions of a file.
pub fn recordings(file: &Path) -> Vec<Recording> {
    read(&text(file)).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// All repetitions of all files.
pub fn all() -> Vec<Recording> {
    ["live", "live-scale"].iter().flat_map(|folder| files(folder)).flat_map(|file| recordings(&file)).collect()
}
