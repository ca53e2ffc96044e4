//! Whoever asks: a persona that is remembered, and a process whose questions are timed, both as the
//! program has them.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use ragged::{
    error::Result,
    library::{Asked, Library, SearchRequest, SearchResponse, measured, recording},
    memory::{
        AfterRecording, InteractionFilter, InteractionKind, Memory, MemoryConfig, NewInteraction,
        Persona, PersonaDraft, PersonaMemory, PersonaName, Recorder, Recording, if_agreed,
        topic::Extractor,
    },
    ranking::Profile,
    telemetry::{Bounds, Kind, Telemetry, Trace, Writing, switch},
    temporal::Clock,
};

/// The memory in the folder of a library.
pub(crate) fn memory_in(dir: &Path, clock: &Arc<dyn Clock>) -> Result<Arc<Memory>> {
    Ok(Arc::new(Memory::open(dir, None, MemoryConfig::default(), Arc::clone(clock))?))
}

/// A persona for whom everything is on, made where there is none of that name.
///
/// # Errors
///
/// `Invalid` for what is no name; those of the memory.
pub fn persona(memory: &Memory, name: &str) -> Result<(Persona, Arc<PersonaMemory>)> {
    let name: PersonaName = name.parse()?;
    if memory.personas()?.iter().all(|persona| persona.name != name) {
        memory.create_persona(&name, &PersonaDraft::default())?;
        memory.set_recording(&name, Recording::On)?;
    }
    Ok((memory.persona(&name)?, memory.of(&name)?))
}

/// What the program does after each recording, so that the next question finds the profile made.
pub fn ready_for_next(library: Arc<Library>, persona: Persona) -> AfterRecording {
    Arc::new(move |remembered| {
        if let Ok(Some(profile)) = library.profile_of(&persona, remembered) {
            drop(library.warm(&profile));
        }
    })
}

/// A question as the program hands it over.
///
/// # Errors
///
/// `Internal` where the system gives no random id.
pub fn asked(question: &str, timestamp_ms: i64) -> Result<Asked> {
    Ok(Asked {
        id: NewInteraction::new_id()?,
        question: question.to_owned(),
        kind: InteractionKind::Search,
        timestamp_ms,
        session_id: None,
        is_learned: true,
        is_redacted: false,
    })
}

/// A persona that asks a library.
pub(crate) struct Asker {
    pub(crate) library: Arc<Library>,
    memory: Arc<Memory>,
    persona: Persona,
    pub(crate) remembered: Arc<PersonaMemory>,
    pub(crate) extractor: Arc<Extractor>,
    recorder: Recorder,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Asker {
    /// A persona, made where there is none of that name.
    pub(crate) fn new(
        name: &str,
        memory: &Arc<Memory>,
        library: &Arc<Library>,
        clock: &Arc<dyn Clock>,
    ) -> Result<Self> {
        let (persona, remembered) = persona(memory, name)?;
        let after = ready_for_next(Arc::clone(library), persona.clone());
        Ok(Self {
            library: Arc::clone(library),
            memory: Arc::clone(memory),
            persona,
            remembered,
            extractor: Arc::new(Extractor::default()),
            recorder: Recorder::with_after(1, Some(&after))?,
            clock: Arc::clone(clock),
        })
    }

    /// Interactions that are remembered.
    pub(crate) fn n_remembered(&self) -> Result<u64> {
        self.remembered.count_interactions(&InteractionFilter::default())
    }

    /// Deletes the persona and all that is remembered of it.
    pub(crate) fn end(self) -> Result<()> {
        let Self { memory, persona, recorder, .. } = self;
        drop(recorder);
        memory.delete_persona(&persona.name)
    }

    pub(crate) fn profile(&self) -> Result<Option<Arc<Profile>>> {
        self.library.profile_of(&self.persona, &self.remembered)
    }

    /// Has a question recorded, after it was answered.
    pub(crate) fn record(&self, question: &str, response: &SearchResponse) -> Result<()> {
        let asked = asked(question, self.clock.now_ms())?;
        let preparation = recording(&self.extractor, asked, response, None);
        let preparation = if_agreed(&self.memory, &self.persona, preparation);
        self.recorder.record(&self.remembered, preparation)
    }

    pub(crate) fn flush(&self) -> Result<()> {
        self.recorder.flush()
    }

    /// How many interactions could not be recorded.
    pub(crate) fn n_failed(&self) -> u64 {
        self.recorder.counts().1
    }
}

/// A process that stays, as `chat` is one: it looks at the switch of a data folder before each
/// question, and times the stages of those that are to be.
#[derive(Debug)]
pub struct Timed<'a> {
    dir: &'a Path,
    /// Where the samples go.
    pub telemetry: Telemetry,
    clock: Arc<dyn Clock>,
}

impl<'a> Timed<'a> {
    /// A process over a data folder.
    ///
    /// # Errors
    ///
    /// `Exhausted` where the system gives no thread.
    pub fn begin(dir: &'a Path, clock: Arc<dyn Clock>) -> Result<Self> {
        let telemetry =
            Telemetry::begin(dir, Bounds::default(), Writing::Beside, Arc::clone(&clock))?;
        Ok(Self { dir, telemetry, clock })
    }

    /// How long a question takes, and what is done about it.
    ///
    /// # Errors
    ///
    /// Those of `answer`.
    pub fn ask(
        &self,
        request: &SearchRequest,
        answer: impl FnOnce(&SearchRequest) -> Result<SearchResponse>,
    ) -> Result<Duration> {
        let mut request = request.clone();
        let begun = Instant::now();
        let components = switch::enabled(self.dir);
        let trace = if components.is_empty() { Trace::default() } else { Trace::begin() };
        request.trace = trace.clone();
        let response = answer(&request)?;
        if trace.is_on() {
            let now_ms = self.clock.now_ms();
            let sample = measured(Kind::Search, now_ms, &trace, &response).of(components);
            self.telemetry.note(sample, Some(self.telemetry.digest(&request.query)));
        }
        Ok(begun.elapsed())
    }
}
