//! Batches against the same questions one by one.

use anyhow::Result;
use ragged::{library::SearchRequest, settings::Strategy};
use ragged_benchmark::corpus::wordings;

use super::Corpus;
use crate::measure::{mean, median, percentile, timed, vector_request};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    corpus: Corpus,
    /// Times each batch is run
    #[arg(long, default_value_t = 5)]
    rounds: usize,
}

#[expect(clippy::print_stdout, reason = "a report is what the command is for")]
pub(crate) fn run(args: &Args) -> Result<()> {
    let prepared = args.corpus.prepare()?;
    let library = prepared.uncached()?;
    println!(
        "vectors alone, k = 10, {} chunks, nothing kept between rounds; singles on one thread, \
         batches on {} threads, in turn",
        library.status()?.counts.chunks,
        std::thread::available_parallelism().map_or(1, usize::from),
    );
    for size in [10, 100] {
        for (kind, batches) in [
            ("similar", sessions(&prepared.questions, size)),
            ("unrelated", unrelated(&prepared.questions, size)),
        ] {
            let (mut singles, mut together, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
            let (mut shared, mut alone) = (Vec::new(), Vec::new());
            for round in 0..=args.rounds {
                for batch in &batches {
                    let requests: Vec<SearchRequest> = batch
                        .iter()
                        .map(|question| vector_request(question, 10, Strategy::Auto))
                        .collect();
                    let ((), one_by_one) = timed(|| {
                        requests.iter().try_for_each(|request| library.search(request).map(drop))
                    })?;
                    let (response, at_once) = timed(|| library.search_batch(&requests))?;
                    if round == 0 {
                        continue;
                    }
                    singles.push(one_by_one);
                    together.push(at_once);
                    ratios.push(one_by_one.as_secs_f64() / at_once.as_secs_f64());
                    shared.push(response.counts.recomputed_embeddings as f64);
                    alone.push(response.counts.recomputed_alone as f64);
                }
            }
            println!(
                "{size:>3} {kind:<9} singles p50 {:>7.2} ms  batch p50 {:>7.2} ms, p95 {:>7.2} ms  \
                 ratio, median of pairs, {:.2}; embeddings {:.0} instead of {:.0} (n = {})",
                percentile(&mut singles, 50),
                percentile(&mut together, 50),
                percentile(&mut together, 95),
                median(&mut ratios),
                mean(&shared).0,
                mean(&alone).0,
                together.len(),
            );
        }
    }
    Ok(())
}

/// Questions that follow each other in the file, which have nothing to do with each other.
fn unrelated(questions: &[String], size: usize) -> Vec<Vec<String>> {
    questions.chunks_exact(size).map(<[String]>::to_vec).collect()
}

/// What a person asks who is after one thing: each question in ten wordings, with a word left out,
/// turned round, or asked for differently. A batch of a hundred holds ten such sessions.
fn sessions(questions: &[String], size: usize) -> Vec<Vec<String>> {
    let sessions: Vec<Vec<String>> = questions.iter().map(|question| wordings(question)).collect();
    let per_batch = (size / 10).max(1);
    sessions.chunks_exact(per_batch).take(20).map(<[Vec<String>]>::concat).collect()
}
