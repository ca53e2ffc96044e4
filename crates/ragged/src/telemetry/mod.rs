//! Where the time of a question goes: measured where it is spent, kept in bounded files, told in
//! numbers.
//!
//! A [`Trace`] that is on takes down when each [`Stage`] of one question began and ended; one that is
//! off costs a comparison. A [`Sample`] is what is kept of it: numbers, a keyed hash that tells
//! whether the question was asked before, and the id of the interaction that was recorded, never a
//! word of the question. A [`Telemetry`] writes samples into `telemetry.db` away from whoever asked; a
//! [`SampleStore`] reads them. [`report`] says what they come to, [`advice`] what to do about it;
//! [`flame`], [`exposition`] and [`otlp`] give them to other programs.
//!
//! Nothing of this is kept unless its owner asks for it ([`switch`]).

pub mod advice;
pub mod exposition;
pub mod flame;
pub mod otlp;
mod recorder;
pub mod report;
mod sample;
mod stage;
mod store;
pub mod switch;
mod trace;

#[cfg(test)]
mod tests;

pub use self::{
    recorder::{Digest, Telemetry, Writing},
    sample::{CacheUse, Digested, Histograms, Kind, Sample, StageTimes, Summary, shares},
    stage::{Component, Components, Stage},
    store::{BUCKETS_US, Bounds, Counter, SampleStore, StageTotal, Totals},
    trace::{Span, Trace},
};
