//! Collections: which there are, what they hold, and which folders lead into them.

use rusqlite::{OptionalExtension, params};

use super::{Reader, Transaction, natural, path_hash, sql};
use crate::{
    collection::CollectionName,
    error::{Error, ErrorKind, Result},
    id::DocumentId,
};

/// A collection and how much it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CollectionRow {
    /// Its name.
    pub name: CollectionName,
    /// Files in it.
    pub files: u64,
    /// Documents that its files hold, each counted once; a document whose other files are in
    /// another collection counts there too.
    pub documents: u64,
    /// Their chunks.
    pub chunks: u64,
    /// UTF-8 bytes of their extracted text, before compression.
    pub text_bytes: u64,
}

/// What goes with a collection when it is removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CollectionShare {
    /// Files in it.
    pub files: u64,
    /// Documents that no file of another collection holds.
    pub documents: u64,
    /// Their chunks.
    pub chunks: u64,
}

impl Reader<'_> {
    /// The names of all collections, in order.
    pub fn collection_names(&self) -> Result<Vec<CollectionName>> {
        let mut statement =
            sql(self.connection()?.prepare_cached("SELECT name FROM collections ORDER BY name"))?;
        let rows = sql(statement.query_map([], |row| Ok(CollectionName::stored(row.get(0)?))))?;
        sql(rows.collect())
    }

    /// All collections and what they hold, in order of name. O(files).
    pub fn collections(&self) -> Result<Vec<CollectionRow>> {
        let mut statement = sql(self.connection()?.prepare_cached(
            "SELECT c.name, (SELECT count(*) FROM files f WHERE f.collection_id = c.id), \
             count(d.id), coalesce(sum(d.n_chunks), 0), coalesce(sum(d.text_bytes), 0) \
             FROM collections c \
             LEFT JOIN (SELECT DISTINCT collection_id, document_id FROM files) h \
             ON h.collection_id = c.id \
             LEFT JOIN documents d ON d.id = h.document_id \
             GROUP BY c.id ORDER BY c.name",
        ))?;
        let rows = sql(statement.query_map([], |row| {
            Ok(CollectionRow {
                name: CollectionName::stored(row.get(0)?),
                files: natural(row.get(1)?),
                documents: natural(row.get(2)?),
                chunks: natural(row.get(3)?),
                text_bytes: natural(row.get(4)?),
            })
        }))?;
        sql(rows.collect())
    }

    /// What would go with a collection: its files, and what no other collection holds. O(files
    /// of the collection).
    ///
    /// # Errors
    ///
    /// `NotFound` if there is no such collection.
    pub fn collection_share(&self, name: &CollectionName) -> Result<CollectionShare> {
        let connection = self.connection()?;
        let id = self.collection_id(name)?;
        let files: i64 = sql(connection.query_row(
            "SELECT count(*) FROM files WHERE collection_id = ?1",
            [id],
            |row| row.get(0),
        ))?;
        let (documents, chunks): (i64, i64) = sql(connection.query_row(
            "SELECT count(*), coalesce(sum(d.n_chunks), 0) FROM documents d \
             WHERE d.id IN (SELECT document_id FROM files WHERE collection_id = ?1) \
             AND NOT EXISTS (SELECT 1 FROM files f \
                             WHERE f.document_id = d.id AND f.collection_id <> ?1)",
            [id],
            |row| Ok((row.get(0)?, row.get(1)?)),
        ))?;
        Ok(CollectionShare {
            files: natural(files),
            documents: natural(documents),
            chunks: natural(chunks),
        })
    }

    /// Files and folders that were added to a collection by name, in order of path.
    pub fn roots(&self) -> Result<Vec<(String, CollectionName)>> {
        let mut statement = sql(self.connection()?.prepare_cached(
            "SELECT r.path, c.name FROM roots r JOIN collections c ON c.id = r.collection_id \
             ORDER BY r.path",
        ))?;
        let rows =
            sql(statement
                .query_map([], |row| Ok((row.get(0)?, CollectionName::stored(row.get(1)?)))))?;
        sql(rows.collect())
    }

    pub(super) fn collection_id(&self, name: &CollectionName) -> Result<i64> {
        let found: Option<i64> = sql(self
            .connection()?
            .prepare_cached("SELECT id FROM collections WHERE name = ?1")
            .and_then(|mut statement| {
                statement.query_row([name.as_str()], |row| row.get(0)).optional()
            }))?;
        match found {
            Some(id) => Ok(id),
            None => Err(name.unknown(&self.collection_names()?)),
        }
    }
}

