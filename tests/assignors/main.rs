//! What the assignors promise, over drawn groups: every partition has exactly one owner, members are as balanced as the
//! assignor's contract says, cooperative rounds come to an end.

mod client;
mod group;
mod server;
