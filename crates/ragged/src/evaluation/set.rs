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
        let mut judgements: BTreeMap<String, BTreeMap<String, i64>> = BTreeMap::new();
        let path = dir.join("qrels/test.tsv");
        if path.exists() {
            for (number, line) in lines(&path)?.enumerate() {
                let line = line.context_with(|| format!("reading {}", path.display()))?;
                let fields: Vec<&str> = line.split('\t').map(str::trim).collect();
                let (&[query, document, gain] | &[query, _, document, gain]) = fields.as_slice()
                else {
                    if line.trim().is_empty() {
                        continue;
                    }
                    return Err(invalid(&path, number, "three columns separated by tabs expected"));
                };
                match gain.parse() {
                    Ok(gain) => {
                        judgements
                            .entry(query.to_owned())
                            .or_default()
                            .insert(document.to_owned(), gain);
                    }
                    Err(_) if number == 0 => {}
                    Err(_) => return Err(invalid(&path, number, "the gain is no whole number")),
                }
            }
        }
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
