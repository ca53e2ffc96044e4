//! Reading files into an empty library.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use ragged::{
    error::Result,
    library::{AddOptions, Cancel, NoProgress},
};

use super::{Figure, Measuring, timed};
use crate::{
    process::{cpu_seconds, folder_bytes},
    result::{Better, Kind},
    sample::median,
};

/// Between two looks at the memory.
const LOOK_EVERY: Duration = Duration::from_millis(25);

impl Measuring<'_> {
    pub(super) fn ingest(&self) -> Result<Vec<Figure>> {
        let readers = self.opening.readers(&self.settings)?;
        let library = self.open(self.settings.clone())?;
        let before = cpu_seconds();
        let paths = [self.task.corpus.clone()];
        let is_done = AtomicBool::new(false);
        let (added, resident) = thread::scope(|scope| {
            let looking = scope.spawn(|| {
                let mut resident = Vec::new();
                while !is_done.load(Ordering::Relaxed) {
                    resident.extend(self.memory().map(|memory| memory.resident as f64));
                    thread::sleep(LOOK_EVERY);
                }
                resident
            });
            let added = timed(|| {
                library.add(&paths, AddOptions::default(), &readers, &NoProgress, &Cancel::new())
            });
            is_done.store(true, Ordering::Relaxed);
            (added, looking.join().unwrap_or_default())
        });
        let (report, ms) = added?;
        // What readers took is counted when they have ended.
        drop(readers);
        let cpu = cpu_seconds().zip(before).map(|(after, before)| after - before);
        let added = report.added as f64;
        let told = |metric: &str, value: f64| {
            Figure::new("ingest", metric, "", Better::Neither, Kind::Count, value)
        };
        let mut figures = vec![
            Figure::rate("ingest", "documents_per_second", 1000.0 * added / ms),
            Figure::rate("ingest", "chunks_per_second", 1000.0 * report.chunks as f64 / ms),
            told("documents", added),
            told("chunks", report.chunks as f64),
        ];
        if let Some(cpu) = cpu {
            figures.push(Figure::ms("ingest", "cpu_per_document", 1000.0 * cpu / added.max(1.0)));
        }
        if let Some(median) = median(&resident) {
            figures
                .push(Figure::memory("ingest", "memory_p50", median as u64).over(resident.len()));
        }
        if let Some(memory) = self.memory() {
            // The processes that read files have ended, and counted while they ran.
            let peak = resident.iter().fold(memory.peak, |peak, now| peak.max(*now as u64));
            figures.push(Figure::memory("ingest", "peak_memory", peak));
            figures.push(Figure::memory("memory", "peak", peak));
        }
        drop(library);
        let bytes = folder_bytes(&self.task.library) as f64;
        let disk = |metric: &str, unit: &str, value: f64| {
            Figure::new("storage", metric, unit, Better::Lower, Kind::Count, value)
        };
        figures.push(disk("total", "MB", bytes / 1e6));
        figures.push(disk("per_document", "KB", bytes / 1000.0 / added.max(1.0)));
        Ok(figures)
    }
}
