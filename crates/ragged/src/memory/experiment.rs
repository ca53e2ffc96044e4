//! Tests of whether a persona's ranking is better than the neutral one: what they measured, kept
//! until they are deleted.

use rusqlite::{Connection, Row, Transaction, params};

use super::{
    PersonaMemory,
    interaction::{prefix_range, the_one},
    record::random_id,
};
use crate::{
    error::{Context, Error, ErrorKind, Result},
    sqlite::{integer, natural, sql},
};

const HINT: &str = "`ragged memory ab-test list` shows them";

/// A test of ranking: the same questions with the profile and without.
#[derive(Clone, Debug, PartialEq)]
pub struct RankingTest {
    /// 32 hexadecimal digits; see [`RankingTest::new_id`].
    pub id: String,
    /// What its owner calls it.
    pub name: Option<String>,
    /// When it was run, Unix milliseconds.
    pub started_ms: i64,
    /// Hits of each search.
    pub k: u64,
    /// α of short questions.
    pub alpha: f32,
    /// Interests of the profile.
    pub n_interests: u64,
    /// Times that each question was timed under either ranking.
    pub n_rounds: u64,
    /// In the order of the file.
    pub questions: Vec<TestedQuestion>,
}

/// One question of a test.
#[derive(Clone, Debug, PartialEq)]
pub struct TestedQuestion {
    /// The question.
    pub query: String,
    /// Who says which documents answer it; `None` where nobody does.
    pub judged_by: Option<JudgedBy>,
    /// How good the neutral ranking is; `None` where nobody judged.
    pub off: Option<Measures>,
    /// How good the persona's ranking is.
    pub on: Option<Measures>,
    /// Milliseconds of a search without the profile, the median of its rounds.
    pub off_ms: f64,
    /// The same with the profile.
    pub on_ms: f64,
    /// Whether the two rankings differ.
    pub is_moved: bool,
}

/// Who says which documents answer a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JudgedBy {
    /// The file of questions.
    File,
    /// The persona's feedback.
    Feedback,
}

impl JudgedBy {
    /// The word used in JSON and in the record.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Feedback => "feedback",
        }
    }

    fn from_word(word: &str) -> Option<Self> {
        match word {
            "file" => Some(Self::File),
            "feedback" => Some(Self::Feedback),
            _ => None,
        }
    }
}

/// Measures of one ranking, each from 0 to 1, over the first ten documents.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Measures {
    /// Discounted cumulative gain over the ideal one.
    pub ndcg: f64,
    /// Share of the places that hold relevant documents.
    pub precision: f64,
    /// One over the rank of the first relevant document.
    pub mrr: f64,
    /// Share of the relevant documents that are there.
    pub recall: f64,
}

impl RankingTest {
    /// An id that no other test has.
    ///
    /// # Errors
    ///
    /// `Unavailable` where the system has no random numbers.
    pub fn new_id() -> Result<String> {
        random_id()
    }
}

impl PersonaMemory {
    /// Keeps a test, its texts as they may be stored.
    ///
    /// # Errors
    ///
    /// Those of writing; then nothing is kept.
    pub fn keep_test(&self, test: &RankingTest) -> Result<()> {
        self.database()
            .write(|tx| self.keep_test_in(tx, test))
            .context_with(|| format!("keeping a test of {}", self.name()))
            .map(|_| ())
    }

