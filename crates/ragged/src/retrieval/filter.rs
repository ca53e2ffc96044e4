//! Which documents a search may find.

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use crate::{
    collection::CollectionName,
    document::{Format, LANGUAGES},
    error::{Error, ErrorKind, Result},
    id::ChunkRange,
    store::{DocumentRow, FileRow},
};

/// Which documents a search may find. Conditions of different kinds must all hold; of several
/// collections, globs or types one is enough.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Sorted, each once.
    collections: Vec<CollectionName>,
    globs: Option<GlobSet>,
    /// What the globs were made of, sorted, each once.
    patterns: Vec<String>,
    /// Sorted, each once.
    types: Vec<Type>,
    since_ns: Option<i64>,
    until_ns: Option<i64>,
}

/// A kind of document that a filter can name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Type {
    /// All of a format.
    Format(Format),
    /// Source code in a programming language, such as `rust`.
    Code(String),
}

impl Type {
    fn name(&self) -> &str {
        match self {
            Self::Format(format) => format.as_str(),
            Self::Code(language) => language,
        }
    }

    fn is(&self, format: Format, code_language: Option<&str>) -> bool {
        match self {
            Self::Format(wanted) => format == *wanted,
            Self::Code(language) => code_language == Some(language),
        }
    }
}

impl Filter {
    /// A filter that lets everything through.
    pub fn new() -> Self {
        Self::default()
    }

    /// Only files of these collections; none named, of all.
    ///
    /// Whether they exist is found out by the search.
    ///
    /// # Errors
    ///
    /// `Invalid` for what cannot name a collection.
    pub fn with_collections<S: AsRef<str>>(mut self, names: &[S]) -> Result<Self> {
        self.collections = names.iter().map(|name| name.as_ref().parse()).collect::<Result<_>>()?;
        self.collections.sort();
        self.collections.dedup();
        Ok(self)
    }

    /// Only files whose path matches one of the globs. `*` stays within a folder, `**` crosses
    /// folders; a pattern that does not begin with `/` or `**` may match at any depth.
    ///
    /// # Errors
    ///
    /// `Invalid` for a pattern that is not a glob.
    pub fn with_paths<S: AsRef<str>>(mut self, patterns: &[S]) -> Result<Self> {
        if patterns.is_empty() {
            return Ok(self);
        }
        let mut set = GlobSetBuilder::new();
        self.patterns.clear();
        for pattern in patterns {
            let pattern = pattern.as_ref();
            let anchored = if pattern.starts_with('/') || pattern.starts_with("**") {
                pattern.to_owned()
            } else {
                format!("**/{}", pattern.trim_start_matches("./"))
            };
            // The name of a folder means what is below it.
            for pattern in [anchored.clone(), format!("{}/**", anchored.trim_end_matches('/'))] {
                let glob = GlobBuilder::new(&pattern).literal_separator(true).build();
                set.add(glob.map_err(|error| {
                    Error::new(ErrorKind::Invalid, format!("the path pattern {pattern:?}: {error}"))
                        .with_hint("quote patterns, such as --path '**/notes/*.md'")
                })?);
            }
            self.patterns.push(anchored);
        }
        self.patterns.sort();
        self.patterns.dedup();
        let set = set.build().map_err(|error| {
            Error::new(ErrorKind::Invalid, format!("the path patterns: {error}"))
        })?;
        self.globs = Some(set);
        Ok(self)
    }

    /// Only files with exactly these absolute paths.
    ///
    /// # Errors
    ///
    /// `Invalid` where they are too many to be looked for at once.
    pub fn with_exact_paths<S: AsRef<str>>(self, paths: &[S]) -> Result<Self> {
        let patterns: Vec<String> =
            paths.iter().map(|path| globset::escape(path.as_ref())).collect();
        self.with_paths(&patterns)
    }

