//! Strips above a plot over time: faults, each kind in a lane of its own, and generations with the rebalances between.

use plotters::style::Color;

use crate::analysis::outcome::{FaultOutcome, Rebalance};

use super::axis::TimeScale;
use super::canvas::{Canvas, Label, fit, fold, text_width};
use super::palette::{FADED, FAULT, INK, REBALANCE};
use super::sheet::EDGE;

const TEXT_SIZE: i32 = 11;
const LANE_HEIGHT: i32 = 30;
const GENERATION_HEIGHT: i32 = 22;

/// More lanes are counted, not drawn.
const LANES_SHOWN: usize = 6;

/// More bands would hide the data behind them.
const BANDS_SHOWN: usize = 40;

/// Faults of one entry of the scenario's list.
struct Lane<'a> {
    label: &'a str,
    faults: Vec<&'a FaultOutcome>,
}

/// The faults of a run in lanes.
pub(super) struct Faults<'a> {
    lanes: Vec<Lane<'a>>,
    hidden: usize,
}

impl<'a> Faults<'a> {
    /// Sorts the faults that a scale shows into lanes, in the order of the scenario.
    pub fn new(faults: &'a [FaultOutcome], scale: &TimeScale) -> Self {
        let is_shown = |fault: &&FaultOutcome| scale.shows(fault.from_s, fault.to_s.unwrap_or(f64::INFINITY));
        let faults: Vec<&FaultOutcome> = faults.iter().filter(is_shown).collect();
        let mut numbers: Vec<u32> = faults.iter().map(|fault| fault.fault).collect();
        numbers.sort_unstable();
        numbers.dedup();
        let of = |number: &u32| {
            let faults: Vec<&FaultOutcome> = faults.iter().copied().filter(|fault| fault.fault == *number).collect();
            Lane { label: faults[0].label.as_str(), faults }
        };
        let hidden = numbers.len().saturating_sub(LANES_SHOWN);
        Faults { lanes: numbers.iter().take(LANES_SHOWN).map(of).collect(), hidden }
    }

    /// Pixels that the strip takes.
    pub fn height(&self) -> i32 {
        (self.lanes.len() as i32) * LANE_HEIGHT + if self.hidden > 0 { 16 } else { 0 }
    }

    /// Draws the strip with its upper edge at `top`; beginnings and ends of faults run on down to `bottom`, with a shade
    /// between them if colours below do not mean anything.
    pub fn draw(&self, canvas: &Canvas, scale: &TimeScale, top: i32, bottom: i32, shaded: bool) {
        let mut y = top;
        let bands = self.lanes.iter().map(|lane| lane.faults.len()).sum::<usize>() <= BANDS_SHOWN;
        for lane in &self.lanes {
            self.label(canvas, scale, lane, y + LANE_HEIGHT / 2);
            for (index, fault) in lane.faults.iter().enumerate() {
                let (from, to) = scale.span(fault.from_s, fault.to_s.unwrap_or(f64::INFINITY));
                if bands {
                    if shaded {
                        canvas.fill((from, y + LANE_HEIGHT), (to, bottom), FAULT.mix(0.10));
                    }
                    canvas.dashed_upright(from, (y + LANE_HEIGHT, bottom), FAULT.to_rgba(), (2, 4));
                    canvas.dashed_upright(to, (y + LANE_HEIGHT, bottom), FAULT.to_rgba(), (2, 4));
                }
                canvas.fill((from, y + 8), (to.max(from + 3), y + LANE_HEIGHT - 8), FAULT.to_rgba());
                let next = lane.faults.get(index + 1).map_or(scale.right, |next| scale.x(next.from_s));
                self.target(canvas, fault, to.max(from + 3) + 4, next - 4, y + LANE_HEIGHT / 2);
            }
            y += LANE_HEIGHT;
        }
        if self.hidden > 0 {
            let text = format!("and {} more faults of the scenario, see tables/faults.csv", self.hidden);
            canvas.text((scale.left, y + 8), &Label::new(text, TEXT_SIZE).color(FADED));
        }
    }

    fn label(&self, canvas: &Canvas, scale: &TimeScale, lane: &Lane, middle: i32) {
        let room = scale.left - EDGE - 10;
        let mut lines = fold(lane.label, TEXT_SIZE, room);
        if lines.len() > 2 {
            lines.truncate(2);
            lines[1] = fit(&format!("{}…", lines[1]), TEXT_SIZE, room);
        }
        let first = middle - (lines.len() as i32 - 1) * 7;
        for (index, line) in lines.into_iter().enumerate() {
            let at = (scale.left - 10, first + index as i32 * 14);
            canvas.text(at, &Label::new(line, TEXT_SIZE).right());
        }
    }

    /// What was hit, right of the bar if it fits before the next one.
    fn target(&self, canvas: &Canvas, fault: &FaultOutcome, from: i32, to: i32, middle: i32) {
        let is_said =
            fault.label.split(|sign: char| !sign.is_alphanumeric() && sign != '-').any(|word| word == fault.target);
        if !is_said && from + text_width(&fault.target, TEXT_SIZE, false) <= to {
            canvas.text((from, middle), &Label::new(fault.target.as_str(), TEXT_SIZE).color(INK));
        }
    }
}

/// The generations of a group, and the rebalances that lie between them.
pub(super) struct Generations<'a> {
    rebalances: &'a [Rebalance],
}

impl<'a> Generations<'a> {
    pub fn new(rebalances: &'a [Rebalance]) -> Self {
        Generations { rebalances }
    }

    /// Pixels that the strip takes.
    pub fn height(&self) -> i32 {
        if self.rebalances.is_empty() { 0 } else { GENERATION_HEIGHT }
    }

    /// Draws the strip with its upper edge at `top`; the beginnings of rebalances run on down to `bottom`.
    pub fn draw(&self, canvas: &Canvas, scale: &TimeScale, top: i32, bottom: i32) {
        if self.rebalances.is_empty() {
            return;
        }
        let middle = top + GENERATION_HEIGHT / 2;
        canvas.text((scale.left - 10, middle), &Label::new("generation", TEXT_SIZE).right());
        for (index, rebalance) in self.rebalances.iter().enumerate() {
            let next = self.rebalances.get(index + 1).map(|next| next.preparing_s);
            let end = rebalance_end(rebalance, next, scale.to_s);
            let (from, to) = scale.span(rebalance.preparing_s, end);
            if scale.shows(rebalance.preparing_s, end) {
                canvas.fill((from, top + 3), (to, top + GENERATION_HEIGHT - 3), REBALANCE.to_rgba());
            }
            if scale.shows(rebalance.preparing_s, rebalance.preparing_s) && self.rebalances.len() <= BANDS_SHOWN {
                canvas.dashed_upright(from, (top + GENERATION_HEIGHT, bottom), REBALANCE.to_rgba(), (3, 3));
            }
            let Some(generation) = rebalance.generation else { continue };
            let until = scale.x(next.unwrap_or(scale.to_s));
            let text = generation.to_string();
            if to + 5 + text_width(&text, TEXT_SIZE, true) <= until {
                canvas.text((to + 4, middle), &Label::new(text, TEXT_SIZE).bold());
            }
        }
    }
}

/// When a rebalance is over: its last member has applied its assignment, the next rebalance begins, or the run ends.
pub(super) fn rebalance_end(rebalance: &Rebalance, next: Option<f64>, end_of_run: f64) -> f64 {
    let over = rebalance.applied_s.or(rebalance.stable_s).or(next).unwrap_or(end_of_run);
    next.map_or(over, |next| over.min(next))
}
