//! Killing a process that records, learns, judges, deletes and forgets.
//!
//! The process says what it is about to do, does it, and says that it is done, each on a line of a
//! pipe that outlives it. After each kill: nothing that was done is undone, what was not asked for
//! did not happen, no text whose erasure was done stands in any page of the files, used or not, and
//! every view is what its record says.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, Result, bail, ensure};
use fastrand::Rng;
use ragged::{
    memory::{
        Feedback, FoundDocument, InteractionFilter, InteractionKind, Memory, MemoryConfig,
        NewInteraction, PersonaMemory, PersonaName, RecordedTopic, Recorder, TopicSource,
    },
    temporal::FixedClock,
    vault::DecryptedPages,
};

use super::Args;

const NOW_MS: i64 = 1_795_000_000_000;
/// Every text that may be erased begins with this, so that one pass over the pages finds all.
const MARK: &str = "zqkx";
const MARK_DIGITS: usize = 20;
/// Topics in use at a time.
const THEMES: usize = 12;
/// Documents that are found again and again.
const DOCUMENTS: u8 = 20;
/// Interactions beyond which the older half is deleted.
const MANY: usize = 600;
/// The longest that a process lives.
const LIFE: Duration = Duration::from_millis(600);

fn open(dir: &Path) -> Result<(Memory, Arc<PersonaMemory>)> {
    let clock = Arc::new(FixedClock(NOW_MS));
    let memory = Memory::open(dir, None, MemoryConfig::default(), clock)?;
    let remembered = memory.of(&PersonaName::default())?;
    Ok((memory, remembered))
}

fn mark(rng: &mut Rng) -> String {
    let bits = u128::from(rng.u64(..)) << 16 | u128::from(rng.u16(..));
    format!("{MARK}{bits:0MARK_DIGITS$x}")
}

/// The process that is killed.
struct Victim {
    remembered: Arc<PersonaMemory>,
    recorder: Recorder,
    rng: Rng,
    /// Ids of what is recorded, the oldest first.
    ids: Vec<String>,
    themes: Vec<String>,
    forgotten: Vec<String>,
    /// One interaction a millisecond, so that a time parts them.
    now_ms: i64,
}

/// Records, judges, deletes and forgets until it is killed.
pub(super) fn be_killed(dir: &Path, seed: u64) -> Result<()> {
    let (_memory, remembered) = open(dir)?;
    let mut rng = Rng::with_seed(seed);
    let (mut ids, mut now_ms) = (Vec::new(), 0);
    remembered.for_each_interaction(&InteractionFilter::default(), |interaction| {
        now_ms = now_ms.max(interaction.timestamp_ms);
        ids.push(interaction.id);
        Ok(())
    })?;
    let themes = (0..THEMES).map(|_| mark(&mut rng)).collect();
    let recorder = Recorder::new(1)?;
    let mut victim =
        Victim { remembered, recorder, rng, ids, themes, forgotten: Vec::new(), now_ms };
    loop {
        victim.act()?;
    }
}

/// One line in one write: it is in the pipe as a whole, or not at all.
fn say(word: &str, what: &str, about: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("{word} {what} {about}\n").as_bytes())?;
    Ok(out.flush()?)
}

impl Victim {
    fn act(&mut self) -> Result<()> {
        if self.ids.len() > MANY {
            return self.delete_older_half();
        }
        match self.rng.u8(..100) {
            50..70 => self.judge(),
            70..90 => self.delete(),
            90.. => self.forget(),
            _ => self.record(),
        }
    }

    fn record(&mut self) -> Result<()> {
        let mut told = Vec::new();
        for _ in 0..self.rng.usize(1..6) {
            let new = self.interaction()?;
            let text = new.query.split(' ').next_back().unwrap_or_default().to_owned();
            say("try", "record", &format!("{} {text}", new.id))?;
            told.push(new.id.clone());
            self.recorder.record(&self.remembered, Box::new(move || Ok(Some(new))))?;
        }
        self.recorder.flush()?;
        for id in told {
            say("did", "record", &id)?;
            self.ids.push(id);
        }
        Ok(())
    }

    fn interaction(&mut self) -> Result<NewInteraction> {
        self.now_ms += 1;
        let text = mark(&mut self.rng);
        let mut new =
            NewInteraction::new(format!("asked {text}"), self.now_ms, InteractionKind::Query)?;
        new.response = Some(format!("answered {text}"));
        let document = |hash: [u8; 16], path: String, rank: u32, is_cited: bool| FoundDocument {
            content_hash: hash,
            title: None,
            path,
            doc_type: "md".to_owned(),
            rank,
            score: 0.5,
            is_cited,
        };
        // One that only this question found, and one of those that all find.
        let own = u128::from(self.rng.u64(..)) << 64 | u128::from(self.rng.u64(..));
        let shared = self.rng.u8(..DOCUMENTS);
        new.documents = vec![
            document(own.to_be_bytes(), format!("/notes/{text}.md"), 1, self.rng.bool()),
            document([shared; 16], format!("/notes/{shared}.md"), 2, self.rng.bool()),
        ];
        let mut names = self.rng.choose_multiple(self.themes.iter(), 3);
        // What was forgotten must not be learned again.
        names.extend(self.rng.choice(self.forgotten.iter()));
        let mut source = TopicSource::Query;
        for name in names {
            new.topics.push(RecordedTopic {
                key: name.clone(),
                name: name.clone(),
                score: 0.5,
                source,
            });
            source = TopicSource::Document;
        }
        Ok(new)
    }

