//! The figures of adding and searching a folder of real files.

use std::{path::PathBuf, time::Instant};

use anyhow::{Context as _, Result};
use ragged::{
    library::{Library, SearchRequest},
    settings::SearchMode,
};

use crate::measure::{
    chunks, mean, open, open_exact, read_questions, recall, spread, without_caches,
};
use crate::program::Program;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Folder of files; `scripts/corpus/debian.py` makes one
    folder: PathBuf,
    /// Questions, one JSON object with `text` a line; `scripts/corpus/questions.py` makes them
    #[arg(long)]
    questions: PathBuf,
    /// The program [default: the one built beside this one]
    #[arg(long)]
    ragged: Option<PathBuf>,
    /// Runs over all questions
    #[arg(long, default_value_t = 3)]
    repeats: usize,
    /// One-shot searches, each a process of its own
    #[arg(long, default_value_t = 30)]
    one_shots: usize,
}

#[expect(clippy::print_stdout, reason = "a report is what the command is for")]
pub(crate) fn run(args: &Args) -> Result<()> {
    let questions = read_questions(&args.questions)?;
    let scratch = tempfile::tempdir().context("making a folder for the library")?;
    let dir = scratch.path().join("library");
    let program = Program::new(args.ragged.as_deref(), &dir)?;
    let folder = args.folder.display().to_string();

    let added = program.json(&["add", &folder])?;
    println!(
        "add: {} files ({} failed), {} chunks, {:.1} MB in {:.1} s: {:.0} files/s",
        added["added"],
        added["failed"].as_array().map_or(0, Vec::len),
        added["chunks"],
        added["bytes"].as_f64().unwrap_or_default() / 1e6,
        added["seconds"].as_f64().unwrap_or_default(),
        added["files_per_second"].as_f64().unwrap_or_default(),
    );
    let again = program.json(&["add", &folder])?;
    println!(
        "add again: {} added, {} unchanged in {:.2} s",
        again["added"],
        again["unchanged"],
        again["seconds"].as_f64().unwrap_or_default()
    );
    program.json(&["compact"])?;
    let status = program.json(&["status"])?;
    let bytes = |part: &str| status["store_bytes"][part].as_f64().unwrap_or_default();
    let text = status["text_bytes"].as_f64().unwrap_or(1.0);
    println!(
        "store: {:.1} MB for {:.1} MB of text: ratio {:.3} (text {:.3}, words {:.3}, vectors \
         {:.3}); {:.1} B a vector; {:.0} B of text a document",
        bytes("total") / 1e6,
        text / 1e6,
        bytes("total") / text,
        bytes("library") / text,
        bytes("lexical") / text,
        bytes("vectors") / text,
        status["vectors"]["bytes_per_vector"].as_f64().unwrap_or_default(),
        text / status["documents"].as_f64().unwrap_or(1.0),
    );

    // Questions come again, and what is timed is searching, not remembering.
    let library = open(&dir, without_caches())?;
    for mode in [SearchMode::Hybrid, SearchMode::Vector, SearchMode::Lexical] {
        measure(&library, &questions, mode, args.repeats)?;
    }
    print_recall(&dir, &library, &questions)?;
    drop(library);

    let mut times = Vec::new();
    for question in questions.iter().cycle().take(args.one_shots) {
        let begun = Instant::now();
        program.json(&["search", question])?;
        times.push(begun.elapsed());
    }
    println!("one-shot `ragged search`, warm page cache: {}", spread(&mut times));
    Ok(())
}

/// The vector index against exact search with the same model, over the same questions.
#[expect(clippy::print_stdout, reason = "a report is what the command is for")]
fn print_recall(dir: &std::path::Path, library: &Library, questions: &[String]) -> Result<()> {
    let exact = open_exact(dir)?;
    let (mut shares, mut recomputed) = (Vec::with_capacity(questions.len()), 0);
    for question in questions {
        let request = SearchRequest {
            mode: SearchMode::Vector,
            ..SearchRequest::new(question.as_str(), &library.settings().search)
        };
        let found = library.search(&request)?;
        let wanted = exact.search(&request)?;
        recomputed += found.counts.recomputed_embeddings;
        shares.push(recall(&chunks(&found), &chunks(&wanted)));
    }
    let (share, error) = mean(&shares);
    println!(
        "recall@10 against exact search: {share:.4} ± {error:.4} (standard error, n = {}); {:.1} \
         embeddings recomputed a query",
        shares.len(),
        recomputed as f64 / shares.len() as f64,
    );
    Ok(())
}

#[expect(clippy::print_stdout, reason = "a report is what the command is for")]
fn measure(
    library: &Library,
    questions: &[String],
    mode: SearchMode,
    repeats: usize,
) -> Result<()> {
    let mut times = Vec::with_capacity(questions.len() * repeats);
    let mut recomputed = 0;
    for round in 0..=repeats {
        for question in questions {
            let request = SearchRequest {
                mode,
                ..SearchRequest::new(question.as_str(), &library.settings().search)
            };
            let begun = Instant::now();
            let response = library.search(&request)?;
            // The first round warms the page cache.
            if round > 0 {
                times.push(begun.elapsed());
                recomputed += response.counts.recomputed_embeddings;
            }
        }
    }
    let n = times.len();
    println!(
        "search, {}: {}; {:.1} embeddings recomputed a query",
        mode.as_str(),
        spread(&mut times),
        recomputed as f64 / n.max(1) as f64
    );
    Ok(())
}