    /// Keeps a test unless there is one of its id; whether it was new.
    pub(super) fn keep_test_in(&self, tx: &Transaction<'_>, test: &RankingTest) -> Result<bool> {
        let n = sql(tx.execute(
                    "INSERT OR IGNORE INTO ab_tests (id, name, started_at, k, alpha, n_interests, n_rounds) \
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                    params![
                        test.id,
                        test.name.as_deref().map(|name| self.redacted(name)),
                        test.started_ms,
                        integer(test.k),
                        f64::from(test.alpha),
                        integer(test.n_interests),
                        integer(test.n_rounds),
                    ],
                ))?;
        if n == 0 {
            return Ok(false);
        }
        let mut statement = sql(tx.prepare_cached(
            "INSERT INTO ab_test_questions (test, ordinal, query, judged_by, ndcg_off, \
                     precision_off, mrr_off, recall_off, ndcg_on, precision_on, mrr_on, \
                     recall_on, ms_off, ms_on, is_moved) VALUES \
                     (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
        ))?;
        for (ordinal, question) in (0_i64..).zip(&test.questions) {
            let (off, on) = (question.off, question.on);
            sql(statement.execute(params![
                test.id,
                ordinal,
                self.redacted(&question.query),
                question.judged_by.map(JudgedBy::as_str),
                off.map(|measures| measures.ndcg),
                off.map(|measures| measures.precision),
                off.map(|measures| measures.mrr),
                off.map(|measures| measures.recall),
                on.map(|measures| measures.ndcg),
                on.map(|measures| measures.precision),
                on.map(|measures| measures.mrr),
                on.map(|measures| measures.recall),
                question.off_ms,
                question.on_ms,
                question.is_moved,
            ]))?;
        }
        Ok(true)
    }

    /// All tests with their questions, the latest first.
    ///
    /// # Errors
    ///
    /// Those of reading.
    pub fn tests(&self) -> Result<Vec<RankingTest>> {
        self.database()
            .read(tests_in)
            .context_with(|| format!("reading the tests of {}", self.name()))
    }

    /// How many tests there are.
    ///
    /// # Errors
    ///
    /// Those of reading.
    pub fn count_tests(&self) -> Result<u64> {
        self.database()
            .read(|connection| {
                sql(connection.query_row("SELECT count(*) FROM ab_tests", [], |row| row.get(0)))
                    .map(natural)
            })
            .context_with(|| format!("counting the tests of {}", self.name()))
    }

    /// One test, by its id or the first digits of it.
    ///
    /// # Errors
    ///
    /// `NotFound` where there is none; `Invalid` where the digits are too few or fit several.
    pub fn test(&self, id: &str) -> Result<RankingTest> {
        self.database()
            .read(|connection| test_of(connection, &id_of(connection, id)?))
            .context_with(|| format!("reading the tests of {}", self.name()))
    }

    /// Deletes a test and erases the remains of its questions.
    ///
    /// # Errors
    ///
    /// Those of [`test`](Self::test) and of writing; `Busy` where the test is gone and another
    /// process still reads the state before.
    pub fn delete_test(&self, id: &str) -> Result<()> {
        self.database()
            .write(|tx| {
                let id = id_of(tx, id)?;
                sql(tx.execute("DELETE FROM ab_tests WHERE id = ?1", [&id])).map(|_| ())
            })
            .context_with(|| format!("deleting a test of {}", self.name()))?;
        self.erase_remains()
    }
}

pub(super) fn tests_in(connection: &Connection) -> Result<Vec<RankingTest>> {
    let ids: Vec<String> = sql(connection
        .prepare_cached("SELECT id FROM ab_tests ORDER BY started_at DESC, id")
        .and_then(|mut statement| statement.query_map([], |row| row.get(0))?.collect()))?;
    ids.iter().map(|id| test_of(connection, id)).collect()
}

fn id_of(connection: &Connection, id: &str) -> Result<String> {
    let (id, end) = prefix_range(id, "a test", HINT)?;
    let ids: Vec<String> = sql(connection
        .prepare_cached("SELECT id FROM ab_tests WHERE id >= ?1 AND id < ?2 LIMIT 2")
        .and_then(|mut statement| statement.query_map([&id, &end], |row| row.get(0))?.collect()))?;
    the_one(
        ids,
        || Error::new(ErrorKind::NotFound, format!("there is no test {id:?}")).with_hint(HINT),
        || format!("more than one test begins with {id:?}"),
    )
}

fn test_of(connection: &Connection, id: &str) -> Result<RankingTest> {
    let questions = sql(connection
        .prepare_cached(
            "SELECT query, judged_by, ndcg_off, precision_off, mrr_off, recall_off, ndcg_on, \
             precision_on, mrr_on, recall_on, ms_off, ms_on, is_moved FROM ab_test_questions \
             WHERE test = ?1 ORDER BY ordinal",
        )
        .and_then(|mut statement| statement.query_map([id], question_of)?.collect()))?;
    sql(connection
        .prepare_cached(
            "SELECT id, name, started_at, k, alpha, n_interests, n_rounds FROM ab_tests \
             WHERE id = ?1",
        )
        .and_then(|mut statement| {
            statement.query_row([id], |row| {
                Ok(RankingTest {
                    id: row.get(0)?,
                    name: row.get(1)?,
                    started_ms: row.get(2)?,
                    k: row.get(3).map(natural)?,
                    alpha: row.get::<_, f64>(4)? as f32,
                    n_interests: row.get(5).map(natural)?,
                    n_rounds: row.get(6).map(natural)?,
                    questions,
                })
            })
        }))
}

