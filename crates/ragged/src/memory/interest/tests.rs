use proptest::prelude::*;

use super::*;

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-9
}

/// What is kept of hits at these minutes.
fn aggregate(minutes: &[i64]) -> Aggregate {
    let mut sums = Aggregate { n_hits: minutes.len() as u64, ..Aggregate::default() };
    for pair in minutes.windows(2) {
        let gap = gap_minutes(pair[0] * MINUTE_MS, pair[1] * MINUTE_MS);
        sums.gap_sum_minutes += gap;
        sums.gap_square_sum += gap * gap;
    }
    sums.first_seen_ms = minutes.first().map_or(0, |minute| minute * MINUTE_MS);
    sums.last_seen_ms = minutes.last().map_or(0, |minute| minute * MINUTE_MS);
    sums
}

#[test]
fn recency_falls_by_whole_calendar_days() {
    let config = InterestConfig::default();
    // Reckoned by hand: e^−0.35, e^−1.5, e^−4.5.
    for (days, expected) in [
        (0, 1.0),
        (1, 0.951_229_424_5),
        (7, 0.704_688_089_7),
        (30, 0.223_130_160_1),
        (90, 0.011_108_996_5),
    ] {
        let aggregate =
            Aggregate { n_hits: 1, last_seen_ms: 5 * DAY_MS + 1, ..Aggregate::default() };
        let found = interest(&aggregate, (5 + days) * DAY_MS, &config).recency;
        assert!(close(found, expected), "{days}: {found}");
        let late = interest(&aggregate, (6 + days) * DAY_MS - 1, &config).recency;
        assert_eq!(found, late, "constant within day {days}");
    }
    let ahead = Aggregate { n_hits: 1, last_seen_ms: i64::MAX, ..Aggregate::default() };
    assert_eq!(interest(&ahead, i64::MIN, &config).recency, 1.0);
}

#[test]
fn consistency_is_of_the_gaps() {
    let config = InterestConfig::default();
    let of = |minutes: &[i64]| interest(&aggregate(minutes), 0, &config).consistency;
    assert_eq!(of(&[]), 0.0);
    assert_eq!(of(&[5]), 0.0);
    assert_eq!(of(&[5, 10]), 0.0, "two hits show no rhythm");
    assert_eq!(of(&[5, 10, 15]), 1.0, "equal gaps");
    // Gaps 10 and 30: mean 20, deviation 10, CV 1/2.
    assert!(close(of(&[0, 10, 40]), 2.0 / 3.0));
    // Gaps 0, 0 and 60: mean 20, deviation √800, CV √2.
    assert!(close(of(&[0, 0, 0, 60]), 1.0 / (1.0 + 2_f64.sqrt())));
    assert_eq!(of(&[7, 7, 7]), 0.0, "a burst shows no rhythm");
}

#[test]
fn a_worked_example() {
    // Weight 26 quarters, last met three days ago, gaps of one, two and three days, 5 documents.
    let mut sums = aggregate(&[0, 1440, 3 * 1440, 6 * 1440]);
    sums.weight_quarters = 26;
    sums.n_documents = 5;
    let found = interest(&sums, 9 * DAY_MS, &InterestConfig::default());
    assert!(close(found.frequency, 0.65));
    assert!(close(found.recency, 0.860_707_976_4));
    // Mean 2 days, deviation √(2/3) days.
    assert!(close(found.consistency, 0.710_102_051_4));
    assert!(close(found.depth, 0.1));
    assert!(close(found.confidence, 0.642_732_803_2), "{}", found.confidence);
    assert_eq!(found.level, Level::Medium);
    let owned = Aggregate { owner: Some(0.9), ..sums };
    let owned = interest(&owned, 9 * DAY_MS, &InterestConfig::default());
    assert_eq!((owned.confidence, owned.level), (0.9, Level::High));
    assert_eq!(owned.learnt, found.learnt);
    let wrong = Aggregate { owner: Some(f64::NAN), ..sums };
    assert_eq!(interest(&wrong, 0, &InterestConfig::default()).confidence, 0.0);
}

#[test]
fn a_topic_never_met_is_of_no_interest() {
    let found = interest(&Aggregate::default(), 0, &InterestConfig::default());
    assert_eq!((found.confidence, found.level), (0.0, Level::Low));
}

#[test]
fn parts_saturate() {
    let config = InterestConfig::default();
    let sums =
        Aggregate { weight_quarters: u64::MAX, n_documents: u64::MAX, ..Aggregate::default() };
    let found = interest(&sums, 0, &config);
    assert_eq!((found.frequency, found.depth), (1.0, 1.0));
    let at = Aggregate { weight_quarters: 40, n_documents: 50, ..Aggregate::default() };
    let found = interest(&at, 0, &config);
    assert_eq!((found.frequency, found.depth), (1.0, 1.0));
    let below = Aggregate { weight_quarters: 39, n_documents: 49, ..Aggregate::default() };
    let found = interest(&below, 0, &config);
    assert_eq!((found.frequency, found.depth), (0.975, 0.98));
}

#[test]
fn ages_are_words() {
    let ago = |ms: i64| age_in_words(0, ms);
    for (ms, expected) in [
        (-5, "just now"),
        (0, "just now"),
        (MINUTE_MS, "1 minute ago"),
        (59 * MINUTE_MS, "59 minutes ago"),
        (2 * 60 * MINUTE_MS, "2 hours ago"),
        (DAY_MS - 1, "23 hours ago"),
        (DAY_MS, "1 day ago"),
        (7 * DAY_MS, "1 week ago"),
        (29 * DAY_MS, "4 weeks ago"),
        (30 * DAY_MS, "1 month ago"),
        (364 * DAY_MS, "12 months ago"),
        (365 * DAY_MS, "1 year ago"),
        (i64::MAX, "292471208 years ago"),
    ] {
        assert_eq!(ago(ms), expected, "{ms}");
    }
    assert_eq!(age_in_words(i64::MIN, i64::MAX), "292471208 years ago");
}

