//! `backend`: which engine searches vectors, what it costs, and changing it.

use std::path::Path;

use anyhow::Result;
use ragged::{
    library::{
        BackendCondition, BackendState, Backup, Library, MigrateOptions, MigrationReport, Status,
        Verification, VerifyOptions,
    },
    settings::BackendKind,
};

use super::time_of_ms;
use crate::{
    cli::{
        Session,
        args::{BackendCommand, BackendName, BackupsCommand, MigrateArgs, SampleArgs},
        interrupt::Watch,
        printer::{bytes, counted, table, thousands, visible},
        progress::{self, MigrationBar},
    },
    config::{self, ConfigFile, Origin},
    failure::Outcome,
    wire,
};

/// The setting that names the backend.
const SETTING: &str = "backend.type";

impl BackendName {
    fn kind(self) -> BackendKind {
        match self {
            Self::Leann => BackendKind::Leann,
            Self::Exact => BackendKind::Exact,
            Self::Chromadb => BackendKind::Chromadb,
        }
    }
}

pub(crate) fn run(command: BackendCommand, session: &Session) -> Result<Outcome> {
    match command {
        BackendCommand::List => list(session),
        BackendCommand::Status => status(session),
        BackendCommand::Use { name, force } => select(name.kind(), force, session),
        BackendCommand::Stats { backend } => stats(backend.map(BackendName::kind), session),
        BackendCommand::Compare { names } => {
            compare(&names.into_iter().map(BackendName::kind).collect::<Vec<_>>(), session)
        }
        BackendCommand::Recommend { max_storage } => recommend(max_storage, session),
        BackendCommand::Migrate(args) => migrate(&args, session),
        BackendCommand::Verify { a, b, sample } => verify(a.kind(), b.kind(), &sample, session),
        BackendCommand::Rollback { backup, confirm } => {
            rollback(backup.as_deref(), confirm, session)
        }
        BackendCommand::Backups { command } => match command {
            BackupsCommand::List => list_backups(session),
            BackupsCommand::Clean { keep_latest, dry_run } => {
                clean_backups(keep_latest, dry_run, session)
            }
        },
        BackendCommand::Cleanup { name, confirm } => clean_up(name.kind(), confirm, session),
    }
}

/// Backends behind a network that the configuration speaks of, and may be asked.
fn configured(session: &Session) -> Vec<BackendKind> {
    let is_set = session.resolved.origins.keys().any(|name| name.starts_with("backend.chroma"));
    if is_set { vec![BackendKind::Chromadb] } else { Vec::new() }
}

fn list(session: &Session) -> Result<Outcome> {
    let printer = &session.printer;
    let library = session.existing_library()?;
    let states = library.backend_states(&configured(session))?;
    if printer.is_json() {
        printer.json(&states.iter().map(backend).collect::<Vec<_>>())?;
        return Ok(Outcome::Done);
    }
    let mut shown = table(printer, &["", "name", "available", "vectors", "current"]);
    for state in &states {
        let (available, vectors, current) = match &state.condition {
            BackendCondition::Ready(holding) => (
                "yes".to_owned(),
                thousands(holding.stats.vectors),
                if holding.is_level { "yes" } else { "no" },
            ),
            BackendCondition::NotAsked => ("not asked".to_owned(), String::new(), ""),
            BackendCondition::Unavailable(_) => ("no".to_owned(), String::new(), ""),
        };
        shown.add_row([
            if state.is_active { "→" } else { "" }.to_owned(),
            state.kind.as_str().to_owned(),
            available,
            vectors,
            current.to_owned(),
        ]);
    }
    printer.line(shown.trim_fmt())?;
    for state in &states {
        if let Some(reason) = reason(state) {
            printer.note(format!("{}: {}", state.kind.as_str(), visible(&reason)));
        }
    }
    Ok(Outcome::Done)
}

