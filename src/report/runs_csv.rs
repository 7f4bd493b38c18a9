//! `runs.csv`: every run of an experiment on a line, for spreadsheets and scripts. Written run by run, because there may
//! be millions.

use std::io::{self, Write};

use super::csv::{Cell, line};
use crate::experiment::figures::{Pool, SUMS};
use crate::experiment::record::Row;
use crate::experiment::settings::Settings;

/// Quantiles of a run's own values.
const QUANTILES: [(&str, f64); 3] = [("p50", 0.5), ("p95", 0.95), ("p99", 0.99)];

/// Writes the table.
#[derive(Debug)]
pub struct RunsCsv<W> {
    to: W,
    settings: Vec<String>,
}

impl<W: Write> RunsCsv<W> {
    /// Begins it: the first line names the columns. `settings` are all that any run has.
    ///
    /// # Errors
    /// If it can't be written.
    pub fn new(mut to: W, settings: Vec<String>) -> io::Result<Self> {
        let pooled = |pool: Pool| {
            let counted = ["count".to_string()].into_iter();
            let quantiles = QUANTILES.iter().map(|(name, _)| (*name).to_string()).chain(["max".to_string()]);
            counted.chain(quantiles).map(move |column| format!("{}.{column}", pool.name()))
        };
        let mut columns: Vec<Cell> = ["run", "point", "seed"].map(Cell::from).into();
        columns.extend(settings.iter().map(Cell::from));
        columns.extend(SUMS.iter().map(|sum| Cell::from(sum.name)));
        columns.extend(Pool::ALL.into_iter().flat_map(pooled).map(Cell::from));
        to.write_all(line(&columns).as_bytes())?;
        Ok(RunsCsv { to, settings })
    }

    /// Writes a run.
    ///
    /// # Errors
    /// If it can't be written.
    pub fn row(&mut self, row: &Row) -> io::Result<()> {
        let mut cells: Vec<Cell> = [row.run, row.point, row.seed].map(Cell::from).into();
        cells.extend(self.settings.iter().map(|name| Cell::from(row.settings.get(name))));
        cells.extend(row.figures.sums.iter().map(|value| Cell::from(*value)));
        for pool in Pool::ALL {
            let values = row.figures.pool(pool);
            let scaled = |value: Option<u64>| Cell::from(value.map(|value| value as f64 * pool.scale()));
            cells.push(Cell::from(values.count()));
            cells.extend(QUANTILES.iter().map(|(_, quantile)| scaled(values.quantile(*quantile))));
            cells.push(scaled(values.max()));
        }
        self.to.write_all(line(&cells).as_bytes())
    }

    /// Ends it.
    ///
    /// # Errors
    /// If it can't be written.
    pub fn finish(mut self) -> io::Result<W> {
        self.to.flush()?;
        Ok(self.to)
    }
}

/// Names of all settings that variants or points have, in the order in which they first come.
pub fn setting_names<'s>(all: impl Iterator<Item = &'s Settings>) -> Vec<String> {
    let mut names = indexmap::IndexSet::new();
    all.for_each(|settings| names.extend(settings.keys().cloned()));
    names.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::RunFigures;

    #[test]
    fn a_run_stands_on_a_line_with_all_its_settings_and_figures() {
        let mut figures = RunFigures::quiet(600.0);
        figures.set_sum("rebalances", 3.0);
        figures.pool_mut(Pool::Pause).record(2_000_000_000);
        let settings = Settings::from([("b.b".to_string(), "x,y".to_string())]);
        let names = setting_names([&Settings::from([("a.a".to_string(), String::new())]), &settings].into_iter());
        let mut csv = RunsCsv::new(Vec::new(), names).unwrap();
        csv.row(&Row { run: 7, point: 2, seed: 9, settings, figures }).unwrap();
        let text = String::from_utf8(csv.finish().unwrap()).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].starts_with(
            "run,point,seed,a.a,b.b,duration_s,rebalances,rebalances_held_by_batch,paused_partition_seconds,"
        ));
        assert!(lines[1].starts_with("7,2,9,,\"x,y\",600,3,0,0,"), "{}", lines[1]);
        assert!(lines[0].ends_with("batch_hold_s.max") && lines[1].contains(",1,2,2,2,2,"), "{}", lines[1]);
        // One quoted comma more than the header has.
        assert_eq!(lines[0].matches(',').count() + 1, lines[1].matches(',').count());
    }
}
