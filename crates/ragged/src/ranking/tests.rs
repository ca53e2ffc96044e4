use std::borrow::Cow;

use proptest::prelude::*;

use super::{
    Adjusted, Bearing, FusedHit, PersonalPart, PersonalWeights, TimeFavour, TimePart, TimeWeights,
    adjust, personal_part, share, specificity, whole_days,
};
use crate::id::ChunkId;

const DAY_MS: i64 = 86_400_000;

fn weights() -> PersonalWeights {
    PersonalWeights { alpha: 0.3, topic: 0.5, history: 0.3, co_occurrence: 0.2, decay_rate: 0.05 }
}

fn fused(scores: &[f32]) -> Vec<FusedHit> {
    let hit = |(at, score): (usize, &f32)| FusedHit {
        chunk: ChunkId(at as u64 + 1),
        score: *score,
        vector_part: 0.0,
        lexical_part: *score,
        vector: None,
        lexical: None,
    };
    scores.iter().enumerate().map(hit).collect()
}

fn all_adjusted(
    fused: &[FusedHit],
    personal: Option<Vec<PersonalPart>>,
    time: Option<Vec<TimePart>>,
) -> Vec<Adjusted> {
    adjust(fused, personal, time).iter().map(Cow::into_owned).collect()
}

fn order(adjusted: &[Adjusted]) -> Vec<u64> {
    adjusted.iter().map(|hit| hit.fused.chunk.0).collect()
}

fn near(a: f32, b: f32) -> bool {
    (a - b).abs() < 1e-6
}

#[test]
fn each_part_alone_by_hand() {
    let nothing = personal_part(Bearing::default(), &weights());
    assert_eq!(
        (nothing.topic, nothing.history, nothing.co_occurrence, nothing.personal),
        (0.0, 0.0, 0.0, 0.0)
    );
    let topic = Bearing { topics: vec![(3, 0.2), (1, 0.4)], ..Bearing::default() };
    let part = personal_part(topic, &weights());
    assert!(near(part.topic, 0.6) && near(part.personal, 0.3), "{part:?}");
    assert_eq!(part.topics, [(3, 0.2), (1, 0.4)]);

    let history = Bearing { days_since_access: Some(14), ..Bearing::default() };
    let part = personal_part(history, &weights());
    assert!(near(part.history, (-0.7f32).exp()), "{part:?}");
    assert!(near(part.personal, 0.3 * (-0.7f32).exp()));
    let today = Bearing { days_since_access: Some(0), ..Bearing::default() };
    assert_eq!(personal_part(today, &weights()).history, 1.0);

    let pairs = Bearing { n_pairs: 4, ..Bearing::default() };
    let part = personal_part(pairs, &weights());
    assert!(near(part.co_occurrence, 0.4) && near(part.personal, 0.08), "{part:?}");
}

#[test]
fn parts_are_capped_and_what_topics_give_sums_to_their_part() {
    let bearing = Bearing {
        topics: vec![(0, 0.9), (1, 0.6), (2, 0.5)],
        days_since_access: Some(0),
        n_pairs: 40,
    };
    let part = personal_part(bearing.clone(), &weights());
    assert_eq!((part.topic, part.history, part.co_occurrence), (1.0, 1.0, 1.0));
    assert!(near(part.personal, 1.0));
    assert!(near(part.topics.iter().map(|(_, weight)| weight).sum(), 1.0));
    assert!(near(part.topics[0].1, 0.45));
}

#[test]
fn shares_above_one_are_brought_to_one() {
    let heavy = PersonalWeights { topic: 1.0, history: 1.0, co_occurrence: 0.5, ..weights() };
    assert_eq!(heavy.shares(), [0.4, 0.4, 0.2]);
    assert_eq!(weights().shares(), [0.5, 0.3, 0.2]);
    let odd = PersonalWeights { topic: f32::NAN, history: -1.0, ..weights() };
    assert_eq!(odd.shares(), [0.0, 0.0, 0.2]);
}

#[test]
fn what_is_everywhere_says_nothing() {
    assert_eq!(specificity(100, 100), 0.0);
    assert_eq!(specificity(0, 100), 0.0);
    assert_eq!(specificity(1, 1), 0.0);
    assert_eq!(specificity(1, 100), 1.0);
    assert!(near(specificity(10, 100), 0.5));
    assert!(specificity(2, 1000) > specificity(3, 1000));
}