fn status(session: &Session) -> Result<Outcome> {
    let printer = &session.printer;
    let library = session.existing_library()?;
    let kind = library.settings().backend.kind;
    let state = library.backend_state(kind, &[])?;
    let generation = library.status()?.generation.0;
    let problems = library.vector_problems()?;
    let unfinished = library.unfinished_migration()?;
    let last = library.last_migration()?;
    let origin = session.resolved.origin(config::find(SETTING)?).to_string();
    let platform = format!(
        "{} {}, {}",
        std::env::consts::OS,
        std::env::consts::ARCH,
        ragged::backend::kernels()
    );
    let healthy = problems.is_empty();
    let outcome = if healthy { Outcome::Done } else { Outcome::Partial };
    if printer.is_json() {
        printer.json(&wire::BackendStatus {
            backend: backend(&state),
            origin,
            healthy,
            problems,
            library_generation: generation,
            platform,
            last_migration: last.map(|last| wire::LastMigration {
                source: last.source.as_str(),
                target: last.target.as_str(),
                ended: time_of_ms(last.ended_ms),
                chunks: last.chunks,
            }),
            unfinished_migration: unfinished.map(|found| wire::UnfinishedMigration {
                source: found.source.as_str(),
                target: found.target.as_str(),
                started: time_of_ms(found.started_ms),
                step: found.step.as_str(),
                documents_done: found.documents_done,
                documents: found.documents,
                checkpoint: found.path.display().to_string(),
            }),
        })?;
        return Ok(outcome);
    }
    let mut rows = vec![
        ("backend", format!("{} ({origin})", kind.as_str())),
        ("location", state.location.clone()),
    ];
    if let BackendCondition::Ready(holding) = &state.condition {
        rows.push((
            "vectors",
            format!(
                "{} of {}",
                thousands(holding.stats.vectors),
                counted(library.status()?.counts.chunks, "chunk", "chunks")
            ),
        ));
        rows.push(("generation", format!("{} of {generation}", holding.generation)));
    }
    rows.push(("health", if healthy { "sound".to_owned() } else { problems.join("; ") }));
    rows.push(("platform", platform));
    if let Some(last) = last {
        rows.push((
            "migrated",
            format!(
                "from {} to {}, {}",
                last.source.as_str(),
                last.target.as_str(),
                time_of_ms(last.ended_ms)
            ),
        ));
    }
    for (name, value) in rows {
        let name = console::style(format!("{name:<11}")).dim();
        printer.line(format!("{name} {}", visible(&value)))?;
    }
    if let Some(found) = unfinished {
        printer.note(format!(
            "A migration from {source} to {target} is not finished ({} of {}): `ragged backend \
             migrate {source} {target} --resume`.",
            thousands(found.documents_done),
            counted(found.documents, "document", "documents"),
            source = found.source.as_str(),
            target = found.target.as_str(),
        ));
    }
    Ok(outcome)
}

/// A setting in the file is not used where a flag or a variable says otherwise.
fn require_file_decides(session: &Session) -> Result<()> {
    let origin = session.resolved.origin(config::find(SETTING)?);
    let hint = match &origin {
        Origin::Default | Origin::Preset(..) | Origin::File(_) => return Ok(()),
        Origin::Environment(variable) => format!("`unset {variable}`"),
        Origin::Persona(_) => format!("`ragged memory config reset {SETTING}`"),
        Origin::Flag => format!("leave out `-o {SETTING}=…`"),
    };
    Err(anyhow::Error::new(
        crate::Usage::new(format!("{SETTING} comes from the {origin}, not from the file"))
            .with_hint(hint),
    ))
}

/// Names the backend in the configuration file, and with a server what flags say of where it is:
/// the next command would look elsewhere. A token is left to the user.
fn set(session: &Session, kind: BackendKind) -> Result<()> {
    let mut file = ConfigFile::read_or_new(&session.resolved.config_path())?;
    if kind == BackendKind::Chromadb {
        for name in ["chroma.url", "chroma.tenant", "chroma.database"] {
            let key = config::find(name)?;
            if session.resolved.origin(key) == Origin::Flag {
                let value = (key.get)(&session.resolved.settings);
                file.set(name, &value)?;
                session.printer.note(format!("{name} is {value} from now on."));
            }
        }
    }
    file.set(SETTING, kind.as_str())
}

/// The same as a step of the library's work.
fn switch(session: &Session, kind: BackendKind) -> ragged::error::Result<()> {
    set(session, kind).map_err(|error| {
        let report = crate::failure::Report::of(&error);
        let failed = ragged::error::Error::new(ragged::error::ErrorKind::Io, report.message);
        match report.hint {
            Some(hint) => failed.with_hint(hint),
            None => failed,
        }
    })
}

