use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use proptest::prelude::*;

use super::{
    advice::{Circumstances, LEAST_QUESTIONS, Recommendation, Rule, recommendations},
    exposition::{Family, Meaning, Point, Value},
    report::{WHOLE, breakdown, report},
    *,
};
use crate::{error::ErrorKind, temporal::FixedClock};

const NOW_MS: i64 = 1_795_000_000_000;
const HOUR_MS: i64 = 3_600_000;

fn span(stage: Stage, start_us: u64, end_us: u64) -> Span {
    Span { stage, start_ns: start_us * 1000, end_ns: end_us * 1000 }
}

/// A question of 100 ms: 10 enhance, 20 embed, 30 retrieve (with 15 recompute), 10 rerank, 20
/// generate, 4 record, 6 between.
fn spans() -> Vec<Span> {
    vec![
        span(Stage::Enhance, 0, 10_000),
        span(Stage::Retrieve, 10_000, 55_000),
        span(Stage::Lexical, 10_500, 30_000),
        span(Stage::Embed, 11_000, 31_000),
        span(Stage::Vector, 31_000, 54_000),
        span(Stage::Recompute, 35_000, 50_000),
        span(Stage::Rerank, 55_000, 65_000),
        span(Stage::Retrieve, 65_000, 70_000),
        span(Stage::Read, 65_000, 70_000),
        span(Stage::Generate, 72_000, 92_000),
        span(Stage::Record, 94_000, 98_000),
    ]
}

fn sample(at_ms: i64) -> Sample {
    Sample::new(Kind::Query, at_ms, 100_000_000, &spans(), Components::ALL)
}

fn circumstances() -> Circumstances {
    Circumstances {
        result_cache_size: 5000,
        persona_cache_size: 200,
        profile_cache_size: 500,
        vector_cache_bytes: 8 << 20,
        is_fastest_tier: false,
        beam_width: 100,
        is_learning_later: true,
        generator: "extractive".to_owned(),
    }
}

// ------------------------------------------------------------------------------ stages and traces

#[test]
fn components_are_read_as_they_are_written() {
    for (text, expected) in [("query,memory", "query,memory"), (" memory , query ", "query,memory")]
    {
        assert_eq!(text.parse::<Components>().unwrap().to_string(), expected);
    }
    assert_eq!("backend,all".parse::<Components>().unwrap(), Components::ALL);
    assert_eq!(Components::ALL.to_string(), "query,memory,backend,ingest");
    for text in ["", ",", "query,everything"] {
        let error = text.parse::<Components>().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(error.hint().unwrap().contains("backend"));
    }
    let some = Components::NONE.with(Component::Backend);
    assert!(some.contains(Component::Backend) && !some.contains(Component::Query));
}

#[test]
fn the_switch_outlasts_who_turned_it() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("new");
    assert!(switch::enabled(&dir).is_empty());
    switch::enable(&dir, "memory,query".parse().unwrap()).unwrap();
    assert_eq!(switch::enabled(&dir).to_string(), "query,memory");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(switch::path(&dir)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    switch::disable(&dir).unwrap();
    switch::disable(&dir).unwrap();
    assert!(switch::enabled(&dir).is_empty());
    std::fs::write(switch::path(&dir), "something else").unwrap();
    assert!(switch::enabled(&dir).is_empty());
}

#[test]
fn a_trace_that_is_off_takes_nothing_down() {
    let off = Trace::default();
    assert_eq!(off.time(Stage::Embed, || 7), 7);
    off.add(Stage::Embed, Instant::now(), Instant::now());
    assert!(!off.is_on() && off.spans().is_empty());
    assert_eq!(off.elapsed_ns(), 0);
}

#[test]
fn a_trace_holds_what_was_timed_on_any_thread() {
    let before = Instant::now();
    let trace = Trace::begin();
    let clone = trace.clone();
    std::thread::scope(|scope| {
        scope.spawn(move || clone.time(Stage::Lexical, || ()));
    });
    assert!(trace.time(Stage::Vector, || true));
    let ended = Instant::now();
    trace.add(Stage::Open, before, ended);
    // Ends before it begins, as it may look between two processors.
    trace.add(Stage::Read, ended, before);
    let spans = trace.spans();
    assert_eq!(spans.len(), 4);
    assert_eq!((spans[0].stage, spans[0].start_ns), (Stage::Open, 0));
    assert!(spans.windows(2).all(|pair| pair[0].start_ns <= pair[1].start_ns));
    let read = spans.iter().find(|span| span.stage == Stage::Read).unwrap();
    assert_eq!(read.ns(), 0);
    assert!(trace.elapsed_ns() >= spans[0].end_ns);
    for _ in 0..5000 {
        trace.add(Stage::Recompute, before, ended);
    }
    assert_eq!(trace.spans().len(), 4096);
}