fn question_of(row: &Row<'_>) -> rusqlite::Result<TestedQuestion> {
    let measures = |first: usize| -> rusqlite::Result<Option<Measures>> {
        let Some(ndcg) = row.get(first)? else { return Ok(None) };
        Ok(Some(Measures {
            ndcg,
            precision: row.get(first + 1)?,
            mrr: row.get(first + 2)?,
            recall: row.get(first + 3)?,
        }))
    };
    let judged_by: Option<String> = row.get(1)?;
    Ok(TestedQuestion {
        query: row.get(0)?,
        judged_by: judged_by.as_deref().and_then(JudgedBy::from_word),
        off: measures(2)?,
        on: measures(6)?,
        off_ms: row.get(10)?,
        on_ms: row.get(11)?,
        is_moved: row.get(12)?,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{
        super::{
            Memory, MemoryConfig, PersonaDraft, PersonaName,
            tests::{NOW_MS, memory},
        },
        *,
    };
    use crate::temporal::FixedClock;

    fn test(id: u128, queries: &[&str]) -> RankingTest {
        let measures = |value| Measures { ndcg: value, precision: 0.1, mrr: 0.5, recall: 1.0 };
        RankingTest {
            id: format!("{id:032x}"),
            name: Some(format!("test {id}")),
            started_ms: NOW_MS + id as i64,
            k: 10,
            alpha: 0.3,
            n_interests: 7,
            n_rounds: 5,
            questions: (0..)
                .zip(queries)
                .map(|(at, query)| TestedQuestion {
                    query: (*query).to_owned(),
                    judged_by: (at == 0).then_some(JudgedBy::Feedback),
                    off: (at == 0).then(|| measures(0.25)),
                    on: (at == 0).then(|| measures(0.75)),
                    off_ms: 1.5,
                    on_ms: 2.5,
                    is_moved: at == 0,
                })
                .collect(),
        }
    }

    #[test]
    fn tests_stay_until_they_are_deleted() {
        let dir = tempfile::tempdir().unwrap();
        let (first, second) =
            (test(0xa << 124, &["where is the xylograph", "moon"]), test(0xb << 124, &["moon"]));
        {
            let memory = memory(dir.path());
            let remembered = memory.of(&PersonaName::default()).unwrap();
            remembered.keep_test(&first).unwrap();
            remembered.keep_test(&second).unwrap();
        }
        let memory = memory(dir.path());
        let who = PersonaName::default();
        let remembered = memory.of(&who).unwrap();
        let known: Vec<RankingTest> = remembered.tests().unwrap();
        assert_eq!(known.len(), 2);
        assert!(known.contains(&first) && known.contains(&second));
        assert_eq!(remembered.test("a000").unwrap(), first);
        for (id, kind) in [
            ("c000", ErrorKind::NotFound),
            ("a00", ErrorKind::Invalid),
            ("quux", ErrorKind::Invalid),
        ] {
            assert_eq!(remembered.test(id).unwrap_err().kind(), kind, "{id}");
        }
        let other =
            memory.create_persona(&"other".parse().unwrap(), &PersonaDraft::default()).unwrap();
        assert_eq!(memory.of(&other.name).unwrap().tests().unwrap(), []);

        assert!(!memory.verify_erased(dir.path(), "xylograph").unwrap().is_erased());
        remembered.delete_test("a000").unwrap();
        assert!(memory.verify_erased(dir.path(), "xylograph").unwrap().is_erased());
        assert_eq!(remembered.tests().unwrap(), [second]);
        assert_eq!(remembered.delete_test("a000").unwrap_err().kind(), ErrorKind::NotFound);
    }

    #[test]
    fn forgetting_a_text_and_clearing_take_tests_with_them() {
        let dir = tempfile::tempdir().unwrap();
        let memory = memory(dir.path());
        let who = PersonaName::default();
        let remembered = memory.of(&who).unwrap();
        remembered.keep_test(&test(1 << 120, &["moon", "Xylograph", "xylograph"])).unwrap();
        remembered.keep_test(&test(2 << 120, &["moon"])).unwrap();
        assert_eq!(memory.mentions(&who, "xylograph").unwrap().tests, 1);
        assert_eq!(memory.forget(&who, "xylograph").unwrap().deleted.tests, 1);
        assert!(memory.verify_erased(dir.path(), "xylograph").unwrap().is_erased());
        assert_eq!(remembered.count_tests().unwrap(), 1);
        assert_eq!(memory.clear(&who).unwrap().deleted.tests, 1);
        assert_eq!(remembered.tests().unwrap(), []);
        assert!(memory.verify_erased(dir.path(), "moon").unwrap().is_erased());
    }

    #[test]
    fn personal_data_is_replaced_in_tests_too() {
        let dir = tempfile::tempdir().unwrap();
        let config = MemoryConfig { is_redacting: true, ..MemoryConfig::default() };
        let memory = Memory::open(dir.path(), None, config, Arc::new(FixedClock(NOW_MS))).unwrap();
        let remembered = memory.of(&PersonaName::default()).unwrap();
        remembered.keep_test(&test(1 << 120, &["who is ada@example.org"])).unwrap();
        let kept = remembered.tests().unwrap();
        assert_eq!(kept[0].questions[0].query, "who is [EMAIL]");
        assert!(memory.verify_erased(dir.path(), "ada@").unwrap().is_erased());
    }
}