fn select(kind: BackendKind, force: bool, session: &Session) -> Result<Outcome> {
    let printer = &session.printer;
    require_file_decides(session)?;
    let active = session.resolved.settings.backend.kind;
    let mut lacks = None;
    if Library::exists(&session.resolved.data_dir) && kind != active {
        let library = session.library()?;
        let counts = library.status()?.counts;
        let state = library.backend_state(kind, &[kind])?;
        match state.condition {
            BackendCondition::Ready(holding) if holding.is_level || counts.documents == 0 => {}
            BackendCondition::Ready(holding) => {
                lacks = Some(counts.chunks.saturating_sub(holding.stats.vectors));
                if !force {
                    let (from, to) = (active.as_str(), kind.as_str());
                    return Err(anyhow::Error::new(crate::Hinted::new(
                        format!(
                            "{to} holds {} of the library's {}, and not all changes",
                            counted(holding.stats.vectors, "vector", "vectors"),
                            counted(counts.chunks, "chunk", "chunks"),
                        ),
                        format!(
                            "`ragged backend migrate {from} {to}` fills it and then uses it; \
                             --force uses it now and fills it when the library is next used"
                        ),
                    )));
                }
            }
            BackendCondition::Unavailable(reason) => {
                return Err(anyhow::Error::new(crate::Hinted::new(
                    format!("{} cannot be used: {reason}", kind.as_str()),
                    "`ragged backend list` shows what can be used".to_owned(),
                )));
            }
            BackendCondition::NotAsked => {}
        }
    }
    set(session, kind)?;
    if printer.is_json() {
        printer.json(&serde_json::json!({
            "backend": kind.as_str(),
            "former": active.as_str(),
            "to_fill": lacks.unwrap_or(0),
        }))?;
        return Ok(Outcome::Done);
    }
    printer.line(format!("{} is used from now on.", kind.as_str()))?;
    if kind == BackendKind::Exact {
        printer.note(
            "It keeps nothing: vectors are made from the text whenever the library is opened.",
        );
    } else if lacks.is_some() {
        printer.note("What it lacks is made from the text when the library is next used.");
    }
    Ok(Outcome::Done)
}

fn stats(kind: Option<BackendKind>, session: &Session) -> Result<Outcome> {
    let printer = &session.printer;
    let library = session.existing_library()?;
    let kind = kind.unwrap_or(library.settings().backend.kind);
    let state = library.backend_state(kind, &[kind])?;
    if printer.is_json() {
        printer.json(&backend(&state))?;
        return Ok(if is_ready(&state) { Outcome::Done } else { Outcome::Partial });
    }
    let BackendCondition::Ready(holding) = &state.condition else {
        let why = reason(&state).unwrap_or_default();
        return Err(anyhow::Error::new(crate::Hinted::new(
            format!("{} cannot be used: {why}", kind.as_str()),
            "`ragged backend list` shows what can be used".to_owned(),
        )));
    };
    let per_vector = |bytes: u64| {
        if holding.stats.vectors == 0 || bytes == 0 {
            String::new()
        } else {
            format!(" ({:.1} bytes a vector)", bytes as f64 / holding.stats.vectors as f64)
        }
    };
    for (name, value) in [
        ("backend", kind.as_str().to_owned()),
        ("location", state.location.clone()),
        ("vectors", thousands(holding.stats.vectors)),
        ("tombstones", thousands(holding.stats.tombstones)),
        ("segments", thousands(holding.stats.segments)),
        ("on disk", format!("{}{}", bytes(holding.disk_bytes), per_vector(holding.disk_bytes))),
        (
            "in memory",
            format!("{}{}", bytes(holding.memory_bytes), per_vector(holding.memory_bytes)),
        ),
        ("generation", holding.generation.to_string()),
        ("current", if holding.is_level { "yes" } else { "no" }.to_owned()),
    ] {
        let name = console::style(format!("{name:<11}")).dim();
        printer.line(format!("{name} {}", visible(&value)))?;
    }
    Ok(Outcome::Done)
}

/// What a library takes with a backend.
fn sizes(state: &BackendState, status: &Status) -> Option<wire::BackendSizes> {
    let BackendCondition::Ready(holding) = &state.condition else { return None };
    let at_least = holding.stats.vectors.max(if state.kind == BackendKind::Exact {
        status.counts.chunks
    } else {
        0
    }) * (status.dims * size_of::<f32>()) as u64;
    let (vector_bytes, vectors_in) = match state.kind {
        BackendKind::Leann => (Some(holding.disk_bytes), "disk"),
        BackendKind::Exact => (Some(holding.memory_bytes), "memory"),
        // The server's protocol does not tell what it takes.
        BackendKind::Chromadb => {
            (Some(holding.stats.disk_bytes).filter(|bytes| *bytes > 0), "server")
        }
    };
    let rest = status.bytes.library + status.bytes.lexical;
    let total = vector_bytes.map(|vectors| vectors + rest);
    Some(wire::BackendSizes {
        name: state.kind.as_str(),
        vectors: holding.stats.vectors,
        text_bytes: status.bytes.library,
        words_bytes: status.bytes.lexical,
        vector_bytes,
        vector_bytes_at_least: if state.kind == BackendKind::Leann { 0 } else { at_least },
        vectors_in,
        total_bytes: total,
        bytes_per_document: total
            .filter(|_| status.counts.documents > 0)
            .map(|total| total as f64 / status.counts.documents as f64),
    })
}

