//! What is worth trying, by rule: from the machine, the library and how it is asked.

use anyhow::Result;
use ragged::{
    library::{Library, SearchRequest},
    settings::{BackendKind, Settings, Strategy, tuning::Profile},
    store::Counts,
};

use super::{Values, Workload};
use crate::{
    cli::{
        Session,
        command::tune::{
            trial::Figures,
            values::{BACKEND, values_of},
        },
        printer::{counted, thousands},
    },
    config,
};

const MIB: u64 = 1 << 20;
/// Share of the available memory that caches may take.
const CACHE_SHARE: u64 = 20;
/// Share of it that adding may take.
const ADDING_SHARE: u64 = 10;
/// More in flight than this serves no machine.
const MOST_IN_FLIGHT: u64 = 1 << 30;

/// What decides whether a change is one for the better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Measure {
    /// The time within which 95 of 100 questions are answered.
    Slowest,
    /// Questions a second.
    Questions,
    /// Files a second.
    Files,
    /// What asking takes of memory.
    Resident,
    /// What adding takes of memory at most.
    Adding,
}

impl Measure {
    /// What a workload is about.
    fn of_workload(workload: Workload) -> Self {
        match workload {
            Workload::Interactive => Self::Slowest,
            Workload::Batch => Self::Questions,
            Workload::Memory => Self::Resident,
        }
    }

    pub(super) fn of(self, figures: &Figures) -> Option<f64> {
        match self {
            Self::Slowest => Some(figures.p95_ms),
            Self::Questions => Some(figures.questions_per_second),
            Self::Files => figures.files_per_second,
            Self::Resident => figures.resident_mib,
            Self::Adding => figures.adding_mib,
        }
    }

    pub(super) fn is_better_higher(self) -> bool {
        matches!(self, Self::Questions | Self::Files)
    }

    pub(super) fn is_of_adding(self) -> bool {
        matches!(self, Self::Files | Self::Adding)
    }
}

/// Something to try.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Candidate {
    pub(super) name: String,
    pub(super) why: String,
    pub(super) values: Values,
    pub(super) measure: Measure,
}

/// What rules go by.
#[derive(Clone, Debug)]
pub(super) struct Situation {
    pub(super) settings: Settings,
    /// Threads that run at once.
    pub(super) n_processors: usize,
    /// Bytes that programs could still have.
    pub(super) available_bytes: u64,
    pub(super) n_chunks: u64,
    pub(super) vector_bytes: u64,
    /// Different questions that are asked.
    pub(super) n_questions: usize,
    /// Whether questions are answered by walking the graph.
    pub(super) walks: bool,
    /// Whether vectors are in another engine than profiles take, and are to stay there.
    pub(super) is_elsewhere: bool,
}