impl Transaction<'_> {
    /// Makes a collection. Gives whether it is new.
    pub fn create_collection(&mut self, name: &CollectionName) -> Result<bool> {
        sql(self
            .connection
            .prepare_cached("INSERT OR IGNORE INTO collections (name) VALUES (?1)")
            .and_then(|mut statement| statement.execute([name.as_str()])))
        .map(|n| n > 0)
    }

    /// Gives a collection another name; what it holds stays. The caller sees to it that the first
    /// name is one and the second is not.
    pub fn rename_collection(&mut self, old: &CollectionName, new: &CollectionName) -> Result<()> {
        let id = self.collection_id(old)?;
        sql(self
            .connection
            .execute("UPDATE collections SET name = ?2 WHERE id = ?1", params![id, new.as_str()]))
        .map(|_| ())
    }

    /// Takes a collection's files out, with the folders that lead into it and, unless it is
    /// `default`, the collection itself. Gives how many files there were. As with
    /// [`remove_file`](Self::remove_file), documents that no file holds are gone at the commit.
    pub fn remove_collection(&mut self, name: &CollectionName) -> Result<u64> {
        let id = self.collection_id(name)?;
        {
            let mut statement = sql(self.connection.prepare_cached(
                "SELECT DISTINCT document_id FROM files WHERE collection_id = ?1",
            ))?;
            let mut rows = sql(statement.query([id]))?;
            while let Some(row) = sql(rows.next())? {
                self.maybe_unheld.insert(DocumentId(natural(sql(row.get(0))?)));
            }
        }
        let n = sql(self.connection.execute("DELETE FROM files WHERE collection_id = ?1", [id]))?;
        sql(self.connection.execute("DELETE FROM roots WHERE collection_id = ?1", [id]))?;
        if !name.is_default() {
            sql(self.connection.execute("DELETE FROM collections WHERE id = ?1", [id]))?;
        }
        Ok(n as u64)
    }

    /// Says that new files at `path` or below it come into a collection, whatever was said of
    /// places below it before. `below` is the path with its separator. Gives whether anything was
    /// said otherwise before.
    pub fn set_root(&mut self, path: &str, below: &str, name: &CollectionName) -> Result<bool> {
        let id = self.collection_id(name)?;
        let n_below = sql(self
            .connection
            .execute("DELETE FROM roots WHERE substr(path, 1, length(?1)) = ?1", [below]))?;
        let n = sql(self.connection.execute(
            "INSERT INTO roots (path, collection_id) VALUES (?1, ?2) \
             ON CONFLICT (path) DO UPDATE SET collection_id = excluded.collection_id \
             WHERE collection_id <> excluded.collection_id",
            params![path, id],
        ))?;
        Ok(n_below + n > 0)
    }

    /// Forgets what was said of `path`.
    pub fn remove_root(&mut self, path: &str) -> Result<()> {
        sql(self.connection.execute("DELETE FROM roots WHERE path = ?1", [path])).map(|_| ())
    }

    /// Moves the files at `path` and below it into a collection. Gives how many were in another.
    /// O(files).
    pub fn move_files(&mut self, path: &str, below: &str, name: &CollectionName) -> Result<u64> {
        let id = self.collection_id(name)?;
        sql(self.connection.execute(
            "UPDATE files SET collection_id = ?3 WHERE collection_id <> ?3 \
             AND (path = ?1 OR substr(path, 1, length(?2)) = ?2)",
            params![path, below, id],
        ))
        .map(|n| n as u64)
    }

    /// Moves one file into a collection. Gives whether it was in another.
    pub fn move_file(&mut self, path: &str, name: &CollectionName) -> Result<bool> {
        let id = self.collection_id(name)?;
        sql(self
            .connection
            .prepare_cached(
                "UPDATE files SET collection_id = ?3 \
                 WHERE path_hash = ?1 AND path = ?2 AND collection_id <> ?3",
            )
            .and_then(|mut statement| statement.execute(params![path_hash(path), path, id])))
        .map(|n| n > 0)
    }

    /// Sees to it that `default` is there and that every file and root is in a collection that is.
    pub fn mend_collections(&mut self) -> Result<()> {
        sql(self.connection.execute_batch(
            "UPDATE OR REPLACE collections SET id = 1 WHERE name = 'default' AND id <> 1;
             INSERT OR REPLACE INTO collections (id, name) VALUES (1, 'default');
             UPDATE files SET collection_id = 1
             WHERE collection_id NOT IN (SELECT id FROM collections);
             DELETE FROM roots WHERE collection_id NOT IN (SELECT id FROM collections);",
        ))
    }

    pub(super) fn collection_id(&self, name: &CollectionName) -> Result<i64> {
        let found: Option<i64> = sql(self
            .connection
            .prepare_cached("SELECT id FROM collections WHERE name = ?1")
            .and_then(|mut statement| {
                statement.query_row([name.as_str()], |row| row.get(0)).optional()
            }))?;
        found.ok_or_else(|| {
            Error::new(ErrorKind::NotFound, format!("there is no collection {:?}", name.as_str()))
                .with_hint("`ragged collection list` shows what is")
        })
    }
}