    fn judge(&mut self) -> Result<()> {
        let Some(id) = self.rng.choice(self.ids.iter()) else { return Ok(()) };
        let feedback = if self.rng.bool() { Feedback::Good } else { Feedback::Bad };
        let about = format!("{id} {}", feedback.as_str());
        say("try", "judge", &about)?;
        self.remembered.set_feedback(id, Some(feedback), None)?;
        say("did", "judge", &about)
    }

    fn delete(&mut self) -> Result<()> {
        if self.ids.is_empty() {
            return Ok(());
        }
        let id = self.ids.swap_remove(self.rng.usize(..self.ids.len()));
        say("try", "delete", &id)?;
        self.remembered.delete_interaction(&id)?;
        self.remembered.erase_remains()?;
        say("did", "delete", &id)
    }

    fn delete_older_half(&mut self) -> Result<()> {
        let mut known = Vec::new();
        self.remembered.for_each_interaction(&InteractionFilter::default(), |interaction| {
            known.push((interaction.timestamp_ms, interaction.id));
            Ok(())
        })?;
        let (older, newer) = known.split_at(known.len() / 2);
        for (_, id) in older {
            say("try", "delete", id)?;
        }
        let until_ms = newer.first().map(|(timestamp_ms, _)| *timestamp_ms);
        let filter = InteractionFilter { until_ms, ..InteractionFilter::default() };
        self.remembered.delete_interactions(&filter)?;
        self.remembered.erase_remains()?;
        for (_, id) in older {
            say("did", "delete", id)?;
        }
        self.ids = newer.iter().map(|(_, id)| id.clone()).collect();
        Ok(())
    }

    fn forget(&mut self) -> Result<()> {
        let at = self.rng.usize(..self.themes.len());
        let theme = std::mem::replace(&mut self.themes[at], mark(&mut self.rng));
        say("try", "forget", &theme)?;
        match self.remembered.forget_topic(&theme) {
            // It was not met yet.
            Err(error) if error.kind() == ragged::error::ErrorKind::NotFound => {
                self.remembered.never_learn(&theme)?;
            }
            other => drop(other?),
        }
        self.remembered.erase_remains()?;
        say("did", "forget", &theme)?;
        self.forgotten.push(theme);
        Ok(())
    }
}

/// What must be so, by what was said.
#[derive(Default)]
struct Known {
    /// Of each interaction its text and what was thought of it.
    interactions: BTreeMap<String, (String, Option<String>)>,
    /// Texts that must be nowhere.
    erased: BTreeSet<String>,
    n_done: [u64; 4],
}

#[derive(Default)]
struct Doubt {
    /// May be there, with their texts.
    recorded: BTreeMap<String, String>,
    /// May be gone.
    deleted: BTreeSet<String>,
    /// May be judged either way.
    judged: BTreeSet<String>,
}

#[expect(clippy::print_stdout, reason = "a report is what the command is for")]
pub(super) fn run(args: &Args) -> Result<()> {
    let scratch = tempfile::tempdir().context("making a folder for the trial")?;
    let dir = scratch.path().join("library");
    // The key and the registry are there before the first kill; making them is tried elsewhere.
    drop(open(&dir)?);
    let mut rng = Rng::with_seed(args.seed);
    let mut known = Known::default();
    let mut n_doubtful = 0;
    for round in 1..=args.rounds {
        let life = LIFE.mul_f64(rng.f64());
        let what = || format!("round {round} with seed {}, killed at {life:?}", args.seed);
        let lines = live_and_die(&dir, rng.u64(..), life).with_context(what)?;
        let doubt = known.follow(&lines).with_context(what)?;
        let is_doubtful = doubt.recorded.len() + doubt.deleted.len() + doubt.judged.len() > 0;
        n_doubtful += u32::from(is_doubtful);
        known.verify(&dir, &doubt).with_context(what)?;
    }
    let [recorded, judged, deleted, forgotten] = known.n_done;
    println!(
        "{} rounds, seed {}: {recorded} recorded, {judged} judged, {deleted} deleted, {forgotten} \
         topics forgotten and said to be so; {n_doubtful} kills within a change; none was lost, \
         none of {} erased texts was found, every view was what its record says",
        args.rounds,
        args.seed,
        known.erased.len()
    );
    Ok(())
}

