//! Progress bars on standard error.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use ragged::library::{AddProgress, FileOutcome, MigrationProgress, MigrationStep};

use super::printer::{Printer, counted, visible};

const TICK: Duration = Duration::from_millis(120);

/// The progress of `add`: bytes done, files and megabytes a second, time left.
#[derive(Debug)]
pub(crate) struct AddBar {
    bar: ProgressBar,
    n_done: AtomicU64,
    n_files: AtomicU64,
    verbose: bool,
}

impl AddBar {
    pub(crate) fn new(printer: &Printer, verbose: bool) -> Self {
        Self {
            bar: bar(
                printer,
                "{spinner} {wide_bar} {percent}%  {msg}  {bytes_per_sec}  {eta} left",
            ),
            n_done: AtomicU64::new(0),
            n_files: AtomicU64::new(0),
            verbose,
        }
    }

    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

impl AddProgress for AddBar {
    fn found(&self, n_files: u64, bytes: u64) {
        self.n_files.store(n_files, Ordering::Relaxed);
        self.bar.set_length(bytes);
    }

    fn file(&self, path: &str, bytes: u64, outcome: &FileOutcome) {
        let done = self.n_done.fetch_add(1, Ordering::Relaxed) + 1;
        self.bar.inc(bytes);
        let seconds = self.bar.elapsed().as_secs_f64().max(0.001);
        self.bar.set_message(format!(
            "{done}/{} files  {:.0} files/s",
            self.n_files.load(Ordering::Relaxed),
            done as f64 / seconds
        ));
        if self.verbose {
            let shown = visible(path);
            let chunks = |n: u32| counted(u64::from(n), "chunk", "chunks");
            let line = match outcome {
                FileOutcome::Added { n_chunks } => {
                    format!("added      {shown} ({})", chunks(*n_chunks))
                }
                FileOutcome::Changed { n_chunks } => {
                    format!("changed    {shown} ({})", chunks(*n_chunks))
                }
                FileOutcome::Unchanged => format!("unchanged  {shown}"),
                FileOutcome::Moved { from } => {
                    format!("moved      {shown} (from {})", visible(from))
                }
                FileOutcome::Duplicate => format!("duplicate  {shown}"),
                FileOutcome::Skipped(skip) => {
                    format!("skipped    {shown}: {}", visible(&skip.reason))
                }
                FileOutcome::Failed(skip) => {
                    format!("failed     {shown}: {}", visible(&skip.reason))
                }
            };
            if self.bar.is_hidden() {
                drop(std::io::Write::write_all(
                    &mut std::io::stderr().lock(),
                    format!("{line}\n").as_bytes(),
                ));
            } else {
                self.bar.println(line);
            }
        }
    }

    fn finishing(&self) {
        self.bar.set_message("completing the indexes");
    }
}

/// The progress of `backend migrate`: documents done, batches, documents a second, time left.
#[derive(Debug)]
pub(crate) struct MigrationBar {
    bar: ProgressBar,
    state: Mutex<(Option<MigrationStep>, u64)>,
}

impl MigrationBar {
    pub(crate) fn new(printer: &Printer) -> Self {
        Self {
            bar: bar(
                printer,
                "{spinner} {wide_bar} {percent}%  {pos}/{len} {msg}  {elapsed}  {eta} left",
            ),
            state: Mutex::new((None, 0)),
        }
    }

    pub(crate) fn show(&self, progress: MigrationProgress) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.0 != Some(progress.step) {
            // Time left is a matter of this step alone. What was there already took no time.
            *state = (Some(progress.step), progress.done);
            self.bar.reset();
        }
        let seconds = self.bar.elapsed().as_secs_f64().max(0.001);
        let message = match progress.step {
            MigrationStep::Validate => "looking at both backends".to_owned(),
            MigrationStep::Backup => "packing a backup".to_owned(),
            MigrationStep::Fill => format!(
                "documents  batch {}/{}  {:.0} docs/s",
                progress.batch.0,
                progress.batch.1,
                progress.done.saturating_sub(state.1) as f64 / seconds
            ),
            MigrationStep::Verify => "chunks compared".to_owned(),
            MigrationStep::Switch => "changing the setting".to_owned(),
        };
        reached(&self.bar, progress.done, progress.total);
        self.bar.set_message(message);
    }

    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

/// A bar that counts to a total.
pub(crate) fn counting(printer: &Printer, what: &str) -> ProgressBar {
    let bar = bar(printer, "{spinner} {wide_bar} {pos}/{len} {msg}  {eta} left");
    bar.set_message(what.to_owned());
    bar
}

/// Moves a bar that counts to a total which may have changed.
pub(crate) fn reached(bar: &ProgressBar, done: u64, total: u64) {
    bar.set_length(total);
    bar.set_position(done);
}

fn bar(printer: &Printer, template: &str) -> ProgressBar {
    let target = if printer.shows_progress() {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    };
    let bar = ProgressBar::with_draw_target(Some(0), target);
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("━╸─"));
    }
    bar.enable_steady_tick(TICK);
    bar
}

/// A sign of life for work whose length is not known beforehand.
pub(crate) fn waiting(printer: &Printer, what: &str) -> ProgressBar {
    let bar = bar(printer, "{spinner} {msg}  {elapsed}");
    bar.set_message(what.to_owned());
    bar
}