fn compare(names: &[BackendKind], session: &Session) -> Result<Outcome> {
    let printer = &session.printer;
    let library = session.existing_library()?;
    let status = library.status()?;
    let states = if names.is_empty() {
        library.backend_states(&configured(session))?
    } else {
        let ask = |kind: &BackendKind| library.backend_state(*kind, &[*kind]);
        names.iter().map(ask).collect::<ragged::error::Result<Vec<_>>>()?
    };
    let mut shown = Vec::new();
    for state in &states {
        match sizes(state, &status) {
            Some(sizes) if !names.is_empty() || state.is_active || sizes.vectors > 0 => {
                shown.push(sizes);
            }
            None if !names.is_empty() => {
                let why = reason(state).unwrap_or_default();
                return Err(anyhow::Error::new(crate::Hinted::new(
                    format!("{} cannot be used: {why}", state.kind.as_str()),
                    "`ragged backend list` shows what can be used".to_owned(),
                )));
            }
            _ => {}
        }
    }
    if printer.is_json() {
        printer.json(&wire::BackendComparison {
            documents: status.counts.documents,
            chunks: status.counts.chunks,
            backends: shown,
        })?;
        return Ok(Outcome::Done);
    }
    print_comparison(session, &status, &shown)?;
    Ok(Outcome::Done)
}

fn print_comparison(
    session: &Session,
    status: &Status,
    shown: &[wire::BackendSizes],
) -> Result<()> {
    let printer = &session.printer;
    let mut header = vec![""];
    header.extend(shown.iter().map(|sizes| sizes.name));
    if shown.len() == 2 {
        header.push("difference");
    }
    let mut rows = table(printer, &header);
    let mut row = |name: &str, values: Vec<Option<u64>>, is_size: bool| {
        let shown = |value: u64| if is_size { bytes(value) } else { thousands(value) };
        let mut cells = vec![name.to_owned()];
        cells.extend(values.iter().map(|value| value.map_or("unknown".to_owned(), shown)));
        if let [a, b] = values[..] {
            cells.push(a.zip(b).map_or(String::new(), |(a, b)| difference(a, b)));
        }
        rows.add_row(cells);
    };
    let each = |of: fn(&wire::BackendSizes) -> Option<u64>| shown.iter().map(of).collect();
    row("vectors held", each(|it| Some(it.vectors)), false);
    row("vectors", each(|it| it.vector_bytes), true);
    row("text", each(|it| Some(it.text_bytes)), true);
    row("words", each(|it| Some(it.words_bytes)), true);
    row("total", each(|it| it.total_bytes), true);
    row("per document", each(|it| it.bytes_per_document.map(|bytes| bytes as u64)), true);
    printer.line(rows.trim_fmt())?;
    for sizes in shown {
        match (sizes.vectors_in, sizes.vector_bytes) {
            ("memory", _) => printer.note(format!(
                "{}: its vectors are in memory while ragged runs, none on disk.",
                sizes.name
            )),
            ("server", None) => printer.note(format!(
                "{}: the server does not tell what it takes; its vectors alone are at least {}.",
                sizes.name,
                bytes(sizes.vector_bytes_at_least)
            )),
            _ => {}
        }
        if sizes.vectors_in != "memory" && sizes.vectors < status.counts.chunks {
            printer.note(format!(
                "{} holds {} of {}.",
                sizes.name,
                thousands(sizes.vectors),
                counted(status.counts.chunks, "chunk", "chunks")
            ));
        }
    }
    Ok(())
}

/// `12.5 × as much`, `87 % less`.
fn difference(a: u64, b: u64) -> String {
    if a == b {
        "the same".to_owned()
    } else if a == 0 || b == 0 {
        String::new()
    } else if b > a {
        format!("{:.1} × as much", b as f64 / a as f64)
    } else {
        format!("{:.0} % less", 100.0 * (1.0 - b as f64 / a as f64))
    }
}

