//! Documents to measure with, and questions about them.
//!
//! A corpus is a folder of files, so that reading them is measured too. It is the user's own; or the
//! documents of a set in BEIR layout, a file each; or made up, by [`write_synthetic`]:
//!
//! - words are made of syllables, and drawn by Zipf's law (exponent 1, 30,000 words), as in real text;
//! - each document is about one of a number of subjects, which has 40 words of its own; every third
//!   word of a document is one of these;
//! - lengths are log-normal: 2.1 KB in the median, 3 KB in the mean, as of notes and manual pages;
//! - a Markdown heading stands before each three to seven paragraphs.
//!
//! A question is known to have an answer: some words of one paragraph.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use fastrand::Rng;
use ragged::{
    error::{Context as _, Error, ErrorKind, Result},
    evaluation::JudgedSet,
};

const VOCABULARY: usize = 30_000;
const SUBJECT_WORDS: usize = 40;
/// Documents a subject, on average.
const DOCUMENTS_PER_SUBJECT: usize = 25;
/// Of the natural logarithm of a document's words.
const LENGTH_MEAN: f64 = 5.55;
const LENGTH_DEVIATION: f64 = 0.85;
const LENGTH_MAX: usize = 20_000;
/// Documents a folder.
const FOLDER_LEN: usize = 500;
/// Words of a question.
const QUESTION_WORDS: std::ops::RangeInclusive<usize> = 3..=7;

/// Files to be read, and questions to be asked of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Corpus {
    /// The folder.
    pub folder: PathBuf,
    /// Files in it that are to be read.
    pub n_documents: usize,
    /// Questions, each once.
    pub questions: Vec<String>,
    /// Where it comes from, in words.
    pub origin: String,
}

/// Writes a made-up corpus into a folder that is empty or missing. The same seed and size give the
/// same bytes.
///
/// # Errors
///
/// `Io`.
pub fn write_synthetic(
    folder: &Path,
    n_documents: usize,
    n_questions: usize,
    seed: u64,
) -> Result<Corpus> {
    let mut rng = Rng::with_seed(seed);
    let words = vocabulary(&mut rng);
    let n_subjects = n_documents.div_ceil(DOCUMENTS_PER_SUBJECT).max(1);
    let subjects: Vec<Vec<usize>> = (0..n_subjects)
        .map(|_| (0..SUBJECT_WORDS).map(|_| rng.usize(200..VOCABULARY)).collect())
        .collect();
    // One question a document: each has another answer.
    let asked: BTreeSet<usize> =
        rng.choose_multiple(0..n_documents, n_questions).into_iter().collect();
    let mut questions = BTreeSet::new();
    for number in 0..n_documents {
        let subject = &subjects[rng.usize(..n_subjects)];
        let document = Document::draw(&words, subject, &mut rng);
        write_document(folder, number, &document.text)?;
        if asked.contains(&number) {
            questions.insert(document.question(&mut rng));
        }
    }
    let mut questions: Vec<String> = questions.into_iter().collect();
    rng.shuffle(&mut questions);
    Ok(Corpus {
        folder: folder.to_path_buf(),
        n_documents,
        questions,
        origin: format!("{n_documents} made-up documents, seed {seed}"),
    })
}

/// Takes the files of a folder as they are. Questions are the given ones, or the headings and first
/// lines of its text files.
///
/// # Errors
///
/// `NotFound` for a folder that is not there; `Invalid` for one that gives no questions.
pub fn of_folder(folder: &Path, questions: Option<Vec<String>>) -> Result<Corpus> {
    let what = || format!("reading the folder {}", folder.display());
    let mut files = Vec::new();
    walk(folder, &mut files).context_with(what)?;
    files.sort();
    let questions = match questions {
        Some(questions) => questions,
        None => files
            .iter()
            .filter_map(|file| first_words(file))
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect(),
    };
    if questions.is_empty() {
        return Err(Error::new(ErrorKind::Invalid, "there is nothing to ask of it")
            .with_hint("give questions with --queries FILE, one a line")
            .context(what()));
    }
    Ok(Corpus {
        folder: folder.to_path_buf(),
        n_documents: files.len(),
        questions,
        origin: format!("{} files of a folder", files.len()),
    })
}

/// Writes the first documents of a set in BEIR layout into a folder, a file each.
///
/// # Errors
///
/// Those of reading the set; `Io`.
pub fn write_judged(set: &JudgedSet, folder: &Path, n_documents: usize) -> Result<Corpus> {
    let documents = set.documents();
    let n_documents = n_documents.min(documents.len());
    for (number, document) in documents.into_iter().take(n_documents).enumerate() {
        let title = document.title.replace('\n', " ");
        let text = if title.is_empty() {
            document.text
        } else {
            format!("# {title}\n\n{}", document.text)
        };
        write_document(folder, number, &text)?;
    }
    Ok(Corpus {
        folder: folder.to_path_buf(),
        n_documents,
        questions: set.queries().map(|(_, text)| text.to_owned()).collect(),
        origin: format!("{n_documents} documents of a judged set"),
    })
}

