//! Which documents a search may find.

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use crate::{
    document::{Format, LANGUAGES},
    error::{Error, ErrorKind, Result},
    id::ChunkRange,
    store::{DocumentRow, FileRow},
};

/// Which documents a search may find. Conditions of different kinds must all hold; of several
/// globs or types one is enough.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    globs: Option<GlobSet>,
    types: Vec<Type>,
    since_ns: Option<i64>,
    until_ns: Option<i64>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Type {
    Format(Format),
    /// A programming language, such as `rust`.
    Code(String),
}

impl Filter {
    /// A filter that lets everything through.
    pub fn new() -> Self {
        Self::default()
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
        }
        let set = set.build().map_err(|error| {
            Error::new(ErrorKind::Invalid, format!("the path patterns: {error}"))
        })?;
        self.globs = Some(set);
        Ok(self)
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
        Ok(self)
    }

    /// Only files last changed at or after `since` and before `until`, in nanoseconds of Unix time.
    #[must_use]
    pub fn with_period(mut self, since_ns: Option<i64>, until_ns: Option<i64>) -> Self {
        self.since_ns = since_ns;
        self.until_ns = until_ns;
        self
    }

    /// Whether everything passes.
    pub fn is_empty(&self) -> bool {
        self.globs.is_none()
            && self.types.is_empty()
            && self.since_ns.is_none()
            && self.until_ns.is_none()
    }

    /// Whether a document may be found through a file that holds it.
    pub fn admits(&self, document: &DocumentRow, file: &FileRow) -> bool {
        self.globs.as_ref().is_none_or(|globs| globs.is_match(&file.path))
            && (self.types.is_empty()
                || self.types.iter().any(|wanted| match wanted {
                    Type::Format(format) => document.format == *format,
                    Type::Code(language) => document.code_language.as_ref() == Some(language),
                }))
            && self.since_ns.is_none_or(|since| file.modified_ns >= since)
            && self.until_ns.is_none_or(|until| file.modified_ns < until)
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
        }
    }

    fn file(path: &str, modified_ns: i64) -> FileRow {
        FileRow { path: path.to_owned(), document: DocumentId(1), size_bytes: 0, modified_ns }
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
