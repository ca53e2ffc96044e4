//! Who asks: the persona of a question, what it adds to the ranking, what is recorded, and what is
//! said of that below the answer.

#[cfg(test)]
mod tests;
mod time;

use std::{path::Path, sync::Arc};

use anyhow::Result;
use console::style;
use ragged::{
    answer::Style,
    collection::CollectionName,
    library::{Answered, Asked, Library, SearchRequest, SearchResponse, recording, style_of},
    memory::{
        AfterRecording, Fact, InteractionKind, Memory, NewInteraction, Persona, PersonaMemory,
        PersonaName, Recorder, Recording, if_agreed,
    },
    ranking::Profile,
    retrieval::Filter,
    settings::{PersonalisationSettings, Settings},
    telemetry::Digest,
};

#[cfg(test)]
pub(crate) use self::tests::recorded_when_told;
pub(crate) use self::time::ReadTime;
use super::{
    Session,
    args::memory::AskingArgs,
    command::short_id,
    printer::{Printer, visible},
    zone_of,
};
use crate::{config, wire};

/// Facts that are shown below an answer.
const SHOWN_FACTS: usize = 3;

/// Who asks in this process.
#[derive(Debug)]
pub(crate) struct Asking {
    memory: Option<Arc<Memory>>,
    persona: Option<Persona>,
    remembered: Option<Arc<PersonaMemory>>,
    recorder: Option<Recorder>,
    session_id: Option<String>,
    /// Made ready for the next question after each.
    library: Option<Arc<Library>>,
    is_neutral: bool,
    /// `--no-memory`.
    is_off: bool,
    /// Those of the persona.
    settings: Settings,
    /// The number of the last thing that was noted about the persona.
    last_noted: i64,
    /// The version of the registry in which all this was last seen to be so.
    version: Option<i64>,
}

impl Asking {
    /// The persona that arguments name, or the active one. Where there is no memory, or it is not
    /// to be used, nobody.
    pub(crate) fn begin(args: &AskingArgs, session: &Session) -> Result<Self> {
        Self::begin_with(args, None, None, session)
    }

    /// The same, with all questions in one session. A library that is asked again and again is made
    /// ready for the next question after each.
    pub(crate) fn begin_with(
        args: &AskingArgs,
        session_id: Option<String>,
        library: Option<&Arc<Library>>,
        session: &Session,
    ) -> Result<Self> {
        let memory = match (&args.persona, args.no_memory) {
            (None, true) => None,
            (name, _) => existing(name.as_deref(), args.passphrase_file.as_deref(), session)?,
        };
        let mut asking = Self {
            memory: memory.map(Arc::new),
            persona: None,
            remembered: None,
            recorder: None,
            session_id,
            library: library.map(Arc::clone),
            is_neutral: args.neutral,
            is_off: args.no_memory,
            settings: session.resolved.settings.clone(),
            last_noted: 0,
            version: None,
        };
        if let Some(memory) = &asking.memory {
            let persona = Session::persona(memory, args.persona.as_deref())?;
            asking.take(persona, session)?;
        }
        Ok(asking)
    }

    /// The persona that a command of memory is about, for questions that are never recorded.
    pub(crate) fn aside(memory: Memory, persona: Persona, session: &Session) -> Result<Self> {
        let mut asking = Self {
            memory: Some(Arc::new(memory)),
            persona: None,
            remembered: None,
            recorder: None,
            session_id: None,
            library: None,
            is_neutral: false,
            is_off: false,
            settings: session.resolved.settings.clone(),
            last_noted: 0,
            version: None,
        };
        asking.take(persona, session)?;
        Ok(asking)
    }

    /// Asks as another persona from now on.
    pub(crate) fn switch(&mut self, name: &str, session: &Session) -> Result<()> {
        if self.memory.is_none() {
            self.memory = existing(Some(name), None, session)?.map(Arc::new);
        }
        if let Some(memory) = &self.memory {
            let persona = Session::persona(memory, Some(name))?;
            self.take(persona, session)?;
        }
        Ok(())
    }

    /// Takes notice of what other processes did since the last question: settings, consent, and
    /// deletions, after which nothing of the persona stays in this process's memory.
    pub(crate) fn refresh(&mut self, session: &Session) -> Result<()> {
        let (Some(memory), Some(before)) = (&self.memory, &self.persona) else { return Ok(()) };
        let version = memory.version()?;
        if self.version == Some(version) {
            return Ok(());
        }
        let persona = memory.persona(&before.name);
        let is_same = match &persona {
            Ok(persona) => {
                persona.file_id == before.file_id && memory.last_noted(persona)? == self.last_noted
            }
            Err(_) => false,
        };
        if is_same {
            self.version = Some(version);
            return Ok(());
        }
        if let Some(library) = &self.library {
            library.forget_profile(&before.file_id);
        }
        match persona {
            Ok(persona) => self.take(persona, session),
            Err(error) => {
                // It is asked as nobody until another one is named.
                self.remembered = None;
                self.recorder = None;
                Err(error.into())
            }
        }
    }

