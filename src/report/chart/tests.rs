//! What every chart must be, whatever it shows: inside its sheet, without text over text, the same bytes each time.

use super::canvas::text_width;
use crate::analysis::Outcome;
use crate::report::{OutputFile, Report, files, fixture, write};

fn charts(outcome: &Outcome) -> Vec<OutputFile> {
    let all = files(&Report { outcome, replay: "rebalab run made-up.json --seed 1" });
    all.into_iter().filter(|file| file.name.ends_with(".svg")).collect()
}

/// A piece of text on a sheet and the room that it takes.
#[derive(Clone, Debug)]
struct Piece {
    #[expect(dead_code, reason = "a failed check shows it")]
    text: String,
    left: i32,
    right: i32,
    top: i32,
    bottom: i32,
}

impl Piece {
    fn overlaps(&self, other: &Piece) -> bool {
        self.left < other.right && other.left < self.right && self.top < other.bottom && other.top < self.bottom
    }
}

/// The value of an attribute of a tag.
fn attribute<'t>(tag: &'t str, name: &str) -> &'t str {
    let from =
        tag.find(&format!(" {name}=\"")).map(|at| at + name.len() + 3).unwrap_or_else(|| panic!("{name} in {tag}"));
    let end = from + tag[from..].find('"').expect("a closing quote");
    &tag[from..end]
}

fn number(tag: &str, name: &str) -> i32 {
    attribute(tag, name).parse::<f64>().unwrap_or_else(|_| panic!("a number as {name} in {tag}")).round() as i32
}

fn pieces(svg: &str) -> Vec<Piece> {
    let texts = svg.split("<text").skip(1);
    let piece = |rest: &str| {
        let (tag, rest) = rest.split_once('>').expect("the end of the tag");
        let text = rest.split_once("</text>").expect("the end of the text").0.trim();
        let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
        let (x, y, size) = (number(tag, "x"), number(tag, "y"), number(tag, "font-size"));
        // What the charts reserve is what no common font exceeds; a little of it may be shared.
        let width = text_width(&text, size, tag.contains("bold")) * 9 / 10;
        let (before, after) = match attribute(tag, "text-anchor") {
            "start" => (0, width),
            "end" => (width, 0),
            _ => (width / 2, width / 2),
        };
        let half = size * 2 / 5;
        if tag.contains("rotate(270") {
            return Piece { text, left: x - half, right: x + half, top: y - after, bottom: y + before };
        }
        Piece { text, left: x - before, right: x + after, top: y - half, bottom: y + half }
    };
    texts.map(piece).collect()
}

pub(super) fn assert_legible(file: &OutputFile) {
    let svg = &file.content;
    let (width, height) = (number(svg, "width"), number(svg, "height"));
    let pieces = pieces(svg);
    assert!(!pieces.is_empty(), "{}: a chart without a word", file.name);
    for (index, piece) in pieces.iter().enumerate() {
        let is_inside = piece.left >= 0 && piece.right <= width && piece.top >= 0 && piece.bottom <= height;
        assert!(is_inside, "{}: {piece:?} leaves the sheet of {width} × {height}", file.name);
        for other in &pieces[..index] {
            assert!(!piece.overlaps(other), "{}: {piece:?} lies over {other:?}", file.name);
        }
    }
}

#[test]
fn no_text_lies_over_another_or_leaves_the_sheet() {
    for outcome in [fixture::gc_pause(), fixture::rollout(50, 300), fixture::rollout(7, 40), fixture::rollout(2, 1_200)]
    {
        let charts = charts(&outcome);
        assert_eq!(charts.len(), 4, "ownership, waterfall, pauses, lag");
        charts.iter().for_each(assert_legible);
    }
}

#[test]
fn long_names_are_cut_and_not_written_over_each_other() {
    let mut outcome = fixture::gc_pause();
    let long = "a-very-long-name-of-a-deployment-in-a-cluster-with-a-region-and-a-hash-5d4f8c7b9";
    let outcome_text =
        serde_json::to_string(&outcome).expect("plain data").replace("worker-", long).replace("orders-", long);
    outcome = serde_json::from_str(&outcome_text).expect("the same outcome with other names");
    outcome.groups[0].id = long.repeat(3);
    outcome.consumers.iter_mut().for_each(|consumer| consumer.group = long.repeat(3));
    outcome.faults[0].label = format!("gc_pause of {long} for 8s and then some more words about it");
    charts(&outcome).iter().for_each(assert_legible);
}

#[test]
fn names_cannot_break_the_svg() {
    let mut outcome = fixture::gc_pause();
    let text = serde_json::to_string(&outcome).expect("plain data").replace("worker-", "<script>&");
    outcome = serde_json::from_str(&text).expect("the same outcome with other names");
    for chart in charts(&outcome) {
        assert!(!chart.content.contains("<script>"), "{}", chart.name);
    }
}

#[test]
fn the_same_outcome_gives_the_same_bytes() {
    assert_eq!(charts(&fixture::gc_pause()), charts(&fixture::gc_pause()));
}

#[test]
fn each_of_several_groups_has_charts_of_its_own() {
    let mut outcome = fixture::gc_pause();
    let mut other = outcome.groups[0].clone();
    other.id = "audit/eu".into();
    outcome.groups.push(other);
    let names: Vec<String> = charts(&outcome).into_iter().map(|file| file.name).collect();
    assert!(names.contains(&"charts/ownership-billing.svg".to_string()), "{names:?}");
    assert!(names.contains(&"charts/ownership-audit_eu.svg".to_string()), "{names:?}");
}

#[test]
fn a_run_in_which_nothing_happened_has_no_charts() {
    let mut outcome = fixture::gc_pause();
    let group = &mut outcome.groups[0];
    group.rebalances.clear();
    group.ownership.clear();
    group.pauses.clear();
    group.lag.samples.clear();
    group.totals = Default::default();
    assert_eq!(charts(&outcome), Vec::new());
}

/// `CHARTS_TO=<folder> cargo test --lib charts_can_be_looked_at` writes the reports of made-up runs to look at.
#[test]
fn charts_can_be_looked_at() {
    let Some(folder) = std::env::var_os("CHARTS_TO") else { return };
    for (name, outcome) in [("small", fixture::gc_pause()), ("large", fixture::rollout(50, 300))] {
        let directory = std::path::Path::new(&folder).join(name);
        let report = Report { outcome: &outcome, replay: "" };
        write::directory(&directory, &files(&report), false).expect("a folder to write to");
    }
}