#[test]
fn times_are_those_of_the_components_that_are_profiled() {
    let times = StageTimes::of(&spans(), Components::ALL);
    assert_eq!(times.get(Stage::Retrieve), Some(30_000));
    assert_eq!(times.get(Stage::Embed), Some(20_000));
    assert_eq!(times.get(Stage::Open), None);
    assert_eq!(sample(0).other_us(), 6_000);
    let memory = StageTimes::of(&spans(), "memory".parse().unwrap());
    assert_eq!(memory.get(Stage::Enhance), Some(10_000));
    assert_eq!(memory.get(Stage::Retrieve), None);
}

// ---------------------------------------------------------------------------------------- figures

/// The slow twin of histograms: nearest rank over all times.
fn exact(times: &mut [u64], percent: usize) -> f64 {
    times.sort_unstable();
    times[(times.len() * percent).div_ceil(100) - 1] as f64 / 1000.0
}

proptest! {
    #[test]
    fn shares_sum_to_the_whole(
        parts in proptest::collection::vec(prop_oneof![Just(0_u64), 0..1000_u64, any::<u64>()], 1..12),
        whole in prop_oneof![Just(100_u32), Just(WHOLE)],
    ) {
        let shares = shares(&parts, whole);
        let sum: u128 = parts.iter().map(|part| u128::from(*part)).sum();
        let expected = if sum == 0 { 0 } else { whole };
        prop_assert_eq!(shares.iter().sum::<u32>(), expected);
        for (part, share) in parts.iter().zip(&shares) {
            let real = *part as f64 * f64::from(whole) / (sum.max(1) as f64);
            prop_assert!((f64::from(*share) - real).abs() < 1.0 + 1e-6, "{part} {share} {real}");
            prop_assert!(*part > 0 || *share == 0);
        }
    }

    #[test]
    fn percentiles_are_those_of_all_times(
        mut times in proptest::collection::vec(prop_oneof![1..2000_u64, 1..50_000_000_u64], 1..300),
    ) {
        let mut histograms = Histograms::default();
        for us in &times {
            let mut sample = sample(0);
            sample.total_us = *us;
            sample.stages.set(Stage::Embed, Some(*us));
            histograms.add(&sample);
        }
        let summary = histograms.total();
        prop_assert_eq!(histograms.stage(Stage::Embed), Some(summary));
        prop_assert_eq!(summary.n, times.len() as u64);
        for (percent, told) in [(50, summary.p50_ms), (95, summary.p95_ms), (99, summary.p99_ms)] {
            let real = exact(&mut times, percent);
            prop_assert!((told - real).abs() <= real / 1000.0 + 1e-9, "p{percent}: {told} {real}");
        }
        let mean = times.iter().sum::<u64>() as f64 / times.len() as f64 / 1000.0;
        prop_assert!((summary.mean_ms - mean).abs() < 1e-9 * mean.max(1.0));
    }

    #[test]
    fn a_breakdown_is_whole(totals in proptest::collection::vec(
        (1..10_000_000_u64, proptest::array::uniform6(0..1_000_000_u64)), 1..40,
    )) {
        let samples: Vec<Sample> = totals.iter().map(|(total, parts)| {
            let mut sample = sample(0);
            // What the parts take can never be more than the whole.
            sample.total_us = *total + parts.iter().sum::<u64>();
            for (stage, us) in Stage::TOP.into_iter().zip(parts) {
                sample.stages.set(stage, Some(*us));
            }
            sample
        }).collect();
        let parts = breakdown(&samples);
        prop_assert_eq!(parts.iter().map(|part| part.share).sum::<u32>(), WHOLE);
        let mean: f64 = parts.iter().map(|part| part.mean_ms).sum();
        let whole = samples.iter().map(|sample| sample.total_us).sum::<u64>() as f64
            / samples.len() as f64 / 1000.0;
        prop_assert!((mean - whole).abs() < 1e-6 * whole.max(1.0));
    }
}

#[test]
fn nothing_measured_is_no_report() {
    let empty = report(0..1, &[], &[]);
    assert_eq!((empty.total.n, empty.breakdown.len(), empty.components.len()), (0, 0, 0));
    assert!(empty.slowest.is_empty() && empty.trend.is_none());
    assert_eq!(Histograms::default().total(), Summary::default());
    assert_eq!(Histograms::default().stage(Stage::Open), None);
}

#[test]
fn a_report_tells_parts_slowest_and_trend() {
    let mut samples: Vec<Sample> = (0..4).map(|idx| sample(NOW_MS + idx)).collect();
    samples[2].total_us = 400_000;
    samples[3].total_us = 200_000;
    samples.push(Sample::ingest(NOW_MS, 9_000_000, 12, 40));
    let mut before = sample(NOW_MS - HOUR_MS);
    before.total_us = 50_000;
    let told = report(NOW_MS..NOW_MS + HOUR_MS, &samples, &[before]);
    assert_eq!(told.total.n, 4);
    assert_eq!(
        told.slowest.iter().map(|s| s.total_us).collect::<Vec<_>>(),
        [400_000, 200_000, 100_000]
    );
    // Of two that took as long, the later one.
    assert_eq!(told.slowest[2].at_ms, NOW_MS + 1);
    let trend = told.trend.unwrap();
    assert_eq!(trend.before.n, 1);
    assert!((trend.p50_change - 100.0).abs() < 0.2, "{trend:?}");
    let of = |component: Component| {
        told.components.iter().find(|times| times.component == component).unwrap()
    };
    assert_eq!((of(Component::Ingest).times.n, of(Component::Memory).times.n), (1, 4));
    assert!((of(Component::Memory).times.mean_ms - 14.0).abs() < 1e-9);
    // Filter did not happen: lexical 19.5, vector 23, read 5.
    assert!((of(Component::Backend).times.mean_ms - 47.5).abs() < 1e-9);
    let stages: Vec<Stage> = of(Component::Backend).stages.iter().map(|stage| stage.0).collect();
    assert_eq!(stages, [Stage::Vector, Stage::Recompute, Stage::Lexical, Stage::Read]);
}

