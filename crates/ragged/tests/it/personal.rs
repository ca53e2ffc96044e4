//! What profiles and favoured times do to a search: each part alone, the formulas worked out
//! slowly beside them, and nothing at all where there is nothing to do.

use std::{path::Path, sync::Arc};

use proptest::prelude::*;
use ragged::{
    document::{Limits, Readers},
    embedding,
    error::ErrorKind,
    library::{
        AddOptions, Cancel, Hit, Library, NoProgress, SearchRequest, SearchResponse, Unmoved,
        VirtualDocument,
    },
    memory::{Memory, MemoryConfig, Persona, Recording},
    ranking::{Profile, ProfileTopic, TimeFavour},
    settings::{PersonalisationSettings, SearchMode, Settings},
    temporal::FixedClock,
};

const DAY_MS: i64 = 86_400_000;
const NOW_MS: i64 = 20_000 * DAY_MS;

fn open(dir: &Path, settings: Settings) -> Library {
    let model = Arc::new(embedding::builtin().unwrap());
    Library::open(dir, settings, model, Arc::new(FixedClock(NOW_MS))).unwrap()
}

fn add(library: &Library, documents: &[(&str, &str)]) {
    let documents = documents.iter().map(|(path, text)| VirtualDocument {
        path: (*path).into(),
        title: String::new(),
        text: (*text).into(),
    });
    library.add_virtual(documents.collect(), &NoProgress, &Cancel::new()).unwrap();
}

fn topic(words: &str, confidence: f32, recency: f32) -> ProfileTopic {
    ProfileTopic {
        name: words.to_uppercase(),
        words: words.into(),
        confidence,
        recency,
        pinned: false,
    }
}

fn profile(topics: Vec<ProfileTopic>) -> Profile {
    let name = "Ada".into();
    Profile { persona: "ada".into(), name, revision: 1, topics, ..Profile::default() }
}

/// Words alone, so that scores are easily told apart.
fn request(library: &Library, query: &str) -> SearchRequest {
    SearchRequest {
        mode: SearchMode::Lexical,
        ..SearchRequest::new(query, &library.settings().search)
    }
}

fn paths(response: &SearchResponse) -> Vec<&str> {
    response.hits.iter().map(Hit::path).collect()
}

/// All of the hits, to the bit.
fn all_of(response: &SearchResponse) -> String {
    format!("{:?} {:?} {:?}", response.hits, response.plan, response.personal)
}

/// Of those that speak of pressure, the bridge is shortest and the mill longest.
const SHELF: [(&str, &str); 7] = [
    ("bridge", "The pressure on a bridge in winter."),
    ("blood", "Blood pressure is taken with a cuff, once in the morning."),
    ("wing", "The pressure on a wing in a stream, told by taps."),
    (
        "mill",
        "A mill by the river turns under the pressure of the stream. The miller opens the gate, lifts \
         the sack, pours the grain, sets the stone, watches the flour run, sweeps the floor, oils the \
         shaft, mends the wheel, counts the bags, writes the bill, feeds the horse, loads the cart, \
         drives to market, sells the bags, buys salt, lamp oil, rope, nails, and returns at night.",
    ),
    ("kettle", "A kettle and its lid."),
    ("tide", "The moon pulls the sea, and the sea rises twice a day."),
    ("bread", "A starter for bread needs flour and water and some days."),
];