    fn take(&mut self, persona: Persona, session: &Session) -> Result<()> {
        self.settings = session.resolved.settings.clone();
        if let Some(memory) = &self.memory {
            self.last_noted = memory.last_noted(&persona)?;
            self.version = None;
            if !self.is_off {
                let own = memory.persona_settings(&persona.name)?;
                let name = persona.name.as_str();
                let resolved = config::of_persona(&session.resolved, name, &own);
                for problem in &resolved.problems {
                    session.printer.warning(format!("{problem}; {}", problem.hint));
                }
                self.settings = resolved.settings;
            }
        }
        self.remembered = match &self.memory {
            Some(memory) if !self.is_off && persona.recording != Recording::Off => {
                Some(memory.of(&persona.name)?)
            }
            _ => None,
        };
        self.persona = Some(persona);
        // The next recorder serves the new persona; this one writes what waits.
        self.recorder = None;
        Ok(())
    }

    /// The persona's name.
    pub(crate) fn name(&self) -> &str {
        self.persona
            .as_ref()
            .map_or(ragged::memory::DEFAULT_PERSONA, |persona| persona.name.as_str())
    }

    /// Keeps a filter within the persona's collections.
    fn within_collections(&self, filter: Filter) -> Result<Filter, crate::Usage> {
        let Some(persona) = &self.persona else { return Ok(filter) };
        let bound = &persona.draft.collections;
        if bound.is_empty() {
            return Ok(filter);
        }
        if filter.collections().is_empty() {
            let names: Vec<&str> = bound.iter().map(CollectionName::as_str).collect();
            return Ok(filter.with_collections(&names)?);
        }
        match filter.collections().iter().find(|name| !bound.contains(name)) {
            None => Ok(filter),
            Some(other) => Err(crate::Usage::new(format!(
                "the persona {} does not read the collection {:?}",
                persona.name,
                other.as_str()
            ))
            .with_hint("`ragged persona edit NAME --collection …` changes what it reads")),
        }
    }

    /// Makes a request the persona's: within its collections, and of the time that the question
    /// speaks of.
    pub(crate) fn settle(&self, request: &mut SearchRequest) -> Result<Option<ReadTime>> {
        request.filter = self.within_collections(request.filter.clone())?;
        request.personalisation = Some(Arc::new(self.settings.personalisation.clone()));
        time::read(request, self.remembered.as_deref(), &self.settings)
    }

    /// The zone in which the persona's days begin.
    pub(crate) fn zone(&self) -> Result<jiff::tz::TimeZone> {
        zone_of(&self.settings.memory)
    }

    /// How far the persona's profile may move what is found.
    pub(crate) fn personalisation(&self) -> &PersonalisationSettings {
        &self.settings.personalisation
    }

    /// How the persona wants to be answered.
    pub(crate) fn style(&self) -> Style {
        match &self.persona {
            Some(persona) if !self.is_off => style_of(&persona.draft),
            _ => Style::default(),
        }
    }

    /// Who asked, for programs; `None` where there is no memory.
    pub(crate) fn wire(&self, recorded: Option<&str>) -> Option<wire::AskedWith> {
        let persona = self.persona.as_ref()?;
        Some(wire::AskedWith {
            persona: persona.name.as_str().to_owned(),
            state: if self.is_off { "not-used" } else { persona.recording.as_str() },
            interaction: recorded.map(str::to_owned),
        })
    }

    /// What the persona cares about, where that may rank.
    pub(crate) fn profile(&self, library: &Library) -> Result<Option<Arc<Profile>>> {
        let (Some(persona), Some(remembered)) = (&self.persona, &self.remembered) else {
            return Ok(None);
        };
        if self.is_neutral {
            return Ok(None);
        }
        Ok(library.profile_with(persona, remembered, &self.settings.personalisation)?)
    }

