//! Questions for an OpenTelemetry collector, where one is named in the settings.

use std::{thread::JoinHandle, time::Duration};

use ragged::{
    memory::NewInteraction,
    telemetry::{
        Sample, Span,
        otlp::{self, Exported, Patience},
    },
};

use super::super::{
    Session,
    printer::{Printer, visible},
};

/// Questions that are sent at once.
const BATCH: usize = 64;

/// Takes questions and sends them beside whoever asks.
pub(super) struct Collector {
    /// Empty where nothing is sent.
    endpoint: String,
    waiting: Vec<Exported>,
    sending: Option<JoinHandle<ragged::error::Result<()>>>,
    failed: Option<ragged::error::Error>,
}

impl Collector {
    pub(super) fn new(session: &Session) -> Self {
        let endpoint = session.resolved.settings.telemetry.otlp_endpoint.clone();
        Self { endpoint, waiting: Vec::new(), sending: None, failed: None }
    }

    pub(super) fn take(&mut self, sample: &Sample, spans: &[Span], total_ns: u64) {
        if self.endpoint.is_empty() {
            return;
        }
        // As random as an interaction's, and nothing to do with it.
        let Ok(id) = NewInteraction::new_id() else { return };
        let ended_ns = u64::try_from(sample.at_ms).unwrap_or(0).saturating_mul(1_000_000);
        self.waiting.push(Exported {
            id,
            kind: sample.kind,
            begun_unix_ns: ended_ns.saturating_sub(total_ns),
            total_ns,
            spans: spans.to_vec(),
            numbers: vec![
                ("k", sample.k),
                ("hits", sample.n_hits),
                ("recomputed", sample.recomputed),
                ("from_cache", sample.from_cache.into()),
            ],
        });
        if self.waiting.len() >= BATCH {
            self.send();
        }
    }

    fn send(&mut self) {
        self.wait();
        let (endpoint, questions) = (self.endpoint.clone(), std::mem::take(&mut self.waiting));
        let patience = Patience {
            connect: Duration::from_secs(2),
            answer: Duration::from_secs(5),
            attempts: 2,
            ..Patience::default()
        };
        let sending = std::thread::Builder::new()
            .name("collector".to_owned())
            .spawn(move || otlp::export(&endpoint, &questions, patience));
        self.sending = sending.ok();
    }

    fn wait(&mut self) {
        if let Some(Ok(Err(error))) = self.sending.take().map(JoinHandle::join) {
            self.failed.get_or_insert(error);
        }
    }

    /// Sends what waits. What could not be sent is a warning.
    pub(super) fn finish(mut self, printer: &Printer) {
        if !self.waiting.is_empty() {
            self.send();
        }
        self.wait();
        if let Some(error) = &self.failed {
            printer.warning(format!("how long questions took was not sent: {error:#}"));
            if let Some(hint) = error.hint() {
                printer.note(format!("hint: {}", visible(hint)));
            }
        }
    }
}