#[test]
fn a_profile_that_can_do_nothing_changes_nothing_to_the_byte() {
    let scratch = tempfile::tempdir().unwrap();
    let mut settings = Settings::default();
    settings.backend.cache_size = 0;
    settings.backend.vector_cache_bytes = 0;
    let library = open(scratch.path(), settings.clone());
    add(&library, &SHELF);
    let keen = profile(vec![topic("blood", 0.9, 0.9)]);
    let unsure = profile(vec![topic("blood", 0.29, 1.0), topic("wing", 0.9, 0.0)]);
    for query in ["pressure", "the sea and the moon", "nothing of this", ""] {
        let request = SearchRequest::new(query, &library.settings().search);
        let expected = all_of(&library.search(&request).unwrap());
        for idle in [None, Some(&Profile::default()), Some(&unsure)] {
            let found = library.search_for(&request, idle).unwrap();
            assert_eq!(all_of(&found), expected, "{query} {idle:?}");
        }
    }
    assert_eq!(library.caches().profiles.entries, 0);
    drop(library);
    for (enabled, alpha) in [(false, 0.3), (true, 0.0)] {
        settings.personalisation.enabled = enabled;
        settings.personalisation.alpha = Some(alpha);
        let library = open(scratch.path(), settings.clone());
        let request = SearchRequest::new("pressure", &library.settings().search);
        let found = library.search_for(&request, Some(&keen)).unwrap();
        assert_eq!(all_of(&found), all_of(&library.search(&request).unwrap()));
    }
}

#[test]
fn an_interest_brings_what_it_speaks_of_forward_and_says_so() {
    let scratch = tempfile::tempdir().unwrap();
    let library = open(scratch.path(), Settings::default());
    add(&library, &SHELF);
    let request = SearchRequest { k: 2, ..request(&library, "pressure") };
    let neutral = library.search(&request).unwrap();
    assert_eq!(neutral.hits[0].path(), "bridge");
    assert!(neutral.hits.iter().all(|hit| hit.personal.is_none() && hit.rank == hit.base_rank));
    let everything = SearchRequest { k: 6, ..request.clone() };
    let base: Vec<String> =
        paths(&library.search(&everything).unwrap()).into_iter().map(str::to_owned).collect();

    // A pinned interest counts however unsure it is; what it says is not in the words "wing" alone.
    let mut pinned = topic("wings", 0.2, 1.0);
    pinned.pinned = true;
    let pilot = profile(vec![pinned, topic("taps", 0.9, 1.0)]);
    let found = library.search_for(&request, Some(&pilot)).unwrap();
    let wing = found.hits.iter().find(|hit| hit.path() == "wing").unwrap();
    assert_eq!(base.iter().position(|path| path == "wing").unwrap() + 1, wing.base_rank);
    assert!(wing.rank < wing.base_rank, "{wing:?}");
    let taste = wing.personal.as_ref().unwrap();
    let names: Vec<&str> = taste.topics.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["TAPS", "WINGS"]);
    let plan = found.personal.as_ref().unwrap();
    assert_eq!((plan.persona.as_str(), plan.candidates, plan.interests), ("Ada", 4, 2));
    for hit in &found.hits {
        let taste = hit.personal.as_ref().unwrap();
        let sum =
            taste.base_part + taste.topic_part + taste.history_part + taste.co_occurrence_part;
        assert!((hit.score - sum).abs() < 1e-6, "{hit:?}");
        let topics: f32 = taste.topics.iter().map(|(_, part)| part).sum();
        assert!((topics - taste.topic_part).abs() < 1e-6, "{hit:?}");
        assert!((taste.base_part - 0.7 * hit.fused.score).abs() < 1e-6, "{hit:?}");
    }
}

#[test]
fn a_document_had_before_counts_by_whole_days() {
    let scratch = tempfile::tempdir().unwrap();
    let library = open(scratch.path(), Settings::default());
    add(&library, &SHELF);
    let request = request(&library, "pressure");
    let neutral = library.search(&request).unwrap();
    let last = neutral.hits.last().unwrap();
    let mut before = profile(Vec::new());
    before.documents.insert(last.document.content_hash, NOW_MS - 14 * DAY_MS - 1000);
    before.documents.insert([7; 16], NOW_MS);
    let found = library.search_for(&request, Some(&before)).unwrap();
    let had = found.hits.iter().find(|hit| hit.document.id == last.document.id).unwrap();
    let taste = had.personal.as_ref().unwrap();
    assert!((taste.history - (-0.7f32).exp()).abs() < 1e-6, "{taste:?}");
    assert!((taste.history_part - 0.3 * 0.3 * taste.history).abs() < 1e-6);
    let others = found.hits.iter().filter(|hit| hit.document.id != last.document.id);
    assert_eq!(others.clone().count(), 3);
    assert!(others.clone().all(|hit| hit.personal.as_ref().unwrap().history == 0.0));
}