// ------------------------------------------------------------------------------------------ rules

fn fired(samples: &[Sample], now: &Circumstances) -> Vec<Recommendation> {
    recommendations(samples, now)
}

fn found(samples: &[Sample], now: &Circumstances, rule: Rule) -> Option<Recommendation> {
    fired(samples, now).into_iter().find(|found| found.rule == rule)
}

/// Twenty questions, each another, none slow in any part.
fn calm() -> Vec<Sample> {
    (0..20)
        .map(|idx| {
            let mut stages = StageTimes::default();
            for (stage, us) in [
                (Stage::Enhance, 100),
                (Stage::Embed, 500),
                (Stage::Retrieve, 2500),
                (Stage::Vector, 1500),
                (Stage::Recompute, 500),
                (Stage::Rerank, 300),
                (Stage::Record, 50),
            ] {
                stages.set(stage, Some(us));
            }
            Sample {
                total_us: 5000,
                stages,
                k: 10,
                n_hits: 10,
                strategy: "scan".to_owned(),
                digest: Some([idx; 16]),
                interaction: Some(format!("{idx:032}")),
                ..sample(NOW_MS + i64::from(idx))
            }
        })
        .collect()
}

fn with(change: impl Fn(usize, &mut Sample)) -> Vec<Sample> {
    let mut samples = calm();
    samples.iter_mut().enumerate().for_each(|(idx, sample)| change(idx, sample));
    samples
}

#[test]
fn no_rule_speaks_where_all_is_well_or_little_was_asked() {
    assert_eq!(fired(&calm(), &circumstances()), []);
    let bad = with(|_, sample| {
        sample.digest = Some([0; 16]);
        sample.stages.set(Stage::Open, Some(90_000));
    });
    assert!(!fired(&bad, &circumstances()).is_empty());
    assert_eq!(fired(&bad[..LEAST_QUESTIONS - 1], &circumstances()), []);
    assert_eq!(fired(&[], &circumstances()), []);
}

#[test]
fn repeated_questions_want_a_cache() {
    let again = |idx: usize, sample: &mut Sample| sample.digest = Some([idx as u8 % 10; 16]);
    let rule = |samples: &[Sample], now: &Circumstances| found(samples, now, Rule::RepeatedQueries);
    let told = rule(&with(again), &circumstances()).unwrap();
    assert_eq!(told.command, "ragged tune set memory.cache.l3_size 400");
    assert!(told.finding.starts_with("50 % of questions (10 of 20)"), "{}", told.finding);
    assert_eq!(told.evidence[0], ("repeated_percent", 50.0));
    let nobody = |idx: usize, sample: &mut Sample| {
        again(idx, sample);
        sample.interaction = None;
    };
    let off = Circumstances { result_cache_size: 0, ..circumstances() };
    assert_eq!(
        rule(&with(nobody), &off).unwrap().command,
        "ragged tune set backend.cache_size 5000"
    );
    assert_eq!(
        rule(&with(nobody), &circumstances()).unwrap().command,
        "ragged tune set backend.cache_size 10000"
    );
    let cold = with(|idx, sample| {
        again(idx, sample);
        sample.stages.set(Stage::Open, Some(1000));
    });
    assert_eq!(rule(&cold, &circumstances()).unwrap().command, "ragged chat");
    // Served from memory, or not known again, or hardly any.
    let served = with(|idx, sample| {
        again(idx, sample);
        sample.from_cache = idx >= 10;
    });
    assert_eq!(rule(&served, &circumstances()), None);
    assert_eq!(rule(&with(|_, sample| sample.digest = None), &circumstances()), None);
    let once = with(|idx, sample| sample.digest = Some([if idx == 1 { 0 } else { idx as u8 }; 16]));
    assert_eq!(rule(&once, &circumstances()), None);
}

