//! What is kept of sessions, so that the last one can be gone on with: questions, settings, and
//! where the shown citations stand. Not the answers.
//!
//! One file a session, a JSON value a line, only ever appended to until it has grown long. A line
//! that cannot be read, such as the last of a killed process, counts as not written.

use std::{
    fs::{self, File, OpenOptions},
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

/// Sessions that are kept; the oldest go first.
const MAX_SESSIONS: usize = 20;
/// Lines of a session's file; when there are more, the older half goes.
const MAX_LINES: usize = 500;
/// Characters of a question that are kept.
const MAX_QUESTION_CHARS: usize = 2000;
/// Passages of a question that are kept.
const MAX_PASSAGES: usize = 100;

/// A line of a session's file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Entry {
    Settings(Settings),
    Asked(Asked),
}

/// What the session's commands have set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Settings {
    pub(super) k: Option<u16>,
    pub(super) mode: Option<String>,
    pub(super) explain: bool,
    pub(super) collections: Vec<String>,
    pub(super) paths: Vec<String>,
    pub(super) types: Vec<String>,
    pub(super) since: Option<String>,
    pub(super) until: Option<String>,
}

/// A question, and the passages that were shown with numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Asked {
    pub(super) question: String,
    pub(super) passages: Vec<Passage>,
}

/// A passage that was shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Passage {
    pub(super) n: usize,
    pub(super) path: String,
    /// Where in the file, as it was shown.
    pub(super) place: String,
    pub(super) document: u64,
    pub(super) start: u32,
    pub(super) end: u32,
}

/// The folder of all that chats keep.
pub(super) fn folder(data_dir: &Path) -> PathBuf {
    data_dir.join("chat")
}

/// The history of typed lines.
pub(super) fn history_path(data_dir: &Path) -> PathBuf {
    folder(data_dir).join("history")
}

fn sessions_folder(data_dir: &Path) -> PathBuf {
    folder(data_dir).join("sessions")
}

/// Makes sure that the folder of a file is there, and that only its owner may look into it.
pub(super) fn private_folder_of(path: &Path) -> Result<()> {
    Ok(path.parent().map_or(Ok(()), ragged::private_dir)?)
}

/// Deletes all sessions and the history; gives the number of sessions.
pub(super) fn forget(data_dir: &Path) -> Result<usize> {
    let n_sessions = sessions(data_dir)?.len();
    let folder = folder(data_dir);
    match fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("deleting {}", folder.display()))
        }
        _ => Ok(n_sessions),
    }
}

/// The files of sessions, the one written last at the end.
fn sessions(data_dir: &Path) -> Result<Vec<PathBuf>> {
    let folder = sessions_folder(data_dir);
    let entries = match fs::read_dir(&folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.with_context(|| format!("reading {}", folder.display()))?,
    };
    let mut found = Vec::new();
    for entry in entries.flatten() {
        let path = entry.path();
        if path.extension().is_some_and(|extension| extension == "jsonl")
            && let Ok(metadata) = entry.metadata()
        {
            found.push((metadata.modified().ok(), path));
        }
    }
    found.sort();
    Ok(found.into_iter().map(|(_, path)| path).collect())
}

/// A session that is being kept.
#[derive(Debug)]
pub(super) struct Record {
    path: PathBuf,
    /// Open once there is something to keep.
    file: Option<File>,
    n_lines: usize,
}

/// What was kept of the last session.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Kept {
    pub(super) settings: Settings,
    pub(super) asked: Option<Asked>,
}

impl Record {
    /// A new session; its file appears with the first entry. `name` tells it from all others.
    pub(super) fn begin(data_dir: &Path, name: &str) -> Self {
        let path = sessions_folder(data_dir).join(format!("{name}.jsonl"));
        Self { path, file: None, n_lines: 0 }
    }

