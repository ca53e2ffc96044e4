//! Measuring ragged where it runs: by whoever uses it, on their own files and machine.
//!
//! A [plan](run::Plan) names [cells](result::Cell), each a backend, a number of documents and a
//! configuration. A [task](task::Task) is one test of one cell, measured in a child process of its own,
//! so that memory and warm-up are its own; cells take turns, and each is measured several times. What
//! comes of it is a [`RunResult`](result::RunResult), kept as JSON; two of these are compared by
//! [`regression`], one is held against limits by [`threshold`].

pub mod asker;
pub mod corpus;
pub mod journal;
pub mod machine;
pub mod mission;
pub mod process;
pub mod regression;
pub mod report;
pub mod result;
pub mod run;
pub mod sample;
pub mod server;
pub mod soak;
pub mod task;
pub mod threshold;