#[test]
fn much_recomputing_wants_a_cache_or_more_bits() {
    let much = |_: usize, sample: &mut Sample| {
        sample.stages.set(Stage::Recompute, Some(2000));
        sample.recomputed = 90;
        sample.cached_vectors = 10;
    };
    let rule = |samples: &[Sample], now: &Circumstances| found(samples, now, Rule::RecomputeBound);
    let told = rule(&with(much), &circumstances()).unwrap();
    assert_eq!(told.command, "ragged tune set backend.vector_cache 32MiB");
    assert!(told.finding.contains("40 %") && told.finding.contains("90 a question"), "{told:?}");
    let cold = with(|idx, sample| {
        much(idx, sample);
        sample.stages.set(Stage::Open, Some(1000));
    });
    let command = "ragged config set backend.tier fast && ragged reindex";
    assert_eq!(rule(&cold, &circumstances()).unwrap().command, command);
    let fastest = Circumstances { is_fastest_tier: true, ..circumstances() };
    assert_eq!(rule(&cold, &fastest), None);
    let little = with(|_, sample| sample.stages.set(Stage::Recompute, Some(1400)));
    assert_eq!(rule(&little, &circumstances()), None);
}

#[test]
fn walks_want_a_beam_that_fits() {
    let short = |idx: usize, sample: &mut Sample| {
        sample.strategy = "graph".to_owned();
        sample.visited = 700;
        sample.n_hits = if idx < 4 { 7 } else { 10 };
    };
    let narrow = |samples: &[Sample]| found(samples, &circumstances(), Rule::WalkTooNarrow);
    let told = narrow(&with(short)).unwrap();
    assert_eq!(told.command, "ragged tune set backend.beam_width 200");
    assert!(told.finding.contains("(4 of 20)"), "{told:?}");
    let fewer = with(|idx, sample| {
        short(idx, sample);
        sample.n_hits = if idx < 3 { 7 } else { 10 };
    });
    assert_eq!(narrow(&fewer), None);
    let scanned = with(|idx, sample| {
        short(idx, sample);
        sample.strategy = "scan".to_owned();
    });
    assert_eq!(narrow(&scanned), None);

    let slow = |_: usize, sample: &mut Sample| {
        sample.strategy = "graph".to_owned();
        sample.visited = 700;
        sample.stages.set(Stage::Vector, Some(2500));
    };
    let wide = |samples: &[Sample], beam_width: usize| {
        found(samples, &Circumstances { beam_width, ..circumstances() }, Rule::WalkTooWide)
    };
    let told = wide(&with(slow), 100).unwrap();
    assert_eq!(told.command, "ragged tune set backend.beam_width 50");
    assert!(told.evidence.contains(&("visited_per_query", 700.0)), "{told:?}");
    assert_eq!(wide(&with(slow), 50), None);
    let quick = with(|idx, sample| {
        slow(idx, sample);
        sample.stages.set(Stage::Vector, Some(1900));
    });
    assert_eq!(wide(&quick, 100), None);
    // What is too narrow already is not made narrower.
    let both = with(|idx, sample| {
        short(idx, sample);
        slow(idx, sample);
    });
    assert_eq!(wide(&both, 100), None);
}

#[test]
fn many_hits_that_take_long_want_to_be_fewer() {
    let large = |total_us: u64, kind: Kind| {
        with(move |idx, sample| {
            if idx < 5 {
                sample.k = 200;
                sample.total_us = total_us;
                sample.kind = kind;
            }
        })
    };
    let rule = |samples: &[Sample]| found(samples, &circumstances(), Rule::LargeResults);
    assert_eq!(rule(&large(9000, Kind::Search)).unwrap().command, "ragged config set search.k 10");
    assert_eq!(rule(&large(9000, Kind::Query)).unwrap().command, "ragged config set answer.k 10");
    assert_eq!(rule(&large(7000, Kind::Search)), None);
    let few = with(|idx, sample| {
        if idx < 4 {
            (sample.k, sample.total_us) = (200, 9000);
        }
    });
    assert_eq!(rule(&few), None);
}

#[test]
fn opening_each_time_wants_a_process_that_stays() {
    let cold = |n: usize, us: u64| {
        with(move |idx, sample| {
            if idx < n {
                sample.stages.set(Stage::Open, Some(us));
            }
        })
    };
    let rule = |samples: &[Sample]| found(samples, &circumstances(), Rule::ColdOpens);
    let told = rule(&cold(20, 20_000)).unwrap();
    assert_eq!(told.command, "ragged chat");
    assert!(told.finding.contains("20.0 ms each, beside 5.0 ms"), "{}", told.finding);
    assert_eq!(rule(&cold(20, 4_000)), None);
    assert_eq!(rule(&cold(10, 20_000)), None);
}

#[test]
fn heavy_memory_wants_caches_or_to_learn_later() {
    let heavy = |stage: Stage, is_cold: bool| {
        with(move |_, sample| {
            sample.stages.set(stage, Some(1500));
            if is_cold {
                sample.stages.set(Stage::Open, Some(10));
            }
        })
    };
    let rule = |samples: &[Sample], now: &Circumstances| found(samples, now, Rule::MemoryHeavy);
    let told = rule(&heavy(Stage::Enhance, false), &circumstances()).unwrap();
    assert_eq!(told.command, "ragged tune set memory.cache.l1_size 1000");
    assert!(told.finding.starts_with("memory takes 31 % of the time: 1.5 ms"), "{}", told.finding);
    let told = rule(&heavy(Stage::Enhance, true), &circumstances()).unwrap();
    assert_eq!(told.command, "ragged chat");
    let at_once = Circumstances { is_learning_later: false, ..circumstances() };
    let told = rule(&heavy(Stage::Record, false), &at_once).unwrap();
    assert_eq!(told.command, "ragged tune set personalisation.async_updates true");
    assert_eq!(rule(&heavy(Stage::Record, false), &circumstances()), None);
    let light = with(|_, sample| sample.stages.set(Stage::Enhance, Some(900)));
    assert_eq!(rule(&light, &circumstances()), None);
}

