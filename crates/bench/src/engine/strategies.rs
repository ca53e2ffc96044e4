//! Every strategy over the same questions, in turn, against exact search.

use std::{collections::BTreeSet, time::Duration};

use anyhow::Result;
use ragged::{
    library::{Library, SearchRequest},
    retrieval::Filter,
    settings::Strategy,
};

use super::{Corpus, nearest};
use crate::measure::{
    chunks, mean, open, open_exact, percentile, recall, timed, vector_request, without_caches,
};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    corpus: Corpus,
    /// Questions that the slow strategies are asked
    #[arg(long, default_value_t = 60)]
    slow_questions: usize,
    /// Questions that brute force is asked
    #[arg(long, default_value_t = 5)]
    brute_questions: usize,
}

/// Beam widths of the naive walk that are tried: the first whose recall is that of a scan is
/// compared.
const NAIVE_BEAMS: [usize; 6] = [25, 50, 75, 100, 150, 200];
/// Beam widths of the walk by codes.
const GRAPH_BEAMS: [usize; 4] = [50, 75, 100, 150];
const K: usize = 10;

struct Runner {
    name: String,
    library: Library,
    strategy: Strategy,
    times: Vec<Duration>,
    recalls: Vec<f64>,
    recomputed: Vec<f64>,
    compared: Vec<f64>,
}

impl Runner {
    fn new(dir: &std::path::Path, strategy: Strategy, beam: usize) -> Result<Self> {
        let mut settings = without_caches();
        settings.backend.beam_width = beam;
        let name = match strategy {
            Strategy::Graph | Strategy::Naive => format!("{} {beam}", strategy.as_str()),
            _ => strategy.as_str().to_owned(),
        };
        Ok(Self {
            name,
            library: open(dir, settings)?,
            strategy,
            times: Vec::new(),
            recalls: Vec::new(),
            recomputed: Vec::new(),
            compared: Vec::new(),
        })
    }

    fn ask(&mut self, question: &str, wanted: &BTreeSet<u64>) -> Result<()> {
        let request = vector_request(question, K, self.strategy);
        let (response, took) = timed(|| self.library.search(&request))?;
        let counts = response.counts;
        self.times.push(took);
        self.recalls.push(recall(&chunks(&response), wanted));
        self.recomputed.push(counts.recomputed_embeddings as f64);
        self.compared.push((counts.scanned_codes + counts.visited_codes) as f64);
        Ok(())
    }

    #[expect(clippy::print_stdout, reason = "a report is what the command is for")]
    fn print(&mut self) {
        let (recall, error) = mean(&self.recalls);
        println!(
            "{:<10} p50 {:>8.2} ms  p95 {:>8.2} ms  recall@10 {recall:.4} ± {error:.4}  {:>8.1} \
             recomputed  {:>8.0} codes compared  (n = {})",
            self.name,
            percentile(&mut self.times, 50),
            percentile(&mut self.times, 95),
            mean(&self.recomputed).0,
            mean(&self.compared).0,
            self.times.len(),
        );
    }
}

