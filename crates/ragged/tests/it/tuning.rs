//! What the profiles do to a search, by counts.

use std::{collections::BTreeSet, sync::Arc};

use ragged::{
    embedding,
    library::{Cancel, Library, NoProgress, SearchRequest, VirtualDocument},
    settings::{GraphUse, SearchMode, Settings, Strategy, Tier, tuning::Profile},
    temporal::FixedClock,
};

const DOCUMENTS: usize = 4_000;
const QUESTIONS: usize = 150;

/// A generator of its own, so that the documents never change (Marsaglia, 2003).
struct Xorshift(u64);

impl Xorshift {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

/// Words that look like words, in no order.
fn sentence(rng: &mut Xorshift, n_words: usize) -> String {
    const PARTS: [&str; 24] = [
        "ta", "ri", "mon", "del", "gar", "sil", "ver", "lo", "kan", "pe", "tru", "wes", "hol",
        "in", "sta", "ber", "cor", "fa", "nor", "ul", "mid", "ea", "bro", "zen",
    ];
    let mut part = || PARTS[rng.below(PARTS.len() as u64) as usize];
    (0..n_words).map(|_| format!("{}{}{}", part(), part(), part())).collect::<Vec<_>>().join(" ")
}

#[test]
fn a_wider_beam_compares_more_and_finds_more() {
    let dir = tempfile::tempdir().unwrap();
    let open = |settings: Settings| {
        let model = Arc::new(embedding::builtin().unwrap());
        Library::open(dir.path(), settings, model, Arc::new(FixedClock(0))).unwrap()
    };
    let mut rng = Xorshift(0x9E37_79B9_7F4A_7C15);
    let documents = (0..DOCUMENTS).map(|n| VirtualDocument {
        path: format!("d{n}"),
        title: String::new(),
        text: sentence(&mut rng, 12),
    });
    let mut settings = Settings::default();
    settings.backend.graph = GraphUse::Always;
    // With one bit a dimension the codes are wrong more often, so that the width of the beam matters among few
    // vectors as it does among many with more bits.
    settings.backend.tier = Tier::Small;
    settings.backend.cache_size = 0;
    let library = open(settings.clone());
    library.add_virtual(documents.collect(), &NoProgress, &Cancel::new()).unwrap();
    library.compact().unwrap();
    drop(library);
    let questions: Vec<String> = (0..QUESTIONS).map(|_| sentence(&mut rng, 6)).collect();
    let mut seen = Vec::new();
    for profile in [Profile::LowMemory, Profile::Balanced, Profile::HighPerformance] {
        let mut settings = profile.apply(&settings);
        settings.backend.cache_size = 0;
        let library = open(settings);
        let ask = |question: &str, strategy| {
            let request = SearchRequest {
                k: 10,
                mode: SearchMode::Vector,
                strategy,
                ..SearchRequest::new(question, &library.settings().search)
            };
            let response = library.search(&request).unwrap();
            let hits: BTreeSet<u64> =
                response.hits.iter().map(|hit| hit.chunk.place.id.0).collect();
            (hits, response.counts.visited_codes)
        };
        let (mut visited, mut found) = (0, 0);
        for question in &questions {
            let (nearest, _) = ask(question, Strategy::Exact);
            let (hits, codes) = ask(question, Strategy::Graph);
            visited += codes;
            found += nearest.intersection(&hits).count();
        }
        seen.push((library.settings().backend.beam_width, visited, found));
    }
    println!("beam, codes compared, nearest found of {}: {seen:?}", 10 * QUESTIONS);
    assert_eq!(seen.iter().map(|seen| seen.0).collect::<Vec<_>>(), [50, 100, 150]);
    assert!(seen.windows(2).all(|pair| pair[0].1 < pair[1].1), "{seen:?}");
    assert!(seen.windows(2).all(|pair| pair[0].2 <= pair[1].2), "{seen:?}");
    assert!(seen[0].2 < seen[2].2, "{seen:?}");
}
