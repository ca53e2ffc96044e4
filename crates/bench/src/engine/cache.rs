//! Questions asked again, and what remembering costs those that are not.

use std::time::Duration;

use anyhow::Result;
use ragged::{
    library::SearchRequest,
    settings::{SearchMode, Settings},
};

use super::Corpus;
use crate::measure::{median, open, percentile, spread, timed, without_caches};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    corpus: Corpus,
    /// Rounds over all questions for the cost of a miss
    #[arg(long, default_value_t = 20)]
    rounds: usize,
}

#[expect(clippy::print_stdout, reason = "a report is what the command is for")]
pub(crate) fn run(args: &Args) -> Result<()> {
    let prepared = args.corpus.prepare()?;
    let library = open(&prepared.dir, Settings::default())?;
    let settings = library.settings().search.clone();
    // The page cache is warmed by other questions, so that the first time is a fair one.
    for question in &prepared.questions {
        library.search(&SearchRequest::new(format!("{question} again"), &settings))?;
    }
    let (mut first, mut again) = (Vec::new(), Vec::new());
    for question in &prepared.questions {
        let request = SearchRequest::new(question.as_str(), &settings);
        first.push(timed(|| library.search(&request))?.1);
        let (response, took) = timed(|| library.search(&request))?;
        anyhow::ensure!(response.from_cache, "the second answer did not come from memory");
        again.push(took);
    }
    println!("first time:  {}", spread(&mut first));
    println!("once more:   {}", spread(&mut again));
    println!(
        "ratio of medians {:.2} %; {:?}",
        100.0 * percentile(&mut again, 50) / percentile(&mut first, 50),
        library.caches(),
    );

    // Every question is new to both, and they take turns; words alone, to have little noise.
    let forgetful = open(&prepared.dir, without_caches())?;
    let mut differences = Vec::new();
    for round in 0..args.rounds {
        for (at, question) in prepared.questions.iter().enumerate() {
            let request = SearchRequest {
                mode: SearchMode::Lexical,
                ..SearchRequest::new(format!("{question} {round}"), &settings)
            };
            let (mut with, mut without) = (Duration::ZERO, Duration::ZERO);
            // The one that goes second finds the processor's caches warm.
            for turn in [(at + round) % 2, (at + round + 1) % 2] {
                if turn == 0 {
                    with = timed(|| library.search(&request))?.1;
                } else {
                    without = timed(|| forgetful.search(&request))?.1;
                }
            }
            differences.push((with.as_secs_f64() - without.as_secs_f64()) * 1e6);
        }
    }
    let n = differences.len();
    println!(
        "a miss costs {:.1} µs more than having no cache (median of {n} differences)",
        median(&mut differences)
    );
    Ok(())
}
