//! A long run of everything at once, to see whether anything grows that should not: memory, open
//! files, disk, latency.
//!
//! The work is bounded: as much is deleted as is added, and the same questions come again. What still
//! rises with the number of operations, beyond what chance explains, is a leak. The clock is a fast
//! one: each operation takes a minute of it, so that caches expire and interests fade.

mod load;
mod slope;

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use ragged::{error::Result, library::Cancel};
use serde::Serialize;

use self::load::Load;
pub use self::slope::{Slope, slope};
use crate::{
    process::{folder_bytes, memory, open_files},
    sample::{median, percentile, sorted},
    task::Opening,
};

/// Samples that are kept: when there are more, every second one is dropped.
const SAMPLES: usize = 400;
/// The shortest time between two.
const LEAST_BETWEEN: Duration = Duration::from_millis(200);
/// The share of the operations that come before caches are full and do not count, and the least of them.
const WARM_UP: f64 = 0.4;
const LEAST_WARM_UP: f64 = 1_500.0;
/// Fewer samples than this after that tell nothing.
const LEAST_SAMPLES: usize = 20;
/// Stretches that samples are gathered in: within one they hang together, as memory that is kept for a
/// while does, and as single ones they would seem to say more than they do.
const STRETCHES: usize = 24;

/// What a long run is like.
#[derive(Clone, Debug)]
pub struct Plan {
    /// How long it takes.
    pub duration: Duration,
    /// Documents that the library holds.
    pub documents: usize,
    /// Decides what is done.
    pub seed: u64,
    /// Bytes that each operation keeps for nothing, to see that this is found.
    pub planted: usize,
}

/// How things stood after so many operations.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Sample {
    /// Seconds since the beginning.
    pub seconds: f64,
    /// Operations so far.
    pub operations: u64,
    /// Bytes resident; 0 where the system does not tell.
    pub resident: u64,
    /// Those of them that are no pages of files; 0 where the system does not tell.
    pub heap: u64,
    /// Open files, sockets and the like; 0 where the system does not tell.
    pub handles: u64,
    /// Bytes on disk.
    pub disk: u64,
    /// Median of the questions since the last sample, in milliseconds.
    pub latency_p50: f64,
    /// Their 95th percentile.
    pub latency_p95: f64,
}

/// What came of a long run.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// How long it took.
    pub seconds: f64,
    /// Operations, by name.
    pub operations: Vec<(&'static str, u64)>,
    /// What went wrong, the first few.
    pub errors: Vec<String>,
    /// How much went wrong.
    pub n_errors: u64,
    /// How things stood, in order.
    pub samples: Vec<Sample>,
    /// Whether it was ended before its time.
    pub interrupted: bool,
    /// What rose and fell, without the beginning; empty where the rest is too short to tell.
    pub slopes: Vec<Trend>,
}

/// How something changed with the number of operations.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Trend {
    /// What: `resident`, `heap`, `handles`, `disk`, `latency_p50`.
    pub name: &'static str,
    /// Its unit, of a thousand operations.
    pub unit: &'static str,
    /// Change in a thousand operations, and where that lies in 95 of 100 cases.
    pub slope: Slope,
    /// The most that is no leak.
    pub limit: f64,
    /// Whether the slope is at or below the limit, or may be for all that is known.
    pub is_kept: bool,
}

impl Report {
    /// Whether nothing grew and nothing went wrong.
    pub fn is_sound(&self) -> bool {
        self.n_errors == 0 && self.slopes.iter().all(|trend| trend.is_kept)
    }

    /// Whether it was long enough to tell what grows.
    pub fn is_long_enough(&self) -> bool {
        !self.slopes.is_empty()
    }
}

/// Figures that must not grow.
struct Watched {
    name: &'static str,
    unit: &'static str,
    /// How it is read of a sample.
    of: fn(&Sample) -> f64,
    /// So many units in a thousand operations are no leak in a short run: pools of connections and
    /// caches still fill.
    limit: f64,
    /// And so many in all of a long one.
    total: f64,
}

impl Watched {
    /// The limit for so many thousands of operations.
    fn limit_over(&self, thousands: f64) -> f64 {
        self.limit.min(self.total / thousands.max(f64::MIN_POSITIVE))
    }
}

const WATCHED: [Watched; 5] = [
    Watched {
        name: "resident",
        unit: "KB",
        of: |sample| sample.resident as f64 / 1000.0,
        limit: 200.0,
        total: 32_000.0,
    },
    Watched {
        name: "heap",
        unit: "KB",
        of: |sample| sample.heap as f64 / 1000.0,
        limit: 200.0,
        total: 32_000.0,
    },
    Watched {
        name: "handles",
        unit: "",
        of: |sample| sample.handles as f64,
        limit: 2.0,
        total: 16.0,
    },
    Watched {
        name: "disk",
        unit: "KB",
        of: |sample| sample.disk as f64 / 1000.0,
        limit: 1_000.0,
        total: 64_000.0,
    },
    Watched {
        name: "latency_p50",
        unit: "ms",
        of: |sample| sample.latency_p50,
        limit: 0.05,
        total: 1.0,
    },
];

