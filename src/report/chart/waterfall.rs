//! What each member did in a rebalance, from "Preparing to rebalance" to the applied assignment: discover, finish batch,
//! prepare, rejoin, wait at the barrier, sync, apply. The member that the others waited for is marked.

use plotters::style::{Color, RGBColor};

use crate::analysis::outcome::{BarrierPhase, GroupOutcome, MemberPhases, Rebalance};
use crate::report::words::{barrier_phase, unusual_end};
use crate::report::{Exporter, OutputFile, Report, units};

use super::axis::{AXIS_HEIGHT, TimeScale};
use super::canvas::{Canvas, Label, draw, fit, fold};
use super::palette::{BLUE, FADED, GREEN, INK, ORANGE, PURPLE, SKY_BLUE, VERMILION, YELLOW};
use super::sheet::{EDGE, Head, Key, PLOT_LEFT, PLOT_RIGHT, WIDTH, file};

/// Writes `charts/waterfall.svg` for every group that had rebalances with members.
pub struct Waterfall;

impl Exporter for Waterfall {
    fn export(&self, report: &Report) -> Vec<OutputFile> {
        let groups = report.outcome.groups.iter().filter(|group| group.rebalances.iter().any(is_drawn));
        groups.map(|group| file(report, "waterfall", &group.id, chart(report, group))).collect()
    }
}

/// Rebalances on one sheet; of more, those with the most paused time.
const PANELS_MAX: usize = 6;
/// Members of one panel; of more, those that arrived last.
const MEMBERS_MAX: usize = 16;

const ROW_HEIGHT: i32 = 20;
const TEXT_SIZE: i32 = 11;
const LINE_HEIGHT: i32 = 16;
const PANEL_GAP: i32 = 26;

fn is_drawn(rebalance: &Rebalance) -> bool {
    !rebalance.members.is_empty()
}

/// What a member does, with its colour.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    Discover,
    FinishBatch,
    Prepare,
    Rejoin,
    Wait,
    Sync,
    Apply,
}

impl Phase {
    const ALL: [Phase; 7] =
        [Phase::Discover, Phase::FinishBatch, Phase::Prepare, Phase::Rejoin, Phase::Wait, Phase::Sync, Phase::Apply];

    /// The phase of a bar that a barrier was held in; none if the member was not on its way.
    fn of(phase: BarrierPhase) -> Option<Phase> {
        match phase {
            BarrierPhase::Discover => Some(Phase::Discover),
            BarrierPhase::FinishBatch => Some(Phase::FinishBatch),
            BarrierPhase::Prepare => Some(Phase::Prepare),
            BarrierPhase::Rejoin => Some(Phase::Rejoin),
            BarrierPhase::InitialDelay => Some(Phase::Wait),
            BarrierPhase::SessionTimeout | BarrierPhase::RebalanceTimeout | BarrierPhase::Left => None,
        }
    }

    fn color(self) -> RGBColor {
        match self {
            Phase::Discover => SKY_BLUE,
            Phase::FinishBatch => ORANGE,
            Phase::Prepare => PURPLE,
            Phase::Rejoin => YELLOW,
            Phase::Wait => RGBColor(214, 214, 214),
            Phase::Sync => BLUE,
            Phase::Apply => GREEN,
        }
    }

    fn meaning(self) -> &'static str {
        match self {
            Phase::Discover => "discover (next heartbeat)",
            Phase::FinishBatch => "finish batch",
            Phase::Prepare => "prepare (commit, revoke)",
            Phase::Rejoin => "rejoin",
            Phase::Wait => "wait at the barrier",
            Phase::Sync => "sync",
            Phase::Apply => "apply (callbacks)",
        }
    }
}

