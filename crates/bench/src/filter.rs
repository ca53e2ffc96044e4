//! What a filter costs before a search begins: asking every row, asking SQLite, remembering.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use ragged::{
    chunk::Chunk,
    collection::CollectionName,
    document::{Document, Format, OwnTime, OwnTimes, Precision, Span, TimeSource},
    embedding,
    library::{Library, SearchRequest},
    retrieval::{AllowedChunks, Filter},
    settings::{SearchMode, Settings},
    store::{NewDocument, Store, StoreConfig},
    temporal::FixedClock,
};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Documents of the library that is made, one file each
    #[arg(long, default_value_t = 10_000)]
    documents: u64,
    /// Times that each filter is asked
    #[arg(long, default_value_t = 20)]
    repeats: usize,
}

/// Nanoseconds between the times of two documents.
const STEP_NS: i64 = 1_000_000_000;
/// Documents written in one transaction.
const BATCH: u64 = 5000;

#[expect(clippy::print_stdout, reason = "a report is what the command is for")]
pub(crate) fn run(args: &Args) -> Result<()> {
    let scratch = tempfile::tempdir().context("making a folder for the library")?;
    fill(&scratch.path().join("library.db"), args.documents)?;
    let library = Library::open(
        scratch.path(),
        Settings::default(),
        Arc::new(embedding::builtin()?),
        Arc::new(FixedClock(0)),
    )?;
    println!(
        "{} documents, {} repeats; median milliseconds\n\n{:<34}{:>10}{:>12}{:>12}{:>14}",
        args.documents, args.repeats, "filter", "admitted", "every row", "SQLite", "remembered"
    );
    let last_tenth = i64::try_from(args.documents).unwrap_or(i64::MAX) / 10 * 9 * STEP_NS;
    let newest = i64::try_from(args.documents).unwrap_or(i64::MAX).saturating_sub(100) * STEP_NS;
    for (name, filter) in [
        ("--collection small (1 %)", Filter::new().with_collections(&["small"])?),
        ("--collection default (89 %)", Filter::new().with_collections(&["default"])?),
        ("--type pdf (10 %)", Filter::new().with_types(&["pdf"])?),
        ("--since, the last tenth", Filter::new().with_period(Some(last_tenth), None)),
        ("--since, the last 100", Filter::new().with_period(Some(newest), None)),
        ("--path of a folder (1 %)", Filter::new().with_paths(&["/home/ada/folder-7"])?),
        ("--path of all", Filter::new().with_paths(&["/home/ada"])?),
        (
            "--collection middle --type md",
            Filter::new().with_collections(&["middle"])?.with_types(&["md"])?,
        ),
    ] {
        let (slow, admitted) = median(args.repeats, || {
            let begun = Instant::now();
            let allowed = every_row(&library, &filter)?;
            Ok((begun.elapsed().as_secs_f64() * 1000.0, allowed.count()))
        })?;
        let ask = || -> Result<(f64, u64)> {
            let request = SearchRequest {
                mode: SearchMode::Lexical,
                filter: filter.clone(),
                ..SearchRequest::new("nothing", &library.settings().search)
            };
            let response = library.search(&request)?;
            Ok((response.timings.filter, response.plan.allowed_chunks.unwrap_or_default()))
        };
        let (worked_out, found) = median(args.repeats, || {
            // A change of the library, so that nothing is remembered.
            library.store().begin()?.commit()?;
            ask()
        })?;
        ensure!(found == admitted, "{name}: {found} chunks, {admitted} by every row");
        let (remembered, _) = median(args.repeats, ask)?;
        println!("{name:<34}{admitted:>10}{slow:>12.3}{worked_out:>12.3}{remembered:>14.4}");
    }
    Ok(())
}

/// The slow twin.
fn every_row(library: &Library, filter: &Filter) -> Result<AllowedChunks> {
    let reader = library.store().reader()?;
    let documents: BTreeMap<_, _> =
        reader.documents()?.into_iter().map(|document| (document.id, document)).collect();
    let admitted = reader.files()?.into_iter().filter_map(|file| {
        let document = documents.get(&file.document)?;
        filter.admits(document, &file).then_some(document.chunks)
    });
    Ok(AllowedChunks::from_documents(admitted.collect::<Vec<_>>()))
}

fn median(repeats: usize, mut run: impl FnMut() -> Result<(f64, u64)>) -> Result<(f64, u64)> {
    let mut times = Vec::with_capacity(repeats);
    let mut admitted = 0;
    for _ in 0..repeats.max(1) {
        let (ms, n) = run()?;
        times.push(Duration::from_secs_f64(ms / 1000.0));
        admitted = n;
    }
    times.sort_unstable();
    let middle = times.get(times.len() / 2).copied().unwrap_or_default();
    Ok((middle.as_secs_f64() * 1000.0, admitted))
}

/// Every other document says itself when it is from.
fn times(number: u64) -> OwnTimes {
    let created = (number % 2 == 1).then(|| OwnTime {
        ms: i64::try_from(number).unwrap_or(i64::MAX).saturating_mul(STEP_NS / 1_000_000),
        precision: Precision::Moment,
        source: TimeSource::FrontMatter,
    });
    OwnTimes { created, modified: None }
}

/// A library of short documents in 100 folders, one folder in `small`, ten in `middle`.
fn fill(path: &std::path::Path, documents: u64) -> Result<()> {
    let store = Store::open(path, StoreConfig::default())?;
    let [small, middle]: [CollectionName; 2] = ["small".parse()?, "middle".parse()?];
    let default = CollectionName::default();
    for batch in (0..documents).collect::<Vec<_>>().chunks(BATCH as usize) {
        let reader = store.reader()?;
        let mut prepared = Vec::new();
        for number in batch {
            let text = format!("Document number {number} of a library that is filtered.");
            let document = Document {
                // Not in step with the folders.
                format: if number / 100 % 10 == 0 { Format::Pdf } else { Format::Markdown },
                code_language: None,
                title: None,
                text: text.clone(),
                blocks: Vec::new(),
                pages: None,
                times: times(*number),
            };
            let chunk = Chunk {
                ordinal: 0,
                span: Span::new(0, text.len()),
                lines: (1, 1),
                pages: None,
                heading: String::new(),
                tokens: 10,
            };
            let mut hash = [0; 16];
            hash[..8].copy_from_slice(&number.to_le_bytes());
            prepared.push(NewDocument::prepare(&reader, &document, hash, None, vec![chunk])?);
        }
        drop(reader);
        let mut transaction = store.begin()?;
        transaction.create_collection(&small)?;
        transaction.create_collection(&middle)?;
        for (number, document) in batch.iter().zip(&prepared) {
            let folder = number % 100;
            let collection = match folder {
                0 => &small,
                1..=10 => &middle,
                _ => &default,
            };
            let path = format!("/home/ada/folder-{folder}/notes of the year/file-{number}.md");
            // A file whose document knows its time was copied, and changed when that was.
            let own = times(*number).best();
            let modified_ns = if own.is_some() { 0 } else { i64::try_from(*number)? * STEP_NS };
            let now_ms = i64::try_from(documents)? * STEP_NS / 1_000_000;
            let (id, ..) = transaction.add_document(document, now_ms)?;
            transaction.set_file(&path, id, collection, 100, modified_ns)?;
        }
        transaction.commit()?;
    }
    Ok(())
}
