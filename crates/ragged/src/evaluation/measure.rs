//! Measures of one ranking against its judgements, as `trec_eval` computes them.

use std::collections::BTreeMap;

/// Measures of a ranking, or their sums or means over queries.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Scores {
    /// Discounted cumulative gain over the ideal one, first ten. Gains are the judgements
    /// themselves, the discount is log2 of rank + 1 (Järvelin and Kekäläinen, 2002).
    pub ndcg_at_10: f64,
    /// Share of the relevant documents among the first ten.
    pub recall_at_10: f64,
    /// Share of the relevant documents among the first hundred.
    pub recall_at_100: f64,
    /// One over the rank of the first relevant document, 0 beyond ten.
    pub mrr_at_10: f64,
    /// Whether any of the first five is relevant.
    pub any_at_5: f64,
}

impl Scores {
    /// The measures of one ranking. Documents without a judgement, or with gain 0 or less, are
    /// not relevant.
    pub fn of(ranking: &[&str], judgements: &BTreeMap<String, i64>) -> Self {
        let gain = |document: &&str| judgements.get(*document).copied().unwrap_or(0).max(0) as f64;
        let gains: Vec<f64> = ranking.iter().map(gain).collect();
        let mut ideal: Vec<f64> = judgements.values().map(|gain| (*gain).max(0) as f64).collect();
        ideal.sort_by(|a, b| b.total_cmp(a));
        let n_relevant = ideal.iter().filter(|gain| **gain > 0.0).count().max(1) as f64;
        let found = |depth: usize| gains.iter().take(depth).filter(|gain| **gain > 0.0).count();
        let best = discounted(&ideal);
        Self {
            ndcg_at_10: if best > 0.0 { discounted(&gains) / best } else { 0.0 },
            recall_at_10: found(10) as f64 / n_relevant,
            recall_at_100: found(100) as f64 / n_relevant,
            mrr_at_10: gains
                .iter()
                .take(10)
                .position(|gain| *gain > 0.0)
                .map_or(0.0, |position| 1.0 / (position as f64 + 1.0)),
            any_at_5: if found(5) > 0 { 1.0 } else { 0.0 },
        }
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.ndcg_at_10 += other.ndcg_at_10;
        self.recall_at_10 += other.recall_at_10;
        self.recall_at_100 += other.recall_at_100;
        self.mrr_at_10 += other.mrr_at_10;
        self.any_at_5 += other.any_at_5;
    }

    pub(super) fn divided_by(&self, n: f64) -> Self {
        Self {
            ndcg_at_10: self.ndcg_at_10 / n,
            recall_at_10: self.recall_at_10 / n,
            recall_at_100: self.recall_at_100 / n,
            mrr_at_10: self.mrr_at_10 / n,
            any_at_5: self.any_at_5 / n,
        }
    }
}

/// Share of the first `k` places that hold relevant documents; places that a shorter ranking
/// leaves empty count. 0 for `k` of 0.
pub fn precision_at(k: usize, ranking: &[&str], judgements: &BTreeMap<String, i64>) -> f64 {
    let is_relevant = |document: &&&str| judgements.get(**document).is_some_and(|gain| *gain > 0);
    ranking.iter().take(k).filter(is_relevant).count() as f64 / k.max(1) as f64
}

fn discounted(gains: &[f64]) -> f64 {
    gains.iter().take(10).enumerate().map(|(at, gain)| gain / (at as f64 + 2.0).log2()).sum()
}

/// The smallest value that at least `percent` of the values do not exceed (nearest rank); 0 for
/// none.
///
/// ```
/// let sorted = [1.0, 2.0, 3.0, 4.0];
/// assert_eq!(ragged::evaluation::percentile(&sorted, 50.0), 2.0);
/// assert_eq!(ragged::evaluation::percentile(&sorted, 95.0), 4.0);
/// ```
pub fn percentile(sorted: &[f64], percent: f64) -> f64 {
    let rank = (percent * sorted.len() as f64 / 100.0).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).or(sorted.last()).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judgements(pairs: &[(&str, i64)]) -> BTreeMap<String, i64> {
        pairs.iter().map(|(id, gain)| ((*id).to_owned(), *gain)).collect()
    }

    #[test]
    fn a_perfect_ranking_scores_one() {
        let scores = Scores::of(&["a", "b"], &judgements(&[("a", 2), ("b", 1)]));
        let one = Scores {
            ndcg_at_10: 1.0,
            recall_at_10: 1.0,
            recall_at_100: 1.0,
            mrr_at_10: 1.0,
            any_at_5: 1.0,
        };
        assert_eq!(scores, one);
    }

    #[test]
    fn hand_computed() {
        // Gains 0, 1, 2 found at ranks 1 to 3; one relevant document is missing.
        let judged = judgements(&[("b", 1), ("c", 2), ("d", 1), ("x", 0)]);
        let scores = Scores::of(&["x", "b", "c"], &judged);
        let found = 1.0 / 3.0_f64.log2() + 2.0 / 4.0_f64.log2();
        let ideal = 2.0 + 1.0 / 3.0_f64.log2() + 1.0 / 4.0_f64.log2();
        assert!((scores.ndcg_at_10 - found / ideal).abs() < 1e-12);
        assert!((scores.recall_at_10 - 2.0 / 3.0).abs() < 1e-12);
        assert!((scores.mrr_at_10 - 0.5).abs() < 1e-12);
    }

    #[test]
    fn precision_counts_places() {
        let judged = judgements(&[("b", 1), ("c", 2), ("x", 0)]);
        assert_eq!(precision_at(4, &["x", "b", "c", "y", "b"], &judged), 0.5);
        assert_eq!(precision_at(4, &["b"], &judged), 0.25);
        assert_eq!(precision_at(0, &["b"], &judged), 0.0);
    }

    #[test]
    fn nothing_found_scores_nothing() {
        assert_eq!(Scores::of(&[], &judgements(&[("a", 1)])), Scores::default());
        assert_eq!(Scores::of(&["a"], &judgements(&[])), Scores::default());
    }

    #[test]
    fn percentiles_by_nearest_rank() {
        let values: Vec<f64> = (1..=20).map(f64::from).collect();
        assert_eq!(percentile(&values, 50.0), 10.0);
        assert_eq!(percentile(&values, 95.0), 19.0);
        assert_eq!(percentile(&values[..1], 95.0), 1.0);
        assert_eq!(percentile(&[], 95.0), 0.0);
    }
}
