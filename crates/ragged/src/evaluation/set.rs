//! Reading a set in BEIR layout.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufRead, BufReader},
    path::Path,
};

use serde::Deserialize;

use crate::{
    error::{Context, Error, ErrorKind, Result},
    library::VirtualDocument,
};

/// Documents, queries and judgements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JudgedSet {
    documents: Vec<VirtualDocument>,
    queries: Vec<(String, String)>,
    judgements: BTreeMap<String, BTreeMap<String, i64>>,
}

/// A question of a file, and what its file says of documents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileQuestion {
    /// The question.
    pub text: String,
    /// The gains of documents, by what the file calls them; empty where it says nothing.
    pub judgements: BTreeMap<String, i64>,
}

/// Reads questions and, where there are any, judgements.
///
/// A line is a question, or a JSON object with `text` (or `query`) and perhaps `relevant`: names of
/// documents, or an object of names and gains. Where the file lies in a judged set, as its
/// `queries.jsonl`, what `qrels/test.tsv` says of the question's `_id` counts too. Lines that are
/// empty are left out.
///
/// # Errors
///
/// `NotFound` and others of reading; `Invalid` naming file and line.
pub fn read_questions(path: &Path) -> Result<Vec<FileQuestion>> {
    let mut judged = match path.parent().map(|dir| dir.join(JUDGEMENTS)) {
        Some(beside) if beside.exists() => judgements(&beside)?,
        _ => BTreeMap::new(),
    };
    let what = || format!("reading {}", path.display());
    let file = File::open(path).map_err(|error| Error::io(error).context(what()))?;
    let mut questions = Vec::new();
    for (number, line) in BufReader::new(file).lines().enumerate() {
        let line = line.context_with(what)?;
        let line = line.trim();
        if line.is_empty() {
            continue;
        }
        if !line.starts_with('{') {
            questions.push(FileQuestion { text: line.to_owned(), judgements: BTreeMap::new() });
            continue;
        }
        let row: QuestionRow = serde_json::from_str(line)
            .map_err(|error| invalid(path, number, &error.to_string()))?;
        let mut judgements = row.id.and_then(|id| judged.remove(&id)).unwrap_or_default();
        match row.relevant {
            None => {}
            Some(Relevant::Names(names)) => {
                judgements.extend(names.into_iter().map(|name| (name, 1)));
            }
            Some(Relevant::Gains(gains)) => judgements.extend(gains),
        }
        questions.push(FileQuestion { text: row.text, judgements });
    }
    Ok(questions)
}

#[derive(Deserialize)]
struct QuestionRow {
    #[serde(rename = "_id", alias = "id", default)]
    id: Option<String>,
    #[serde(alias = "query")]
    text: String,
    #[serde(default)]
    relevant: Option<Relevant>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Relevant {
    Names(Vec<String>),
    Gains(BTreeMap<String, i64>),
}

/// Where a set has its judgements.
const JUDGEMENTS: &str = "qrels/test.tsv";

#[derive(Deserialize)]
struct Row {
    #[serde(rename = "_id", alias = "id")]
    id: String,
    #[serde(default)]
    title: Option<String>,
    #[serde(default)]
    text: String,
}

impl JudgedSet {
    /// Reads `corpus.jsonl`, `queries.jsonl` and, where it is there, `qrels/test.tsv`.
    ///
    /// # Errors
    ///
    /// `NotFound` where the folder is not such a set, `Invalid` naming file and line.
    pub fn read(dir: &Path) -> Result<Self> {
        let documents = rows(&dir.join("corpus.jsonl"))?
            .into_iter()
            .map(|row| VirtualDocument {
                path: row.id,
                title: row.title.unwrap_or_default(),
                text: row.text,
            })
            .collect();
        let queries =
            rows(&dir.join("queries.jsonl"))?.into_iter().map(|row| (row.id, row.text)).collect();
        let path = dir.join(JUDGEMENTS);
        let judgements = if path.exists() { judgements(&path)? } else { BTreeMap::new() };
        Ok(Self { documents, queries, judgements })
    }

    /// The documents, to be added to a library.
    pub fn documents(&self) -> Vec<VirtualDocument> {
        self.documents.clone()
    }

    /// How many documents there are.
    pub fn n_documents(&self) -> usize {
        self.documents.len()
    }

    /// Whether there are any judgements.
    pub fn is_judged(&self) -> bool {
        !self.judgements.is_empty()
    }

    /// Id and text of the queries that count: those with judgements, or all where there are none
    /// at all. In the order of the file.
    pub fn queries(&self) -> impl Iterator<Item = (&str, &str)> {
        self.queries
            .iter()
            .filter(|(id, _)| !self.is_judged() || self.judgements.contains_key(id))
            .map(|(id, text)| (id.as_str(), text.as_str()))
    }

