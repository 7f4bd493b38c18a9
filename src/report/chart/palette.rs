//! Colours that people with any kind of colour vision tell apart (Okabe and Ito, "Color Universal Design", 2008), and
//! what they stand for. Charts never rely on colour alone where a name fits.

use plotters::style::RGBColor;

use crate::analysis::outcome::PauseCause;

pub(super) const BLACK: RGBColor = RGBColor(0, 0, 0);
pub(super) const WHITE: RGBColor = RGBColor(255, 255, 255);
pub(super) const ORANGE: RGBColor = RGBColor(230, 159, 0);
pub(super) const SKY_BLUE: RGBColor = RGBColor(86, 180, 233);
pub(super) const GREEN: RGBColor = RGBColor(0, 158, 115);
pub(super) const YELLOW: RGBColor = RGBColor(240, 228, 66);
pub(super) const BLUE: RGBColor = RGBColor(0, 114, 178);
pub(super) const VERMILION: RGBColor = RGBColor(213, 94, 0);
pub(super) const PURPLE: RGBColor = RGBColor(204, 121, 167);

/// Text and axes.
pub(super) const INK: RGBColor = RGBColor(34, 34, 34);
/// Text of lesser weight.
pub(super) const FADED: RGBColor = RGBColor(102, 102, 102);
/// Lines behind the data.
pub(super) const GRID: RGBColor = RGBColor(224, 224, 224);

/// Nobody owns the partition.
pub(super) const UNOWNED: RGBColor = RGBColor(58, 58, 58);
/// Its owner cannot take records.
pub(super) const STANDING_STILL: RGBColor = RGBColor(170, 170, 170);
/// Two processes believe to own it.
pub(super) const DOUBLE_OWNED: RGBColor = VERMILION;
/// A rebalance is under way.
pub(super) const REBALANCE: RGBColor = PURPLE;
/// A fault is under way.
pub(super) const FAULT: RGBColor = VERMILION;

/// Hues of consumers; vermilion is kept for what is wrong, purple for rebalances.
const HUES: [RGBColor; 5] = [BLUE, ORANGE, GREEN, SKY_BLUE, YELLOW];

/// How many consumers have a colour of their own before colours repeat.
pub(super) const CONSUMER_COLORS: usize = HUES.len() * 3;

/// The colour of a consumer: five hues, then the same lighter, then darker.
pub(super) fn consumer(index: usize) -> RGBColor {
    let hue = HUES[index % HUES.len()];
    match index / HUES.len() % 3 {
        0 => hue,
        1 => mix(hue, WHITE, 0.65),
        _ => mix(hue, BLACK, 0.35),
    }
}

/// The colour of a cause of pauses. What settings can change is in colour, the rest in shades of grey.
pub(super) fn pause_cause(cause: PauseCause) -> RGBColor {
    match cause {
        PauseCause::Barrier => ORANGE,
        PauseCause::Assignment => YELLOW,
        PauseCause::Callback => PURPLE,
        PauseCause::HostPause => BLUE,
        PauseCause::SlowBatch => SKY_BLUE,
        PauseCause::UndetectedFailure => VERMILION,
        PauseCause::Position => GREEN,
        PauseCause::Network => mix(PURPLE, BLACK, 0.55),
        PauseCause::CoordinatorUnavailable => BLACK,
        PauseCause::ProcessDown => RGBColor(96, 96, 96),
        PauseCause::Unassigned => RGBColor(140, 140, 140),
        PauseCause::InitialDelay => RGBColor(184, 184, 184),
        PauseCause::Startup => RGBColor(216, 216, 216),
    }
}

/// A colour on the way from one to another.
pub(super) fn mix(from: RGBColor, to: RGBColor, share: f64) -> RGBColor {
    let part = |a: u8, b: u8| (f64::from(a) + (f64::from(b) - f64::from(a)) * share).round() as u8;
    RGBColor(part(from.0, to.0), part(from.1, to.1), part(from.2, to.2))
}

/// Black or white, whichever is read better on this colour.
pub(super) fn text_on(color: RGBColor) -> RGBColor {
    let brightness = 299 * u32::from(color.0) + 587 * u32::from(color.1) + 114 * u32::from(color.2);
    if brightness > 140_000 { INK } else { WHITE }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn consumers_have_colours_of_their_own_until_they_repeat() {
        let colors: Vec<RGBColor> = (0..CONSUMER_COLORS).map(consumer).collect();
        for (index, color) in colors.iter().enumerate() {
            assert!(!colors[..index].contains(color), "consumer {index} looks like an earlier one");
            assert!(*color != DOUBLE_OWNED && *color != REBALANCE);
        }
        assert_eq!(consumer(CONSUMER_COLORS), consumer(0));
    }
}
