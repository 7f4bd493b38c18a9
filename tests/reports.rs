//! The reports in `reports/` are what the program makes of these scenarios today.
//!
//! `UPDATE_REPORTS=1 cargo test --test reports` makes them anew.

use std::path::Path;

use rebalab::analysis::figures::KnownFigures;
use rebalab::experiment;
use rebalab::report::{Report, files, write};
use rebalab::scenario::{NoFiles, Scenario, load};

/// Scenarios whose reports are committed.
const REPORTS: [&str; 3] = ["gc-pause-longer-than-session", "slow-batch-holds-the-barrier", "rolling-restart-dynamic"];

fn scenario(path: &Path) -> Scenario {
    let text = std::fs::read_to_string(path).expect("a scenario that comes with the project");
    load(&path.display().to_string(), &text, &NoFiles, &KnownFigures).expect("a valid scenario")
}

#[test]
fn the_committed_reports_are_fresh() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for name in REPORTS {
        let file = format!("scenarios/{name}.json");
        let (outcome, _) = experiment::run(&scenario(&root.join(&file)), 1, &mut []);
        let replay = format!("rebalab run {file} --seed 1");
        let made = files(&Report { outcome: &outcome, replay: &replay });
        let folder = root.join("reports").join(name);
        if std::env::var_os("UPDATE_REPORTS").is_some() {
            write::directory(&folder, &made, false).expect("a folder to write to");
        }
        for file in &made {
            let committed = std::fs::read_to_string(folder.join(&file.name)).unwrap_or_default();
            assert!(
                committed == file.content,
                "reports/{name}/{} is out of date: UPDATE_REPORTS=1 cargo test --test reports",
                file.name
            );
        }
    }
}
