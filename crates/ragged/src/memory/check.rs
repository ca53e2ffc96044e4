//! Looking at a persona's file: whether its views are what its record says, and whether its indexes
//! are used.

use std::collections::BTreeMap;

use rusqlite::{Connection, types::ValueRef};

use super::{
    InteractionFilter, PersonaMemory,
    fact::KNOWN_NOW_OF_TYPE,
    interaction::{newest_first, oldest_first},
    judgement::JUDGED,
    views,
};
use crate::{
    error::{Context, Result},
    sqlite::sql,
};

/// Every view, and the names that only a view or the record may keep alive.
const CHECKED: [&str; 8] = [
    "topic_totals",
    "topic_documents",
    "topic_pairs",
    "document_accesses",
    "daily_activity",
    "daily_topics",
    "topics",
    "documents",
];

/// A view that is not what the record says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ViewDifference {
    /// The table.
    pub view: &'static str,
    /// Rows that the record asks for and the view does not have.
    pub missing: usize,
    /// Rows that the view has and the record does not ask for.
    pub surplus: usize,
}

/// How an index is used by the statement that it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexPlan {
    /// The index.
    pub index: &'static str,
    /// How SQLite runs the statement, a step a line.
    pub plan: String,
}

impl IndexPlan {
    /// Whether SQLite uses it.
    pub fn is_used(&self) -> bool {
        self.plan.contains(self.index)
    }
}

impl PersonaMemory {
    /// Makes all views anew from the record, compares them with those that are kept, and takes them
    /// back again. O(interactions). Empty where all is well.
    ///
    /// # Errors
    ///
    /// Those of reading and of writing.
    pub fn check_views(&self) -> Result<Vec<ViewDifference>> {
        self.database()
            .write(|tx| {
                sql(tx.execute_batch("SAVEPOINT checking"))?;
                let kept = CHECKED.map(|view| rows(tx, view));
                views::rebuild(tx, &self.config.zone)?;
                views::sweep(tx)?;
                let made = CHECKED.map(|view| rows(tx, view));
                sql(tx.execute_batch("ROLLBACK TO checking; RELEASE checking"))?;
                let mut differences = Vec::new();
                for (view, (kept, made)) in CHECKED.into_iter().zip(kept.into_iter().zip(made)) {
                    let (kept, made) = (kept?, made?);
                    let (missing, surplus) = (beyond(&made, &kept), beyond(&kept, &made));
                    if missing + surplus > 0 {
                        differences.push(ViewDifference { view, missing, surplus });
                    }
                }
                Ok(differences)
            })
            .context_with(|| format!("checking what was learned of {}", self.name()))
    }

    /// How the statements that the named indexes are for are run.
    ///
    /// # Errors
    ///
    /// Those of reading.
    pub fn index_plans(&self) -> Result<Vec<IndexPlan>> {
        let of_session =
            InteractionFilter { session_id: Some(String::new()), ..InteractionFilter::default() };
        let statements = [
            ("idx_interactions_persona_timestamp", newest_first(&InteractionFilter::default())),
            ("idx_interactions_session", oldest_first(&of_session)),
            ("idx_interactions_feedback", JUDGED.to_owned()),
            ("idx_temporal_facts_lookup", KNOWN_NOW_OF_TYPE.to_owned()),
        ];
        self.database().read(|connection| {
            let plan = |(index, statement): (&'static str, String)| {
                let steps = steps(connection, &statement)?;
                Ok(IndexPlan { index, plan: steps.join("\n") })
            };
            statements.into_iter().map(plan).collect()
        })
    }
}

/// The rows of a table, and how often each is there.
fn rows(connection: &Connection, table: &str) -> Result<BTreeMap<String, usize>> {
    let mut statement = sql(connection.prepare(&format!("SELECT * FROM {table}")))?;
    let n_columns = statement.column_count();
    let mut rows = sql(statement.query([]))?;
    let mut found = BTreeMap::new();
    while let Some(row) = sql(rows.next())? {
        let cells: Vec<ValueRef<'_>> =
            sql((0..n_columns).map(|idx| row.get_ref(idx)).collect::<rusqlite::Result<_>>())?;
        *found.entry(format!("{cells:?}")).or_default() += 1;
    }
    Ok(found)
}

/// How many rows of `a` are not in `b`.
fn beyond(a: &BTreeMap<String, usize>, b: &BTreeMap<String, usize>) -> usize {
    a.iter().map(|(row, n)| n.saturating_sub(b.get(row).copied().unwrap_or(0))).sum()
}

fn steps(connection: &Connection, statement: &str) -> Result<Vec<String>> {
    let mut statement = sql(connection.prepare(&format!("EXPLAIN QUERY PLAN {statement}")))?;
    // What is bound decides nothing: there is one plan a statement.
    let mut rows = statement.raw_query();
    let mut steps = Vec::new();
    while let Some(row) = sql(rows.next())? {
        steps.push(sql(row.get("detail"))?);
    }
    Ok(steps)
}
