//! `search --batch`: many searches at once.

use std::{
    io::{BufRead as _, BufReader, Read},
    path::Path,
};

use anyhow::{Context as _, Result};
use console::style;
use ragged::library::{BatchResponse, SearchRequest};

use super::search::{note_if_behind, print_hits, request};
use crate::{
    cli::{
        Session,
        args::SearchArgs,
        printer::{counted, milliseconds, visible},
    },
    failure::Outcome,
    wire,
};

pub(crate) fn run(file: &Path, args: &SearchArgs, session: &Session) -> Result<Outcome> {
    let what = || format!("reading the queries in {}", file.display());
    let queries = if file == Path::new("-") {
        queries(std::io::stdin().lock()).context("reading queries from standard input")?
    } else {
        queries(std::fs::File::open(file).with_context(what)?).with_context(what)?
    };
    let library = session.existing_library()?;
    let model = request(args, &library, &session.zone()?)?;
    let requests: Vec<SearchRequest> =
        queries.into_iter().map(|query| SearchRequest { query, ..model.clone() }).collect();
    let batch = library.search_batch(&requests)?;
    let printer = &session.printer;
    if printer.is_json() {
        printer.json(&wire::SearchBatch::new(&requests, &batch))?;
        return Ok(Outcome::Done);
    }
    if let Some(first) = batch.responses.first() {
        note_if_behind(first, printer);
    }
    for (number, (request, response)) in requests.iter().zip(&batch.responses).enumerate() {
        let heading = format!("[{}] {}", number + 1, visible(&request.query));
        printer.line(style(heading).bold().to_string())?;
        if response.hits.is_empty() {
            printer.line("Nothing found.")?;
        }
        print_hits(response, args.explain, printer)?;
        printer.line("")?;
    }
    printer.note(style(summary(&batch)).for_stderr().dim().to_string());
    Ok(Outcome::Done)
}

fn summary(batch: &BatchResponse) -> String {
    let counts = batch.counts;
    format!(
        "{} in {}: {} searched together, {} from memory, {} repeated; {} recomputed where one by \
         one {} would have been",
        counted(batch.responses.len() as u64, "query", "queries"),
        milliseconds(batch.total_ms),
        counted(counts.groups, "group", "groups"),
        counts.from_cache,
        counts.repeated,
        counted(counts.recomputed_embeddings, "embedding", "embeddings"),
        counts.recomputed_alone,
    )
}

/// The queries of a file, one a line; empty lines count for nothing.
fn queries(file: impl Read) -> Result<Vec<String>> {
    let mut queries = Vec::new();
    for (number, line) in BufReader::new(file).lines().enumerate() {
        let line = line?;
        let line = line.trim();
        if line.is_empty() {
            continue;
        }
        queries.push(query(line).with_context(|| format!("line {}", number + 1))?);
    }
    Ok(queries)
}

fn query(line: &str) -> Result<String> {
    if !line.starts_with('{') {
        return Ok(line.to_owned());
    }
    // What looks like JSON and is not is a query about braces.
    let Ok(value) = serde_json::from_str::<serde_json::Value>(line) else {
        return Ok(line.to_owned());
    };
    let text = ["text", "query"].iter().find_map(|field| value.get(field)?.as_str());
    text.map(str::to_owned).ok_or_else(|| {
        let usage = crate::Usage::new("the JSON object has neither `text` nor `query`".to_owned());
        anyhow::Error::new(usage.with_hint("write one query a line, or objects with `text`"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_queries() {
        let file = "when does the lease end?\n\n  tides \n{\"_id\": 1, \"text\": \"the \\\"sea\\\"\"}\n\
                    {\"query\": \"moon\"}\n{not json}\n";
        let found = queries(file.as_bytes()).unwrap();
        assert_eq!(
            found,
            ["when does the lease end?", "tides", "the \"sea\"", "moon", "{not json}"]
        );
    }

    #[test]
    fn an_object_without_a_query_is_named() {
        let error = queries("a\n{\"id\": 1}\n".as_bytes()).unwrap_err();
        assert_eq!(format!("{error:#}"), "line 2: the JSON object has neither `text` nor `query`");
    }
}
