//! What personal ranking gains and costs: personas with planted interests over judged sets.
//!
//! Three judged sets of different subjects become one library, and each subject a persona. What a
//! persona asked before is every second question of its set, one a day; its profile follows from
//! those and from the hits they had, by the formulas of the interest profile. The other questions
//! are for measuring: cut down to words that several subjects share, they are ambiguous, and the
//! judgements of the whole question say what was meant; whole questions of other subjects are off
//! the persona's interests. No judgement goes into a profile.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use ragged::{
    evaluation::{
        JudgedSet, Scores,
        comparison::{Comparison, Pair, compare},
    },
    lexical::{Analyser, Language},
    library::{Cancel, Library, NoProgress, SearchRequest, VirtualDocument},
    ranking::{Bearing, PersonalWeights, Profile, ProfileTopic, adjust, personal_part},
    settings::Settings,
};

use crate::measure::{median, open, percentile, spread, timed, without_caches};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Folder with judged sets in BEIR layout
    data: PathBuf,
    /// The sets that become personas, at least two of different subjects
    #[arg(long, value_delimiter = ',', default_value = "cranfield,med,cacm")]
    sets: Vec<String>,
    /// Rounds over all questions for what a profile costs
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Measure with the questions that made the profiles, and make profiles of the others
    #[arg(long)]
    swap: bool,
    /// Settings as `KEY=VALUE` of `alpha`, `threshold`, `multiplier` or `full-alpha-words`
    #[arg(short = 'o', long = "option", value_name = "KEY=VALUE")]
    options: Vec<String>,
}

/// The day on which everything is asked, in days since 1970.
const TODAY: i64 = 20_000;
const DAY_MS: i64 = 86_400_000;
/// Topics seen less often are not tracked.
const LEAST_FREQUENCY: usize = 2;
/// Topics that are seen together as often go together.
const LEAST_TOGETHER: usize = 3;
/// A word is common to a subject if it is in this share of its documents.
const COMMON: f64 = 0.01;
/// Words of an ambiguous query.
const QUERY_WORDS: usize = 2;
const SEED: u64 = 4;

/// One subject.
struct Subject {
    name: String,
    set: JudgedSet,
    /// In how many of its documents each term is.
    frequencies: BTreeMap<String, usize>,
    is_swapped: bool,
}

impl Subject {
    fn read(name: &str, dir: &Path, is_swapped: bool, analyser: &mut Analyser) -> Result<Self> {
        let set = JudgedSet::read(dir)?;
        ensure!(set.is_judged(), "{} has no judgements", dir.display());
        let mut frequencies = BTreeMap::new();
        for document in set.documents() {
            let text = format!("{} {}", document.title, document.text);
            let terms = analyser.analyse(None, &text);
            for term in terms.content().collect::<BTreeSet<_>>() {
                *frequencies.entry(term.to_owned()).or_insert(0) += 1;
            }
        }
        Ok(Self { name: name.to_owned(), set, frequencies, is_swapped })
    }

    fn is_common(&self, term: &str) -> bool {
        let frequency = self.frequencies.get(term).copied().unwrap_or(0);
        frequency as f64 >= COMMON * self.set.n_documents() as f64
    }

    /// Every second question, from the first for the past and from the second for measuring,
    /// unless they are swapped.
    fn questions(&self, of_the_past: bool) -> impl Iterator<Item = (&str, &str)> {
        self.set.queries().skip(usize::from(of_the_past == self.is_swapped)).step_by(2)
    }

    /// The gains of the documents that answer a question, by their paths in the library.
    fn judgements(&self, query: &str) -> BTreeMap<String, i64> {
        let judged = self.set.judgements(query).into_iter().flatten();
        judged.map(|(document, gain)| (format!("{}/{document}", self.name), *gain)).collect()
    }
}

