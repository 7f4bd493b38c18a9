//! The rules, one file per topic: data first, then the functions that apply them.

pub mod broker;
pub mod names;
mod offsets;
mod poll;
mod protocol;
mod requests;
mod session;
mod static_member;
pub mod values;

use super::context::Context;
use super::rule::Rule;

/// The rules of every topic.
pub const ALL: [&[&Rule]; 9] = [
    names::RULES,
    values::RULES,
    session::RULES,
    poll::RULES,
    static_member::RULES,
    protocol::RULES,
    requests::RULES,
    offsets::RULES,
    broker::RULES,
];

/// Looks at one configuration as a whole.
pub fn check(context: &mut Context<'_>) {
    session::check(context);
    poll::check(context);
    static_member::check(context);
    protocol::check(context);
    requests::check(context);
    offsets::check(context);
}