#[test]
fn a_slow_model_wants_to_be_smaller() {
    let generated = |n: usize, us: u64| {
        with(move |idx, sample| {
            if idx < n {
                sample.is_generated = true;
                sample.stages.set(Stage::Generate, Some(us));
                sample.total_us = 5000 + us;
            }
        })
    };
    let now = Circumstances { generator: "ollama:tiny".to_owned(), ..circumstances() };
    let rule =
        |samples: &[Sample], now: &Circumstances| found(samples, now, Rule::GenerationDominates);
    let told = rule(&generated(20, 400_000), &now).unwrap();
    assert_eq!(told.command, "ragged config set answer.generator extractive");
    assert!(told.finding.starts_with("ollama:tiny words answers in 400 ms"), "{}", told.finding);
    assert_eq!(rule(&generated(20, 4_000), &now), None);
    assert_eq!(rule(&generated(4, 400_000), &now), None);
    assert_eq!(rule(&generated(20, 400_000), &circumstances()), None);
}

// ------------------------------------------------------------------------------------------ store

fn small() -> Bounds {
    Bounds { data_bytes: 200_000, log_bytes: 800_000, age_ms: 24 * HOUR_MS }
}

#[test]
fn what_was_written_is_read() {
    let folder = tempfile::tempdir().unwrap();
    assert!(SampleStore::open_existing(folder.path(), small()).unwrap().is_none());
    let mut store = SampleStore::open(folder.path(), small()).unwrap();
    let mut full = sample(NOW_MS);
    full.digest = Some([9; 16]);
    full.interaction = Some("ab".repeat(16));
    (full.k, full.n_hits, full.recomputed, full.cached_vectors, full.visited) = (10, 9, 3, 2, 1);
    (full.from_cache, full.is_generated, full.strategy) = (true, true, "graph".to_owned());
    let samples = [full, Sample::ingest(NOW_MS + 1, 5000, 3, 8), sample(NOW_MS + 2)];
    let used = CacheUse { cache: "l1", hits: 4, misses: 2, evictions: 0 };
    store.append(&samples, &[used, used], 5, NOW_MS).unwrap();
    assert_eq!(store.samples(NOW_MS..NOW_MS + 3).unwrap(), samples);
    assert_eq!(store.samples(NOW_MS..NOW_MS + 2).unwrap(), samples[..2]);
    assert_eq!(store.extent().unwrap(), (3, Some(NOW_MS..NOW_MS + 2)));

    let totals = store.totals().unwrap();
    let counter = |name: &str, label: &str| {
        let found = totals.counters.iter().find(|of| of.name == name && of.label == label);
        found.map_or(0, |counter| counter.value)
    };
    assert_eq!((counter("queries", "query"), counter("queries", "ingest")), (2, 1));
    assert_eq!((counter("cache_hits", "l1"), counter("cache_misses", "l1")), (8, 4));
    assert_eq!((counter("dropped", ""), counter("cache_evictions", "l1")), (5, 0));
    let whole = &totals.stages[0];
    assert_eq!((whole.stage, whole.sum_us), (None, 200_000));
    // 100 ms falls into the bucket that ends there.
    assert_eq!(whole.buckets[BUCKETS_US.iter().position(|us| *us == 100_000).unwrap()], 2);
    let embed = totals.stages.iter().find(|of| of.stage == Some(Stage::Embed)).unwrap();
    assert_eq!((embed.sum_us, embed.buckets.iter().sum::<u64>()), (40_000, 2));

    #[cfg(unix)]
    for suffix in ["", "-wal", "-shm"] {
        use std::os::unix::fs::PermissionsExt as _;
        let file = folder.path().join(format!("telemetry.db{suffix}"));
        assert_eq!(std::fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
    }
    assert_eq!(store.clear().unwrap(), 3);
    assert_eq!(store.extent().unwrap(), (0, None));
    assert_eq!(store.totals().unwrap(), Totals::default());
    let bytes = std::fs::read(SampleStore::path_in(folder.path())).unwrap();
    let interaction = "ab".repeat(16);
    assert!(!bytes.windows(32).any(|window| window == interaction.as_bytes()));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    /// The ring holds the newest of all that was ever added, and never takes more than it may.
    #[test]
    fn the_ring_stays_within_its_bounds(
        batches in proptest::collection::vec((1..256_usize, 0..4 * HOUR_MS), 1..40),
        reopens in any::<bool>(),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let bounds = small();
        let mut store = SampleStore::open(folder.path(), bounds).unwrap();
        let mut model: VecDeque<i64> = VecDeque::new();
        let mut now = NOW_MS;
        let mut n_added = 0;
        for (n, later) in batches {
            now += later;
            let samples: Vec<Sample> = (0..n).map(|_| {
                n_added += 1;
                let interaction = Some(format!("{n_added:032}"));
                Sample { interaction, digest: Some([7; 16]), ..sample(now) }
            }).collect();
            store.append(&samples, &[], 0, now).unwrap();
            model.extend(samples.iter().map(|sample| sample.at_ms));
            while model.front().is_some_and(|at| *at < now - bounds.age_ms) {
                model.pop_front();
            }
            prop_assert!(store.bytes() <= bounds.total_bytes(), "{}", store.bytes());
            let held = store.samples(i64::MIN..i64::MAX).unwrap();
            prop_assert!(held.len() >= n, "{} of {n}", held.len());
            let newest = model.iter().skip(model.len() - held.len());
            prop_assert!(held.iter().map(|sample| &sample.at_ms).eq(newest));
            let last = format!("{n_added:032}");
            prop_assert_eq!(held.last().unwrap().interaction.as_deref(), Some(last.as_str()));
            if reopens {
                drop(store);
                store = SampleStore::open(folder.path(), bounds).unwrap();
            }
        }
        let counters = store.totals().unwrap().counters;
        prop_assert_eq!(counters[0].value, n_added);
    }
}

#[test]
fn samples_of_interactions_are_forgotten_without_a_trace() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = SampleStore::open(folder.path(), small()).unwrap();
    let id = |n: usize| format!("{n:032}");
    let samples: Vec<Sample> = (0..40)
        .map(|n| Sample { interaction: Some(id(n % 20)), ..sample(NOW_MS) })
        .chain([sample(NOW_MS)])
        .collect();
    store.append(&samples, &[], 0, NOW_MS).unwrap();
    assert_eq!(store.interactions().unwrap().len(), 20);
    let gone: Vec<String> = (0..15).map(id).collect();
    assert_eq!(store.forget(&gone).unwrap(), 30);
    assert_eq!(store.extent().unwrap().0, 11);
    let mut left = store.interactions().unwrap();
    left.sort();
    assert_eq!(left, (15..20).map(id).collect::<Vec<_>>());
    for file in ["telemetry.db", "telemetry.db-wal"] {
        let bytes = std::fs::read(folder.path().join(file)).unwrap_or_default();
        let holds = |id: &String| bytes.windows(32).any(|window| window == id.as_bytes());
        assert!(!gone.iter().any(holds), "{file}");
    }
}