#[expect(clippy::print_stdout, reason = "a report is what the command is for")]
pub(crate) fn run(args: &Args) -> Result<()> {
    let mut analyser = Analyser::new(Language::English);
    let mut subjects = Vec::new();
    for name in &args.sets {
        subjects.push(Subject::read(name, &args.data.join(name), args.swap, &mut analyser)?);
    }
    ensure!(subjects.len() > 1, "one subject alone has no ambiguous questions");

    let scratch = tempfile::tempdir().context("making a folder for the library")?;
    let mut settings = without_caches();
    for option in &args.options {
        let (key, value) = option.split_once('=').context("an option is KEY=VALUE")?;
        let personal = &mut settings.personalisation;
        match key {
            "alpha" => personal.alpha = Some(value.parse()?),
            "threshold" => personal.min_confidence_threshold = Some(value.parse()?),
            "multiplier" => personal.retrieve_multiplier = Some(value.parse()?),
            "full-alpha-words" => personal.full_alpha_words = value.parse()?,
            _ => anyhow::bail!(
                "{key} is no option; there are alpha, threshold, multiplier, full-alpha-words"
            ),
        }
    }
    let library = open(scratch.path(), settings)?;
    for subject in &subjects {
        let documents = subject.set.documents().into_iter();
        let documents = documents.map(|document| VirtualDocument {
            path: format!("{}/{}", subject.name, document.path),
            ..document
        });
        library.add_virtual(documents.collect(), &NoProgress, &Cancel::new())?;
    }
    let status = library.status()?;
    println!("library: {} documents, {} chunks", status.counts.documents, status.counts.chunks);
    let mut profiles = Vec::new();
    for subject in &subjects {
        let profile = profile_of(subject, &library, &mut analyser)?;
        println!(
            "persona {}: {} questions before, {} topics, {} pairs, {} documents had",
            subject.name,
            subject.questions(true).count(),
            profile.topics.len(),
            profile.pairs.len(),
            profile.documents.len(),
        );
        profiles.push(profile);
    }

    let personal = &library.settings().personalisation;
    println!(
        "\nα {}, threshold {}, {} × candidates; nDCG@10, two-sided paired permutation test",
        personal.alpha(),
        personal.min_confidence_threshold(),
        personal.retrieve_multiplier()
    );
    println!("{:<42}{:>5}{:>9}{:>9}{:>9}{:>9}", "queries", "n", "without", "with", "gain %", "p");
    quality(&subjects, &profiles, &library, &mut analyser)?;
    costs(&subjects, &profiles, &library, scratch.path(), args.rounds)
}

/// The profile that a persona has after the questions of its past.
fn profile_of(subject: &Subject, library: &Library, analyser: &mut Analyser) -> Result<Profile> {
    #[derive(Default)]
    struct Seen {
        days: Vec<i64>,
        documents: BTreeSet<[u8; 16]>,
    }
    let mut seen: BTreeMap<String, Seen> = BTreeMap::new();
    let mut together: BTreeMap<(String, String), usize> = BTreeMap::new();
    let mut documents: BTreeMap<[u8; 16], i64> = BTreeMap::new();
    let n_days = i64::try_from(subject.questions(true).count())?;
    for (number, (_, question)) in subject.questions(true).enumerate() {
        let day = TODAY - n_days + i64::try_from(number)?;
        let request = SearchRequest::new(question, &library.settings().search);
        let hits = library.search(&request)?.hits;
        let hashes: BTreeSet<[u8; 16]> = hits.iter().map(|hit| hit.document.content_hash).collect();
        documents.extend(hashes.iter().map(|hash| (*hash, day * DAY_MS)));
        let topics = topics_of(question, analyser);
        for topic in &topics {
            let seen = seen.entry(topic.clone()).or_default();
            seen.days.push(day);
            seen.documents.extend(&hashes);
            for other in topics.range(topic.clone()..).skip(1) {
                *together.entry((topic.clone(), other.clone())).or_insert(0) += 1;
            }
        }
    }
    let mut topics: Vec<ProfileTopic> = Vec::new();
    for (name, seen) in &seen {
        if seen.days.len() < LEAST_FREQUENCY {
            continue;
        }
        let days = TODAY - seen.days.last().copied().unwrap_or(0);
        let recency = (-0.05 * days as f64).exp();
        let frequency = (seen.days.len() as f64 / 10.0).min(1.0);
        let depth = (seen.documents.len() as f64 / 50.0).min(1.0);
        let confidence =
            0.35 * frequency + 0.30 * recency + 0.20 * consistency(&seen.days) + 0.15 * depth;
        topics.push(ProfileTopic {
            name: name.clone(),
            words: name.clone(),
            confidence: confidence as f32,
            recency: recency as f32,
            pinned: false,
        });
    }
    let place = |name: &str| topics.iter().position(|topic| topic.name == name);
    let pairs = together
        .iter()
        .filter(|(_, n)| **n >= LEAST_TOGETHER)
        .filter_map(|((a, b), _)| place(a).zip(place(b)))
        .collect();
    let name = subject.name.clone();
    Ok(Profile { persona: name.clone(), name, revision: 1, topics, pairs, documents })
}

/// The terms of a question.
fn topics_of(question: &str, analyser: &mut Analyser) -> BTreeSet<String> {
    let terms = analyser.analyse(None, question);
    terms.content().filter(|term| term.len() >= 3).map(str::to_owned).collect()
}

/// 1 / (1 + variation of the gaps), 0 for less than three times.
fn consistency(days: &[i64]) -> f64 {
    if days.len() < 3 {
        return 0.0;
    }
    let gaps: Vec<f64> = days.windows(2).map(|pair| (pair[1] - pair[0]) as f64).collect();
    let n = gaps.len() as f64;
    let mean = gaps.iter().sum::<f64>() / n;
    if mean == 0.0 {
        return 1.0;
    }
    let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / n;
    1.0 / (1.0 + variance.sqrt() / mean)
}