/// Writes the document of a number as a file, so many in a folder of their own.
fn write_document(folder: &Path, number: usize, text: &str) -> Result<()> {
    let dir = folder.join(format!("{:03}", number / FOLDER_LEN));
    if number.is_multiple_of(FOLDER_LEN) {
        fs::create_dir_all(&dir).context_with(|| format!("making {}", dir.display()))?;
    }
    let path = dir.join(format!("{number:06}.md"));
    fs::write(&path, text).context_with(|| format!("writing {}", path.display()))
}

pub(crate) fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            walk(&entry.path(), files)?;
        } else if kind.is_file() {
            files.push(entry.path());
        }
    }
    Ok(())
}

/// The first line with at least three words of a text file.
fn first_words(file: &Path) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().take(200).find(|line| line.split_whitespace().count() >= 3)?;
    let words = line.split_whitespace().filter(|word| word.chars().any(char::is_alphanumeric));
    let words: Vec<&str> = words.take(*QUESTION_WORDS.end()).collect();
    (!words.is_empty()).then(|| words.join(" "))
}

/// Words of one to four syllables, each once.
fn vocabulary(rng: &mut Rng) -> Vec<String> {
    const ONSETS: [&str; 18] = [
        "b", "br", "c", "d", "f", "g", "gl", "h", "l", "m", "n", "p", "pr", "r", "s", "st", "t",
        "v",
    ];
    const VOWELS: [&str; 7] = ["a", "e", "i", "o", "u", "ai", "ou"];
    const CODAS: [&str; 8] = ["", "", "", "l", "n", "r", "s", "t"];
    let mut known = BTreeSet::new();
    let mut words = Vec::with_capacity(VOCABULARY);
    while words.len() < VOCABULARY {
        // Frequent words are short.
        let n = match words.len() {
            0..100 => rng.usize(1..=2),
            100..3_000 => rng.usize(2..=3),
            _ => rng.usize(2..=4),
        };
        let mut word = String::new();
        for _ in 0..n {
            word.push_str(ONSETS[rng.usize(..ONSETS.len())]);
            word.push_str(VOWELS[rng.usize(..VOWELS.len())]);
        }
        word.push_str(CODAS[rng.usize(..CODAS.len())]);
        if known.insert(word.clone()) {
            words.push(word);
        }
    }
    words
}

/// A rank below `n` by Zipf's law with exponent 1: the rank that a share of the harmonic sum reaches.
fn zipf(n: usize, rng: &mut Rng) -> usize {
    // The harmonic sum is close to a logarithm, whose inverse is a power.
    ((n as f64).powf(rng.f64()) as usize).clamp(1, n) - 1
}

struct Document {
    text: String,
    paragraphs: Vec<Vec<usize>>,
    words: Vec<String>,
}

impl Document {
    fn draw(vocabulary: &[String], subject: &[usize], rng: &mut Rng) -> Self {
        // Box and Muller, 1958.
        let normal =
            (-2.0 * (1.0 - rng.f64()).ln()).sqrt() * (std::f64::consts::TAU * rng.f64()).cos();
        let n_words =
            ((LENGTH_MEAN + LENGTH_DEVIATION * normal).exp() as usize).clamp(30, LENGTH_MAX);
        let mut text = String::new();
        let (mut paragraphs, mut words) = (Vec::new(), Vec::new());
        let mut until_heading = 0;
        let draw = |rng: &mut Rng| -> usize {
            if rng.usize(..3) == 0 {
                subject[zipf(subject.len(), rng)]
            } else {
                zipf(vocabulary.len(), rng)
            }
        };
        while words.len() < n_words {
            if until_heading == 0 {
                until_heading = rng.usize(3..=7);
                let heading: Vec<&str> = (0..3)
                    .map(|_| vocabulary[subject[rng.usize(..subject.len())]].as_str())
                    .collect();
                text.push_str(&format!("## {}\n\n", heading.join(" ")));
            }
            until_heading -= 1;
            let mut paragraph = Vec::new();
            for _ in 0..rng.usize(2..=6) {
                for position in 0..rng.usize(6..=22) {
                    let word = &vocabulary[draw(rng)];
                    if position > 0 {
                        text.push(' ');
                    }
                    text.push_str(word);
                    paragraph.push(words.len());
                    words.push(word.clone());
                }
                text.push_str(". ");
            }
            text.truncate(text.trim_end().len());
            text.push_str("\n\n");
            paragraphs.push(paragraph);
        }
        Self { text, paragraphs, words }
    }