    /// The session written last, and what was kept of it; `None` if there is none.
    pub(super) fn resume(data_dir: &Path) -> Result<Option<(Self, Kept)>> {
        let Some(path) = sessions(data_dir)?.pop() else { return Ok(None) };
        let lines = lines(&path)?;
        let mut kept = Kept::default();
        for entry in lines.iter().filter_map(|line| serde_json::from_str(line).ok()) {
            match entry {
                Entry::Settings(settings) => kept.settings = settings,
                Entry::Asked(asked) => kept.asked = Some(asked),
            }
        }
        Ok(Some((Self { path, file: None, n_lines: lines.len() }, kept)))
    }

    pub(super) fn keep(&mut self, entry: &Entry) -> Result<()> {
        let mut line = serde_json::to_string(&bounded(entry))?;
        line.push('\n');
        if self.n_lines >= MAX_LINES {
            self.shorten()?;
        }
        let is_new = self.file.is_none() && self.n_lines == 0;
        let mut file = match self.file.take() {
            Some(file) => file,
            None => self.open()?,
        };
        // One call a line, so that a killed process leaves a part of the last one at worst.
        file.write_all(line.as_bytes())
            .with_context(|| format!("writing {}", self.path.display()))?;
        self.file = Some(file);
        self.n_lines += 1;
        if is_new {
            self.thin_out()?;
        }
        Ok(())
    }

    fn open(&self) -> Result<File> {
        let context = || format!("opening {}", self.path.display());
        private_folder_of(&self.path)?;
        if !self.path.exists() {
            ragged::private_file(&self.path)?;
        }
        let mut file =
            OpenOptions::new().read(true).append(true).open(&self.path).with_context(context)?;
        // A part of a line that a killed process left ends here.
        if !ends_in_line_end(&mut file).with_context(context)? {
            file.write_all(b"\n").with_context(context)?;
        }
        Ok(file)
    }

    /// Leaves the newer half: of the settings and the questions, the last are what counts.
    fn shorten(&mut self) -> Result<()> {
        let lines = lines(&self.path)?;
        let settings =
            lines.iter().rfind(|line| matches!(serde_json::from_str(line), Ok(Entry::Settings(_))));
        let newer = &lines[lines.len().saturating_sub(MAX_LINES / 2)..];
        let kept: Vec<&String> = settings.into_iter().chain(newer).collect();
        let other = self.path.with_extension("new");
        let context = || format!("writing {}", other.display());
        let mut file = ragged::private_file(&other)?;
        for line in &kept {
            writeln!(file, "{line}").with_context(context)?;
        }
        fs::rename(&other, &self.path).with_context(context)?;
        self.n_lines = kept.len();
        self.file = None;
        Ok(())
    }

    /// Deletes the oldest sessions where there are too many.
    fn thin_out(&self) -> Result<()> {
        let data_dir = self.path.ancestors().nth(3).unwrap_or(&self.path);
        let sessions = sessions(data_dir)?;
        for path in sessions.iter().take(sessions.len().saturating_sub(MAX_SESSIONS)) {
            // Another process may have been quicker.
            drop(fs::remove_file(path));
        }
        Ok(())
    }
}

