//! What a process that stays costs while nothing happens.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::PathBuf,
    process::Child,
    time::Duration,
};

use anyhow::{Context as _, Result, bail};

use crate::program::Program;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Folder of files; `scripts/corpus/debian.py` makes one
    folder: PathBuf,
    /// The program [default: the one built beside this one]
    #[arg(long)]
    ragged: Option<PathBuf>,
    /// A library that holds the folder already [default: a new one that is thrown away]
    #[arg(long)]
    library: Option<PathBuf>,
    /// Seconds of doing nothing
    #[arg(long, default_value_t = 30)]
    seconds: u64,
    /// Asked before `chat` is measured
    #[arg(long, default_value = "how is a configuration file read?")]
    question: String,
}

#[expect(clippy::print_stdout, reason = "a report is what the command is for")]
pub(crate) fn run(args: &Args) -> Result<()> {
    let scratch = tempfile::tempdir().context("making a folder for the library")?;
    let dir = args.library.clone().unwrap_or_else(|| scratch.path().join("library"));
    let program = Program::new(args.ragged.as_deref(), &dir)?;
    let folder = args.folder.display().to_string();
    let added = program.json(&["add", &folder])?;
    println!("library: {} added, {} unchanged", added["added"], added["unchanged"]);

    let mut watch = program.start_talking(&["watch", &folder, "--format", "json"])?;
    let mut batches = lines(&mut watch)?;
    let first: serde_json::Value = serde_json::from_str(&next(&mut batches)?)?;
    println!("watch: caught up in {} s, {} folders", first["seconds"], first["watched_folders"]);
    report("watch", &mut watch, args)?;

    let mut chat = program.start_talking(&["chat", "--no-history", "--format", "json"])?;
    println!("{}", idle("chat, before a question", &chat, args)?);
    let mut questions = chat.stdin.take().context("the chat has no input")?;
    let mut answers = lines(&mut chat)?;
    for question in [&args.question, "/more", &args.question] {
        writeln!(questions, "{question}").context("asking")?;
        next(&mut answers)?;
    }
    report("chat, after three questions", &mut chat, args)?;
    drop(questions);
    Ok(())
}

#[expect(clippy::print_stdout, reason = "a report is what the command is for")]
fn report(what: &str, child: &mut Child, args: &Args) -> Result<()> {
    let figures = idle(what, child, args);
    child.kill().context("ending the program")?;
    child.wait()?;
    println!("{}", figures?);
    Ok(())
}

/// Lets a process be, and says what it used.
fn idle(what: &str, child: &Child, args: &Args) -> Result<String> {
    // What was begun ends first.
    std::thread::sleep(Duration::from_secs(3));
    let before = Footprint::of(child)?;
    std::thread::sleep(Duration::from_secs(args.seconds));
    let after = Footprint::of(child)?;
    Ok(format!(
        "{what}: {} ticks of CPU (1/100 s), {} wake-ups in {} s; {:.1} MB resident, {:.1} MB of it \
         its own and {:.1} MB files",
        after.cpu_ticks - before.cpu_ticks,
        after.switches - before.switches,
        args.seconds,
        after.resident_kib as f64 * 1024.0 / 1e6,
        after.own_kib as f64 * 1024.0 / 1e6,
        after.file_kib as f64 * 1024.0 / 1e6,
    ))
}

/// What the kernel counts of a process.
struct Footprint {
    cpu_ticks: u64,
    switches: u64,
    resident_kib: u64,
    own_kib: u64,
    file_kib: u64,
}

impl Footprint {
    fn of(child: &Child) -> Result<Self> {
        let dir = PathBuf::from(format!("/proc/{}", child.id()));
        if !dir.is_dir() {
            bail!("the program has ended, or this system has no /proc");
        }
        let read = |name: &str| {
            std::fs::read_to_string(dir.join(name)).with_context(|| format!("reading {name}"))
        };
        let stat = read("stat")?;
        // The name in brackets may hold anything.
        let (_, fields) = stat.rsplit_once(')').context("a line of /proc that is none")?;
        let field = |at: usize| -> Result<u64> {
            Ok(fields.split_whitespace().nth(at).context("a field is missing")?.parse()?)
        };
        let status = read("status")?;
        let value = |name: &str| -> Result<u64> {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let number = line.and_then(|line| line.split_whitespace().next());
            number.with_context(|| format!("{name} is missing"))?.parse().context("no number")
        };
        let mut switches = 0;
        for task in std::fs::read_dir(dir.join("task")).context("reading its threads")?.flatten() {
            let status = std::fs::read_to_string(task.path().join("status")).unwrap_or_default();
            let count = status.lines().find_map(|l| l.strip_prefix("voluntary_ctxt_switches:"));
            switches += count.and_then(|count| count.trim().parse::<u64>().ok()).unwrap_or(0);
        }
        Ok(Self {
            cpu_ticks: field(11)? + field(12)?,
            switches,
            resident_kib: value("VmRSS:")?,
            own_kib: value("RssAnon:")?,
            file_kib: value("RssFile:")?,
        })
    }
}

type Lines = std::io::Lines<BufReader<std::process::ChildStdout>>;

fn lines(child: &mut Child) -> Result<Lines> {
    Ok(BufReader::new(child.stdout.take().context("the program has no output")?).lines())
}

fn next(lines: &mut Lines) -> Result<String> {
    lines.next().context("the program ended")?.context("reading what the program says")
}