    /// Words of one paragraph, in their order, the rare ones first to be taken.
    fn question(&self, rng: &mut Rng) -> String {
        let paragraph = &self.paragraphs[rng.usize(..self.paragraphs.len())];
        let n = rng.usize(QUESTION_WORDS).min(paragraph.len());
        let mut places: Vec<usize> = paragraph.clone();
        rng.shuffle(&mut places);
        // Long words are rare ones.
        places.sort_by_key(|at| std::cmp::Reverse(self.words[*at].len() / 3));
        places.truncate(2 * n);
        rng.shuffle(&mut places);
        places.truncate(n);
        places.sort_unstable();
        let words: Vec<&str> = places.iter().map(|at| self.words[*at].as_str()).collect();
        words.join(" ")
    }
}

/// A question in ten wordings, as a person asks who is after one thing: with more words, turned
/// round, with a word left out.
pub fn wordings(question: &str) -> Vec<String> {
    let words: Vec<&str> = question.split_whitespace().collect();
    let mut wordings = vec![
        question.to_owned(),
        format!("{question} example"),
        format!("how to {question}"),
        format!("what is {question}"),
        format!("explain {question}"),
        words.iter().rev().copied().collect::<Vec<_>>().join(" "),
    ];
    for left_out in 0..words.len().min(4) {
        let rest = words.iter().enumerate().filter(|(at, _)| *at != left_out);
        wordings.push(rest.map(|(_, word)| *word).collect::<Vec<_>>().join(" "));
    }
    for suffix in ["documentation", "manual", "meaning", "usage"] {
        wordings.push(format!("{question} {suffix}"));
    }
    wordings.truncate(10);
    wordings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
        let mut files = Vec::new();
        walk(folder, &mut files).unwrap();
        files.sort();
        let relative = |file: &Path| file.strip_prefix(folder).unwrap().to_path_buf();
        files.iter().map(|file| (relative(file), fs::read(file).unwrap())).collect()
    }

    #[test]
    fn the_same_seed_gives_the_same_bytes_and_another_other_ones() {
        let dir = tempfile::tempdir().unwrap();
        let write =
            |name: &str, seed| write_synthetic(&dir.path().join(name), 40, 12, seed).unwrap();
        let (one, same, other) = (write("one", 1), write("same", 1), write("other", 2));
        assert_eq!(bytes(&one.folder), bytes(&same.folder));
        assert_eq!(one.questions, same.questions);
        assert_ne!(bytes(&one.folder), bytes(&other.folder));
        assert_eq!(one.questions.len(), 12, "{:?}", one.questions);
        assert!(one.questions.iter().all(|question| question.split(' ').count() >= 3));
    }

    #[test]
    fn sizes_and_words_are_like_those_of_real_text() {
        let dir = tempfile::tempdir().unwrap();
        let corpus = write_synthetic(dir.path(), 600, 0, 1).unwrap();
        let files = bytes(&corpus.folder);
        let mut lengths: Vec<usize> = files.iter().map(|(_, bytes)| bytes.len()).collect();
        lengths.sort_unstable();
        let (median, mean) = (lengths[300], lengths.iter().sum::<usize>() / 600);
        assert!((1_700..2_600).contains(&median), "{median}");
        assert!((2_300..3_800).contains(&mean), "{mean}");
        let text: String = files.iter().map(|(_, bytes)| String::from_utf8_lossy(bytes)).collect();
        let mut counts = std::collections::HashMap::new();
        for word in text.split_whitespace() {
            *counts.entry(word.trim_end_matches('.')).or_insert(0_usize) += 1;
        }
        let mut counts: Vec<usize> = counts.into_values().collect();
        counts.sort_unstable_by(|a, b| b.cmp(a));
        // By Zipf's law the tenth word is ten times as rare as the first, the hundredth a hundred.
        let share = |rank: usize| counts[0] as f64 / counts[rank - 1] as f64;
        assert!((5.0..20.0).contains(&share(10)), "{}", share(10));
        assert!((25.0..200.0).contains(&share(100)), "{}", share(100));
    }

    #[test]
    fn a_folder_without_text_gives_nothing_to_ask() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("x.bin"), [0, 159, 146, 150]).unwrap();
        assert_eq!(of_folder(dir.path(), None).unwrap_err().kind(), ErrorKind::Invalid);
        fs::write(dir.path().join("y.md"), "# On the tides of March\n").unwrap();
        assert_eq!(of_folder(dir.path(), None).unwrap().questions, ["On the tides of March"]);
        let missing = of_folder(&dir.path().join("none"), None).unwrap_err();
        assert_eq!(missing.kind(), ErrorKind::NotFound);
    }
}