/// The words of a question that its subject shares with others, those that most documents of other
/// subjects hold first: what a person types who does not think of the others.
fn ambiguous(
    question: &str,
    subject: usize,
    subjects: &[Subject],
    analyser: &mut Analyser,
) -> Option<String> {
    let shared = |term: &String| {
        let others = subjects.iter().enumerate().filter(|(at, _)| *at != subject);
        subjects[subject].is_common(term) && others.clone().any(|(_, other)| other.is_common(term))
    };
    let elsewhere = |term: &String| -> usize {
        let others = subjects.iter().enumerate().filter(|(at, _)| *at != subject);
        others.filter_map(|(_, other)| other.frequencies.get(term)).sum()
    };
    // The words as they were typed, by their terms.
    let mut words: Vec<(usize, String)> = Vec::new();
    for word in question.split(|c: char| !c.is_alphanumeric()).filter(|word| word.len() >= 3) {
        let term = topics_of(word, analyser).into_iter().next();
        if let Some(term) = term.filter(shared) {
            let word = word.to_lowercase();
            if words.iter().all(|(_, known)| *known != word) {
                words.push((elsewhere(&term), word));
            }
        }
    }
    words.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    words.truncate(QUERY_WORDS);
    let words: Vec<String> = words.into_iter().map(|(_, word)| word).collect();
    (!words.is_empty()).then(|| words.join(" "))
}

/// The first ten documents.
fn ranking(library: &Library, query: &str, profile: Option<&Profile>) -> Result<Vec<String>> {
    let request = SearchRequest::new(query, &library.settings().search);
    let hits = library.search_for(&request, profile)?.hits;
    Ok(hits.iter().map(|hit| hit.path().to_owned()).collect())
}

fn ndcg(ranking: &[String], judgements: &BTreeMap<String, i64>) -> f64 {
    let ranking: Vec<&str> = ranking.iter().map(String::as_str).collect();
    Scores::of(&ranking, judgements).ndcg_at_10
}

#[expect(clippy::print_stdout, reason = "a report is what the command is for")]
fn print_row(name: &str, compared: &Comparison) {
    let gain = 100.0 * compared.difference / compared.mean_a.max(f64::MIN_POSITIVE);
    println!(
        "{name:<42}{:>5}{:>9.4}{:>9.4}{gain:>+9.2}{:>9.4}",
        compared.n, compared.mean_a, compared.mean_b, compared.p
    );
}

fn quality(
    subjects: &[Subject],
    profiles: &[Profile],
    library: &Library,
    analyser: &mut Analyser,
) -> Result<()> {
    let (mut on, mut of_subject, mut whole, mut off) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (at, subject) in subjects.iter().enumerate() {
        let (mut own, mut own_off) = (Vec::new(), Vec::new());
        for (id, question) in subject.questions(false) {
            let judgements = subject.judgements(id);
            if let Some(query) = ambiguous(question, at, subjects, analyser) {
                let without = ranking(library, &query, None)?;
                let with = ranking(library, &query, Some(&profiles[at]))?;
                let pair = Pair { a: ndcg(&without, &judgements), b: ndcg(&with, &judgements) };
                own.push(pair);
                let share = |ranking: &[String]| {
                    let of = format!("{}/", subject.name);
                    let n = ranking.iter().filter(|path| path.starts_with(&of)).count();
                    n as f64 / ranking.len().max(1) as f64
                };
                of_subject.push(Pair { a: share(&without), b: share(&with) });
            }
            let without = ndcg(&ranking(library, question, None)?, &judgements);
            for (other, profile) in profiles.iter().enumerate() {
                let with = ndcg(&ranking(library, question, Some(profile))?, &judgements);
                let pair = Pair { a: without, b: with };
                if other == at { whole.push(pair) } else { own_off.push(pair) }
            }
        }
        print_row(&format!("ambiguous, {}", subject.name), &compare(&own, SEED));
        print_row(&format!("whole, {}, for the others", subject.name), &compare(&own_off, SEED));
        on.append(&mut own);
        off.append(&mut own_off);
    }
    print_row("ambiguous, on interest (at least +15)", &compare(&on, SEED));
    print_row("whole, off interest (no less than -1)", &compare(&off, SEED));
    print_row("whole, on interest", &compare(&whole, SEED));
    print_row("ambiguous, share of own subject", &compare(&of_subject, SEED));
    Ok(())
}