#[test]
fn the_longer_a_question_the_less_taste_weighs() {
    for (n_words, full_words, expected) in
        [(0, 3, 0.3), (1, 3, 0.3), (3, 3, 0.3), (6, 3, 0.15), (12, 3, 0.075), (200, 0, 0.3)]
    {
        assert_eq!(share(0.3, n_words, full_words), expected, "{n_words} of {full_words}");
    }
    assert_eq!((share(7.0, 1, 3), share(f32::NAN, 1, 3)), (1.0, 0.0));
}

#[test]
fn days_are_whole_and_never_negative() {
    assert_eq!(whole_days(0, DAY_MS - 1), 0);
    assert_eq!(whole_days(0, DAY_MS), 1);
    assert_eq!(whole_days(DAY_MS, 0), 0);
    assert_eq!(whole_days(i64::MIN, i64::MAX), 106_751_991_167_i64.min(u32::MAX.into()) as u32);
}

#[test]
fn taste_moves_a_hit_only_within_the_bound() {
    let list = fused(&[0.80, 0.60, 0.50]);
    let part = |weight: f32| {
        let topics = if weight > 0.0 { vec![(0, weight)] } else { Vec::new() };
        personal_part(Bearing { topics, ..Bearing::default() }, &weights())
    };
    // 0.3 · 0.5 / 0.7 = 0.214: the second passes the first, the third does not.
    let moved = all_adjusted(&list, Some(vec![part(0.0), part(1.0), part(0.0)]), None);
    assert_eq!(order(&moved), [2, 1, 3]);
    assert!(near(moved[0].score, 0.7 * 0.6 + 0.15));
    assert_eq!(moved[0].base_position, 1);
    let kept = all_adjusted(&list, Some(vec![part(0.0), part(0.0), part(1.0)]), None);
    assert_eq!(order(&kept), [1, 3, 2]);
    // Candidates beyond those looked at stay where they are.
    let two = all_adjusted(&list, Some(vec![part(0.0), part(0.0)]), None);
    assert_eq!(order(&two), [1, 2, 3]);
    assert_eq!(two[2].personal.as_ref().map(|part| part.personal), Some(0.0));
}

#[test]
fn closeness_by_hand() {
    let weights = TimeWeights { weight: 0.2, decay_rate: 0.05 };
    let now = 1000 * DAY_MS;
    let of = |favour, day: i64| TimePart::of(favour, Some(day * DAY_MS), now, &weights).closeness;
    assert_eq!(of(TimeFavour::Recent, 1000), 1.0);
    assert_eq!(of(TimeFavour::Recent, 1001), 1.0);
    assert!(near(of(TimeFavour::Recent, 986), (-0.7f32).exp()));
    assert!(near(of(TimeFavour::Old, 986), 1.0 - (-0.7f32).exp()));
    let period = TimeFavour::Period { start_ms: 900 * DAY_MS, end_ms: 930 * DAY_MS };
    assert_eq!(of(period, 900), 1.0);
    assert_eq!(of(period, 929), 1.0);
    assert!(near(of(period, 944), (-0.7f32).exp()));
    assert!(near(of(period, 886), (-0.7f32).exp()));
    let unknown = TimePart::of(TimeFavour::Old, None, now, &weights);
    assert_eq!((unknown.closeness, unknown.document_ms), (0.0, None));
    let heavy = TimeWeights { weight: 3.0, ..weights };
    assert_eq!(TimePart::of(TimeFavour::Old, None, now, &heavy).weight, super::WEIGHT_MAX);
}

fn bearings() -> impl Strategy<Value = Bearing> {
    (
        proptest::collection::vec((0..64usize, -0.5..1.5f32), 0..6),
        proptest::option::of(0..400u32),
        0..30usize,
    )
        .prop_map(|(topics, days_since_access, n_pairs)| Bearing {
            topics,
            days_since_access,
            n_pairs,
        })
}

fn lists() -> impl Strategy<Value = Vec<FusedHit>> {
    proptest::collection::vec(0.0..=1.0f32, 1..40).prop_map(|mut scores| {
        scores.sort_by(|a, b| b.total_cmp(a));
        fused(&scores)
    })
}