    /// Has a question recorded, if the persona agreed to that; returns its id.
    pub(crate) fn record(
        &mut self,
        question: &str,
        kind: InteractionKind,
        search: &SearchResponse,
        answered: Option<&Answered>,
    ) -> Result<Option<String>> {
        let (Some(memory), Some(persona), Some(remembered)) =
            (&self.memory, &self.persona, &self.remembered)
        else {
            return Ok(None);
        };
        if persona.recording != Recording::On {
            return Ok(None);
        }
        let id = NewInteraction::new_id()?;
        let asked = Asked {
            id: id.clone(),
            question: question.to_owned(),
            kind,
            timestamp_ms: jiff::Timestamp::now().as_millisecond(),
            session_id: self.session_id.clone(),
            is_learned: persona.is_learning,
            is_redacted: remembered.config().is_redacting,
        };
        let recorder = match &mut self.recorder {
            Some(recorder) => recorder,
            empty => {
                let library = self.library.clone();
                let after: Option<AfterRecording> = library.map(|library| {
                    let settings = self.settings.personalisation.clone();
                    ready_for_next(library, persona.clone(), settings)
                });
                empty.insert(Recorder::with_after(1, after.as_ref())?)
            }
        };
        let preparation = recording(remembered.extractor(), asked, search, answered);
        recorder.record(remembered, if_agreed(memory, persona, preparation))?;
        if !self.settings.personalisation.async_updates {
            recorder.flush()?;
        }
        Ok(Some(id))
    }

    /// By what a question of the persona is known again.
    pub(crate) fn digest(&self, question: &str) -> Option<Digest> {
        let (remembered, question) = (Arc::clone(self.remembered.as_ref()?), question.to_owned());
        // Only a saving of work: without it the question counts as a new one.
        Some(Box::new(move || remembered.digest(&question).ok()))
    }

    /// What the persona noted that bears on a question and is true at the time that it asks about:
    /// now, unless it says another.
    pub(crate) fn facts(&self, question: &str, time: Option<&ReadTime>) -> Result<Vec<Fact>> {
        let Some(remembered) = &self.remembered else { return Ok(Vec::new()) };
        let at_ms = match time.and_then(|time| time.period) {
            // Its last moment: what was true at its end is what it came to.
            Some(period) => period.end_ms.saturating_sub(1),
            None => jiff::Timestamp::now().as_millisecond(),
        };
        Ok(remembered.facts_for(question, at_ms, SHOWN_FACTS)?)
    }

    /// What is said of memory below an answer.
    pub(crate) fn footer(&self, recorded: Option<&str>) -> String {
        let Some(persona) = &self.persona else {
            return if self.is_off {
                "memory not used".to_owned()
            } else {
                "memory off".to_owned()
            };
        };
        let state = match (self.is_off, persona.recording, recorded) {
            (true, ..) => "not used".to_owned(),
            (_, Recording::On, Some(id)) => {
                format!("on, kept as {}", short_id(id))
            }
            (_, recording, _) => recording.as_str().to_owned(),
        };
        if persona.name.is_default() {
            format!("memory {state}")
        } else {
            format!("memory {state} for {}", visible(persona.name.as_str()))
        }
    }

    /// Writes what waits; what could not be written is a warning, since the answer was given.
    pub(crate) fn finish(self, printer: &Printer) {
        if let Some(recorder) = &self.recorder
            && let Err(error) = recorder.flush()
        {
            printer.warning(format!("the question was not recorded: {error:#}"));
            if let Some(hint) = error.hint() {
                printer.note(format!("hint: {}", visible(hint)));
            }
        }
    }
}

/// Has a library work out what the next question of a persona needs.
fn ready_for_next(
    library: Arc<Library>,
    persona: Persona,
    settings: PersonalisationSettings,
) -> AfterRecording {
    Arc::new(move |remembered| {
        // Only a saving of time: the question itself meets what fails here, and tells it.
        if let Ok(Some(profile)) = library.profile_with(&persona, remembered, &settings) {
            drop(library.warm_with(&profile, &settings));
        }
    })
}

/// The memory, if there is one; where there is none, there is the persona `default` and no other.
fn existing(
    name: Option<&str>,
    passphrase_file: Option<&Path>,
    session: &Session,
) -> Result<Option<Memory>> {
    let memory = session.memory_if_any(passphrase_file)?;
    if memory.is_none()
        && let Some(name) = name
        && !name.parse::<PersonaName>().map_err(crate::Usage::from)?.is_default()
    {
        return Err(anyhow::Error::new(crate::Hinted::new(
            format!("there is no persona {name:?}"),
            "there is: default; `ragged persona create` makes another".to_owned(),
        )));
    }
    Ok(memory)
}

/// A line below an answer.
pub(crate) fn note(text: &str, printer: &Printer) {
    printer.note(style(text).for_stderr().dim().to_string());
}