#[test]
fn the_default_bounds_are_those_that_are_promised() {
    assert!(Bounds::default().total_bytes() <= 20_000_000);
    assert_eq!(Bounds::default().age_ms, 90 * 24 * HOUR_MS);
}

/// As large as it becomes, as it is in use.
#[test]
fn a_full_ring_stays_below_twenty_megabytes() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = SampleStore::open(folder.path(), Bounds::default()).unwrap();
    let mut most = 0;
    for n in 0..500_u64 {
        // Ids are random, and so no two that follow each other are near each other.
        let batch: Vec<Sample> = (0..256_u64)
            .map(|idx| {
                let hash = blake3::hash(&(n * 256 + idx).to_le_bytes());
                let interaction = Some(hash.to_hex()[..32].to_owned());
                let digest = hash.as_bytes().first_chunk().copied();
                Sample { digest, interaction, ..sample(NOW_MS) }
            })
            .collect();
        store.append(&batch, &[], 0, NOW_MS).unwrap();
        most = most.max(store.bytes());
    }
    let (n, _) = store.extent().unwrap();
    assert!(n < 128_000, "the ring never had to make room: {n}");
    assert!(n > 40_000 && most > 12_000_000 && most <= 20_000_000, "{n} rows, {most} bytes");
    // All of it goes at once where nothing was recorded for so long.
    let later = NOW_MS + 91 * 24 * HOUR_MS;
    store.append(&[sample(later)], &[], 0, later).unwrap();
    assert_eq!(store.extent().unwrap(), (1, Some(later..later)));
    assert!(store.bytes() <= 20_000_000, "{} bytes", store.bytes());
}

#[test]
fn a_reader_that_stays_costs_samples_not_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let bounds = small();
    let mut store = SampleStore::open(folder.path(), bounds).unwrap();
    let batch: Vec<Sample> = (0..200).map(|_| sample(NOW_MS)).collect();
    store.append(&batch, &[], 0, NOW_MS).unwrap();
    let reader = rusqlite::Connection::open(SampleStore::path_in(folder.path())).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM samples").unwrap();
    let failed = (0..100).find_map(|_| store.append(&batch, &[], 0, NOW_MS).err());
    assert_eq!(failed.unwrap().kind(), ErrorKind::Busy);
    assert!(store.bytes() <= bounds.total_bytes(), "{}", store.bytes());
    reader.execute_batch("COMMIT").unwrap();
    store.append(&batch, &[], 0, NOW_MS).unwrap();
}