fn recommend(max_storage_mb: Option<u64>, session: &Session) -> Result<Outcome> {
    let printer = &session.printer;
    let library = session.existing_library()?;
    let status = library.status()?;
    let leann = library.backend_state(BackendKind::Leann, &[])?;
    let measured = sizes(&leann, &status)
        .filter(|sizes| status.counts.chunks > 0 && sizes.vectors == status.counts.chunks);
    let full = status.counts.chunks * (status.dims * size_of::<f32>()) as u64;
    let rest = status.bytes.library + status.bytes.lexical;
    let mut reasons =
        vec!["leann is part of ragged: nothing to install, nothing leaves this machine".to_owned()];
    match &measured {
        Some(sizes) => {
            let vectors = sizes.vector_bytes.unwrap_or(0);
            reasons.push(format!(
                "its codes of this library's {} take {}; the vectors themselves, which the others \
                 keep, are {} ({})",
                counted(status.counts.chunks, "chunk", "chunks"),
                bytes(vectors),
                bytes(full),
                difference(full, vectors)
            ));
            reasons.push(format!(
                "text, words and codes together take {}",
                bytes(sizes.total_bytes.unwrap_or(0))
            ));
        }
        None if status.counts.chunks == 0 => {
            reasons.push("the library is empty; with files in it, sizes are measured".to_owned());
        }
        None => reasons.push(format!(
            "it does not hold this library now, so its size here is not measured; the vectors \
             themselves, which the others keep, are {}",
            bytes(full)
        )),
    }
    let mut fits = None;
    if let Some(most) = max_storage_mb.map(|mb| mb.saturating_mul(1_000_000)) {
        let total = measured.as_ref().and_then(|sizes| sizes.total_bytes);
        fits = total.map(|total| total <= most);
        reasons.push(match total {
            Some(total) if total <= most => {
                let other = rest + full;
                let others = if other > most { "exceed" } else { "stay within" };
                format!(
                    "{} stays within {}; backends that keep the vectors {others} it with at least {}",
                    bytes(total),
                    bytes(most),
                    bytes(other)
                )
            }
            Some(total) => format!(
                "even so it exceeds {} by {}: `ragged remove` files, `ragged compact`, or \
                 `-o backend.tier=small`",
                bytes(most),
                bytes(total - most)
            ),
            None => format!(
                "whether it stays within {} is known when it holds the library",
                bytes(most)
            ),
        });
    }
    let otherwise = vec![
        "chromadb, where a team shares one server, or many programs write at once: one ragged \
         writes to a library at a time"
            .to_owned(),
        "chromadb, where other programs are to read the vectors".to_owned(),
        "exact, to measure what the others miss: `ragged eval DIR --mode vector --against exact`"
            .to_owned(),
    ];
    let active = library.settings().backend.kind.as_str();
    let outcome = if fits == Some(false) { Outcome::Gate } else { Outcome::Done };
    if printer.is_json() {
        let backend = BackendKind::Leann.as_str();
        printer.json(&wire::Recommendation { backend, active, reasons, otherwise, fits })?;
        return Ok(outcome);
    }
    printer.line(format!("leann{}", if active == "leann" { ", which is in use" } else { "" }))?;
    for reason in reasons {
        printer.line(format!("  • {reason}"))?;
    }
    printer.line("Another one:")?;
    for other in otherwise {
        printer.line(format!("  • {other}"))?;
    }
    if active != "leann" {
        printer.note(format!("`ragged backend migrate {active} leann` changes to it."));
    }
    Ok(outcome)
}

fn options(sample: &SampleArgs) -> VerifyOptions {
    let sample_rate = if sample.full { 1.0 } else { sample.sample_rate };
    VerifyOptions { sample_rate, seed: sample.seed, ..VerifyOptions::default() }
}

fn migrate(args: &MigrateArgs, session: &Session) -> Result<Outcome> {
    let printer = &session.printer;
    let (source, target) = (args.source.kind(), args.target.kind());
    require_file_decides(session)?;
    let library = session.existing_library()?;
    let active = library.settings().backend.kind;
    if active == target && source != target {
        return already_there(session, &library, source);
    }
    if active != source {
        return Err(anyhow::Error::new(crate::Hinted::new(
            format!("{} is in use, not {}", active.as_str(), source.as_str()),
            format!("`ragged backend migrate {} {}`", active.as_str(), target.as_str()),
        )));
    }
    let other = library.with_backend(target)?;
    if args.dry_run {
        return plan(args, session, &library, &other);
    }
    let config = session.resolved.config_path();
    let bar = MigrationBar::new(printer);
    let watch = Watch::begin();
    let report = library.migrate(
        &other,
        MigrateOptions {
            backup: !args.no_backup,
            verify: (!args.no_verify).then(|| options(&args.sample)),
            resume: args.resume,
            config: Some(&config),
        },
        &mut || switch(session, target),
        watch.cancel(),
        &|progress| bar.show(progress),
    );
    bar.finish();
    drop(watch);
    let report = report?;
    if printer.is_json() {
        printer.json(&migration(&report))?;
        return Ok(Outcome::Done);
    }
    print_migration(session, &report)?;
    Ok(Outcome::Done)
}

