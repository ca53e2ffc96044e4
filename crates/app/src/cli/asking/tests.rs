use std::sync::atomic::{AtomicBool, Ordering};

use ragged::{
    memory::{InteractionFilter, MemoryConfig},
    temporal::FixedClock,
};

use super::*;

/// How often a thread that cannot know whether it is waited for looks before it goes on.
const LOOKS: u32 = 1_000_000;

/// How many interactions are written when a question is told to be recorded, by a recorder that is held up
/// for as long as nobody waits for it.
pub(crate) fn recorded_when_told(settings: &Settings, response: &SearchResponse) -> u64 {
    let dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(FixedClock(0));
    let memory = Memory::open(dir.path(), None, MemoryConfig::default(), clock).unwrap();
    let name = PersonaName::default();
    memory.set_recording(&name, Recording::On).unwrap();
    let (persona, remembered) = (memory.persona(&name).unwrap(), memory.of(&name).unwrap());
    let recorder = Recorder::new(1).unwrap();
    let (release, held) = std::sync::mpsc::channel::<()>();
    let hold = move || {
        // The end of the channel releases it.
        assert!(held.recv().is_err());
        Ok(None)
    };
    recorder.record(&remembered, Box::new(hold)).unwrap();
    let mut asking = Asking {
        memory: Some(Arc::new(memory)),
        persona: Some(persona),
        remembered: Some(Arc::clone(&remembered)),
        recorder: Some(recorder),
        session_id: None,
        library: None,
        is_neutral: false,
        is_off: false,
        settings: settings.clone(),
        last_noted: 0,
        version: None,
    };
    let is_counted = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..LOOKS {
                if is_counted.load(Ordering::SeqCst) {
                    break;
                }
                std::thread::yield_now();
            }
            drop(release);
        });
        asking.record("the moon", InteractionKind::Search, response, None).unwrap().unwrap();
        let n_written = remembered.count_interactions(&InteractionFilter::default()).unwrap();
        is_counted.store(true, Ordering::SeqCst);
        n_written
    })
}

#[test]
fn who_waits_finds_it_written_and_who_does_not_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let model = Arc::new(ragged::embedding::builtin().unwrap());
    let library =
        Library::open(dir.path(), Settings::default(), model, Arc::new(FixedClock(0))).unwrap();
    let request = SearchRequest::new("the moon", &library.settings().search);
    let response = library.search(&request).unwrap();
    let mut settings = Settings::default();
    assert_eq!(recorded_when_told(&settings, &response), 0);
    settings.personalisation.async_updates = false;
    assert_eq!(recorded_when_told(&settings, &response), 1);
}
