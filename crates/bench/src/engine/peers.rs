//! The same vectors in a Chroma server: disk, memory, latency, recall, side by side.

use std::{collections::BTreeSet, path::PathBuf};

use anyhow::{Context as _, Result};
use ragged::{
    library::{Cancel, Library},
    settings::{BackendKind, Strategy},
};
use ragged_benchmark::{process::folder_bytes, server::Server};

use super::{Corpus, nearest};
use crate::measure::{
    chunks, mean, open, open_exact, percentile, recall, resident_bytes, timed, vector_request,
    without_caches,
};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    corpus: Corpus,
    /// The program `chroma`
    #[arg(long, default_value = "chroma")]
    chroma: PathBuf,
    /// Rounds over the questions
    #[arg(long, default_value_t = 3)]
    rounds: usize,
}

const K: usize = 10;

#[expect(clippy::print_stdout, reason = "a report is what the command is for")]
pub(crate) fn run(args: &Args) -> Result<()> {
    let prepared = args.corpus.prepare()?;
    let truth = nearest(&open_exact(&prepared.dir)?, &prepared.questions, K)?;

    let leann = prepared.uncached()?;
    let n_chunks = leann.status()?.counts.chunks;
    println!("{n_chunks} chunks of 256 dimensions; vectors alone, k = {K}, one question at a time");
    let row = measure(&leann, &prepared.questions, &truth, args.rounds)?;
    let status = leann.status()?;
    println!("leann     {row}");
    println!(
        "leann     vectors {:.1} MB on disk; text, words and all {:.1} MB; this process {:.0} MB",
        status.bytes.vectors as f64 / 1e6,
        status.bytes.total as f64 / 1e6,
        resident_bytes() as f64 / 1e6,
    );

    let folder = tempfile::tempdir().context("making a folder for Chroma")?;
    let server = Server::start(&args.chroma, folder.path())?;
    let resident = || server.memory().unwrap_or_default().resident;
    let idle = resident();
    let mut settings = without_caches();
    settings.backend.kind = BackendKind::Chromadb;
    settings.backend.chroma.url.clone_from(&server.url);
    let chroma = open(&prepared.dir, settings)?;
    // Opening has begun to fill it; this makes sure that it is level, whatever was there.
    let ((), took) = timed(|| chroma.reindex(&Cancel::new(), &mut |_, _| {}))?;
    println!(
        "chromadb  filled in {:.1} s, words included: {:.0} chunks/s",
        took.as_secs_f64(),
        n_chunks as f64 / took.as_secs_f64()
    );
    let row = measure(&chroma, &prepared.questions, &truth, args.rounds)?;
    println!("chromadb  {row}");
    println!(
        "chromadb  {:.1} MB on disk, vectors without text; server {:.0} MB, {:.0} MB before it held \
         anything",
        folder_bytes(folder.path()) as f64 / 1e6,
        resident() as f64 / 1e6,
        idle as f64 / 1e6,
    );
    Ok(())
}

fn measure(
    library: &Library,
    questions: &[String],
    truth: &[BTreeSet<u64>],
    rounds: usize,
) -> Result<String> {
    let (mut times, mut recalls) = (Vec::new(), Vec::new());
    for round in 0..=rounds {
        for (question, wanted) in questions.iter().zip(truth) {
            let request = vector_request(question, K, Strategy::Auto);
            let (response, took) = timed(|| library.search(&request))?;
            if round > 0 {
                times.push(took);
                recalls.push(recall(&chunks(&response), wanted));
            }
        }
    }
    Ok(format!(
        "p50 {:.2} ms, p95 {:.2} ms, recall@10 {:.4} (n = {})",
        percentile(&mut times, 50),
        percentile(&mut times, 95),
        mean(&recalls).0,
        times.len()
    ))
}