/// What a migration that was killed after its last step finds.
fn already_there(session: &Session, library: &Library, source: BackendKind) -> Result<Outcome> {
    let printer = &session.printer;
    // Takes away what the killed one left.
    library.unfinished_migration()?;
    let status = library.status()?;
    let target = status.backend.as_str();
    if printer.is_json() {
        printer.json(&wire::Migration {
            source: source.as_str(),
            target,
            switched: false,
            resumed: false,
            only_switch: false,
            documents: status.counts.documents,
            chunks: status.counts.chunks,
            documents_filled: 0,
            chunks_filled: 0,
            documents_per_second: None,
            seconds: 0.0,
            verification: None,
            backup: None,
        })?;
    } else {
        printer.line(format!("{target} is in use already; nothing is left to do."))?;
    }
    Ok(Outcome::Done)
}

fn plan(
    args: &MigrateArgs,
    session: &Session,
    library: &Library,
    other: &Library,
) -> Result<Outcome> {
    let printer = &session.printer;
    let plan = library.plan_migration(other)?;
    let (source, target) = (plan.source.as_str(), plan.target.as_str());
    if printer.is_json() {
        printer.json(&wire::MigrationPlan {
            source,
            target,
            target_location: plan.target_location,
            documents: plan.documents,
            chunks: plan.chunks,
            chunks_to_fill: plan.chunks_to_fill,
            backup_bytes: if args.no_backup { 0 } else { plan.source_bytes },
            only_switch: plan.is_only_switch,
            unfinished: plan.unfinished.is_some(),
            dry_run: true,
        })?;
        return Ok(Outcome::Done);
    }
    let mut step = 0;
    let mut line = |what: String| {
        step += 1;
        printer.line(format!("{step}. {}", visible(&what)))
    };
    if !args.no_backup {
        let size = match plan.source_bytes {
            0 => format!("{source} keeps nothing on this disk; the configuration file is packed"),
            size => format!("pack {} of {source}, and the configuration file", bytes(size)),
        };
        line(size)?;
    }
    if plan.is_only_switch {
        line(format!(
            "{target} keeps nothing, so nothing is filled: vectors are made from the text whenever \
             the library is opened"
        ))?;
    } else {
        line(format!(
            "make the vectors of {} of {} from the text, in {}",
            thousands(plan.chunks_to_fill),
            counted(plan.chunks, "chunk", "chunks"),
            plan.target_location
        ))?;
        if !args.no_verify {
            line(format!("compare {target} with {source}"))?;
        }
    }
    line(format!("set {SETTING} to {target}"))?;
    printer.note("Nothing was changed.");
    if let Some(found) = plan.unfinished {
        printer.note(format!(
            "A migration from {} to {} is not finished; --resume goes on with it.",
            found.source.as_str(),
            found.target.as_str()
        ));
    }
    Ok(Outcome::Done)
}

fn print_migration(session: &Session, report: &MigrationReport) -> Result<()> {
    let printer = &session.printer;
    let (source, target) = (report.source.as_str(), report.target.as_str());
    if report.is_only_switch {
        printer.line(format!(
            "{target} is used from now on. It keeps nothing, so nothing was filled."
        ))?;
    } else {
        printer.line(format!(
            "{target} is used from now on: {}, of which {} were filled from the text.",
            counted(report.documents, "document", "documents"),
            thousands(report.documents_filled)
        ))?;
    }
    if let Some(found) = &report.verification {
        printer.line(compared(found))?;
    }
    if let Some(backup) = &report.backup {
        printer.line(format!(
            "Backup: {} ({})",
            visible(&backup.path.display().to_string()),
            bytes(backup.bytes)
        ))?;
        printer.note("`ragged backend rollback --confirm` goes back.");
    }
    if !report.is_only_switch && source != BackendKind::Exact.as_str() {
        printer.note(format!(
            "{source} keeps what it has; `ragged backend cleanup {source} --confirm` deletes it."
        ));
    }
    Ok(())
}

/// A comparison that found no difference, in a line.
fn compared(found: &Verification) -> String {
    let lowest = found.lowest_score.map_or(String::new(), |score| {
        format!(", each found by its own vector with at least {:.4}", score.min(1.0))
    });
    let overlap = found.overlap.map_or(String::new(), |overlap| {
        format!(
            "; the ten nearest of {} overlap by {overlap:.3}",
            counted(found.queries, "query", "queries")
        )
    });
    format!(
        "Compared: {}, {} of them anew from their text{lowest}{overlap}.",
        counted(found.chunks, "chunk", "chunks"),
        thousands(found.sampled)
    )
}