    /// Only files of these types: a format (`md`, `pdf`, …) or a programming language (`rust`).
    ///
    /// # Errors
    ///
    /// `Invalid` for a name that is neither.
    pub fn with_types<S: AsRef<str>>(mut self, types: &[S]) -> Result<Self> {
        self.types = types
            .iter()
            .map(|name| {
                let name = name.as_ref().trim().trim_start_matches('.').to_ascii_lowercase();
                let name = match name.as_str() {
                    "markdown" => "md",
                    "text" => "txt",
                    "htm" => "html",
                    "tsv" => "csv",
                    "ods" => "xlsx",
                    other => other,
                };
                if let Ok(format) = name.parse() {
                    return Ok(Type::Format(format));
                }
                if LANGUAGES.iter().any(|language| language.name == name) {
                    return Ok(Type::Code(name.to_owned()));
                }
                Err(Error::new(ErrorKind::Invalid, format!("there is no file type {name:?}"))
                    .with_hint(format!(
                        "one of {}, or a programming language such as rust or python",
                        Format::ALL.map(Format::as_str).join(", ")
                    )))
            })
            .collect::<Result<_>>()?;
        // A name that is a format is never read as a language, so no two types share one.
        self.types.sort_by(|a, b| a.name().cmp(b.name()));
        self.types.dedup();
        Ok(self)
    }

    /// Only documents from a time at or after `since` and before `until`, in nanoseconds of Unix
    /// time: their own, where they have one, else that of their file
    /// ([`DocumentRow::dated`](crate::store::DocumentRow::dated)).
    #[must_use]
    pub fn with_period(mut self, since_ns: Option<i64>, until_ns: Option<i64>) -> Self {
        self.since_ns = since_ns;
        self.until_ns = until_ns;
        self
    }

    /// Whether everything passes.
    pub fn is_empty(&self) -> bool {
        self.collections.is_empty() && self.types.is_empty() && !self.asks_of_files()
    }

    /// Whether anything but the collection is asked of the files themselves.
    fn asks_of_files(&self) -> bool {
        self.globs.is_some() || self.since_ns.is_some() || self.until_ns.is_some()
    }

    /// Whether a document's type alone decides.
    pub fn is_of_types_only(&self) -> bool {
        self.collections.is_empty() && !self.types.is_empty() && !self.asks_of_files()
    }

    /// The collections, in order of name; empty for all.
    pub fn collections(&self) -> &[CollectionName] {
        &self.collections
    }

    /// The types; empty for all.
    pub fn types(&self) -> &[Type] {
        &self.types
    }

    /// Whether it asks for paths.
    pub fn has_paths(&self) -> bool {
        self.globs.is_some()
    }

    /// The earliest and the latest time that pass; `None` if all do.
    pub fn period(&self) -> Option<(i64, i64)> {
        (self.since_ns.is_some() || self.until_ns.is_some()).then(|| {
            let last = self.until_ns.map_or(i64::MAX, |until| until.saturating_sub(1));
            (self.since_ns.unwrap_or(i64::MIN), last)
        })
    }

    /// Whether a document may be found through a file that holds it.
    pub fn admits(&self, document: &DocumentRow, file: &FileRow) -> bool {
        (self.collections.is_empty() || self.collections.contains(&file.collection))
            && self.admits_path(&file.path)
            && self.admits_type(document.format, document.code_language.as_deref())
            && self.period().is_none_or(|(first, last)| {
                let dated = document.dated(&file.path, file.modified_ns);
                (first..=last).contains(&dated.ns)
            })
    }

    /// Whether a path passes.
    pub fn admits_path(&self, path: &str) -> bool {
        self.globs.as_ref().is_none_or(|globs| globs.is_match(path))
    }

    /// Whether a type of document passes.
    pub fn admits_type(&self, format: Format, code_language: Option<&str>) -> bool {
        self.types.is_empty() || self.types.iter().any(|wanted| wanted.is(format, code_language))
    }

    /// A string that two filters share exactly if they ask for the same, in whatever order: the
    /// key of what is remembered of a search. Empty for a filter that lets everything through.
    ///
    /// # Examples
    ///
    /// ```
    /// use ragged::retrieval::Filter;
    ///
    /// let a = Filter::new().with_types(&["pdf", "md"])?;
    /// let b = Filter::new().with_types(&["markdown", "pdf"])?;
    /// assert_eq!(a.key(), b.key());
    /// assert_ne!(a.key(), Filter::new().with_types(&["pdf"])?.key());
    /// # Ok::<(), ragged::error::Error>(())
    /// ```
    pub fn key(&self) -> String {
        // One letter for what is asked, then each value behind its length: no value can be taken
        // for a part of another.
        let mut key = String::new();
        let mut part = |letter: char, value: &str| {
            key.push(letter);
            key.push_str(&value.len().to_string());
            key.push(':');
            key.push_str(value);
        };
        for name in &self.collections {
            part('c', name.as_str());
        }
        for pattern in &self.patterns {
            part('p', pattern);
        }
        for wanted in &self.types {
            part('t', wanted.name());
        }
        for (letter, time) in [('s', self.since_ns), ('u', self.until_ns)] {
            if let Some(time) = time {
                part(letter, &time.to_string());
            }
        }
        key
    }
}