#[test]
fn interests_that_go_with_the_question_count() {
    let scratch = tempfile::tempdir().unwrap();
    let library = open(scratch.path(), Settings::default());
    add(&library, &SHELF);
    let mut paired = profile(vec![
        topic("pressure", 0.5, 1.0),
        topic("cuff", 0.5, 1.0),
        topic("taps", 0.5, 1.0),
    ]);
    paired.pairs = vec![(0, 1), (1, 2), (0, 9), (1, 1)];
    let found = library.search_for(&request(&library, "pressures"), Some(&paired)).unwrap();
    for (path, expected) in [("blood", 0.1), ("wing", 0.0), ("bridge", 0.0)] {
        let hit = found.hits.iter().find(|hit| hit.path() == path).unwrap();
        let taste = hit.personal.as_ref().unwrap();
        assert!((taste.co_occurrence - expected).abs() < 1e-6, "{path} {taste:?}");
    }
    // A question that names none of them.
    let found = library.search_for(&request(&library, "kettle lid"), Some(&paired)).unwrap();
    assert!(found.hits.iter().all(|hit| hit.personal.as_ref().unwrap().co_occurrence == 0.0));
}

#[test]
fn documents_are_named_by_the_ends_of_their_paths() {
    let scratch = tempfile::tempdir().unwrap();
    let library = open(scratch.path(), Settings::default());
    add(
        &library,
        &[
            ("/notes/sea/tides.md", "The tides of spring."),
            ("/notes/moon.md", "The moon is full."),
            ("/other/moon.md", "The moon is new."),
            ("/copies/tides.md", "The tides of spring."),
            ("/set/42.txt", "An answer."),
        ],
    );
    let named = |name: &str| library.document_named(name);
    let tides = named("/notes/sea/tides.md").unwrap();
    assert_eq!(named("sea/tides.md").unwrap().id, tides.id);
    assert_eq!(named(&tides.id.to_string()).unwrap().id, tides.id);
    assert_eq!(named("notes/moon.md").unwrap().title, None);
    let several = named("moon.md").unwrap_err();
    assert_eq!(several.kind(), ErrorKind::Invalid);
    assert!(several.hint().unwrap().contains("/notes/moon.md"), "{several:?}");
    for none in ["oon.md", "moon", "tides", "", "99"] {
        assert_eq!(named(none).unwrap_err().kind(), ErrorKind::NotFound, "{none:?}");
    }
    // Names of judged documents may leave the ending out, and mean nothing where they mean several.
    let names = ["sea/tides", "42", "moon.md", "moon", "notes/moon", "nothing", ""];
    let contents = library.contents_named(names).unwrap();
    let known: Vec<&str> = contents.keys().copied().collect();
    assert_eq!(known, ["42", "notes/moon", "sea/tides"]);
    assert_eq!(contents["sea/tides"], tides.content_hash);
}

#[test]
fn why_a_profile_changes_nothing_is_told() {
    let scratch = tempfile::tempdir().unwrap();
    let memory = Memory::open(
        &scratch.path().join("memory"),
        None,
        MemoryConfig::default(),
        Arc::new(FixedClock(NOW_MS)),
    )
    .unwrap();
    let mut persona = memory.active().unwrap();
    let mut settings = Settings::default().personalisation;
    let why = |settings: &PersonalisationSettings, persona: &Persona, topics| {
        Library::why_unmoved(persona, settings, Some(&profile(topics)))
    };
    let keen = || vec![topic("cuff", 0.9, 0.9)];
    assert_eq!(why(&settings, &persona, keen()), Some(Unmoved::NoConsent));
    persona.recording = Recording::Paused;
    assert_eq!(why(&settings, &persona, keen()), None);
    assert_eq!(why(&settings, &persona, Vec::new()), Some(Unmoved::NothingKnown));
    assert_eq!(Library::why_unmoved(&persona, &settings, None), Some(Unmoved::NothingKnown));
    let unsure = vec![topic("cuff", 0.2, 0.9)];
    assert_eq!(why(&settings, &persona, unsure), Some(Unmoved::NothingSure));
    persona.is_personalised = false;
    assert_eq!(why(&settings, &persona, keen()), Some(Unmoved::NotForThePersona));
    persona.is_personalised = true;
    for (enabled, alpha, expected) in
        [(false, 0.3, Unmoved::SwitchedOff), (true, 0.0, Unmoved::NoShare)]
    {
        settings.enabled = enabled;
        settings.alpha = Some(alpha);
        assert_eq!(why(&settings, &persona, keen()), Some(expected));
    }
}

