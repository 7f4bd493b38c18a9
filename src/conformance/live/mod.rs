//! Reads recordings of a real broker and real consumers.
//!
//! A [`Recording`] becomes a [`Timeline`], the same kind that a simulated run gives, and from there on everything is worked
//! out in the same way on both sides: [`Story`], [`Ownership`].

mod build;
mod coldness;
mod compare;
mod distribution;
mod elections;
mod inputs;
mod library;
mod measures;
mod noise;
mod ownership;
mod parting;
mod producer;
mod races;
mod raw;
mod read;
mod recording;
mod replay;
mod said;
mod schedule;
mod side_by_side;
mod story;
mod table;
mod timeline;
mod traffic;
mod verdict;

pub use build::{BuildError, build};
pub use compare::{Quantity, StoryDifference, Tolerance, differences, quantities};
pub use distribution::{Distributed, Figure, SEEDS_MIN, Stray, draw, judge, recorded_measures};
pub use elections::{Election, elections};
pub use measures::{Measures, Slack};
pub use noise::NoiseFloor;
pub use ownership::Ownership;
pub use read::{Problem, ReadError, read};
pub use recording::{
    Act, Action, App, Event, Happened, Measured, MeasuredRebalance, Member, Name, Noise, Offer, Params, Plan,
    Recording, SlowRecords, Traffic,
};
pub use replay::{INSIDE_PERCENT_MIN, RUNS_MAX, Replayed, replay, run_again, tolerance};
pub use said::Said;
pub use schedule::{FreeRun, free_run};
pub use side_by_side::side_by_side;
pub use story::{Joined, MemberStory, Rebalance, Story};
pub use table::table;
pub use timeline::{Deed, Entry, Moment, Timeline, TimelineRecorder};
pub use traffic::TrafficMeter;
pub use verdict::Verdict;