/// The lines that a process said before it was killed.
fn live_and_die(dir: &Path, seed: u64, life: Duration) -> Result<Vec<String>> {
    let own = std::env::current_exe().context("finding this program")?;
    let mut child = Command::new(own)
        .args(["crash", "--memory", "--seed", &seed.to_string(), "--victim"])
        .arg(dir)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("starting the process that is killed")?;
    let out = child.stdout.take().context("a process without output")?;
    let reader = std::thread::spawn(move || {
        BufReader::new(out).lines().collect::<std::io::Result<Vec<String>>>()
    });
    std::thread::sleep(life);
    let ended = child.try_wait()?;
    child.kill().context("killing the process")?;
    let output = child.wait_with_output()?;
    if let Some(status) = ended {
        bail!("it ended by itself, {status}: {}", String::from_utf8_lossy(&output.stderr));
    }
    let lines = reader.join().map_err(|_| anyhow::anyhow!("the reader panicked"))??;
    Ok(lines)
}

impl Known {
    /// Takes in what was said; what was begun and not said to be done is in doubt.
    fn follow(&mut self, lines: &[String]) -> Result<Doubt> {
        let mut doubt = Doubt::default();
        for line in lines {
            let words: Vec<&str> = line.split(' ').collect();
            match words.as_slice() {
                ["try", "record", id, text] => {
                    doubt.recorded.insert((*id).to_owned(), (*text).to_owned());
                }
                ["did", "record", id] => {
                    let text = doubt.recorded.remove(*id).context("recorded without trying")?;
                    self.interactions.insert((*id).to_owned(), (text, None));
                    self.n_done[0] += 1;
                }
                ["try", "judge", id, _] => drop(doubt.judged.insert((*id).to_owned())),
                ["did", "judge", id, feedback] => {
                    doubt.judged.remove(*id);
                    let known = self.interactions.get_mut(*id).context("judged the unknown")?;
                    known.1 = Some((*feedback).to_owned());
                    self.n_done[1] += 1;
                }
                ["try", "delete", id] => drop(doubt.deleted.insert((*id).to_owned())),
                ["did", "delete", id] => {
                    doubt.deleted.remove(*id);
                    let (text, _) = self.interactions.remove(*id).context("deleted the unknown")?;
                    self.erased.insert(text);
                    self.n_done[2] += 1;
                }
                ["try", "forget", _] => {}
                ["did", "forget", theme] => {
                    self.erased.insert((*theme).to_owned());
                    self.n_done[3] += 1;
                }
                _ => bail!("the process said {line:?}"),
            }
        }
        Ok(doubt)
    }

    fn verify(&mut self, dir: &Path, doubt: &Doubt) -> Result<()> {
        let (memory, remembered) = open(dir)?;
        self.look_for_erased(&memory.vault().decrypted_pages(remembered.file_id())?)?;
        let mut present = BTreeMap::new();
        remembered.for_each_interaction(&InteractionFilter::default(), |interaction| {
            let feedback = interaction.feedback.map(|feedback| feedback.as_str().to_owned());
            present.insert(interaction.id, (interaction.query, feedback));
            Ok(())
        })?;
        for (id, (text, feedback)) in &self.interactions {
            let Some((query, kept)) = present.get(id) else {
                ensure!(doubt.deleted.contains(id), "{id} was recorded and is gone");
                continue;
            };
            ensure!(query.ends_with(text.as_str()), "{id} says something else: {query}");
            ensure!(
                kept == feedback || doubt.judged.contains(id),
                "{id} was judged {feedback:?} and is {kept:?}"
            );
        }
        let before = std::mem::take(&mut self.interactions);
        for (id, (_, feedback)) in present {
            let text = match (before.get(&id), doubt.recorded.get(&id)) {
                (Some((text, _)), _) | (None, Some(text)) => text.clone(),
                (None, None) => bail!("{id} was deleted and is there"),
            };
            self.interactions.insert(id, (text, feedback));
        }
        let wrong = remembered.check_views()?;
        ensure!(wrong.is_empty(), "views are not what the record says: {wrong:?}");
        Ok(())
    }

    fn look_for_erased(&self, pages: &DecryptedPages) -> Result<()> {
        ensure!(pages.broken.is_empty(), "pages do not open: {:?}", pages.broken);
        let mut found = BTreeSet::new();
        for (_, bytes) in &pages.pages {
            for window in bytes.windows(MARK.len() + MARK_DIGITS) {
                if window.starts_with(MARK.as_bytes())
                    && let Ok(text) = std::str::from_utf8(window)
                {
                    found.insert(text.to_owned());
                }
            }
        }
        if let Some(text) = self.erased.iter().find(|text| found.contains(*text)) {
            bail!("{text} was erased and stands in a page");
        }
        // The look itself works: what is there is seen.
        let known: BTreeSet<&String> = self.interactions.values().map(|(text, _)| text).collect();
        let n_seen = known.iter().filter(|text| found.contains(**text)).count();
        ensure!(n_seen > 0 || known.len() < 10, "no text that should be there is seen");
        Ok(())
    }
}