fn verify(
    a: BackendKind,
    b: BackendKind,
    sample: &SampleArgs,
    session: &Session,
) -> Result<Outcome> {
    let printer = &session.printer;
    if a == b {
        return Err(anyhow::Error::new(
            crate::Usage::new(format!("{} is named twice", a.as_str()))
                .with_hint("`ragged backend list` shows the backends"),
        ));
    }
    let library = session.existing_library()?;
    let watch = Watch::begin();
    let open = |kind: BackendKind| -> Result<Library> {
        let opened = library.with_backend(kind)?;
        if kind == BackendKind::Exact {
            // It keeps nothing, so it is filled for the occasion.
            opened.bring_level(watch.cancel(), &mut |_, _| {})?;
        }
        Ok(opened)
    };
    let (first, second) = (open(a)?, open(b)?);
    let bar = progress::counting(printer, "chunks compared");
    let found = first.verify_against(&second, options(sample), watch.cancel(), &|done, total| {
        progress::reached(&bar, done, total);
    });
    bar.finish_and_clear();
    drop(watch);
    let found = found?;
    if printer.is_json() {
        printer.json(&wire::Verification::from(&found))?;
    } else if found.agrees() {
        printer.line(format!("{} and {} agree.", a.as_str(), b.as_str()))?;
        printer.line(compared(&found))?;
    } else {
        printer.line(format!("{} and {} differ:", a.as_str(), b.as_str()))?;
        for problem in &found.problems {
            printer.line(format!("  • {}", visible(problem)))?;
        }
    }
    Ok(if found.agrees() { Outcome::Done } else { Outcome::Gate })
}

fn rollback(path: Option<&Path>, confirm: bool, session: &Session) -> Result<Outcome> {
    let printer = &session.printer;
    require_file_decides(session)?;
    let library = session.existing_library()?;
    let found = library.find_backup(path)?;
    let left = library.settings().backend.kind;
    if !confirm {
        if printer.is_json() {
            printer.json(&wire::Rollback {
                restored: found.source.as_str(),
                left: left.as_str(),
                files_restored: false,
                note: None,
                vectors: 0,
                seconds: 0.0,
                done: false,
                backup: backup(&found),
            })?;
        } else {
            printer.line(format!(
                "Would go back from {} to {} as of {}.",
                left.as_str(),
                found.source.as_str(),
                time_of_ms(found.created_ms)
            ))?;
            printer.note("Nothing was changed; add --confirm to do it. Documents are not touched.");
        }
        return Ok(Outcome::Done);
    }
    let bar = progress::counting(printer, "chunks");
    let watch = Watch::begin();
    let report = library.rollback(
        &found,
        &mut |kind| switch(session, kind),
        watch.cancel(),
        &mut |done, total| {
            progress::reached(&bar, done, total);
        },
    );
    bar.finish_and_clear();
    drop(watch);
    let report = report?;
    if printer.is_json() {
        printer.json(&wire::Rollback {
            restored: report.restored.as_str(),
            left: report.left.as_str(),
            files_restored: report.files_restored,
            note: report.note,
            vectors: report.vectors,
            seconds: report.elapsed.as_secs_f64(),
            done: true,
            backup: backup(&report.backup),
        })?;
        return Ok(Outcome::Done);
    }
    printer.line(format!(
        "{} is used again, with {}.",
        report.restored.as_str(),
        counted(report.vectors, "vector", "vectors")
    ))?;
    if let Some(note) = report.note {
        printer.note(format!("The backup's files were not used: {note}."));
    }
    Ok(Outcome::Done)
}

fn list_backups(session: &Session) -> Result<Outcome> {
    let printer = &session.printer;
    let backups = session.existing_library()?.backups();
    if printer.is_json() {
        printer.json(&backups.iter().map(backup).collect::<Vec<_>>())?;
        return Ok(Outcome::Done);
    }
    if backups.is_empty() {
        printer.note("There are no backups; `ragged backend migrate` makes one.");
        return Ok(Outcome::Done);
    }
    print_backups(session, &backups)?;
    Ok(Outcome::Done)
}

fn print_backups(session: &Session, backups: &[Backup]) -> Result<()> {
    let mut rows = table(&session.printer, &["made", "of", "before", "size", "file"]);
    for backup in backups {
        rows.add_row([
            time_of_ms(backup.created_ms),
            backup.source.as_str().to_owned(),
            backup.target.as_str().to_owned(),
            bytes(backup.bytes),
            visible(&backup.name()).into_owned(),
        ]);
    }
    session.printer.line(rows.trim_fmt())
}