#[test]
fn a_longer_question_is_less_a_matter_of_taste() {
    let scratch = tempfile::tempdir().unwrap();
    let library = open(scratch.path(), Settings::default());
    add(&library, &SHELF);
    let keen = profile(vec![topic("cuff", 0.9, 0.9)]);
    let alpha = |query: &str| {
        let found = library.search_for(&request(&library, query), Some(&keen)).unwrap();
        found.personal.unwrap().alpha
    };
    assert_eq!(alpha("pressure"), 0.3);
    assert_eq!(alpha("the pressure of the blood in the morning"), 0.3);
    assert_eq!(alpha("pressure blood morning cuff wing taps"), 0.15);
}

#[test]
fn what_is_kept_is_neutral_and_a_profile_is_asked_anew() {
    let scratch = tempfile::tempdir().unwrap();
    let library = open(scratch.path(), Settings::default());
    add(&library, &SHELF);
    let request = SearchRequest { k: 2, ..request(&library, "pressure") };
    let (nurse, pilot) =
        (profile(vec![topic("cuff", 1.0, 1.0)]), profile(vec![topic("taps", 1.0, 1.0)]));
    let pilot = Profile { persona: "bo".into(), ..pilot };
    let ask = |profile: Option<&Profile>| library.search_for(&request, profile).unwrap();
    let first = ask(Some(&nurse));
    assert!(!first.from_cache);
    assert_eq!(paths(&first)[0], "blood");
    // Nothing is shared between personas, nor with those who ask without memory.
    for (profile, path, from_cache) in [
        (None, "bridge", false),
        (Some(&pilot), "wing", false),
        (Some(&nurse), "blood", true),
        (Some(&pilot), "wing", true),
        (None, "bridge", true),
    ] {
        let found = ask(profile);
        assert_eq!(found.from_cache, from_cache);
        assert_eq!(paths(&found)[0], path);
    }
    assert_eq!(library.caches().l3.entries, 2);
    // The same persona, having changed its mind.
    let mut changed = pilot.clone();
    changed.persona.clone_from(&nurse.persona);
    changed.revision = 2;
    assert_eq!(paths(&ask(Some(&changed)))[0], "wing");
    assert_eq!(library.caches().profiles.entries, 2);
    library.forget_profile("ada");
    assert_eq!((library.caches().profiles.entries, library.caches().l3.entries), (1, 1));
    // A change of the library forgets the rest.
    add(&library, &[("note", "Another pressure, with a cuff and a cuff.")]);
    assert_eq!(library.caches().profiles.entries, 0);
}