/// What programs could still have of the machine's memory; the half of all where the system tells no
/// more, and 4 GiB where it tells nothing.
fn available_bytes() -> u64 {
    let told = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = told.lines().find_map(|line| line.strip_prefix("MemAvailable:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse::<u64>().ok());
    match (kib, ragged_benchmark::machine::Machine::this().memory_mib) {
        (Some(kib), _) => kib * 1024,
        (None, 0) => 4 << 30,
        (None, mib) => mib * MIB / 2,
    }
}

impl Situation {
    pub(super) fn of(
        library: &Library,
        counts: Counts,
        questions: &[String],
        session: &Session,
    ) -> Result<Self> {
        let settings = session.resolved.settings.clone();
        let walks = match questions.first() {
            Some(question) => {
                let request = SearchRequest::new(question.as_str(), &settings.search);
                let plan = library.search(&request)?.plan;
                plan.vector.strategy == Strategy::Graph
            }
            None => false,
        };
        Ok(Self {
            n_processors: std::thread::available_parallelism().map_or(1, usize::from),
            available_bytes: available_bytes(),
            n_chunks: counts.chunks,
            vector_bytes: counts.chunks * 4 * library.embedder().identity().dims as u64,
            n_questions: questions.len(),
            walks,
            is_elsewhere: settings.backend.kind != BackendKind::Leann && counts.documents > 0,
            settings,
        })
    }

    /// The same with other values.
    pub(super) fn with(&self, values: &[(String, String)]) -> Self {
        let mut situation = self.clone();
        for (name, value) in values {
            if let Ok(key) = config::find(name) {
                // They were taken from settings.
                drop((key.set)(&mut situation.settings, value));
            }
        }
        situation
    }
}

/// Whether a value of the tuning file would be used.
fn is_heard(name: &str, session: &Session) -> bool {
    config::find(name).is_ok_and(|key| session.resolved.above_tuning(key).is_none())
}

/// The profiles that are not in force, without what would not be used.
pub(super) fn profiles(
    workload: Workload,
    situation: &Situation,
    session: &Session,
) -> Vec<Candidate> {
    let of = |profile: Profile| {
        let values: Values = values_of(profile)
            .into_iter()
            .filter(|(key, value)| (key.get)(&situation.settings) != *value)
            .filter(|(key, _)| !(situation.is_elsewhere && key.name == BACKEND))
            .filter(|(key, _)| is_heard(key.name, session))
            .map(|(key, value)| (key.name.to_owned(), value))
            .collect();
        (!values.is_empty()).then(|| Candidate {
            name: profile.as_str().to_owned(),
            why: profile.purpose().to_owned(),
            values,
            measure: Measure::of_workload(workload),
        })
    };
    Profile::ALL.into_iter().filter_map(of).collect()
}

/// Single settings that a rule speaks for, without those that would not be used.
pub(super) fn moves(
    workload: Workload,
    situation: &Situation,
    session: &Session,
) -> Vec<Candidate> {
    let mut proposed = proposals(workload, situation);
    proposed.retain(|candidate| candidate.values.iter().all(|(name, _)| is_heard(name, session)));
    proposed
}

/// Single settings that a rule speaks for.
fn proposals(workload: Workload, situation: &Situation) -> Vec<Candidate> {
    let backend = &situation.settings.backend;
    let ingest = &situation.settings.ingest;
    let mut found = Vec::new();
    let mut propose = |name: &str, value: String, why: String, measure| {
        let values = vec![(name.to_owned(), value.clone())];
        found.push(Candidate { name: format!("{name} = {value}"), why, values, measure });
    };
    let asking = Measure::of_workload(workload);
    let most_cache = situation.available_bytes / CACHE_SHARE;
    let vectors = (situation.vector_bytes + situation.vector_bytes / 4).next_multiple_of(MIB);
    let cache = vectors.min(most_cache / MIB * MIB);
    if workload != Workload::Memory && cache > backend.vector_cache_bytes {
        propose(
            "backend.vector_cache",
            format!("{}MiB", cache / MIB),
            format!(
                "vectors of all {} take {} MiB, and a twentieth of the available memory is {} MiB: \
                 what is kept is not made again",
                counted(situation.n_chunks, "chunk", "chunks"),
                vectors / MIB,
                most_cache / MIB
            ),
            asking,
        );
    }
    let three_quarters = (situation.n_processors * 3).div_ceil(4);
    match workload {
        Workload::Interactive => {
            if backend.epsilon > 1.5 {
                propose(
                    "backend.epsilon",
                    "1.5".to_owned(),
                    "fewer vectors are made again, if as much is found with it".to_owned(),
                    asking,
                );
            }
            if situation.walks {
                propose(
                    "backend.beam_width",
                    (backend.beam_width * 2 / 3).max(1).to_string(),
                    "questions walk the graph, and a narrower beam compares less, if as much is \
                     found with it"
                        .to_owned(),
                    asking,
                );
            }
            if situation.n_questions > backend.cache_size {
                let size = situation.n_questions.next_multiple_of(1000);
                propose(
                    "backend.cache_size",
                    size.to_string(),
                    format!(
                        "{} different questions are asked, and {} are kept",
                        thousands(situation.n_questions as u64),
                        thousands(backend.cache_size as u64)
                    ),
                    asking,
                );
            }
        }
        Workload::Batch => {
            let real = |threads: usize| match threads {
                0 => situation.n_processors,
                threads => threads,
            };
            let mut choices = vec![(0, "a thread for each processor".to_owned())];
            if three_quarters < situation.n_processors {
                let n = situation.n_processors;
                choices.push((three_quarters, format!("three quarters of {n} processors")));
            }
            for (threads, why) in choices {
                if real(threads) != real(backend.batch_threads) {
                    propose("backend.batch_threads", threads.to_string(), why.clone(), asking);
                }
                if real(threads) != real(ingest.threads) {
                    propose("ingest.threads", threads.to_string(), why, Measure::Files);
                }
            }
            let in_flight = (situation.available_bytes / ADDING_SHARE).min(MOST_IN_FLIGHT);
            if in_flight / MIB > ingest.in_flight_bytes / MIB {
                propose(
                    "ingest.in_flight",
                    format!("{}MiB", in_flight / MIB),
                    "a tenth of the available memory, a gigabyte at most, for files being read"
                        .to_owned(),
                    Measure::Files,
                );
            }
        }
        Workload::Memory => {
            for (name, value, is_less, why) in [
                (
                    "backend.vector_cache",
                    "0",
                    backend.vector_cache_bytes > 0,
                    "vectors are made again each time",
                ),
                (
                    "backend.cache_memory",
                    "4MiB",
                    backend.cache_bytes > 4 * MIB,
                    "fewer answers are kept",
                ),
                (
                    "database.mmap_size_mb",
                    "0",
                    situation.settings.database.mmap_bytes > 0,
                    "pages of library.db stay with the system",
                ),
            ] {
                if is_less {
                    propose(name, value.to_owned(), why.to_owned(), asking);
                }
            }
            if ingest.threads != 1 && situation.n_processors > 1 {
                propose(
                    "ingest.threads",
                    "1".to_owned(),
                    "one parser process".to_owned(),
                    Measure::Adding,
                );
            }
            if ingest.in_flight_bytes > 16 * MIB {
                propose(
                    "ingest.in_flight",
                    "16MiB".to_owned(),
                    "fewer files are read at once".to_owned(),
                    Measure::Adding,
                );
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn situation() -> Situation {
        Situation {
            settings: Settings::default(),
            n_processors: 8,
            available_bytes: 8 << 30,
            n_chunks: 100_000,
            vector_bytes: 100_000 * 1024,
            n_questions: 100,
            walks: false,
            is_elsewhere: false,
        }
    }

    fn names(workload: Workload, situation: &Situation) -> Vec<String> {
        proposals(workload, situation).into_iter().map(|candidate| candidate.name).collect()
    }

    #[test]
    fn rules_go_by_machine_library_and_use() {
        let of = situation();
        assert_eq!(
            names(Workload::Interactive, &of),
            ["backend.vector_cache = 123MiB", "backend.epsilon = 1.5"]
        );
        assert_eq!(
            names(Workload::Batch, &of),
            [
                "backend.vector_cache = 123MiB",
                "backend.batch_threads = 6",
                "ingest.threads = 6",
                "ingest.in_flight = 819MiB"
            ]
        );
        assert_eq!(
            names(Workload::Memory, &of),
            [
                "backend.vector_cache = 0",
                "backend.cache_memory = 4MiB",
                "database.mmap_size_mb = 0",
                "ingest.threads = 1",
                "ingest.in_flight = 16MiB"
            ]
        );
    }

    #[test]
    fn rules_that_do_not_apply_say_nothing() {
        let mut of = situation();
        of.available_bytes = 100 << 20;
        of.walks = true;
        of.n_questions = 6_200;
        of.settings.backend.epsilon = 1.0;
        // A twentieth of 100 MiB is less than what the cache has.
        assert_eq!(
            names(Workload::Interactive, &of),
            ["backend.beam_width = 66", "backend.cache_size = 7000"]
        );
        let low = Situation {
            settings: Profile::LowMemory.apply(&Settings::default()),
            n_processors: 1,
            ..situation()
        };
        assert_eq!(
            names(Workload::Memory, &low),
            [
                "backend.vector_cache = 0",
                "backend.cache_memory = 4MiB",
                "database.mmap_size_mb = 0"
            ]
        );
        // One processor: every number of threads is one.
        let n = names(Workload::Batch, &low);
        assert!(n.iter().all(|name| !name.contains("threads")), "{n:?}");
    }

    #[test]
    fn a_winner_is_what_the_next_stage_builds_on() {
        let of = situation().with(&[("backend.vector_cache".to_owned(), "512MiB".to_owned())]);
        assert_eq!(names(Workload::Interactive, &of), ["backend.epsilon = 1.5"]);
    }
}