#[test]
fn trends_have_a_direction() {
    let config = TrendConfig { min_queries: 3, span_days: 1 };
    // With a span of one day the average is the count: the line 0, 1, 2, 3, 4 has mean 2, slope 1.
    let rising = trend(&[0, 1, 2, 3, 4], &config).unwrap();
    assert!(close(rising.score, 2.0 / 3.0));
    assert_eq!(rising.direction, Direction::Rising);
    assert!(close(rising.confidence, 10.0 / 13.0));
    let falling = trend(&[4, 3, 2, 1, 0], &config).unwrap();
    assert!(close(falling.score, -2.0 / 3.0));
    assert_eq!(falling.direction, Direction::Falling);
    let steady = trend(&[2, 2, 2], &config).unwrap();
    assert_eq!((steady.score, steady.direction), (0.0, Direction::Steady));
    assert!(close(steady.confidence, 6.0 / 9.0));
    // α = 1/2: averages 0, 2, 1, 2.5; mean 1.375, slope 0.65, R² 0.65²·5 / 3.6875.
    let wavy = trend(&[0, 4, 0, 4], &TrendConfig { span_days: 3, ..config }).unwrap();
    let change = 0.65 * 3.0 / 1.375;
    assert!(close(wavy.score, change / (1.0 + change)), "{wavy:?}");
    assert!(close(wavy.confidence, 8.0 / 11.0 * (2.1125 / 3.6875)), "{wavy:?}");
}

#[test]
fn too_little_shows_no_trend() {
    let config = TrendConfig::default();
    for counts in [&[][..], &[9], &[0, 0, 0], &[1, 0, 1]] {
        assert_eq!(trend(counts, &config), None, "{counts:?}");
    }
    assert!(trend(&[1, 1, 1], &config).is_some());
    assert_eq!(trend(&[0, 0], &TrendConfig { min_queries: 0, ..config }), None);
    assert!(trend(&[u64::MAX, u64::MAX], &config).is_some_and(|trend| trend.score == 0.0));
}

proptest! {
    #[test]
    fn e_to_the_minus_x_is_that_of_the_library(x in 0.0_f64..800.0) {
        let (own, std) = (exp_of_negative(x), (-x).exp());
        prop_assert!((own - std).abs() <= 4e-15, "{x}: {own} {std}");
        prop_assert!((0.0..=1.0).contains(&own));
    }

    #[test]
    fn more_of_anything_is_never_less_interest(
        quarters in 0..100_u64, documents in 0..100_u64, last in 0..400_i64, now in 0..400_i64,
        minutes in prop::collection::vec(0..100_000_i64, 1..8),
    ) {
        let mut minutes = minutes;
        minutes.sort_unstable();
        let config = InterestConfig::default();
        let base = Aggregate {
            weight_quarters: quarters,
            n_documents: documents,
            last_seen_ms: last * DAY_MS,
            ..aggregate(&minutes)
        };
        let at = |sums: &Aggregate, day: i64| interest(sums, day * DAY_MS, &config).confidence;
        let confidence = at(&base, now);
        prop_assert!((0.0..=1.0).contains(&confidence));
        let heavier = Aggregate { weight_quarters: quarters + 1, ..base };
        let deeper = Aggregate { n_documents: documents + 1, ..base };
        let later = Aggregate { last_seen_ms: (last + 1) * DAY_MS, ..base };
        for more in [heavier, deeper, later] {
            prop_assert!(at(&more, now) >= confidence);
        }
        prop_assert!(at(&base, now + 1) <= confidence);
        // The same gaps in another order, and drawn out, are as regular.
        let drawn: Vec<i64> = minutes.iter().map(|minute| minute * 3).collect();
        let (one, other) = (consistency(&base), consistency(&aggregate(&drawn)));
        prop_assert!((one - other).abs() < 1e-12);
    }

    #[test]
    fn a_trend_turns_with_time(counts in prop::collection::vec(0..50_u64, 2..60)) {
        let config = TrendConfig { span_days: 1, ..TrendConfig::default() };
        let mut reversed = counts.clone();
        reversed.reverse();
        match (trend(&counts, &config), trend(&reversed, &config)) {
            (Some(one), Some(other)) => {
                prop_assert!((one.score + other.score).abs() < 1e-9);
                prop_assert!(one.score.abs() < 1.0);
                prop_assert!((0.0..=1.0).contains(&one.confidence));
            }
            (one, other) => prop_assert_eq!(one, other),
        }
    }

    #[test]
    fn any_sums_give_an_interest(
        a in any::<[u64; 6]>(), b in any::<[i64; 3]>(), owner in any::<Option<f64>>(),
        rate in any::<f64>(), weights in any::<[f64; 4]>(),
    ) {
        let sums = Aggregate {
            weight_quarters: a[0], n_queries: a[1], first_seen_ms: b[0], last_seen_ms: b[1],
            n_hits: a[2], gap_sum_minutes: a[3], gap_square_sum: a[4], n_documents: a[5], owner,
        };
        let [frequency_weight, recency_weight, consistency_weight, depth_weight] = weights;
        let config = InterestConfig {
            decay_rate_per_day: rate, frequency_weight, recency_weight, consistency_weight,
            depth_weight, ..InterestConfig::default()
        };
        let found = interest(&sums, b[2], &config);
        for value in [found.frequency, found.recency, found.consistency, found.depth,
            found.learnt, found.confidence] {
            prop_assert!((0.0..=1.0).contains(&value), "{found:?}");
        }
    }
}
