//! The page that the summary is written on: 100 columns, headings, wrapped text, bars, and colour or none.

use crate::report::units;

/// Columns of the page.
pub(in crate::report) const WIDTH: usize = 100;

/// Columns of the names of facts.
const NAME_WIDTH: usize = 18;

/// Columns of the names of bars.
const BAR_NAME_WIDTH: usize = 24;

/// Columns of a full bar.
const BAR_WIDTH: usize = 20;

/// Whether text is coloured. Whoever knows the terminal decides: colour is for terminals whose user did not set
/// `NO_COLOR`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Style {
    color: bool,
}

impl Style {
    /// No colour: files, pipes, `NO_COLOR`.
    pub const PLAIN: Style = Style { color: false };
    /// ANSI colours.
    pub const COLOR: Style = Style { color: true };
}

/// How a piece of a line looks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::report) enum Paint {
    Plain,
    Bold,
    Dim,
    Red,
    Green,
    Yellow,
    Blue,
}

impl Paint {
    /// Parameter of the ANSI sequence that begins it.
    const fn code(self) -> &'static str {
        match self {
            Paint::Plain => "0",
            Paint::Bold => "1",
            Paint::Dim => "2",
            Paint::Red => "31",
            Paint::Green => "32",
            Paint::Yellow => "33",
            Paint::Blue => "34",
        }
    }
}

/// Text that grows line by line.
pub(in crate::report) struct Page {
    text: String,
    style: Style,
}

impl Page {
    pub fn new(style: Style) -> Self {
        Page { text: String::new(), style }
    }

    pub fn finish(self) -> String {
        self.text
    }

    pub fn blank(&mut self) {
        self.text.push('\n');
    }

    /// A line of pieces, each with its look. Spaces at its end are left out.
    pub fn line(&mut self, pieces: &[(Paint, String)]) {
        let last = pieces.iter().rposition(|(_, text)| !text.trim_end().is_empty());
        let shown = last.map_or(&[][..], |last| &pieces[..=last]);
        for (index, (paint, text)) in shown.iter().enumerate() {
            let text = if Some(index) == last { text.trim_end() } else { text.as_str() };
            if self.style.color && *paint != Paint::Plain && !text.trim().is_empty() {
                self.text.push_str(&format!("\u{1b}[{}m{text}\u{1b}[0m", paint.code()));
            } else {
                self.text.push_str(text);
            }
        }
        self.text.push('\n');
    }

    /// A heading with space above.
    pub fn heading(&mut self, text: &str) {
        self.blank();
        self.line(&[(Paint::Bold, text.to_string())]);
    }

    /// A paragraph: its first line begins at column `first`, the others at `rest`.
    pub fn wrapped(&mut self, first: usize, rest: usize, text: &str) {
        for (index, line) in wrap(text, WIDTH - first, WIDTH - rest).into_iter().enumerate() {
            let indent = if index == 0 { first } else { rest };
            self.line(&[(Paint::Plain, format!("{:indent$}{line}", ""))]);
        }
    }

    /// A paragraph behind a mark.
    pub fn marked(&mut self, indent: usize, (paint, mark): (Paint, &str), text: &str) {
        let start = indent + mark.chars().count() + 1;
        for (index, line) in wrap(text, WIDTH - start, WIDTH - start).into_iter().enumerate() {
            if index == 0 {
                let mark = (paint, format!("{:indent$}{mark}", ""));
                self.line(&[mark, (Paint::Plain, format!(" {line}"))]);
            } else {
                self.line(&[(Paint::Plain, format!("{:start$}{line}", ""))]);
            }
        }
    }

    /// A name, its value, and what explains the value.
    pub fn fact(&mut self, name: &str, value: &str, explanation: &str) {
        let name = (Paint::Dim, format!("{name:<NAME_WIDTH$}"));
        if explanation.is_empty() {
            return self.line(&[name, (Paint::Plain, value.to_string())]);
        }
        let start = NAME_WIDTH + 26.max(value.chars().count() + 2);
        let value_width = start - NAME_WIDTH;
        let lines = wrap(explanation, WIDTH - start, WIDTH - start);
        for (index, line) in lines.into_iter().enumerate() {
            if index == 0 {
                let value = (Paint::Plain, format!("{value:<value_width$}"));
                self.line(&[name.clone(), value, (Paint::Dim, line)]);
            } else {
                self.line(&[(Paint::Dim, format!("{:start$}{line}", ""))]);
            }
        }
    }

    /// A bar with its name, value, share in percent and meaning.
    pub fn bar(&mut self, name: &str, share: f64, value: &str, meaning: &str) {
        let full = (share * BAR_WIDTH as f64).round() as usize;
        let bar = if full == 0 { "▏".to_string() } else { "█".repeat(full) };
        let percent = units::percent(share);
        let figures = format!("{value:>8} {percent:>5}");
        let used = 2 + BAR_NAME_WIDTH + BAR_WIDTH + figures.chars().count() + 2;
        self.line(&[
            (Paint::Plain, format!("  {name:<BAR_NAME_WIDTH$}")),
            (Paint::Blue, format!("{bar:<BAR_WIDTH$}")),
            (Paint::Plain, figures),
            (Paint::Dim, format!("  {}", shorten(meaning, WIDTH - used))),
        ]);
    }
}

/// Breaks text at spaces into lines of at most `first` and then `rest` columns; longer words are broken where they must.
pub(in crate::report) fn wrap(text: &str, first: usize, rest: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let room = |lines: &Vec<String>| if lines.is_empty() { first } else { rest };
    // Two spaces in the text stay two spaces within a line.
    let mut gap = 0;
    for word in text.split(' ') {
        if word.is_empty() {
            gap += 1;
            continue;
        }
        let space = if line.is_empty() { 0 } else { gap };
        if line.chars().count() + space + word.chars().count() > room(&lines) && !line.is_empty() {
            lines.push(std::mem::take(&mut line));
        } else {
            line.extend(std::iter::repeat_n(' ', space));
        }
        gap = 1;
        line.push_str(word);
        while line.chars().count() > room(&lines) {
            let at = line.char_indices().nth(room(&lines)).map_or(line.len(), |(at, _)| at);
            let tail = line.split_off(at);
            lines.push(std::mem::replace(&mut line, tail));
        }
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

/// Text cut to so many columns, with `…` where something is missing.
pub(in crate::report) fn shorten(text: &str, columns: usize) -> String {
    if text.chars().count() <= columns {
        return text.to_string();
    }
    let mut short: String = text.chars().take(columns.saturating_sub(1)).collect();
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_wrapped_at_spaces_and_long_words_are_broken() {
        assert_eq!(wrap("one two three", 7, 7), ["one two", "three"]);
        assert_eq!(wrap("a  b", 7, 7), ["a  b"]);
        assert_eq!(wrap("abcdefgh ij", 3, 5), ["abc", "defgh", "ij"]);
        assert!(wrap("", 7, 7).is_empty());
    }

    #[test]
    fn text_that_is_cut_says_so() {
        assert_eq!(shorten("abcdef", 6), "abcdef");
        assert_eq!(shorten("abcdefg", 6), "abcde…");
    }
}
