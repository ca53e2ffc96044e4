//! Taking along what is remembered, and bringing it in.

mod form;
mod reading;

use std::{
    fs::{self, File},
    io::{self, BufReader, BufWriter, Write},
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::{Context as _, Result};
use indicatif::ProgressBar;
use ragged::{
    error::Error,
    memory::{
        ImportMode, InteractionFilter, Memory, Persona, PersonaDraft, PersonaMemory, TransferRow,
        audit::Operation,
    },
};

use self::form::{FormWriter, Header};
use super::record;
use crate::{
    cli::{
        Session,
        args::memory::{
            ListedArgs, OfPersona,
            export::{ExportCommand, ExportForm},
        },
        printer::{PipeClosed, bytes, counted, thousands, visible},
        progress,
    },
    failure::Outcome,
    wire::{self, transfer::Counts},
};

/// The name of standard input and output.
const STANDARD: &str = "-";
/// Rows between two looks at the clock of the progress bar.
const ROWS_A_STEP: u64 = 256;

pub(crate) fn run(command: &ExportCommand, of: &OfPersona, session: &Session) -> Result<Outcome> {
    let passphrase = of.passphrase_file.as_deref();
    let memory = match command {
        ExportCommand::Import { dry_run: false, .. } => session.memory(passphrase)?,
        _ => session.memory_to_read(passphrase)?,
    };
    let (persona, remembered) = Session::remembered(&memory, of.persona.as_deref())?;
    match command {
        ExportCommand::Export { file, since, until, form } => {
            let listed = ListedArgs { limit: 0, since: since.clone(), until: until.clone() };
            let filter = record::filter(&listed, None, &remembered)?;
            let counts = export(&persona, &remembered, &filter, file, *form, session)?;
            let n = counts.interactions.to_string();
            memory.note(Operation::Export, Some(&persona.name), &[("interactions", n)])?;
            Ok(Outcome::Done)
        }
        ExportCommand::Import { file, dry_run } => {
            let mode = if *dry_run { ImportMode::Rehearse } else { ImportMode::Keep };
            import(&memory, &persona, &remembered, file, mode, session)
        }
    }
}

/// Counts what is written, and remembers whether the reader has gone.
struct Counted<W> {
    out: W,
    n_bytes: u64,
    is_closed: bool,
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        let written = self.out.write(text);
        match &written {
            Ok(n) => self.n_bytes += *n as u64,
            Err(error) => self.is_closed |= error.kind() == io::ErrorKind::BrokenPipe,
        }
        written
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

fn export(
    persona: &Persona,
    remembered: &PersonaMemory,
    filter: &InteractionFilter,
    file: &str,
    form: ExportForm,
    session: &Session,
) -> Result<Counts> {
    let started = Instant::now();
    let job = Job { persona, remembered, filter, form, session };
    let (counts, n_bytes) = if file == STANDARD {
        let mut out = Counted { out: io::stdout().lock(), n_bytes: 0, is_closed: false };
        match job.write(&mut out) {
            Err(_) if out.is_closed => return Err(anyhow::Error::new(PipeClosed)),
            done => (done?, out.n_bytes),
        }
    } else {
        to_file(&job, Path::new(file))?
    };
    let seconds = started.elapsed().as_secs_f64();
    let printer = &session.printer;
    let is_to_file = file != STANDARD;
    if is_to_file && printer.is_json() {
        printer.json(&serde_json::json!({
            "persona": persona.name.as_str(),
            "file": file,
            "as": form.as_str(),
            "exported": counts,
            "bytes": n_bytes,
            "seconds": seconds,
        }))?;
        return Ok(counts);
    }
    let what = counted(counts.interactions, "interaction", "interactions");
    let said = format!("{what}, {} in {seconds:.2} s", bytes(n_bytes));
    if is_to_file {
        printer.line(format!("Exported {said} to {}.", visible(file)))?;
        printer
            .note("The file is not encrypted; only you may read it. Delete it when it has served.");
    } else {
        printer.note(said);
    }
    Ok(counts)
}

/// Writes beside the file and puts it in its place when it is whole; a device or a pipe is written
/// to as it is.
fn to_file(job: &Job<'_>, file: &Path) -> Result<(Counts, u64)> {
    let what = || format!("writing {}", file.display());
    let target = fs::canonicalize(file).unwrap_or_else(|_| file.to_path_buf());
    if fs::metadata(&target).is_ok_and(|known| !known.is_file() && !known.is_dir()) {
        let out = File::options().write(true).open(&target).with_context(what)?;
        let mut out = Counted { out, n_bytes: 0, is_closed: false };
        let counts = job.write(&mut out)?;
        return Ok((counts, out.n_bytes));
    }
    if target.is_dir() {
        return Err(crate::Usage::new(format!("{} is a folder", file.display()))
            .with_hint("name a file in it")
            .into());
    }
    let dir = match target.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir.to_path_buf(),
        _ => PathBuf::from("."),
    };
    // Readable by its owner alone from the first byte on.
    let unfinished =
        tempfile::Builder::new().prefix(".ragged-export").tempfile_in(&dir).with_context(what)?;
    let mut out = Counted { out: unfinished, n_bytes: 0, is_closed: false };
    let counts = job.write(&mut out)?;
    out.out.as_file().sync_all().with_context(what)?;
    out.out.persist(&target).map_err(|error| error.error).with_context(what)?;
    Ok((counts, out.n_bytes))
}

struct Job<'a> {
    persona: &'a Persona,
    remembered: &'a PersonaMemory,
    filter: &'a InteractionFilter,
    form: ExportForm,
    session: &'a Session,
}

