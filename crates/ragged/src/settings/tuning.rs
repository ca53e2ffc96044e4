//! Settings that trade speed against memory, chosen together.

use super::{BackendKind, Settings};

const MIB: u64 = 1 << 20;

/// A choice of all settings that trade speed against memory.
///
/// A profile decides these settings and no others, so that applying one after another leaves nothing of
/// the first behind but what only [`Profile::HighPerformance`] decides, and that is the default.
///
/// # Examples
///
/// ```
/// use ragged::settings::{Settings, tuning::Profile};
///
/// let profile = Profile::named("low-memory").expect("one of three");
/// assert_eq!(profile.apply(&Settings::default()).backend.cache_size, 1_000);
/// assert_eq!(Profile::named("medium"), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Profile {
    /// Answers as fast as memory allows.
    HighPerformance,
    /// What fits most machines.
    Balanced,
    /// As little memory as a search needs.
    LowMemory,
}

impl Profile {
    /// All of them, the one that takes most memory first.
    pub const ALL: [Self; 3] = [Self::HighPerformance, Self::Balanced, Self::LowMemory];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::HighPerformance => "high-performance",
            Self::Balanced => "balanced",
            Self::LowMemory => "low-memory",
        }
    }

    /// The profile of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|profile| profile.as_str() == name)
    }

    /// What it is for, in a few words.
    pub fn purpose(self) -> &'static str {
        match self {
            Self::HighPerformance => "answers as fast as memory allows",
            Self::Balanced => "what fits most machines",
            Self::LowMemory => "as little memory as searching needs",
        }
    }

    /// The settings with what this profile decides in place of what they had.
    #[must_use]
    pub fn apply(self, settings: &Settings) -> Settings {
        let mut settings = settings.clone();
        let values = self.values();
        let backend = &mut settings.backend;
        backend.kind = BackendKind::Leann;
        backend.cache_size = values.results.0;
        backend.cache_bytes = values.results.1 * MIB;
        backend.vector_cache_bytes = values.vectors_mib * MIB;
        backend.beam_width = values.beam_width;
        backend.batch_threads = values.threads;
        let cache = &mut settings.memory.cache;
        cache.l1_size = values.levels.0;
        cache.l2_size = values.levels.1;
        // A search is kept for as many personas as a profile is.
        cache.l3_size = values.levels.1;
        cache.profile_ttl = std::time::Duration::from_secs(values.seconds.0);
        cache.query_ttl = std::time::Duration::from_secs(values.seconds.1);
        settings.database.page_cache_bytes = values.database_mib.0 * MIB;
        settings.database.mmap_bytes = values.database_mib.1 * MIB;
        settings.ingest.threads = values.threads;
        settings.ingest.in_flight_bytes = values.in_flight_mib * MIB;
        if self == Self::HighPerformance {
            settings.personalisation.retrieve_multiplier = Some(2);
            settings.personalisation.async_updates = true;
        }
        settings
    }

    fn values(self) -> Values {
        match self {
            Self::HighPerformance => Values {
                results: (10_000, 256),
                vectors_mib: 64,
                beam_width: 150,
                levels: (1_000, 500),
                seconds: (3_600, 1_800),
                database_mib: (128, 512),
                threads: 0,
                in_flight_mib: 128,
            },
            Self::Balanced => Values {
                results: (5_000, 128),
                vectors_mib: 8,
                beam_width: 100,
                levels: (500, 200),
                seconds: (1_800, 900),
                database_mib: (64, 256),
                threads: 0,
                in_flight_mib: 64,
            },
            Self::LowMemory => Values {
                results: (1_000, 16),
                vectors_mib: 2,
                beam_width: 50,
                levels: (100, 50),
                seconds: (600, 300),
                database_mib: (32, 128),
                threads: 1,
                in_flight_mib: 16,
            },
        }
    }
}

/// What the profiles differ in.
struct Values {
    /// Answers that are kept, and MiB that they may take.
    results: (usize, u64),
    vectors_mib: u64,
    beam_width: usize,
    /// L1, and L2 with L3.
    levels: (usize, usize),
    /// How long profiles and searches are kept.
    seconds: (u64, u64),
    /// Page cache and map.
    database_mib: (u64, u64),
    /// Of adding and of batches; 0 for one a processor.
    threads: usize,
    in_flight_mib: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_leaves_nothing_of_another() {
        for profile in Profile::ALL {
            let alone = profile.apply(&Settings::default());
            for before in Profile::ALL {
                assert_eq!(profile.apply(&before.apply(&Settings::default())), alone);
            }
            assert_eq!(Profile::named(profile.as_str()), Some(profile));
        }
    }

    #[test]
    fn what_a_profile_does_not_decide_stays() {
        let mut settings = Settings::default();
        settings.search.k = 3;
        settings.personalisation.retrieve_multiplier = Some(7);
        settings.backend.epsilon = 1.5;
        let applied = Profile::LowMemory.apply(&settings);
        assert_eq!(applied.search.k, 3);
        assert_eq!(applied.personalisation.retrieve_multiplier(), 7);
        assert_eq!(applied.backend.epsilon, 1.5);
    }

    #[test]
    fn more_memory_is_never_less_of_anything() {
        let [high, balanced, low] = Profile::ALL.map(|profile| profile.apply(&Settings::default()));
        let sizes = |settings: &Settings| {
            let (backend, cache) = (&settings.backend, &settings.memory.cache);
            [
                backend.cache_size as u64,
                backend.cache_bytes,
                backend.vector_cache_bytes,
                backend.beam_width as u64,
                cache.l1_size as u64,
                cache.l2_size as u64,
                cache.l3_size as u64,
                cache.profile_ttl.as_secs(),
                cache.query_ttl.as_secs(),
                settings.database.page_cache_bytes,
                settings.database.mmap_bytes,
                settings.ingest.in_flight_bytes,
            ]
        };
        for ((high, balanced), low) in
            sizes(&high).into_iter().zip(sizes(&balanced)).zip(sizes(&low))
        {
            assert!(high > balanced && balanced > low, "{high} {balanced} {low}");
        }
    }
}