#[test]
fn files_that_are_not_ours_are_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = SampleStore::path_in(folder.path());
    std::fs::write(&path, vec![b'x'; 9000]).unwrap();
    let error = SampleStore::open(folder.path(), small()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.hint().unwrap().contains("delete telemetry.db"), "{error:#}");
    std::fs::remove_file(&path).unwrap();
    rusqlite::Connection::open(&path).unwrap().execute_batch("CREATE TABLE other (a)").unwrap();
    let error = SampleStore::open(folder.path(), small()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Incompatible);
    std::fs::remove_file(&path).unwrap();
    drop(SampleStore::open(folder.path(), small()).unwrap());
    rusqlite::Connection::open(&path).unwrap().execute_batch("PRAGMA user_version = 9").unwrap();
    let error = SampleStore::open(folder.path(), small()).unwrap_err();
    assert!(format!("{error:#}").contains("format 9"), "{error:#}");
}

// --------------------------------------------------------------------------------------- recorder

fn recorder(dir: &std::path::Path, writing: Writing) -> Telemetry {
    Telemetry::begin(dir, Bounds::default(), writing, Arc::new(FixedClock(NOW_MS))).unwrap()
}

fn stored(dir: &std::path::Path) -> Vec<Sample> {
    let store = SampleStore::open_existing(dir, Bounds::default()).unwrap();
    store.map_or_else(Vec::new, |store| store.samples(i64::MIN..i64::MAX).unwrap())
}

#[test]
fn samples_are_written_when_asked_for_and_at_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let telemetry = recorder(folder.path(), Writing::AtEnd);
    telemetry.note(sample(NOW_MS), Some(Box::new(|| Some([3; 16]))));
    telemetry.note_caches(&[
        CacheUse { cache: "l1", hits: 1, misses: 0, evictions: 0 },
        CacheUse { cache: "l2", hits: 0, misses: 0, evictions: 0 },
    ]);
    assert!(!SampleStore::path_in(folder.path()).exists());
    telemetry.flush().unwrap();
    assert_eq!(stored(folder.path())[0].digest, Some([3; 16]));
    assert_eq!(telemetry.with_histograms(|of| of.total().n), 1);
    telemetry.note(sample(NOW_MS + 1), None);
    drop(telemetry);
    assert_eq!(stored(folder.path()).len(), 2);
    let store = SampleStore::open(folder.path(), Bounds::default()).unwrap();
    let counters = store.totals().unwrap().counters;
    let cached: Vec<&str> =
        counters.iter().filter(|c| c.name.starts_with("cache")).map(|c| c.label.as_str()).collect();
    assert_eq!(cached, ["l1"]);
}

#[test]
fn a_question_of_nobody_is_known_again_by_who_heard_it() {
    let folder = tempfile::tempdir().unwrap();
    let telemetry = recorder(folder.path(), Writing::AtEnd);
    let digest = telemetry.digest("When does  it END?")();
    assert!(digest.is_some());
    assert_eq!(telemetry.digest(" when does it end?")(), digest);
    assert_ne!(telemetry.digest("when did it end?")(), digest);
    assert_ne!(recorder(folder.path(), Writing::AtEnd).digest("when does it end?")(), digest);
}

#[test]
fn several_processes_may_write_at_once() {
    let folder = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let telemetry = recorder(folder.path(), Writing::Beside);
                for idx in 0..300 {
                    telemetry.note(sample(NOW_MS + idx), None);
                }
                drop(telemetry);
            });
        }
    });
    assert_eq!(stored(folder.path()).len(), 1200);
}

#[test]
fn what_cannot_be_written_is_counted_and_never_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(SampleStore::path_in(folder.path())).unwrap();
    let telemetry = recorder(folder.path(), Writing::AtEnd);
    for _ in 0..5000 {
        telemetry.note(sample(NOW_MS), None);
    }
    assert_eq!(telemetry.n_lost(), 5000 - 4096);
    assert!(telemetry.flush().is_err());
    assert_eq!(telemetry.n_lost(), 5000 - 4096 + 256);
    std::fs::remove_dir(SampleStore::path_in(folder.path())).unwrap();
    telemetry.flush().unwrap();
    assert_eq!(stored(folder.path()).len(), 4096 - 256);
    let store = SampleStore::open(folder.path(), Bounds::default()).unwrap();
    let counters = store.totals().unwrap().counters;
    assert_eq!(counters[0], Counter { name: "dropped".into(), label: String::new(), value: 1160 });
}

// ------------------------------------------------------------------------------- other programs