#[test]
fn a_favoured_time_prefers_and_leaves_nothing_out() {
    let scratch = tempfile::tempdir().unwrap();
    let (dir, files) = (scratch.path().join("library"), scratch.path().join("files"));
    std::fs::create_dir(&files).unwrap();
    for (name, days) in [("old", 400), ("middle", 200), ("new", 0)] {
        let path = files.join(format!("{name}.txt"));
        std::fs::write(&path, format!("Notes of the {name} ferry.")).unwrap();
        let time = std::time::UNIX_EPOCH
            + std::time::Duration::from_millis((NOW_MS - days * DAY_MS) as u64);
        std::fs::File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
    }
    let library = open(&dir, Settings::default());
    let readers = Readers::in_process(Limits::default());
    library.add(&[files], AddOptions::default(), &readers, &NoProgress, &Cancel::new()).unwrap();
    let names = |favour| {
        let request = SearchRequest { favour, ..request(&library, "ferry notes") };
        let found = library.search(&request).unwrap();
        assert_eq!(found.hits.len(), 3);
        for hit in &found.hits {
            let time = hit.time.as_ref();
            let expected =
                time.map_or(hit.fused.score, |time| 0.8 * hit.fused.score + 0.2 * time.closeness);
            assert!((hit.score - expected).abs() < 1e-6, "{hit:?}");
        }
        let stem =
            |hit: &Hit| Path::new(hit.path()).file_stem().unwrap().to_string_lossy().into_owned();
        found.hits.iter().map(stem).collect::<Vec<_>>()
    };
    assert_eq!(names(Some(TimeFavour::Recent)), ["new", "middle", "old"]);
    assert_eq!(names(Some(TimeFavour::Old)), ["old", "middle", "new"]);
    let period =
        TimeFavour::Period { start_ms: NOW_MS - 210 * DAY_MS, end_ms: NOW_MS - 190 * DAY_MS };
    assert_eq!(names(Some(period))[0], "middle");
}

const WORDS: [&str; 8] =
    ["tide", "moon", "harbour", "bread", "starter", "lease", "garden", "ferry"];