fn chart(report: &Report, group: &GroupOutcome) -> String {
    let shown = most_costly(&group.rebalances);
    let legend = Phase::ALL.map(|phase| Key::new(phase.color(), phase.meaning())).to_vec();
    let all = group.totals.rebalances;
    let selection = match shown.len() as u64 {
        count if count == all => String::new(),
        count => format!(" Shown: {count} of {} rebalances, those with the most paused time.", units::count(all)),
    };
    let says =
        format!("Each bar is one member; the rebalance goes on when the last one has reached the barrier.{selection}");
    let head = Head::new(report, &format!("Rebalances of {}: what every member did", group.id), &says, legend);
    let panels: Vec<Panel> = shown.into_iter().map(Panel::new).collect();
    let height = panels.iter().map(Panel::height).sum::<i32>() + head.height();
    draw(WIDTH, height, |canvas| {
        head.draw(canvas);
        let mut top = head.height();
        for panel in &panels {
            panel.draw(canvas, top);
            top += panel.height();
        }
    })
}

/// The rebalances that made partitions stand still longest, in time order.
fn most_costly(rebalances: &[Rebalance]) -> Vec<&Rebalance> {
    let mut shown: Vec<&Rebalance> = rebalances.iter().filter(|rebalance| is_drawn(rebalance)).collect();
    shown.sort_by(|a, b| {
        b.paused_partition_seconds.total_cmp(&a.paused_partition_seconds).then(a.number.cmp(&b.number))
    });
    shown.truncate(PANELS_MAX);
    shown.sort_by_key(|rebalance| rebalance.number);
    shown
}

/// One rebalance.
struct Panel<'a> {
    rebalance: &'a Rebalance,
    members: Vec<&'a MemberPhases>,
    title: String,
    lines: Vec<String>,
    scale: TimeScale,
}

impl<'a> Panel<'a> {
    fn new(rebalance: &'a Rebalance) -> Self {
        let room = WIDTH - 2 * EDGE;
        let why = if rebalance.trigger.text.is_empty() { &rebalance.reason } else { &rebalance.trigger.text };
        let at = units::instant(rebalance.preparing_s);
        let title = fit(&format!("Rebalance {} at {at}: {why}", rebalance.number), TEXT_SIZE + 3, room * 9 / 10);
        let mut said = rebalance.barrier.as_ref().map(|barrier| barrier.text.clone()).unwrap_or_default();
        if let Some(end) = unusual_end(rebalance.end) {
            said = format!("{said} ({end})");
        }
        let hidden = rebalance.members.len().saturating_sub(MEMBERS_MAX);
        if hidden > 0 {
            let last = rebalance.members[hidden - 1].parked_s.map(|at| units::span(at - rebalance.preparing_s));
            let when = last.map(|last| format!(" within {last}")).unwrap_or_default();
            said = format!("{said} · not drawn: {hidden} members that reached the barrier first{when}");
        }
        let members: Vec<&MemberPhases> = rebalance.members.iter().skip(hidden).collect();
        let scale = scale(rebalance, &members);
        Panel { rebalance, members, title, lines: fold(&said, TEXT_SIZE, room), scale }
    }

    fn height(&self) -> i32 {
        let text = 24 + self.lines.len() as i32 * LINE_HEIGHT + 22;
        text + self.members.len() as i32 * ROW_HEIGHT + AXIS_HEIGHT + PANEL_GAP
    }

    fn draw(&self, canvas: &Canvas, top: i32) {
        canvas.text((EDGE, top + 10), &Label::new(self.title.as_str(), TEXT_SIZE + 3).bold());
        let mut y = top + 24;
        for line in &self.lines {
            canvas.text((EDGE, y + LINE_HEIGHT / 2), &Label::new(line.as_str(), TEXT_SIZE + 1).color(FADED));
            y += LINE_HEIGHT;
        }
        let plot = y + 22;
        let bottom = plot + self.members.len() as i32 * ROW_HEIGHT;
        self.scale.draw(canvas, plot, bottom, "since “Preparing to rebalance”");
        for (index, member) in self.members.iter().enumerate() {
            self.member(canvas, member, plot + index as i32 * ROW_HEIGHT);
        }
        self.barrier(canvas, plot, bottom);
    }