#[test]
fn a_flame_shows_each_span_below_what_it_lies_in() {
    let frames = flame::frames(&spans(), 100_000_000);
    let row = |stage: Stage| frames.iter().find(|frame| frame.stage == Some(stage)).unwrap().row;
    assert_eq!((frames[0].stage, frames[0].end_ns, frames[0].row), (None, 100_000_000, 0));
    assert_eq!((row(Stage::Enhance), row(Stage::Retrieve), row(Stage::Generate)), (1, 1, 1));
    assert!(
        row(Stage::Recompute) > row(Stage::Vector) && row(Stage::Vector) > row(Stage::Retrieve)
    );
    assert!(row(Stage::Embed) > row(Stage::Lexical));
    for (a, b) in
        frames.iter().enumerate().flat_map(|(at, a)| frames[..at].iter().map(move |b| (a, b)))
    {
        let meet = a.start_ns < b.end_ns && b.start_ns < a.end_ns;
        assert!(!meet || a.row != b.row, "{a:?} {b:?}");
    }
    let svg = flame::svg("<a & \"b\">", &spans(), 100_000_000);
    assert!(svg.contains("&lt;a &amp; &quot;b&quot;&gt;") && !svg.contains("<a &"));
    assert!(svg.contains("<title>recompute: 15.000 ms, 15.0 %</title>"), "{svg}");
    assert!(!svg.contains("http") || svg.matches("http").count() == 1, "it needs nothing else");
    assert!(flame::svg("", &[], 0).ends_with("</svg>\n"));
}

#[test]
fn numbers_are_written_as_prometheus_reads_them() {
    let mut spread = [0; BUCKETS_US.len() + 1];
    (spread[0], spread[2], spread[BUCKETS_US.len()]) = (1, 2, 3);
    let mut histogram = Family::new("t_seconds", Meaning::Histogram, "times");
    let value = Value::Spread { buckets: spread, sum_us: 1_500_000 };
    histogram.points.push(Point { labels: vec![("stage", "embed".to_owned())], value });
    let counter = Family::new("c_total", Meaning::Counter, "back\\slash\nand line")
        .with(&[("of", "quo\"te\\ \n")], 7.0);
    let text = exposition::text(&[
        counter,
        Family::new("empty", Meaning::Gauge, "not told"),
        histogram,
        Family::new("g", Meaning::Gauge, "a gauge").with(&[], 0.5),
    ]);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "# HELP c_total back\\\\slash\\nand line");
    assert_eq!(lines[1], "# TYPE c_total counter");
    assert_eq!(lines[2], "c_total{of=\"quo\\\"te\\\\ \\n\"} 7");
    assert!(!text.contains("empty"));
    assert!(text.contains("t_seconds_bucket{stage=\"embed\",le=\"0.00025\"} 1\n"));
    assert!(text.contains("t_seconds_bucket{stage=\"embed\",le=\"0.001\"} 3\n"));
    assert!(text.contains("t_seconds_bucket{stage=\"embed\",le=\"+Inf\"} 6\n"));
    assert!(
        text.contains("t_seconds_sum{stage=\"embed\"} 1.5\nt_seconds_count{stage=\"embed\"} 6\n")
    );
    assert!(text.ends_with("g 0.5\n"));
}

fn exported() -> otlp::Exported {
    otlp::Exported {
        id: "0123456789abcdef0123456789abcdef".to_owned(),
        kind: Kind::Query,
        begun_unix_ns: 1_000_000_000,
        total_ns: 100_000_000,
        spans: spans(),
        numbers: vec![("hits", 9)],
    }
}

#[test]
fn spans_of_a_collector_know_their_parents() {
    let body = otlp::body(&[exported()]);
    let spans = body["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().unwrap();
    assert_eq!(spans.len(), 12);
    let id = |name: &str| spans.iter().find(|span| span["name"] == name).unwrap()["spanId"].clone();
    let parent = |name: &str| {
        spans.iter().find(|span| span["name"] == name).unwrap()["parentSpanId"].clone()
    };
    assert!(spans[0].get("parentSpanId").is_none());
    assert_eq!(spans[0]["endTimeUnixNano"], "1100000000");
    assert_eq!(spans[0]["attributes"][0]["value"]["intValue"], "9");
    assert_eq!((parent("vector"), parent("recompute")), (id("retrieve"), id("vector")));
    assert_eq!((parent("rerank"), parent("record")), (id("query"), id("query")));
    let ids: std::collections::BTreeSet<&str> =
        spans.iter().map(|span| span["spanId"].as_str().unwrap()).collect();
    assert!(ids.len() == 12 && ids.iter().all(|id| id.len() == 16));
}

#[test]
fn a_collector_is_sent_to_and_its_refusal_told() {
    use crate::http::{
        Patience,
        tests::{Reply, Server},
    };
    let patience = Patience { attempts: 1, pause: Duration::ZERO, ..Patience::default() };
    let server = Server::start(|_, n| {
        if n == 0 {
            Reply::json(200, &serde_json::json!({}))
        } else {
            Reply::json(400, &serde_json::json!({ "message": "no such thing" }))
        }
    });
    otlp::export(&server.url, &[], patience).unwrap();
    assert!(server.requests().is_empty());
    otlp::export(&format!("{}/", server.url), &[exported()], patience).unwrap();
    let request = &server.requests()[0];
    assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/v1/traces"));
    assert_eq!(request.json(), otlp::body(&[exported()]));
    let error = otlp::export(&server.url, &[exported()], patience).unwrap_err();
    assert!(format!("{error:#}").contains("no such thing"), "{error:#}");
}