/// The personal part of a hit, from its text.
fn slowly(hit: &Hit, query: &str, profile: &Profile, texts: &[String]) -> f32 {
    let is_about =
        |text: &str, topic: &ProfileTopic| topic.words.split(' ').all(|word| text.contains(word));
    let counts = |topic: &&ProfileTopic| topic.confidence >= 0.3;
    let (mut topic_part, mut n_pairs) = (0.0, 0);
    for (at, topic) in profile.topics.iter().enumerate() {
        if !counts(&topic) || !is_about(&hit.text, topic) {
            continue;
        }
        let n_with = texts.iter().filter(|text| is_about(text, topic)).count() as f64;
        let all = texts.len() as f64;
        let specificity =
            if n_with < all { ((all / n_with).ln() / all.ln()).clamp(0.0, 1.0) } else { 0.0 };
        topic_part += topic.confidence * topic.recency * specificity as f32;
        for (a, b) in &profile.pairs {
            for (here, there) in [(a, b), (b, a)] {
                let other = &profile.topics[*there];
                if *here == at && a != b && counts(&other) && is_about(query, other) {
                    n_pairs += 1;
                }
            }
        }
    }
    let history = profile
        .documents
        .get(&hit.document.content_hash)
        .map_or(0.0, |last| (-0.05 * ((NOW_MS - last) / DAY_MS) as f64).exp() as f32);
    0.5 * topic_part.min(1.0) + 0.3 * history + 0.2 * (0.1 * n_pairs as f32).min(1.0)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Every score by the formulas, from the texts of all candidates; every rank by those scores.
    #[test]
    fn a_search_for_a_persona_is_what_the_formulas_say(
        documents in proptest::collection::vec(proptest::collection::vec(0..WORDS.len(), 1..6), 2..14),
        query in proptest::collection::vec(0..WORDS.len(), 1..3),
        topics in proptest::collection::vec((0..WORDS.len(), 0..WORDS.len(), 0.0..1.0f32, 0.0..1.0f32), 1..6),
        pairs in proptest::collection::vec((0..6usize, 0..6usize), 0..4),
        had in proptest::collection::vec((0..14usize, 0..60i64), 0..4),
        k in 1..5usize,
    ) {
        let said = |words: &[usize]| {
            words.iter().map(|at| WORDS[*at]).collect::<Vec<_>>().join(" ")
        };
        let scratch = tempfile::tempdir().unwrap();
        let library = open(scratch.path(), Settings::default());
        let texts: Vec<String> = documents
            .iter()
            .enumerate()
            .map(|(at, words)| format!("{} {}", said(words), "filler ".repeat(at % 4)))
            .collect();
        let paths: Vec<String> = (0..texts.len()).map(|at| format!("notes/{at}")).collect();
        let named: Vec<(&str, &str)> =
            paths.iter().map(String::as_str).zip(texts.iter().map(String::as_str)).collect();
        add(&library, &named);
        let query = said(&query);
        let all = request(&library, &query);
        let all = SearchRequest { k: 100, ..all };
        let base = library.search(&all).unwrap().hits;

        let topics: Vec<ProfileTopic> = topics
            .into_iter()
            .map(|(a, b, confidence, recency)| topic(&said(&[a, b]), confidence, recency))
            .collect();
        let n = topics.len();
        let mut pairs: Vec<(usize, usize)> =
            pairs.into_iter().map(|(a, b)| (a.min(b), a.max(b))).filter(|(_, b)| *b < n).collect();
        pairs.sort_unstable();
        pairs.dedup();
        let mut profile = Profile { pairs, ..profile(topics) };
        for (at, days) in had {
            if let Some(hit) = base.get(at) {
                profile.documents.insert(hit.document.content_hash, NOW_MS - days * DAY_MS);
            }
        }
        let idle = profile.documents.is_empty()
            && profile.topics.iter().all(|topic| topic.confidence < 0.3 || topic.recency == 0.0);

        let mut expected: Vec<(f32, usize)> = base
            .iter()
            .take(2 * k)
            .map(|hit| {
                let personal = slowly(hit, &query, &profile, &texts);
                let alpha = if idle { 0.0 } else { 0.3 };
                ((1.0 - alpha) * hit.fused.score + alpha * personal, hit.rank)
            })
            .collect();
        expected.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let request = SearchRequest { k, ..all };
        // The second time from memory.
        for _ in 0..2 {
            let found = library.search_for(&request, Some(&profile)).unwrap().hits;
            prop_assert_eq!(found.len(), k.min(base.len()));
            for (hit, (score, _)) in found.iter().zip(&expected) {
                prop_assert!((hit.score - score).abs() < 1e-5, "{:?} {}", hit, score);
                prop_assert_eq!(&base[hit.base_rank - 1].text, &hit.text);
            }
        }

        // The same to the last candidate, and beside it the neutral one.
        let both = library.rank_both_ways(&request, Some(&profile)).unwrap();
        let found = library.search_for(&request, Some(&profile)).unwrap().hits;
        prop_assert_eq!((both.with.len(), both.without.len()), (base.len(), base.len()));
        prop_assert_eq!(both.personal.is_none(), idle);
        for (explained, hit) in both.with.iter().zip(&found) {
            prop_assert_eq!(format!("{:?}", explained.hit), format!("{hit:?}"));
        }
        for (neutral, hit) in both.without.iter().zip(&base) {
            prop_assert_eq!(format!("{neutral:?}"), format!("{hit:?}"));
        }
        for explained in &both.with {
            let hit = &explained.hit;
            let before = &base[explained.rank_without - 1];
            prop_assert_eq!((&before.text, before.score), (&hit.text, explained.score_without));
            prop_assert_eq!(explained.is_movable, explained.rank_without <= 2 * k);
            let Some(taste) = hit.personal.as_ref().filter(|_| explained.is_movable) else {
                prop_assert!(explained.interests.iter().all(|interest| interest.part == 0.0));
                continue;
            };
            let parts: f32 = explained.interests.iter().map(|interest| interest.part).sum();
            prop_assert!((parts - taste.topic_part).abs() < 1e-5, "{:?}", explained);
            let n_pairs = explained.pairs.len() as f32;
            prop_assert!(((0.1 * n_pairs).min(1.0) - taste.co_occurrence).abs() < 1e-6);
            let days = profile.documents.get(&hit.document.content_hash);
            let days = days.map(|last| (*last, ((NOW_MS - last) / DAY_MS) as u32));
            prop_assert_eq!(explained.last_had, days);
        }
    }
}
