//! The command line: one file per verb. A verb reads its arguments, calls the library, prints, and names the exit code.

mod axes;
mod check;
mod claims;
mod compare;
mod conform;
mod conform_live;
mod exit;
mod lint;
mod many_runs;
mod merge;
mod run;
mod scenario_file;
mod schema;
mod sweep;
mod terminal;
mod tune;

use clap::{Parser, Subcommand};

pub use exit::Exit;
pub use terminal::explain;

/// What was typed.
#[derive(Parser, Debug)]
#[command(name = "rebalab", version, about, propagate_version = true, max_term_width = 100)]
pub struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

/// The verbs, each with its own file.
#[derive(Subcommand, Debug)]
enum Verb {
    Run(run::Run),
    Compare(compare::Compare),
    Sweep(sweep::SweepArguments),
    Tune(tune::Tune),
    Merge(merge::Merge),
    Claims(claims::Claims),
    Check(check::Check),
    Lint(lint::Lint),
    Conform(conform::Conform),
    Schema(schema::Schema),
}

/// Reads the process arguments; help, version and misuse end the process here (0, 0 and 2).
pub fn arguments() -> Arguments {
    Arguments::parse_from(axes::as_options(std::env::args_os()))
}

/// Does what was asked for.
///
/// # Errors
/// Why it could not be done, for [`explain`].
pub fn execute(arguments: &Arguments) -> miette::Result<Exit> {
    match &arguments.verb {
        Verb::Run(run) => run.execute(),
        Verb::Compare(compare) => compare.execute(),
        Verb::Sweep(sweep) => sweep.execute(),
        Verb::Tune(tune) => tune.execute(),
        Verb::Merge(merge) => merge.execute(),
        Verb::Claims(claims) => claims.execute(),
        Verb::Check(check) => check.execute(),
        Verb::Lint(lint) => lint.execute(),
        Verb::Conform(conform) => conform.execute(),
        Verb::Schema(schema) => schema.execute(),
    }
}