/// Works until the time is over or `cancel` is asked, over a library and a memory in an empty folder.
/// `on_progress` is told how much time has passed, and how many operations.
///
/// # Errors
///
/// Those of beginning; what goes wrong later is counted and reported.
pub fn run(
    plan: &Plan,
    dir: &Path,
    opening: &dyn Opening,
    cancel: &Cancel,
    on_progress: &mut dyn FnMut(Duration, u64),
) -> Result<Report> {
    let mut load = Load::begin(plan, dir, opening)?;
    let mut kept: Vec<Vec<u8>> = Vec::new();
    let begun = Instant::now();
    let mut samples: Vec<Sample> = Vec::new();
    let mut between = LEAST_BETWEEN;
    let mut next = between;
    while begun.elapsed() < plan.duration && !cancel.is_cancelled() {
        load.step();
        if plan.planted > 0 {
            // Written to, so that it is resident.
            kept.push(vec![load.n_operations() as u8; plan.planted]);
        }
        let elapsed = begun.elapsed();
        if elapsed < next {
            continue;
        }
        next = elapsed + between;
        samples.push(sample(&mut load, dir, elapsed));
        on_progress(elapsed, load.n_operations());
        if samples.len() > SAMPLES {
            let mut at = 0;
            samples.retain(|_| {
                at += 1;
                at % 2 == 0
            });
            between *= 2;
        }
    }
    drop(kept);
    let seconds = begun.elapsed().as_secs_f64();
    let slopes = trends(&samples);
    let (operations, errors, n_errors) = load.end();
    let interrupted = cancel.is_cancelled();
    Ok(Report { seconds, operations, errors, n_errors, samples, interrupted, slopes })
}

fn sample(load: &mut Load<'_>, dir: &Path, elapsed: Duration) -> Sample {
    let latencies = sorted(&load.take_latencies());
    let of = |percent: f64| percentile(&latencies, percent).unwrap_or(0.0);
    let memory = memory(std::process::id()).unwrap_or_default();
    Sample {
        seconds: elapsed.as_secs_f64(),
        operations: load.n_operations(),
        resident: memory.resident,
        heap: memory.anonymous,
        handles: open_files().unwrap_or(0),
        disk: folder_bytes(dir),
        latency_p50: of(50.0),
        latency_p95: of(95.0),
    }
}

fn trends(samples: &[Sample]) -> Vec<Trend> {
    let Some(last) = samples.last() else { return Vec::new() };
    let begin = (last.operations as f64 * WARM_UP).max(LEAST_WARM_UP);
    let counted: Vec<&Sample> =
        samples.iter().filter(|sample| sample.operations as f64 >= begin).collect();
    if counted.len() < LEAST_SAMPLES {
        return Vec::new();
    }
    let of = |watched: &Watched| {
        let points = counted
            .chunks(counted.len().div_ceil(STRETCHES))
            .map(|stretch| middle(stretch, watched.of))
            .collect::<Option<Vec<_>>>()?;
        let slope = slope(&points)?;
        let limit = watched.limit_over(points.last()?.0 - points.first()?.0);
        let is_kept = slope.low <= limit;
        let Watched { name, unit, .. } = *watched;
        Some(Trend { name, unit, slope, limit, is_kept })
    };
    WATCHED.iter().filter_map(of).collect()
}

/// The medians of a stretch: thousands of operations, and the figure.
fn middle(stretch: &[&Sample], of: fn(&Sample) -> f64) -> Option<(f64, f64)> {
    let thousands: Vec<f64> =
        stretch.iter().map(|sample| sample.operations as f64 / 1000.0).collect();
    let figures: Vec<f64> = stretch.iter().map(|sample| of(sample)).collect();
    Some((median(&thousands)?, median(&figures)?))
}

/// A clock that is moved by hand.
#[derive(Debug)]
pub(crate) struct MovedClock(std::sync::atomic::AtomicI64);

impl MovedClock {
    fn at(now_ms: i64) -> Arc<Self> {
        Arc::new(Self(now_ms.into()))
    }

    fn forward(&self, ms: i64) {
        self.0.fetch_add(ms, std::sync::atomic::Ordering::Relaxed);
    }
}

impl ragged::temporal::Clock for MovedClock {
    fn now_ms(&self) -> i64 {
        self.0.load(std::sync::atomic::Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(grown: impl Fn(u64) -> u64) -> Vec<Sample> {
        let mut rng = fastrand::Rng::with_seed(1);
        (0..100)
            .map(|at| Sample {
                seconds: at as f64,
                operations: at * 100,
                resident: 50_000_000 + grown(at * 100) + rng.u64(..400_000),
                heap: 20_000_000,
                handles: 20 + rng.u64(..2),
                disk: 9_000_000 + rng.u64(..800_000),
                latency_p50: 2.0 + 0.4 * rng.f64(),
                latency_p95: 4.0,
            })
            .collect()
    }

    /// Memory that is kept for a while, as an allocator does: so many bytes more, every now and then.
    fn plateaus(seed: u64) -> Vec<Sample> {
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut kept = 0;
        let mut samples = samples(|_| 0);
        for sample in &mut samples {
            if rng.f64() < 0.25 {
                kept = rng.u64(..3) * 15_000_000;
            }
            sample.resident += kept;
        }
        samples
    }

    fn risen(samples: &[Sample]) -> Vec<&'static str> {
        trends(samples).iter().filter(|it| !it.is_kept).map(|it| it.name).collect()
    }

    #[test]
    fn what_grows_with_the_work_is_found_and_what_fills_up_at_first_is_not() {
        assert_eq!(risen(&samples(|_| 0)), [""; 0]);
        assert_eq!(risen(&samples(|n| n.min(3_000) * 10_000)), [""; 0]);
        assert_eq!(risen(&samples(|n| n * 1_000)), ["resident"]);
        let mut leaking = samples(|_| 0);
        for sample in &mut leaking {
            sample.handles += sample.operations / 200;
        }
        assert_eq!(risen(&leaking), ["handles"]);
        let alarms = (0..200).filter(|seed| !risen(&plateaus(*seed)).is_empty()).count();
        assert!(alarms <= 16, "{alarms} of 200");
        assert!(trends(&[]).is_empty());
        assert!(trends(&samples(|n| n * 1_000)[..30]).is_empty(), "too short to tell");
    }
}