    fn member(&self, canvas: &Canvas, member: &MemberPhases, top: i32) {
        let middle = top + ROW_HEIGHT / 2;
        if member.held_barrier {
            canvas.fill((EDGE, top), (PLOT_RIGHT, top + ROW_HEIGHT), VERMILION.mix(0.12));
        }
        let name = fit(&member.consumer, TEXT_SIZE, PLOT_LEFT - EDGE - 30);
        let name = Label::new(name, TEXT_SIZE).right();
        let name = if member.held_barrier { name.bold() } else { name };
        canvas.text((PLOT_LEFT - 10, middle), &name);
        for (phase, from, to) in self.segments(member) {
            let (x0, x1) = self.scale.span(from - self.rebalance.preparing_s, to - self.rebalance.preparing_s);
            canvas.fill((x0, top + 4), (x1, top + ROW_HEIGHT - 4), phase.color().to_rgba());
        }
        if member.parked_s.is_none() && self.rebalance.stabilized_s.is_some() {
            let x = self.scale.x(self.rebalance.join_phase_s.unwrap_or_default());
            canvas.text((x + 6, middle), &Label::new("never reached the barrier", TEXT_SIZE).color(FADED));
        }
        if member.held_barrier {
            self.holder(canvas, member, middle);
        }
    }

    /// Says beside the bar of the holder how it held the others up, right or left of the bar, wherever there is room.
    fn holder(&self, canvas: &Canvas, member: &MemberPhases, middle: i32) {
        let Some(barrier) = &self.rebalance.barrier else { return };
        let text = format!("held the barrier: {} {}", barrier_phase(barrier.phase), units::span(barrier.phase_s));
        let label = Label::new(text, TEXT_SIZE).bold().color(VERMILION);
        let segments = self.segments(member);
        let since = |at: f64| self.scale.x(at - self.rebalance.preparing_s);
        let end = segments.last().map_or(self.scale.left, |(_, _, to)| since(*to));
        let start = segments.first().map_or(self.scale.left, |(_, from, _)| since(*from));
        if end + 8 + label.width() <= PLOT_RIGHT {
            canvas.text((end + 8, middle), &label);
        } else if start - 8 - label.width() >= PLOT_LEFT {
            canvas.text((start - 8, middle), &label.right());
        } else if let Some((x0, x1)) = self.room(&segments, barrier.phase, label.width() + 12) {
            canvas.text(((x0 + x1) / 2, middle), &label.color(INK).centered());
        }
    }

    /// The pixels of the phase that is spoken of, or else of the longest, if it is so wide.
    fn room(&self, segments: &[(Phase, f64, f64)], spoken_of: BarrierPhase, needed: i32) -> Option<(i32, i32)> {
        let pixels = |(_, from, to): &(Phase, f64, f64)| {
            self.scale.span(from - self.rebalance.preparing_s, to - self.rebalance.preparing_s)
        };
        let own = segments.iter().filter(|(phase, _, _)| Some(*phase) == Phase::of(spoken_of)).map(pixels);
        let longest = segments.iter().map(pixels).max_by_key(|(x0, x1)| x1 - x0);
        own.chain(longest).find(|(x0, x1)| x1 - x0 >= needed)
    }

    /// What a member did one after the other. A phase whose beginning is not known begins with the rebalance; one that is
    /// skipped leaves its time to the next.
    fn segments(&self, member: &MemberPhases) -> Vec<(Phase, f64, f64)> {
        let rebalance = self.rebalance;
        // Whoever joins because it is new had nothing to discover: its bar begins with its JoinGroup.
        let begins = match (member.noticed_s.or(member.polled_s), member.join_sent_s) {
            (None, Some(sent)) => sent,
            _ => rebalance.preparing_s,
        };
        let joined_at_all = member.parked_s.is_some();
        let steps = [
            (Phase::Discover, member.noticed_s),
            (Phase::FinishBatch, member.polled_s),
            (Phase::Prepare, member.join_sent_s),
            (Phase::Rejoin, member.parked_s),
            (Phase::Wait, rebalance.stabilized_s.filter(|_| joined_at_all)),
            (Phase::Sync, member.synced_s),
            (Phase::Apply, member.applied_s),
        ];
        let mut segments = Vec::new();
        let mut from = begins;
        for (phase, until) in steps {
            let Some(until) = until.filter(|until| *until > from) else { continue };
            segments.push((phase, from, until));
            from = until;
        }
        segments
    }