fn ends_in_line_end(file: &mut File) -> std::io::Result<bool> {
    use std::io::{Read as _, Seek as _, SeekFrom};
    if file.metadata()?.len() == 0 {
        return Ok(true);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

fn lines(path: &Path) -> Result<Vec<String>> {
    let context = || format!("reading {}", path.display());
    let reader = BufReader::new(File::open(path).with_context(context)?);
    let mut lines = Vec::new();
    for line in reader.split(b'\n') {
        lines.push(String::from_utf8_lossy(&line.with_context(context)?).into_owned());
    }
    Ok(lines)
}

fn bounded(entry: &Entry) -> Entry {
    match entry {
        Entry::Settings(settings) => Entry::Settings(settings.clone()),
        Entry::Asked(asked) => Entry::Asked(Asked {
            question: asked.question.chars().take(MAX_QUESTION_CHARS).collect(),
            passages: asked.passages.iter().take(MAX_PASSAGES).cloned().collect(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(question: &str) -> Entry {
        let passage = Passage {
            n: 1,
            path: "/notes/lease.md".into(),
            place: ":3-5".into(),
            document: 7,
            start: 0,
            end: 9,
        };
        Entry::Asked(Asked { question: question.to_owned(), passages: vec![passage] })
    }

    fn resumed(data_dir: &Path) -> Kept {
        Record::resume(data_dir).unwrap().unwrap().1
    }

    #[test]
    fn a_session_is_gone_on_with() {
        let data = tempfile::tempdir().unwrap();
        assert!(Record::resume(data.path()).unwrap().is_none());
        let mut record = Record::begin(data.path(), "1");
        let settings = Settings { k: Some(3), explain: true, ..Settings::default() };
        for entry in [asked("first?"), Entry::Settings(settings.clone()), asked("second?")] {
            record.keep(&entry).unwrap();
        }
        let kept = resumed(data.path());
        assert_eq!(
            (kept.settings, kept.asked.map(Entry::Asked)),
            (settings, Some(asked("second?")))
        );
    }

    #[test]
    fn half_a_line_is_no_line() {
        let data = tempfile::tempdir().unwrap();
        let mut record = Record::begin(data.path(), "1");
        record.keep(&asked("first?")).unwrap();
        let path = record.path.clone();
        let mut bytes = fs::read(&path).unwrap();
        bytes.extend_from_slice(b"{\"asked\":{\"question\":\"sec\xc3");
        fs::write(&path, bytes).unwrap();
        assert_eq!(resumed(data.path()).asked.map(Entry::Asked), Some(asked("first?")));
        let (mut record, _) = Record::resume(data.path()).unwrap().unwrap();
        record.keep(&asked("third?")).unwrap();
        assert_eq!(resumed(data.path()).asked.map(Entry::Asked), Some(asked("third?")));
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let data = tempfile::tempdir().unwrap();
        let mut record = Record::begin(data.path(), "1");
        let settings = Settings { k: Some(3), ..Settings::default() };
        record.keep(&Entry::Settings(settings.clone())).unwrap();
        for number in 0..2 * MAX_LINES {
            record.keep(&asked(&format!("question {number}?"))).unwrap();
            assert!(lines(&record.path).unwrap().len() <= MAX_LINES);
        }
        let kept = resumed(data.path());
        assert_eq!(kept.settings, settings, "set once, long ago");
        assert_eq!(kept.asked.unwrap().question, format!("question {}?", 2 * MAX_LINES - 1));
        record.keep(&asked(&"long ".repeat(MAX_QUESTION_CHARS))).unwrap();
        let question = resumed(data.path()).asked.unwrap().question;
        assert_eq!(question.chars().count(), MAX_QUESTION_CHARS);

        for session in 0..2 * MAX_SESSIONS {
            Record::begin(data.path(), &format!("s{session}")).keep(&asked("x")).unwrap();
        }
        assert_eq!(sessions(data.path()).unwrap().len(), MAX_SESSIONS);
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_may_read_it() {
        use std::os::unix::fs::PermissionsExt as _;
        let data = tempfile::tempdir().unwrap();
        let mut record = Record::begin(data.path(), "1");
        for number in 0..=MAX_LINES {
            record.keep(&asked(&number.to_string())).unwrap();
        }
        for (path, expected) in [
            (record.path.clone(), 0o600),
            (sessions_folder(data.path()), 0o700),
            (folder(data.path()), 0o700),
        ] {
            let mode = fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, expected, "{}", path.display());
        }
        assert_eq!(forget(data.path()).unwrap(), 1);
        assert!(!folder(data.path()).exists());
        assert_eq!(forget(data.path()).unwrap(), 0);
    }
}