fn clean_backups(keep_latest: usize, dry_run: bool, session: &Session) -> Result<Outcome> {
    let printer = &session.printer;
    let cleaned = session.existing_library()?.clean_backups(keep_latest, dry_run)?;
    if printer.is_json() {
        printer.json(&wire::CleanedBackups {
            removed: cleaned.removed.iter().map(backup).collect(),
            kept: cleaned.kept.iter().map(backup).collect(),
            dry_run,
        })?;
        return Ok(Outcome::Done);
    }
    let freed = cleaned.removed.iter().map(|backup| backup.bytes).sum();
    printer.line(format!(
        "{} {} ({}); {} kept.",
        if dry_run { "Would delete" } else { "Deleted" },
        counted(cleaned.removed.len() as u64, "backup", "backups"),
        bytes(freed),
        thousands(cleaned.kept.len() as u64)
    ))?;
    Ok(Outcome::Done)
}

fn clean_up(kind: BackendKind, confirm: bool, session: &Session) -> Result<Outcome> {
    let printer = &session.printer;
    let library = session.existing_library()?;
    let state = library.backend_state(kind, &[kind])?;
    let (vectors, on_disk) = match &state.condition {
        BackendCondition::Ready(holding) => (holding.stats.vectors, holding.disk_bytes),
        BackendCondition::NotAsked | BackendCondition::Unavailable(_) => (0, 0),
    };
    let mut freed = on_disk;
    if confirm {
        freed = library.clean_up_backend(kind)?;
    }
    if printer.is_json() {
        printer.json(&serde_json::json!({
            "backend": kind.as_str(),
            "vectors": vectors,
            "bytes": freed,
            "removed": confirm,
        }))?;
        return Ok(Outcome::Done);
    }
    let verb = if confirm { "Deleted" } else { "Would delete" };
    printer.line(format!(
        "{verb} {} of {} ({} of this disk).",
        counted(vectors, "vector", "vectors"),
        kind.as_str(),
        bytes(freed)
    ))?;
    if !confirm {
        printer.note("Nothing was deleted; add --confirm to do it.");
    }
    Ok(Outcome::Done)
}

fn is_ready(state: &BackendState) -> bool {
    matches!(state.condition, BackendCondition::Ready(_))
}

/// Why a backend is not ready.
fn reason(state: &BackendState) -> Option<String> {
    match &state.condition {
        BackendCondition::Ready(_) => None,
        BackendCondition::NotAsked => Some(
            "asking it would use the network; it is asked once a setting or a command names it"
                .to_owned(),
        ),
        BackendCondition::Unavailable(why) => Some(why.clone()),
    }
}

fn backend(state: &BackendState) -> wire::Backend {
    wire::Backend {
        name: state.kind.as_str(),
        active: state.is_active,
        available: match state.condition {
            BackendCondition::Ready(_) => Some(true),
            BackendCondition::NotAsked => None,
            BackendCondition::Unavailable(_) => Some(false),
        },
        reason: reason(state),
        location: state.location.clone(),
        holds: match &state.condition {
            BackendCondition::Ready(holding) => Some(wire::Holding {
                vectors: holding.stats.vectors,
                tombstones: holding.stats.tombstones,
                segments: holding.stats.segments,
                disk_bytes: holding.disk_bytes,
                memory_bytes: holding.memory_bytes,
                generation: holding.generation.0,
                current: holding.is_level,
            }),
            _ => None,
        },
    }
}

fn backup(backup: &Backup) -> wire::Backup {
    wire::Backup {
        path: backup.path.display().to_string(),
        bytes: backup.bytes,
        created: time_of_ms(backup.created_ms),
        source: backup.source.as_str(),
        target: backup.target.as_str(),
        generation: backup.generation.0,
        has_vectors: backup.folder.is_some(),
    }
}

fn migration(report: &MigrationReport) -> wire::Migration {
    let seconds = report.filling.as_secs_f64();
    wire::Migration {
        source: report.source.as_str(),
        target: report.target.as_str(),
        switched: true,
        resumed: report.was_resumed,
        only_switch: report.is_only_switch,
        documents: report.documents,
        chunks: report.chunks,
        documents_filled: report.documents_filled,
        chunks_filled: report.chunks_filled,
        documents_per_second: (report.documents_filled > 0 && seconds > 0.0)
            .then(|| report.documents_filled as f64 / seconds),
        seconds: report.elapsed.as_secs_f64(),
        verification: report.verification.as_ref().map(wire::Verification::from),
        backup: report.backup.as_ref().map(backup),
    }
}