    /// The end of the join phase.
    fn barrier(&self, canvas: &Canvas, top: i32, bottom: i32) {
        let Some(join_phase) = self.rebalance.join_phase_s else { return };
        let x = self.scale.x(join_phase);
        canvas.line(&[(x, top - 8), (x, bottom)], INK.to_rgba(), 1);
        let text = format!("barrier opens after {}", units::span(join_phase));
        let label = Label::new(text, TEXT_SIZE).bold();
        let label_at = x.clamp(PLOT_LEFT + label.width() / 2, PLOT_RIGHT - label.width() / 2);
        canvas.text((label_at, top - 14), &label.centered());
    }
}

/// From the first thing that a drawn member did to the last, around the join phase.
fn scale(rebalance: &Rebalance, members: &[&MemberPhases]) -> TimeScale {
    let instants = members.iter().flat_map(|member| [member.join_sent_s, member.synced_s, member.applied_s]).flatten();
    let own = [Some(rebalance.preparing_s), rebalance.stabilized_s, rebalance.assignment_received_s];
    let since = instants.chain(own.into_iter().flatten()).map(|at| at - rebalance.preparing_s);
    let (from, to) = since.fold((0.0, 1e-3), |(from, to): (f64, f64), at| (from.min(at), to.max(at)));
    TimeScale { from_s: from, to_s: to + (to - from) * 0.01, left: PLOT_LEFT, right: PLOT_RIGHT }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    fn phases(member: &MemberPhases, rebalance: &Rebalance) -> Vec<Phase> {
        Panel::new(rebalance).segments(member).into_iter().map(|(phase, _, _)| phase).collect()
    }

    #[test]
    fn a_member_that_was_there_goes_through_all_phases() {
        let outcome = fixture::gc_pause();
        let rebalance = &outcome.groups[0].rebalances[1];
        assert_eq!(phases(&rebalance.members[0], rebalance), Phase::ALL);
    }

    #[test]
    fn a_new_member_begins_with_its_join() {
        let outcome = fixture::gc_pause();
        let rebalance = &outcome.groups[0].rebalances[2];
        let new = rebalance.members.iter().find(|member| member.noticed_s.is_none()).expect("worker-2 is new");
        assert_eq!(phases(new, rebalance), [Phase::Rejoin, Phase::Wait, Phase::Sync, Phase::Apply]);
    }

    #[test]
    fn a_member_that_never_came_does_not_wait_at_the_barrier() {
        let outcome = fixture::gc_pause();
        let mut rebalance = outcome.groups[0].rebalances[1].clone();
        let member = &mut rebalance.members[0];
        (member.polled_s, member.join_sent_s, member.parked_s, member.synced_s, member.applied_s) = Default::default();
        assert_eq!(phases(&rebalance.members[0], &rebalance), [Phase::Discover]);
    }

    #[test]
    fn of_many_rebalances_the_costliest_are_drawn_in_time_order() {
        let outcome = fixture::rollout(20, 40);
        let drawn = most_costly(&outcome.groups[0].rebalances);
        assert_eq!(drawn.len(), PANELS_MAX);
        assert!(drawn.windows(2).all(|pair| pair[0].number < pair[1].number));
        let least_drawn = drawn.iter().map(|r| r.paused_partition_seconds).fold(f64::INFINITY, f64::min);
        let is_drawn = |r: &&Rebalance| drawn.iter().any(|drawn| drawn.number == r.number);
        let hidden = outcome.groups[0].rebalances.iter().filter(|r| !is_drawn(r));
        assert!(hidden.map(|r| r.paused_partition_seconds).fold(0.0, f64::max) <= least_drawn);
    }
}