/// The chunks that a search may find: sorted, disjoint ranges of chunk ids.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowedChunks {
    ranges: Vec<std::ops::Range<u64>>,
}

impl AllowedChunks {
    /// From the chunks of documents, in any order.
    pub fn from_documents(documents: impl IntoIterator<Item = ChunkRange>) -> Self {
        let mut all: Vec<std::ops::Range<u64>> =
            documents.into_iter().map(ChunkRange::ids).filter(|range| !range.is_empty()).collect();
        all.sort_by_key(|range| range.start);
        let mut ranges: Vec<std::ops::Range<u64>> = Vec::with_capacity(all.len());
        for range in all {
            match ranges.last_mut() {
                Some(last) if last.end >= range.start => last.end = last.end.max(range.end),
                _ => ranges.push(range),
            }
        }
        Self { ranges }
    }

    /// The ranges, sorted and disjoint.
    pub fn ranges(&self) -> &[std::ops::Range<u64>] {
        &self.ranges
    }

    /// Whether a chunk is among them. O(log ranges).
    pub fn contains(&self, chunk: u64) -> bool {
        let after = self.ranges.partition_point(|range| range.start <= chunk);
        after.checked_sub(1).and_then(|at| self.ranges.get(at)).is_some_and(|r| r.contains(&chunk))
    }