impl Job<'_> {
    fn write(&self, out: &mut impl Write) -> Result<Counts> {
        let writer = FormWriter::new(self.form, BufWriter::with_capacity(1 << 17, out));
        let writer = std::cell::RefCell::new(writer);
        let mut counts = Counts::from(&ragged::memory::TransferCounts::default());
        let bar = progress::counting(&self.session.printer, "interactions");
        let mut n_done = 0;
        let done = self.remembered.export(
            self.filter,
            |will_come| {
                counts = Counts::from(will_come);
                bar.set_length(will_come.interactions);
                let mut header = Header::new(wire::transfer::Persona::from(self.persona), now());
                header.total = will_come.interactions;
                header.since = self.filter.since_ms.map(wire::moment);
                header.until = self.filter.until_ms.map(wire::moment);
                writer.borrow_mut().begin(&header).map_err(Error::io)
            },
            |row| {
                if matches!(row, TransferRow::Interaction(_)) {
                    step(&bar, &mut n_done);
                }
                writer.borrow_mut().row(&row.into()).map_err(Error::io)
            },
        );
        bar.finish_and_clear();
        done?;
        writer.into_inner().finish()?.flush()?;
        Ok(counts)
    }
}

fn step(bar: &ProgressBar, n_done: &mut u64) {
    *n_done += 1;
    if n_done.is_multiple_of(ROWS_A_STEP) {
        bar.set_position(*n_done);
    }
}

fn now() -> String {
    jiff::Timestamp::now().round(jiff::Unit::Second).unwrap_or_default().to_string()
}

fn import(
    memory: &Memory,
    persona: &Persona,
    remembered: &PersonaMemory,
    file: &str,
    mode: ImportMode,
    session: &Session,
) -> Result<Outcome> {
    let printer = &session.printer;
    let bar = progress::waiting(printer, "importing");
    let mut said = None;
    let report = remembered.import(mode, |import| {
        let read = if file == STANDARD {
            reading::read(io::stdin().lock(), import)
        } else {
            let text = File::open(file).map_err(Error::io)?;
            reading::read(BufReader::with_capacity(1 << 17, text), import)
        };
        said = Some(read?);
        Ok(())
    });
    bar.finish_and_clear();
    let report = report.with_context(|| format!("importing {}", visible(file)))?;
    let is_described = match said {
        Some(said) if persona.draft == PersonaDraft::default() => {
            let draft = said.draft()?;
            let differs = draft != persona.draft;
            if differs && mode == ImportMode::Keep {
                memory.edit_persona(&persona.name, &draft)?;
            }
            differs
        }
        _ => false,
    };
    if mode == ImportMode::Keep {
        let n = report.added.interactions.to_string();
        memory.note(Operation::Import, Some(&persona.name), &[("interactions", n)])?;
    }
    let (read, added) = (Counts::from(&report.read), Counts::from(&report.added));
    if printer.is_json() {
        printer.json(&serde_json::json!({
            "persona": persona.name.as_str(),
            "dry_run": mode == ImportMode::Rehearse,
            "read": read,
            "added": added,
            "described": is_described,
            "forgotten_topics_left_out": report.n_forgotten,
        }))?;
        return Ok(Outcome::Done);
    }
    let verb = if mode == ImportMode::Rehearse { "Would add" } else { "Added" };
    printer.line(format!(
        "{verb} {} of {}, {} of {} and {} to what {} remembers.",
        thousands(added.interactions),
        counted(read.interactions, "interaction", "interactions"),
        thousands(added.facts),
        counted(read.facts, "fact", "facts"),
        counted(added.topics, "interest set by hand", "interests set by hand"),
        visible(persona.name.as_str()),
    ))?;
    if report.n_forgotten > 0 {
        printer.note(format!(
            "{} left out: forgotten here before",
            counted(report.n_forgotten, "mention of a topic", "mentions of topics")
        ));
    }
    if persona.recording == ragged::memory::Recording::Off {
        printer.note("Memory is off for this persona, so it does not rank; `ragged memory enable` turns it on.");
    }
    Ok(Outcome::Done)
}
