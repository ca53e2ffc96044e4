//! Whether the planner's choice is the fastest, over sizes, numbers of hits and filters.

use std::time::Duration;

use anyhow::{Context as _, Result};
use ragged::{
    library::{Keep, SearchRequest},
    retrieval::{Estimate, Filter},
    settings::Strategy,
};

use super::Corpus;
use crate::measure::{mean, median, open, vector_request, without_caches};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    corpus: Corpus,
    /// Questions a cell
    #[arg(long, default_value_t = 40)]
    questions_per_cell: usize,
}

/// One file in so many is allowed.
const SHARES: [usize; 5] = [1, 10, 100, 1_000, 5_000];
const KS: [usize; 3] = [1, 10, 50];
const WAYS: [Strategy; 3] = [Strategy::Exact, Strategy::Scan, Strategy::Graph];
/// Recomputing more than this for one question is not tried.
const MOST_RECOMPUTED: u64 = 8_000;

#[expect(clippy::print_stdout, reason = "a report is what the command is for")]
pub(crate) fn run(args: &Args) -> Result<()> {
    let prepared = args.corpus.prepare()?;
    let mut settings = without_caches();
    let probe = open(&prepared.dir, settings.clone())?
        .probe(Keep::Yes)?
        .context("the library is too small to be probed")?;
    settings.backend.costs = probe.costs;
    println!("probed: {:?} {:?}", probe.costs, probe.work);
    let library = open(&prepared.dir, settings)?;
    let paths: Vec<String> =
        library.store().reader()?.files()?.into_iter().map(|file| file.path).collect();
    let asked = &prepared.questions[..args.questions_per_cell.min(prepared.questions.len())];
    let (mut worst_choice, mut worst_count): (f64, f64) = (1.0, 0.0);
    for share in SHARES {
        let mut filter = Filter::new();
        if share > 1 {
            let patterns: Vec<&String> = paths.iter().step_by(share).collect();
            filter = filter.with_paths(&patterns)?;
        }
        for k in KS {
            let ask = |strategy, question: &str| -> Result<_> {
                let request = SearchRequest {
                    filter: filter.clone(),
                    ..vector_request(question, k, strategy)
                };
                let response = library.search(&request)?;
                Ok((Duration::from_secs_f64(response.timings.vector / 1000.0), response))
            };
            let (_, first) = ask(Strategy::Auto, &asked[0])?;
            let allowed = first.plan.allowed_chunks.unwrap_or(library.status()?.counts.chunks);
            let ways: Vec<Strategy> = WAYS
                .into_iter()
                .filter(|way| *way != Strategy::Exact || allowed <= MOST_RECOMPUTED)
                .collect();
            let mut times = vec![Vec::new(); ways.len()];
            let mut counted = vec![(Vec::new(), Vec::new()); ways.len()];
            let mut chosen = vec![0_usize; ways.len()];
            let mut auto_times = Vec::new();
            for question in asked {
                let (took, auto) = ask(Strategy::Auto, question)?;
                auto_times.push(took.as_secs_f64() * 1e6);
                if let Some(at) = ways.iter().position(|way| *way == auto.plan.vector.strategy) {
                    chosen[at] += 1;
                }
                for (at, way) in ways.iter().enumerate() {
                    let (took, response) = ask(*way, question)?;
                    times[at].push(took.as_secs_f64() * 1e6);
                    counted[at].0.push(response.counts.recomputed_embeddings as f64);
                    counted[at].1.push(
                        (response.counts.refined_codes + response.counts.visited_codes) as f64,
                    );
                }
            }
            let medians: Vec<f64> = times.iter_mut().map(|times| median(times)).collect();
            let best = medians.iter().copied().fold(f64::INFINITY, f64::min);
            let auto_us = median(&mut auto_times);
            worst_choice = worst_choice.max(auto_us / best);
            println!(
                "{allowed:>7} of the chunks allowed, k {k:>2}: the planner's choice {auto_us:>8.0} \
                 µs, {:.2} × the best",
                auto_us / best
            );
            for (at, way) in ways.iter().enumerate() {
                let estimate = first.plan.vector.estimates.iter().find(|e| e.strategy == *way);
                let (recomputed, compared) = (mean(&counted[at].0).0, mean(&counted[at].1).0);
                let predicted = |count: fn(&Estimate) -> u64| estimate.map_or(0, count) as f64;
                let by_recomputed = predicted(|e| e.counts.recomputed);
                let by_compared = predicted(|e| e.counts.refined + e.counts.visited);
                if *way != Strategy::Graph {
                    for (predicted, counted) in
                        [(by_recomputed, recomputed), (by_compared, compared)]
                    {
                        if counted > 0.0 {
                            worst_count = worst_count.max((predicted / counted - 1.0).abs());
                        }
                    }
                }
                println!(
                    "    {:<6} {:>9.0} µs (expected {:>9.0}), recomputed {recomputed:>7.1} (expected \
                     {by_recomputed:>6.0}), refined or walked {compared:>7.0} (expected \
                     {by_compared:>6.0}); chosen {} times of {}",
                    way.as_str(),
                    medians[at],
                    estimate.map_or(0.0, |estimate| estimate.us),
                    chosen[at],
                    asked.len(),
                );
            }
        }
    }
    println!(
        "worst choice: {worst_choice:.2} × the best; worst predicted count of exact and scan: off by \
         {:.0} %",
        100.0 * worst_count
    );
    Ok(())
}