fn any_weights() -> impl Strategy<Value = PersonalWeights> {
    (0.0..0.9f32, 0.0..1.0f32, 0.0..1.0f32, 0.0..1.0f32, 0.0..1.0f32).prop_map(
        |(alpha, topic, history, co_occurrence, decay_rate)| PersonalWeights {
            alpha,
            topic,
            history,
            co_occurrence,
            decay_rate,
        },
    )
}

proptest! {
    #[test]
    fn every_part_stays_between_zero_and_one(bearing in bearings(), weights in any_weights()) {
        let part = personal_part(bearing.clone(), &weights);
        for value in [part.topic, part.history, part.co_occurrence, part.personal] {
            prop_assert!((0.0..=1.0).contains(&value), "{:?}", part);
        }
        let sum: f32 = part.topics.iter().map(|(_, weight)| weight).sum();
        prop_assert!((sum - part.topic).abs() < 1e-5);
    }

    /// The bound of this module's documentation, on every pair that changed places.
    #[test]
    fn taste_alone_lifts_no_hit_past_one_that_matches_much_better(
        list in lists(),
        bearings in proptest::collection::vec(bearings(), 0..30),
        weights in any_weights(),
    ) {
        let n = bearings.len().min(list.len());
        let parts: Vec<PersonalPart> =
            bearings.iter().map(|bearing| personal_part(bearing.clone(), &weights)).collect();
        let adjusted = all_adjusted(&list, Some(parts.clone()), None);
        let most = weights.alpha / (1.0 - weights.alpha);
        for (at, upper) in adjusted.iter().enumerate() {
            for lower in adjusted.iter().skip(at + 1) {
                if upper.base_position > lower.base_position {
                    let by = lower.fused.score - upper.fused.score;
                    let taste = |hit: &Adjusted| parts[hit.base_position].personal;
                    prop_assert!(by <= most * (taste(upper) - taste(lower)) + 1e-4);
                    prop_assert!(by <= most + 1e-4);
                }
            }
        }
        // Each candidate once; those that were not looked at where they were; scores fall.
        let mut places: Vec<usize> = adjusted.iter().map(|hit| hit.base_position).collect();
        prop_assert!(places.iter().skip(n).copied().eq(n..list.len()));
        places.sort_unstable();
        prop_assert!(places.into_iter().eq(0..list.len()));
        prop_assert!(adjusted.is_sorted_by(|a, b| a.score >= b.score));
    }

    #[test]
    fn time_alone_lifts_no_hit_past_one_that_matches_much_better(
        list in lists(),
        days in proptest::collection::vec(proptest::option::of(0..4000i64), 40),
        weight in 0.0..1.0f32,
        favour in prop_oneof![
            Just(TimeFavour::Recent),
            Just(TimeFavour::Old),
            (0..4000i64, 1..400i64).prop_map(|(start, n)| TimeFavour::Period {
                start_ms: start * DAY_MS,
                end_ms: (start + n) * DAY_MS,
            }),
        ],
    ) {
        let weights = TimeWeights { weight, decay_rate: 0.05 };
        let parts: Vec<TimePart> = days
            .iter()
            .map(|day| TimePart::of(favour, day.map(|day| day * DAY_MS), 4000 * DAY_MS, &weights))
            .collect();
        let w = weight.min(super::WEIGHT_MAX);
        let adjusted = all_adjusted(&list, None, Some(parts));
        for (at, upper) in adjusted.iter().enumerate() {
            for lower in adjusted.iter().skip(at + 1) {
                if upper.base_position > lower.base_position {
                    let closeness = |hit: &Adjusted| hit.time.as_ref().map_or(0.0, |t| t.closeness);
                    let by = lower.fused.score - upper.fused.score;
                    prop_assert!(by <= w / (1.0 - w) * (closeness(upper) - closeness(lower)) + 1e-4);
                }
            }
        }
    }

    #[test]
    fn a_taste_for_nothing_keeps_the_order(list in lists(), weights in any_weights()) {
        let parts = vec![personal_part(Bearing::default(), &weights); list.len()];
        let adjusted = all_adjusted(&list, Some(parts), None);
        prop_assert!(adjusted.iter().map(|hit| hit.base_position).eq(0..list.len()));
    }
}
