//! Axes of a sweep are typed as if they were options (`--session.timeout.ms=6000,10000`). No option has a dot or a bracket
//! in its name, so what has one is an axis; it is handed on as `--axis session.timeout.ms=6000,10000`.

use std::ffi::OsString;

/// Verbs that take axes.
const VERBS: [&str; 2] = ["sweep", "tune"];

/// The arguments with each axis as `--axis NAME=VALUES`. A value in an argument of its own is taken in.
pub(super) fn as_options(arguments: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut arguments = arguments.into_iter().peekable();
    let mut told: Vec<OsString> = arguments.by_ref().take(1).collect();
    if !arguments.peek().is_some_and(|verb| VERBS.iter().any(|known| verb == known)) {
        told.extend(arguments);
        return told;
    }
    while let Some(argument) = arguments.next() {
        let Some(axis) = axis(&argument) else {
            told.push(argument);
            continue;
        };
        let value = if axis.contains('=') { None } else { arguments.next_if(|next| !is_option(next)) };
        let values = value.map_or(String::new(), |value| format!("={}", value.to_string_lossy()));
        told.extend(["--axis".into(), format!("{axis}{values}").into()]);
    }
    told
}

fn is_option(argument: &OsString) -> bool {
    argument.to_string_lossy().starts_with("--")
}

/// What follows `--`, if its name is that of an axis.
fn axis(argument: &OsString) -> Option<String> {
    let text = argument.to_str()?.strip_prefix("--")?;
    let name = text.split('=').next().unwrap_or(text);
    name.contains(['.', '[']).then(|| text.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(arguments: &str) -> String {
        let arguments = arguments.split(' ').map(OsString::from);
        as_options(arguments).iter().map(|argument| argument.to_str().unwrap()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn options_with_a_dot_or_a_bracket_in_their_name_are_axes() {
        assert_eq!(
            told("rebalab sweep a.json --session.timeout.ms=6000,9000 --out dir --groups[0].consumers[0].count 4,8"),
            "rebalab sweep a.json --axis session.timeout.ms=6000,9000 --out dir --axis groups[0].consumers[0].count=4,8"
        );
    }

    #[test]
    fn values_may_have_dots_and_other_verbs_are_left_alone() {
        assert_eq!(told("rebalab sweep a.json --out=dir.d"), "rebalab sweep a.json --out=dir.d");
        assert_eq!(told("rebalab run --x.y=1"), "rebalab run --x.y=1");
        assert_eq!(told("rebalab"), "rebalab");
    }

    #[test]
    fn an_axis_without_values_does_not_swallow_the_next_option() {
        assert_eq!(told("rebalab sweep a.json --a.b --yes"), "rebalab sweep a.json --axis a.b --yes");
    }
}
