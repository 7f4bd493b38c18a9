//! One CSV file per table, for spreadsheets and scripts.
//!
//! The first line names the columns; they are called as in `report.json` and have its units. Cells are separated by
//! commas and quoted where needed (RFC 4180), lines end with a newline, "none" is an empty cell. A table without rows is
//! written too, with its header alone, so that a script finds the file whatever happened in the run.

mod tables;

use super::{Exporter, OutputFile, Report};

/// Writes `tables/*.csv`.
pub struct Csv;

impl Exporter for Csv {
    fn export(&self, report: &Report) -> Vec<OutputFile> {
        tables::all(report.outcome)
    }
}

/// One cell.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::report) struct Cell(String);

impl Cell {
    fn text(text: &str) -> Cell {
        let needs_quotes = text.contains([',', '"', '\n', '\r']);
        Cell(if needs_quotes { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_string() })
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Cell {
        Cell::text(text)
    }
}
impl From<&String> for Cell {
    fn from(text: &String) -> Cell {
        Cell::text(text)
    }
}
impl From<String> for Cell {
    fn from(text: String) -> Cell {
        Cell::text(&text)
    }
}
impl From<bool> for Cell {
    fn from(value: bool) -> Cell {
        Cell(value.to_string())
    }
}
impl From<f64> for Cell {
    /// The shortest text that reads back as the same number; what is no number is no value.
    fn from(value: f64) -> Cell {
        Cell(if value.is_finite() { value.to_string() } else { String::new() })
    }
}
impl From<u64> for Cell {
    fn from(value: u64) -> Cell {
        Cell(value.to_string())
    }
}
impl From<u32> for Cell {
    fn from(value: u32) -> Cell {
        Cell(value.to_string())
    }
}
impl From<i32> for Cell {
    fn from(value: i32) -> Cell {
        Cell(value.to_string())
    }
}
impl From<i64> for Cell {
    fn from(value: i64) -> Cell {
        Cell(value.to_string())
    }
}
impl<T: Into<Cell>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Cell {
        value.map_or(Cell(String::new()), Into::into)
    }
}

/// Cells as a line.
pub(in crate::report) fn line(cells: &[Cell]) -> String {
    let mut line = cells.iter().map(|cell| cell.0.as_str()).collect::<Vec<_>>().join(",");
    line.push('\n');
    line
}

/// A table with as many cells in each row as it has columns.
fn table<const N: usize>(name: &str, columns: [&str; N], rows: impl Iterator<Item = [Cell; N]>) -> OutputFile {
    let mut content = columns.join(",");
    content.push('\n');
    rows.for_each(|row| content.push_str(&line(&row)));
    OutputFile::new(format!("tables/{name}.csv"), content)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn cells_are_quoted_only_where_they_must_be() {
        let cells = [Cell::from("plain"), "a,b".into(), "say \"hi\"".into(), "two\nlines".into(), None::<f64>.into()];
        assert_eq!(cells.map(|cell| cell.0), ["plain", "\"a,b\"", "\"say \"\"hi\"\"\"", "\"two\nlines\"", ""]);
    }

    #[test]
    fn every_table_is_written_with_its_header() {
        let outcome = fixture::gc_pause();
        let files = Csv.export(&Report { outcome: &outcome, replay: "" });
        let heads: Vec<String> = files
            .iter()
            .map(|file| format!("{}: {}", file.name, file.content.lines().next().expect("a header")))
            .collect();
        insta::assert_snapshot!(heads.join("\n\n"));
    }

    #[test]
    fn rows_hold_what_the_outcome_holds() {
        let outcome = fixture::gc_pause();
        let files = Csv.export(&Report { outcome: &outcome, replay: "" });
        let rebalances = &files.iter().find(|file| file.name == "tables/rebalances.csv").expect("the table").content;
        insta::assert_snapshot!(rebalances);
    }
}
