//! Numbers as people read them: times with their unit, counts with thousands apart.

/// A span of time: `320 µs`, `41.2 ms`, `3.01 s`, `5 min 12 s`, `2 h 05 min`.
pub(super) fn span(seconds: f64) -> String {
    if !seconds.is_finite() {
        return "-".to_string();
    }
    let size = seconds.abs();
    // The limits lie where the shorter form would round up to the longer one's first value.
    match size {
        0.0 => "0 s".to_string(),
        _ if size < 0.000_999_5 => format!("{:.0} µs", seconds * 1e6),
        _ if size < 0.999_5 => format!("{} ms", three_digits(seconds * 1e3)),
        _ if size < 59.95 => format!("{} s", three_digits(seconds)),
        _ if size < 3_599.5 => {
            let whole = seconds.round() as i64;
            if whole % 60 == 0 { format!("{} min", whole / 60) } else { format!("{} min {} s", whole / 60, whole % 60) }
        }
        _ => {
            let minutes = (seconds / 60.0).round() as i64;
            if minutes % 60 == 0 {
                format!("{} h", minutes / 60)
            } else {
                format!("{} h {:02} min", minutes / 60, minutes % 60)
            }
        }
    }
}

/// Three digits that count: `4.12`, `41.2`, `412`; zeros at the end of a fraction are left out.
pub(super) fn three_digits(value: f64) -> String {
    let decimals = match value.abs() {
        size if size >= 99.95 => 0,
        size if size >= 9.995 => 1,
        _ => 2,
    };
    let text = format!("{value:.decimals$}");
    if decimals == 0 {
        return text;
    };
    text.trim_end_matches('0').trim_end_matches('.').to_string()
}

/// An instant of the run: `0:07.250`, `12:03.000`, `1:02:03.500`.
pub(super) fn instant(seconds: f64) -> String {
    let millis = (seconds * 1e3).round() as i64;
    let (whole, millis) = (millis / 1_000, millis % 1_000);
    let (hours, minutes, seconds) = (whole / 3_600, whole / 60 % 60, whole % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{seconds:02}.{millis:03}")
    } else {
        format!("{minutes}:{seconds:02}.{millis:03}")
    }
}

/// A whole number with its thousands apart: `12,034`.
pub(super) fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number of things with their name: `1 rebalance`, `12 rebalances`.
pub(super) fn counted(value: u64, singular: &str, plural: &str) -> String {
    format!("{} {}", count(value), if value == 1 { singular } else { plural })
}

/// A share in whole percent: `54 %`, `<1 %`.
pub(super) fn percent(share: f64) -> String {
    if share > 0.0 && share < 0.005 { "<1 %".to_string() } else { format!("{} %", (share * 100.0).round()) }
}

/// A measured quantity without unit: whole numbers with thousands apart, others with three digits that count.
pub(super) fn quantity(value: f64) -> String {
    if value.fract() == 0.0 && (0.0..1e15).contains(&value) || value >= 1e3 {
        count(value.round() as u64)
    } else {
        three_digits(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_the_unit_that_a_person_would_choose() {
        let texts: Vec<String> =
            [0.0, 0.000_32, 0.041_2, 0.999, 3.0, 3.014, 59.94, 59.96, 61.0, 312.4, 3_599.6, 7_500.0, 86_400.0]
                .map(span)
                .into();
        assert_eq!(
            texts,
            [
                "0 s",
                "320 µs",
                "41.2 ms",
                "999 ms",
                "3 s",
                "3.01 s",
                "59.9 s",
                "1 min",
                "1 min 1 s",
                "5 min 12 s",
                "1 h",
                "2 h 05 min",
                "24 h"
            ]
        );
    }

    #[test]
    fn instants_show_milliseconds_and_carry_over() {
        assert_eq!([0.0, 7.25, 59.9996, 3_723.5].map(instant), ["0:00.000", "0:07.250", "1:00.000", "1:02:03.500"]);
    }

    #[test]
    fn counts_have_their_thousands_apart() {
        assert_eq!([0, 999, 1_000, 12_034, 1_234_567].map(count), ["0", "999", "1,000", "12,034", "1,234,567"]);
        assert_eq!(counted(1, "rebalance", "rebalances"), "1 rebalance");
        assert_eq!([0.0, 0.004, 0.005, 0.54].map(percent), ["0 %", "<1 %", "1 %", "54 %"]);
        assert_eq!([41.25, 0.5, 12_345.6, 3.0].map(quantity), ["41.2", "0.5", "12,346", "3"]);
    }
}
