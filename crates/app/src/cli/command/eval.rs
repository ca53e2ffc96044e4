//! `eval`: retrieval quality on a judged set in BEIR layout.

use anyhow::Result;
use ragged::{
    evaluation::{self, EvaluationOptions},
    settings::BackendKind,
};

use crate::{
    cli::{
        Session,
        args::{Against, EvalArgs},
        interrupt::{TemporaryFolder, Watch},
        printer::{counted, milliseconds, visible},
        progress,
    },
    failure::Outcome,
    wire,
};

pub(crate) fn run(args: &EvalArgs, session: &Session) -> Result<Outcome> {
    let printer = &session.printer;
    let collection = args.collection.as_deref().map(super::collection::named).transpose()?;
    let set = evaluation::JudgedSet::read(&args.dir)?;
    let temporary = TemporaryFolder::create()?;
    let mut settings = session.resolved.settings.clone();
    // What is measured is searching, not remembering.
    settings.backend.cache_size = 0;
    settings.backend.vector_cache_bytes = 0;
    let library = session.library_in(temporary.path(), settings.clone())?;
    let options = EvaluationOptions {
        mode: args.mode.map_or(settings.search.mode, super::search::search_mode),
        max_queries: args.queries,
        collection,
    };

    let bar = progress::AddBar::new(printer, false);
    let watch = Watch::begin();
    let added = match &options.collection {
        Some(name) => library.add_virtual_in(name, set.documents(), &bar, watch.cancel()),
        None => library.add_virtual(set.documents(), &bar, watch.cancel()),
    };
    bar.finish();
    if added?.interrupted {
        printer.note("Interrupted while reading the set; nothing was measured.");
        return Ok(Outcome::Interrupted);
    }
    let exact = match args.against {
        Some(Against::Exact) => {
            let mut settings = settings;
            settings.backend.kind = BackendKind::Exact;
            // Opened over the same store: it fills itself from the same text.
            Some(session.library_in(temporary.path(), settings)?)
        }
        None => None,
    };
    let bar = progress::counting(printer, "queries");
    let evaluation =
        evaluation::evaluate(&library, exact.as_ref(), &set, &options, &mut |done, total| {
            progress::reached(&bar, done, total);
            !watch.cancel().is_cancelled()
        });
    bar.finish_and_clear();
    let evaluation = evaluation?;
    let name = args.dir.file_name().map(|name| name.to_string_lossy().into_owned());
    let scores = evaluation.scores;
    let wire = wire::Eval {
        dataset: name.unwrap_or_else(|| args.dir.display().to_string()),
        mode: options.mode.as_str(),
        collection: options.collection.as_ref().map(|name| name.as_str().to_owned()),
        model: library.embedder().identity().name.clone(),
        documents: set.n_documents(),
        chunks: library.status()?.counts.chunks,
        queries: evaluation.queries,
        judged: scores.is_some(),
        ndcg_at_10: scores.map(|scores| scores.ndcg_at_10),
        recall_at_10: scores.map(|scores| scores.recall_at_10),
        recall_at_100: scores.map(|scores| scores.recall_at_100),
        mrr_at_10: scores.map(|scores| scores.mrr_at_10),
        any_at_5: scores.map(|scores| scores.any_at_5),
        latency_ms: wire::Latency {
            p50: evaluation.latency_p50_ms,
            p95: evaluation.latency_p95_ms,
        },
        recall_vs_exact_at_10: evaluation.against_exact.map(|against| against.recall_at_10),
        recomputed_per_query: evaluation.against_exact.map(|against| against.recomputed_per_query),
    };
    if printer.is_json() {
        printer.json(&wire)?;
        return Ok(Outcome::Done);
    }
    printer.line(format!(
        "{} · {} · model {} · {}, {}, {}",
        visible(&wire.dataset),
        wire.mode,
        visible(&wire.model),
        counted(wire.documents as u64, "document", "documents"),
        counted(wire.chunks, "chunk", "chunks"),
        counted(wire.queries as u64, "query", "queries"),
    ))?;
    for (name, value) in [
        ("nDCG@10", wire.ndcg_at_10),
        ("recall@10", wire.recall_at_10),
        ("recall@100", wire.recall_at_100),
        ("MRR@10", wire.mrr_at_10),
        ("any@5", wire.any_at_5),
        ("recall@10 against exact search", wire.recall_vs_exact_at_10),
        ("embeddings recomputed a query", wire.recomputed_per_query),
    ] {
        if let Some(value) = value {
            printer.line(format!("  {name:<31} {value:.4}"))?;
        }
    }
    printer.line(format!(
        "  {:<31} p50 {}, p95 {}",
        "latency",
        milliseconds(wire.latency_ms.p50),
        milliseconds(wire.latency_ms.p95)
    ))?;
    if !wire.judged {
        printer.note("The set has no judgements, so there is no quality to report.");
    }
    Ok(Outcome::Done)
}
