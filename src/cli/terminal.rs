//! Writing to the standard streams: text to stdout in one piece, errors to stderr with file, line and caret.

use std::io::{ErrorKind, IsTerminal, Write};

use miette::{Context, GraphicalReportHandler, GraphicalTheme, IntoDiagnostic, Report};

/// Columns of an error message when stderr is not a terminal: always the same, so that logs compare.
const WIDTH: usize = 100;

/// Writes `text` to standard output. A reader that has gone away is an error like any other, not a panic.
pub fn print(text: &str) -> Result<(), Report> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => {
            Err(miette::miette!("the reader closed standard output before everything was written"))
        }
        Err(error) => Err(error).into_diagnostic().wrap_err("failed to write to standard output"),
    }
}

/// True if standard output takes colours.
pub fn in_colour() -> bool {
    std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none()
}

/// Writes an error to standard error: in colour on a terminal, plain and of fixed width elsewhere.
pub fn explain(failure: &Report) {
    let handler = if std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none() {
        GraphicalReportHandler::new_themed(GraphicalTheme::unicode())
    } else {
        GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor()).with_links(false)
    };
    let mut text = String::new();
    if handler.with_width(WIDTH).render_report(&mut text, failure.as_ref()).is_err() {
        text = format!("{failure:?}");
    }
    // Nobody is left to tell when stderr itself is gone.
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}