#[expect(clippy::print_stdout, reason = "a report is what the command is for")]
fn costs(
    subjects: &[Subject],
    profiles: &[Profile],
    library: &Library,
    dir: &Path,
    rounds: usize,
) -> Result<()> {
    let questions: Vec<(usize, &str)> = subjects
        .iter()
        .enumerate()
        .flat_map(|(at, subject)| subject.questions(false).map(move |(_, text)| (at, text)))
        .collect();
    let settings = library.settings();
    let request = |question: &str| SearchRequest::new(question, &settings.search);

    // The pure part: 20 candidates with all that may bear on them.
    let first = library.search(&request(questions.first().context("no questions")?.1))?;
    let fused: Vec<_> = first.hits.iter().cycle().take(20).map(|hit| hit.fused).collect();
    let weights = PersonalWeights {
        alpha: 0.3,
        topic: 0.5,
        history: 0.3,
        co_occurrence: 0.2,
        decay_rate: 0.05,
    };
    let bearing = Bearing {
        topics: (0..64).map(|topic| (topic, 0.01)).collect(),
        days_since_access: Some(3),
        n_pairs: 5,
    };
    let mut pure = Vec::new();
    for _ in 0..1000 {
        let (adjusted, took) = timed(|| {
            let parts = fused.iter().map(|_| personal_part(bearing.clone(), &weights)).collect();
            anyhow::Ok(adjust(&fused, Some(parts), None))
        })?;
        ensure!(adjusted.iter().count() == fused.len(), "a candidate was lost");
        pure.push(took);
    }
    println!("\nmixing 20 candidates of 64 topics each: {}", spread(&mut pure));

    // Every search does all its work; with and without take turns.
    for (name, is_learning) in [("profile as it was", false), ("a new revision each time", true)] {
        let (mut with, mut without) = (Vec::new(), Vec::new());
        let (mut personal, mut differences) = (Vec::new(), Vec::new());
        for round in 0..=rounds {
            for (at, (subject, question)) in questions.iter().enumerate() {
                // In words of its own each round, so that nothing comes from memory.
                let request = request(&format!("{question} {round} {is_learning}"));
                let mut profile = profiles[*subject].clone();
                if is_learning {
                    profile.revision = (round * questions.len() + at) as u64 + 2;
                }
                let (mut on, mut off) = (Duration::ZERO, Duration::ZERO);
                // The one that goes second finds the processor's caches warm.
                for turn in [(at + round) % 2, (at + round + 1) % 2] {
                    if turn == 0 {
                        let (response, took) =
                            timed(|| library.search_for(&request, Some(&profile)))?;
                        on = took;
                        if round > 0 {
                            let ms = response.timings.personal;
                            personal.push(Duration::from_secs_f64(ms / 1000.0));
                        }
                    } else {
                        off = timed(|| library.search(&request))?.1;
                    }
                }
                // The first round warms.
                if round > 0 {
                    with.push(on);
                    without.push(off);
                    differences.push((on.as_secs_f64() - off.as_secs_f64()) * 1e6);
                }
            }
        }
        println!("{name}:");
        println!("  personal part of a search: {}", spread(&mut personal));
        println!("  without: {}", spread(&mut without));
        println!("  with:    {}", spread(&mut with));
        let over = |percent| {
            100.0
                * (percentile(&mut with.clone(), percent)
                    / percentile(&mut without.clone(), percent)
                    - 1.0)
        };
        println!(
            "  overhead {:+.2} % at p50, {:+.2} % at p95; median of differences {:+.1} µs",
            over(50),
            over(95),
            median(&mut differences)
        );
    }

    // Asked again, from memory.
    let remembering = open(dir, Settings::default())?;
    let (mut first, mut again) = (Vec::new(), Vec::new());
    for (subject, question) in &questions {
        // The page cache is warmed by another question.
        let warm = request(&format!("{question} again"));
        remembering.search_for(&warm, Some(&profiles[*subject]))?;
    }
    for (subject, question) in &questions {
        let request = request(question);
        let profile = &profiles[*subject];
        first.push(timed(|| remembering.search_for(&request, Some(profile)))?.1);
        let (response, took) = timed(|| remembering.search_for(&request, Some(profile)))?;
        ensure!(response.from_cache, "the second answer did not come from memory");
        again.push(took);
        let someone = &profiles[(*subject + 1) % profiles.len()];
        let response = remembering.search_for(&request, Some(someone))?;
        ensure!(!response.from_cache, "what is kept for one persona answered another");
    }
    println!("first time, with a profile:   {}", spread(&mut first));
    println!("once more:                    {}", spread(&mut again));
    let share = |times: &mut [Duration]| percentile(times, 50);
    println!(
        "ratio of medians {:.1} % (at most 25)",
        100.0 * share(&mut again) / share(&mut first.clone())
    );
    Ok(())
}