#[expect(clippy::print_stdout, reason = "a report is what the command is for")]
pub(crate) fn run(args: &Args) -> Result<()> {
    let prepared = args.corpus.prepare()?;
    let exact = open_exact(&prepared.dir)?;
    let truth = nearest(&exact, &prepared.questions, K)?;
    let asked: Vec<(&str, &BTreeSet<u64>)> =
        prepared.questions.iter().map(String::as_str).zip(&truth).collect();
    let slow = &asked[..args.slow_questions.min(asked.len())];
    let brute = &asked[..args.brute_questions.min(asked.len())];

    println!(
        "vectors alone, k = 10, nothing kept between questions; strategies in turn; walks by beam \
         width"
    );
    let mut scan = Runner::new(&prepared.dir, Strategy::Scan, 100)?;
    let mut auto = Runner::new(&prepared.dir, Strategy::Auto, 100)?;
    let mut graphs = GRAPH_BEAMS
        .iter()
        .map(|beam| Runner::new(&prepared.dir, Strategy::Graph, *beam))
        .collect::<Result<Vec<_>>>()?;
    for runner in [&mut scan, &mut auto].into_iter().chain(&mut graphs) {
        for (question, wanted) in slow {
            runner.ask(question, wanted)?;
        }
        // That was to warm up.
        let beam = runner.library.settings().backend.beam_width;
        *runner = Runner::new(&prepared.dir, runner.strategy, beam)?;
    }
    for (question, wanted) in &asked {
        for runner in [&mut scan, &mut auto].into_iter().chain(&mut graphs) {
            runner.ask(question, wanted)?;
        }
    }
    for runner in [&mut scan, &mut auto].into_iter().chain(&mut graphs) {
        runner.print();
    }

    println!("the baselines beside it, over the first {} questions:", slow.len());
    let mut chosen = None;
    let (wanted_recall, _) = mean(&scan.recalls);
    for beam in NAIVE_BEAMS {
        let mut naive = Runner::new(&prepared.dir, Strategy::Naive, beam)?;
        let mut default = Runner::new(&prepared.dir, Strategy::Auto, 100)?;
        for (question, wanted) in slow {
            naive.ask(question, wanted)?;
            default.ask(question, wanted)?;
        }
        naive.print();
        default.print();
        let is_level = mean(&naive.recalls).0 >= wanted_recall - 0.002;
        chosen = Some((naive, default));
        if is_level {
            break;
        }
    }
    let mut force = Runner::new(&prepared.dir, Strategy::Exact, 100)?;
    for (question, wanted) in brute {
        force.ask(question, wanted)?;
    }
    force.print();
    if let Some((mut naive, mut default)) = chosen {
        println!(
            "default against {}: {:.1} × fewer embeddings, {:.1} × faster at p50, {:.1} × at p95; \
             against brute force: {:.0} × fewer, {:.0} × faster at p50",
            naive.name,
            mean(&naive.recomputed).0 / mean(&default.recomputed).0,
            percentile(&mut naive.times, 50) / percentile(&mut default.times, 50),
            percentile(&mut naive.times, 95) / percentile(&mut default.times, 95),
            mean(&force.recomputed).0 / mean(&default.recomputed).0,
            percentile(&mut force.times, 50) / percentile(&mut default.times, 50),
        );
    }
    filtered(&prepared.dir, &exact, &asked)
}

/// Recall and number of hits under filters that admit a share of the files.
#[expect(clippy::print_stdout, reason = "a report is what the command is for")]
fn filtered(
    dir: &std::path::Path,
    exact: &Library,
    asked: &[(&str, &BTreeSet<u64>)],
) -> Result<()> {
    let library = open(dir, without_caches())?;
    let paths: Vec<String> =
        library.store().reader()?.files()?.into_iter().map(|file| file.path).collect();
    for (share, every) in [("0.1 %", 1000), ("1 %", 100), ("10 %", 10)] {
        let patterns: Vec<String> = paths.iter().step_by(every).map(|path| literal(path)).collect();
        let filter = Filter::new().with_paths(&patterns)?;
        for strategy in [Strategy::Auto, Strategy::Scan, Strategy::Graph] {
            let (mut recalls, mut n_short, mut times) = (Vec::new(), 0, Vec::new());
            for (question, _) in asked {
                let request = SearchRequest {
                    filter: filter.clone(),
                    ..vector_request(question, K, strategy)
                };
                let wanted = chunks(&exact.search(&request)?);
                let (response, took) = timed(|| library.search(&request))?;
                let found = chunks(&response);
                n_short += usize::from(found.len() < wanted.len());
                recalls.push(recall(&found, &wanted));
                times.push(took);
            }
            println!(
                "{share:>6} of the files, {:<5} recall@10 {:.4}; fewer hits than there are: {n_short} \
                 of {}; p95 {:.2} ms",
                strategy.as_str(),
                mean(&recalls).0,
                asked.len(),
                percentile(&mut times, 95),
            );
        }
    }
    Ok(())
}

/// A pattern that matches one path.
fn literal(path: &str) -> String {
    path.chars()
        .flat_map(|c| if "*?[]{}!\\".contains(c) { vec!['[', c, ']'] } else { vec![c] })
        .collect()
}
