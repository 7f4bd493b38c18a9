//! Reads recordings of a real broker and real consumers.
//!
//! A [`Recording`] becomes a [`Timeline`], the same kind that a simulated run gives, and from there on everything is worked
//! out in the same way on both sides: [`Story`], [`Ownership`].

mod ownership;
mod raw;
mod read;
mod recording;
mod said;
mod story;
mod timeline;

pub use ownership::Ownership;
pub use read::{Problem, ReadError, read};
pub use recording::{
    Act, Action, App, Event, Happened, Measured, MeasuredRebalance, Member, Name, Noise, Params, Recording,
    SlowRecords, Traffic,
};
pub use said::Said;
pub use story::{Joined, MemberStory, Rebalance, Story};
pub use timeline::{Deed, Entry, Moment, Timeline, TimelineRecorder};
