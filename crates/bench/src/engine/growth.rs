//! How the time of a search grows with the library, at sizes that one folder does not reach.
//!
//! Documents are recombined from the paragraphs of the folder's own files, chosen at random from
//! a seed until each is as long as a real one: vocabulary, sentence and document lengths are those
//! of real text, only the order of paragraphs is not.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use ragged::{
    library::{Cancel, NoProgress, SearchRequest, VirtualDocument},
    settings::SearchMode,
};
use ragged_benchmark::process::folder_bytes;

use crate::measure::{open, percentile, read_questions, resident_bytes, timed, without_caches};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Folder of text files whose paragraphs are recombined
    folder: PathBuf,
    /// Questions, one JSON object with `text` a line
    #[arg(long)]
    questions: PathBuf,
    /// Numbers of documents
    #[arg(long, value_delimiter = ',', default_values_t = [1_000, 10_000, 100_000])]
    sizes: Vec<usize>,
    /// Keep the libraries below this folder and use them again
    #[arg(long)]
    libraries: Option<PathBuf>,
    /// Rounds over the questions
    #[arg(long, default_value_t = 3)]
    rounds: usize,
}

/// Documents added at once.
const ADDED_AT_ONCE: usize = 2_000;
const SEED: u64 = 20_261_125;

#[expect(clippy::print_stdout, reason = "a report is what the command is for")]
pub(crate) fn run(args: &Args) -> Result<()> {
    let questions = read_questions(&args.questions)?;
    let scratch = tempfile::tempdir().context("making a folder for the libraries")?;
    let root = args.libraries.clone().unwrap_or_else(|| scratch.path().to_path_buf());
    let (paragraphs, lengths) = paragraphs(&args.folder)?;
    println!(
        "documents recombined from {} paragraphs of {} files, seed {SEED}; hybrid, k = 10, nothing \
         kept between questions",
        paragraphs.len(),
        lengths.len()
    );
    let mut at_first = None;
    for size in &args.sizes {
        let dir = root.join(size.to_string());
        let library = open(&dir, without_caches())?;
        let mut random = fastrand::Rng::with_seed(SEED);
        let n_held = library.status()?.counts.documents;
        let mut documents = Vec::new();
        for number in 0..*size {
            let document = recombined(number, &paragraphs, &lengths, &mut random);
            // What an earlier run has added is only drawn again, to stay in step.
            if (number as u64) >= n_held {
                documents.push(document);
            }
            if documents.len() >= ADDED_AT_ONCE || (number + 1 == *size && !documents.is_empty()) {
                let batch = std::mem::take(&mut documents);
                library.add_virtual(batch, &NoProgress, &Cancel::new())?;
            }
        }
        let status = library.status()?;
        for mode in [SearchMode::Hybrid, SearchMode::Vector, SearchMode::Lexical] {
            let mut times = Vec::new();
            for round in 0..=args.rounds {
                for question in &questions {
                    let settings = &library.settings().search;
                    let request =
                        SearchRequest { mode, ..SearchRequest::new(question.as_str(), settings) };
                    let (_, took) = timed(|| library.search(&request))?;
                    if round > 0 {
                        times.push(took);
                    }
                }
            }
            let p95 = percentile(&mut times, 95);
            let growth = match (mode, at_first) {
                (SearchMode::Hybrid, None) => {
                    at_first = Some(p95);
                    String::new()
                }
                (SearchMode::Hybrid, Some(first)) => {
                    format!(", {:.2} × the first size's p95", p95 / first)
                }
                _ => String::new(),
            };
            println!(
                "{size:>7} documents, {:>7} chunks, {:<7} p50 {:>6.2} ms, p95 {p95:>6.2} ms (n = \
                 {}){growth}",
                status.counts.chunks,
                mode.as_str(),
                percentile(&mut times, 50),
                times.len(),
            );
        }
        println!(
            "{size:>7} documents: {:.1} MB of text, {:.1} MB on disk, {:.0} MB resident",
            status.counts.text_bytes as f64 / 1e6,
            folder_bytes(&dir) as f64 / 1e6,
            resident_bytes() as f64 / 1e6,
        );
    }
    Ok(())
}

fn recombined(
    number: usize,
    paragraphs: &[String],
    lengths: &[usize],
    random: &mut fastrand::Rng,
) -> VirtualDocument {
    let length = lengths[random.usize(..lengths.len())];
    let mut text = String::with_capacity(length + 512);
    while text.len() < length {
        text.push_str(&paragraphs[random.usize(..paragraphs.len())]);
        text.push_str("\n\n");
    }
    VirtualDocument { path: format!("recombined/{number}.txt"), title: String::new(), text }
}

/// The paragraphs of all text files below a folder, in order of path, and the length of each file.
fn paragraphs(folder: &Path) -> Result<(Vec<String>, Vec<usize>)> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        let entries = std::fs::read_dir(&next)
            .with_context(|| format!("reading the folder {}", next.display()))?;
        for entry in entries {
            let path = entry?.path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    let (mut paragraphs, mut lengths) = (Vec::new(), Vec::new());
    for file in files {
        let Ok(text) = std::fs::read_to_string(&file) else { continue };
        lengths.push(text.len().min(20_000));
        paragraphs.extend(
            text.split("\n\n")
                .map(str::trim)
                .filter(|paragraph| (40..4_000).contains(&paragraph.len()))
                .map(str::to_owned),
        );
    }
    anyhow::ensure!(!paragraphs.is_empty(), "{} holds no text", folder.display());
    Ok((paragraphs, lengths))
}