    /// The gains of the documents that were judged for a query.
    pub fn judgements(&self, query: &str) -> Option<&BTreeMap<String, i64>> {
        self.judgements.get(query)
    }
}

/// Gains by query and document: three columns, or TREC's four.
fn judgements(path: &Path) -> Result<BTreeMap<String, BTreeMap<String, i64>>> {
    let mut judgements: BTreeMap<String, BTreeMap<String, i64>> = BTreeMap::new();
    for (number, line) in lines(path)?.enumerate() {
        let line = line.context_with(|| format!("reading {}", path.display()))?;
        let fields: Vec<&str> = line.split('\t').map(str::trim).collect();
        let (&[query, document, gain] | &[query, _, document, gain]) = fields.as_slice() else {
            if line.trim().is_empty() {
                continue;
            }
            return Err(invalid(path, number, "three columns separated by tabs expected"));
        };
        match gain.parse() {
            Ok(gain) => {
                judgements.entry(query.to_owned()).or_default().insert(document.to_owned(), gain);
            }
            Err(_) if number == 0 => {}
            Err(_) => return Err(invalid(path, number, "the gain is no whole number")),
        }
    }
    Ok(judgements)
}

fn lines(path: &Path) -> Result<std::io::Lines<BufReader<File>>> {
    let file = File::open(path).map_err(|error| {
        Error::io(error).context(format!("reading {}", path.display())).with_hint(
            "a judged set is a folder with corpus.jsonl, queries.jsonl and qrels/test.tsv",
        )
    })?;
    Ok(BufReader::new(file).lines())
}

fn rows(path: &Path) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (number, line) in lines(path)?.enumerate() {
        let line = line.context_with(|| format!("reading {}", path.display()))?;
        if line.trim().is_empty() {
            continue;
        }
        let row = serde_json::from_str(&line)
            .map_err(|error| invalid(path, number, &error.to_string()))?;
        rows.push(row);
    }
    Ok(rows)
}

fn invalid(path: &Path, number: usize, problem: &str) -> Error {
    Error::new(ErrorKind::Invalid, format!("{}, line {}: {problem}", path.display(), number + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_with_and_without_judgements() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("queries.jsonl");
        std::fs::write(
            &path,
            "when does the lease end?\n\n{\"_id\": \"1\", \"text\": \"tides\"}\n\
             {\"query\": \"moon\", \"relevant\": [\"moon.md\"]}\n\
             {\"_id\": \"2\", \"text\": \"sea\", \"relevant\": {\"sea.md\": 2}}\n",
        )
        .unwrap();
        let judged = |questions: &[FileQuestion]| -> Vec<(String, Vec<(String, i64)>)> {
            let of = |question: &FileQuestion| {
                (question.text.clone(), question.judgements.clone().into_iter().collect())
            };
            questions.iter().map(of).collect()
        };
        let gain = |name: &str, gain| (name.to_owned(), gain);
        let mut expected = vec![
            ("when does the lease end?".to_owned(), vec![]),
            ("tides".to_owned(), vec![]),
            ("moon".to_owned(), vec![gain("moon.md", 1)]),
            ("sea".to_owned(), vec![gain("sea.md", 2)]),
        ];
        assert_eq!(judged(&read_questions(&path).unwrap()), expected);
        std::fs::create_dir(scratch.path().join("qrels")).unwrap();
        std::fs::write(
            scratch.path().join(JUDGEMENTS),
            "query-id\tcorpus-id\tscore\n1\ttides\t1\n2\tshore\t1\n",
        )
        .unwrap();
        expected[1].1.push(gain("tides", 1));
        expected[3].1.push(gain("shore", 1));
        assert_eq!(judged(&read_questions(&path).unwrap()), expected);

        for (line, problem) in
            [("{\"_id\": \"1\"}", "text"), ("{", "EOF"), ("{\"text\": \"a\", \"relevant\": 1}", "")]
        {
            std::fs::write(&path, format!("tides\n{line}\n")).unwrap();
            let error = read_questions(&path).unwrap_err();
            let told = format!("{error:#}");
            assert!(told.contains("queries.jsonl, line 2: "), "{told}");
            assert!(told.contains(problem), "{told}");
            assert_eq!(error.kind(), ErrorKind::Invalid);
        }
        let missing = read_questions(&scratch.path().join("none.jsonl")).unwrap_err();
        assert_eq!(missing.kind(), ErrorKind::NotFound);
    }
}