    /// How many chunks there are.
    pub fn count(&self) -> u64 {
        self.ranges.iter().map(|range| range.end - range.start).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::OwnTimes;
    use crate::id::{ChunkId, DocumentId};

    fn document(format: Format, code_language: Option<&str>) -> DocumentRow {
        DocumentRow {
            id: DocumentId(1),
            content_hash: [0; 16],
            format,
            code_language: code_language.map(str::to_owned),
            language: None,
            title: None,
            pages: None,
            text_bytes: 0,
            chunks: ChunkRange { first: ChunkId(1), n_chunks: 0 },
            added_ms: 0,
            own: OwnTimes::default(),
        }
    }

    fn file(path: &str, modified_ns: i64) -> FileRow {
        FileRow {
            path: path.to_owned(),
            document: DocumentId(1),
            size_bytes: 0,
            modified_ns,
            collection: CollectionName::default(),
        }
    }

    #[test]
    fn globs() {
        for (pattern, path, expected) in [
            ("*.md", "/home/a/notes/x.md", true),
            ("notes", "/home/a/notes/x.md", true),
            ("/home/a", "/home/a/notes/x.md", true),
            ("/home/b", "/home/a/notes/x.md", false),
            ("notes/*.md", "/home/a/notes/x.md", true),
            ("notes/*.md", "/home/a/notes/deep/x.md", false),
            ("notes/**", "/home/a/notes/deep/x.md", true),
            ("**/deep/*", "/home/a/notes/deep/x.md", true),
            ("/home/*.md", "/home/a/x.md", false),
            ("/home/**", "/home/a/x.md", true),
            ("*.{md,txt}", "/a/b.txt", true),
            ("./x.md", "/a/x.md", true),
        ] {
            let filter = Filter::new().with_paths(&[pattern]).unwrap();
            assert_eq!(
                filter.admits(&document(Format::Text, None), &file(path, 0)),
                expected,
                "{pattern} {path}"
            );
        }
        assert_eq!(Filter::new().with_paths(&["[x"]).unwrap_err().kind(), ErrorKind::Invalid);
    }

    #[test]
    fn types_and_time() {
        let rust = document(Format::Code, Some("rust"));
        for (types, expected) in
            [(vec!["rust"], true), (vec!["code"], true), (vec!["python", "pdf"], false)]
        {
            let filter = Filter::new().with_types(&types).unwrap();
            assert_eq!(filter.admits(&rust, &file("/x", 0)), expected, "{types:?}");
        }
        let markdown = Filter::new().with_types(&[".Markdown"]).unwrap();
        assert_eq!(Filter::new().with_types(&["bogus"]).unwrap_err().kind(), ErrorKind::Invalid);
        assert!(markdown.admits(&document(Format::Markdown, None), &file("/x", 0)));
        let period = Filter::new().with_period(Some(10), Some(20));
        for (time, expected) in [(9, false), (10, true), (19, true), (20, false)] {
            assert_eq!(period.admits(&rust, &file("/x", time)), expected, "{time}");
        }
        assert!(Filter::new().is_empty() && !period.is_empty());
    }

    #[test]
    fn collections() {
        let text = document(Format::Text, None);
        let work = FileRow { collection: "work".parse().unwrap(), ..file("/x", 0) };
        for (names, expected) in [
            (vec![], true),
            (vec!["work"], true),
            (vec!["default"], false),
            (vec!["a", " work "], true),
        ] {
            let filter = Filter::new().with_collections(&names).unwrap();
            assert_eq!(filter.admits(&text, &work), expected, "{names:?}");
            assert_eq!(filter.is_empty(), names.is_empty());
        }
        let error = Filter::new().with_collections(&["../x"]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
    }

    /// The parts of a filter: from small sets, so that equal ones occur, with values that look
    /// like parts of a key.
    #[derive(Clone, Debug, PartialEq, Eq)]
    struct Parts {
        collections: Vec<&'static str>,
        paths: Vec<&'static str>,
        types: Vec<&'static str>,
        since: Option<i64>,
        until: Option<i64>,
    }

    impl Parts {
        fn filter(&self) -> Filter {
            Filter::new()
                .with_collections(&self.collections)
                .and_then(|filter| filter.with_paths(&self.paths))
                .and_then(|filter| filter.with_types(&self.types))
                .unwrap()
                .with_period(self.since, self.until)
        }

        /// What the filter asks for, whatever the order in which it was said.
        fn meaning(&self) -> impl PartialEq + std::fmt::Debug + use<> {
            let set = |values: &[&'static str]| -> std::collections::BTreeSet<&'static str> {
                values.iter().copied().collect()
            };
            let parts = [set(&self.collections), set(&self.paths), set(&self.types)];
            (parts, self.since, self.until)
        }
    }

    fn parts() -> impl proptest::strategy::Strategy<Value = Parts> {
        use proptest::{collection::vec, option, prelude::*, sample::select};
        (
            vec(select(vec!["a", "a b", "p1", "ab", "b", "t3.md"]), 0..3),
            vec(select(vec!["/a", "/ab", "/t2:md", "/p1:a", "**/b", "/s1:7"]), 0..3),
            vec(select(vec!["md", "pdf", "rust", "code"]), 0..3),
            option::of(select(vec![7_i64, 70, -7])),
            option::of(select(vec![7_i64, 70, -7])),
        )
            .prop_map(|(collections, paths, types, since, until)| Parts {
                collections,
                paths,
                types,
                since,
                until,
            })
    }

    proptest::proptest! {
        #![proptest_config(proptest::test_runner::Config::with_cases(2000))]

        #[test]
        fn filters_have_one_key_exactly_if_they_ask_for_the_same(a in parts(), b in parts()) {
            let same_key = a.filter().key() == b.filter().key();
            proptest::prop_assert_eq!(same_key, a.meaning() == b.meaning());
            proptest::prop_assert_eq!(a.filter().key().is_empty(), a.filter().is_empty());
        }
    }

    #[test]
    fn a_key_is_the_same_in_every_process() {
        let filter = Filter::new()
            .with_collections(&["work", "Büro"])
            .and_then(|filter| filter.with_paths(&["*.md"]))
            .and_then(|filter| filter.with_types(&["rust", "pdf"]))
            .unwrap()
            .with_period(Some(-1), None);
        assert_eq!(filter.key(), "c5:Büroc4:workp7:**/*.mdt3:pdft4:rusts2:-1");
    }

    #[test]
    fn ranges_are_joined_and_searched() {
        let range = |first, n_chunks| ChunkRange { first: ChunkId(first), n_chunks };
        let allowed =
            AllowedChunks::from_documents([range(10, 5), range(1, 2), range(3, 4), range(20, 0)]);
        assert_eq!(allowed.ranges(), [1..7, 10..15]);
        assert_eq!(allowed.count(), 11);
        let members: Vec<u64> = (0..25).filter(|id| allowed.contains(*id)).collect();
        assert_eq!(members, [1, 2, 3, 4, 5, 6, 10, 11, 12, 13, 14]);
    }
}
