//! The registry: personas, their consent, and which of them is active.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};

use super::{
    DEFAULT_PERSONA, Memory, Persona, PersonaDraft, PersonaName, Recording,
    audit::{self, Operation},
    record::random_id,
};
use crate::{
    error::{Context, Error, ErrorKind, Result},
    sqlite::{natural, sql},
};

const KEY_ACTIVE: &str = "active_persona";
const KEY_EXPIRED_AT: &str = "expired_at";
const FOCUS: &str = "focus";
const PROJECT: &str = "project";
const COLLECTION: &str = "collection";

const SELECT_PERSONA: &str = "SELECT name, file_id, description, response_style, detail_level, \
     citation_style, recording, is_learning, is_personalised, created_at, last_used, usage_count, \
     name = coalesce((SELECT value FROM registry WHERE key = 'active_persona'), 'default') \
     COLLATE NOCASE FROM personas";

/// What was read of the registry, and is asked for with every question.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// By name, in lower case.
    personas: HashMap<String, Persona>,
    /// The number of the last entry of the audit log about a persona, by the id of its file.
    pub(super) last_noted: HashMap<String, i64>,
}

impl Memory {
    pub(super) fn ensure_default(&self) -> Result<()> {
        let name = PersonaName::default();
        if self.registry().read(|connection| find(connection, &name))?.is_some() {
            return Ok(());
        }
        let now = self.now_ms();
        self.registry().write(|tx| {
            if find(tx, &name)?.is_none() {
                insert(tx, &name, &PersonaDraft::default(), now)?;
            }
            Ok(())
        })
    }

    /// Whether old interactions are to be deleted now: they were not since `since_ms`. From then
    /// on they were.
    pub(super) fn begin_expiry(&self, now_ms: i64, since_ms: i64) -> Result<bool> {
        let last = |connection: &Connection| -> Result<Option<i64>> {
            sql(connection.prepare_cached("SELECT value FROM registry WHERE key = ?1").and_then(
                |mut statement| statement.query_row([KEY_EXPIRED_AT], |row| row.get(0)).optional(),
            ))
        };
        // A time ahead of the clock would put it off for ever.
        let is_due = |last: Option<i64>| last.is_none_or(|at| at <= since_ms || at > now_ms);
        if !is_due(self.registry().read(last)?) {
            return Ok(false);
        }
        self.registry().write(|tx| {
            if !is_due(last(tx)?) {
                return Ok(false);
            }
            sql(tx.execute(
                "INSERT OR REPLACE INTO registry (key, value) VALUES (?1, ?2)",
                params![KEY_EXPIRED_AT, now_ms],
            ))?;
            Ok(true)
        })
    }

    /// All personas, in order of name.
    ///
    /// # Errors
    ///
    /// Those of reading the registry.
    pub fn personas(&self) -> Result<Vec<Persona>> {
        self.registry()
            .read(|connection| {
                let mut statement = sql(connection
                    .prepare_cached(&format!("{SELECT_PERSONA} ORDER BY name COLLATE NOCASE")))?;
                let rows = sql(statement.query_map([], |row| Ok(persona_of(row))))?;
                let mut personas = Vec::new();
                for row in rows {
                    let mut persona = sql(row)??;
                    load_items(connection, &mut persona)?;
                    personas.push(persona);
                }
                Ok(personas)
            })
            .context_with(|| "listing personas")
    }

    /// One persona.
    ///
    /// # Errors
    ///
    /// `NotFound` with the names that exist.
    pub fn persona(&self, name: &PersonaName) -> Result<Persona> {
        let found = self.known.look(self.registry(), |known| {
            // Names are compared without regard to ASCII case.
            let key = name.as_str().to_ascii_lowercase();
            if let Some(persona) = known.personas.get(&key) {
                return Ok(Some(persona.clone()));
            }
            let found = self.registry().read(|connection| find(connection, name))?;
            known.personas.extend(found.clone().map(|persona| (key, persona)));
            Ok(found)
        })?;
        if let Some(persona) = found {
            return Ok(persona);
        }
        let known = self.personas()?;
        let names: Vec<&str> = known.iter().map(|persona| persona.name.as_str()).collect();
        Err(Error::new(ErrorKind::NotFound, format!("there is no persona {:?}", name.as_str()))
            .with_hint(format!(
                "there are: {}; `ragged persona create` makes another",
                names.join(", ")
            )))
    }

    /// The persona that commands use unless told otherwise.
    ///
    /// # Errors
    ///
    /// Those of reading the registry.
    pub fn active(&self) -> Result<Persona> {
        let name = self.registry().read(active_name)?;
        match name.parse().and_then(|name: PersonaName| self.persona(&name)) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                self.persona(&PersonaName::default())
            }
            found => found,
        }
    }

    /// Makes a persona. Nothing is recorded for it yet.
    ///
    /// # Errors
    ///
    /// `Conflict` where there is one of that name.
    pub fn create_persona(&self, name: &PersonaName, draft: &PersonaDraft) -> Result<Persona> {
        let now = self.now_ms();
        self.registry()
            .write(|tx| {
                if find(tx, name)?.is_some() {
                    return Err(Error::new(
                        ErrorKind::Conflict,
                        format!("there is a persona {:?} already", name.as_str()),
                    )
                    .with_hint("change it with `ragged persona edit`"));
                }
                insert(tx, name, draft, now)?;
                note(tx, now, Operation::PersonaCreate, name)
            })
            .context_with(|| format!("creating the persona {name}"))?;
        self.persona(name)
    }

    /// Replaces what an owner says of a persona.
    ///
    /// # Errors
    ///
    /// `NotFound` for a persona that does not exist.
    pub fn edit_persona(&self, name: &PersonaName, draft: &PersonaDraft) -> Result<Persona> {
        let persona = self.persona(name)?;
        self.registry()
            .write(|tx| {
                sql(tx.execute(
                    "UPDATE personas SET description = ?2, response_style = ?3, detail_level = ?4, \
                     citation_style = ?5 WHERE name = ?1",
                    params![
                        persona.name.as_str(),
                        draft.description,
                        draft.response_style.as_str(),
                        draft.detail_level.as_str(),
                        draft.citation_style.as_str(),
                    ],
                ))?;
                write_items(tx, persona.name.as_str(), draft)?;
                note(tx, self.now_ms(), Operation::PersonaEdit, &persona.name)
            })
            .context_with(|| format!("changing the persona {name}"))?;
        self.persona(name)
    }

    /// Makes a persona the one that commands use unless told otherwise.
    ///
    /// # Errors
    ///
    /// `NotFound` for a persona that does not exist.
    pub fn switch_to(&self, name: &PersonaName) -> Result<Persona> {
        let persona = self.persona(name)?;
        let now = self.now_ms();
        self.registry()
            .write(|tx| {
                sql(tx.execute(
                    "INSERT OR REPLACE INTO registry (key, value) VALUES (?1, ?2)",
                    params![KEY_ACTIVE, persona.name.as_str()],
                ))?;
                note_use(tx, persona.name.as_str(), now)?;
                note(tx, now, Operation::PersonaSwitch, &persona.name)
            })
            .context_with(|| format!("switching to the persona {name}"))?;
        self.persona(name)
    }

    /// Destroys a persona: its key first, then its file, then its name. The active persona's place
    /// is taken by `default`.
    ///
    /// # Errors
    ///
    /// `Invalid` for `default`, which can be cleared and not deleted; `NotFound`; `Io`.
    pub fn delete_persona(&self, name: &PersonaName) -> Result<()> {
        if name.is_default() {
            return Err(Error::new(
                ErrorKind::Invalid,
                "the persona \"default\" always exists and cannot be deleted",
            )
            .with_hint("`ragged memory clear --persona default` empties it"));
        }
        let persona = self.persona(name)?;
        self.close(&persona.file_id);
        let what = || format!("deleting the persona {name}");
        // Without its key nothing of it can be read, whatever happens next; the name goes last, so
        // that a deletion that was interrupted can be repeated.
        self.vault().destroy(&persona.file_id).context_with(what)?;
        self.registry()
            .write(|tx| {
                sql(tx.execute(
                    "DELETE FROM registry WHERE key = ?1 AND value = ?2 COLLATE NOCASE",
                    params![KEY_ACTIVE, persona.name.as_str()],
                ))?;
                sql(tx.execute("DELETE FROM personas WHERE name = ?1", [persona.name.as_str()]))?;
                audit::drop_content(tx, &persona.file_id)?;
                audit::append(tx, self.now_ms(), Operation::PersonaDelete, None, &[])
            })
            .context_with(what)?;
        self.registry().settle(true).context_with(what)
    }

    /// Changes whether a persona's questions are recorded.
    ///
    /// # Errors
    ///
    /// `NotFound` for a persona that does not exist.
    pub fn set_recording(&self, name: &PersonaName, recording: Recording) -> Result<()> {
        let persona = self.persona(name)?;
        self.set_flag(
            "UPDATE personas SET recording = ?2 WHERE name = ?1",
            &persona.name,
            &recording.as_str(),
            match recording {
                Recording::On => Operation::Enable,
                Recording::Paused => Operation::Pause,
                Recording::Off => Operation::Disable,
            },
            &[],
        )
    }

    /// Changes whether what is recorded from now on counts towards the interests.
    ///
    /// # Errors
    ///
    /// `NotFound` for a persona that does not exist.
    pub fn set_learning(&self, name: &PersonaName, is_learning: bool) -> Result<()> {
        let persona = self.persona(name)?;
        self.set_flag(
            "UPDATE personas SET is_learning = ?2 WHERE name = ?1",
            &persona.name,
            &is_learning,
            Operation::Learning,
            &[("on", is_learning.to_string())],
        )
    }

    /// Changes whether the interests change the ranking.
    ///
    /// # Errors
    ///
    /// `NotFound` for a persona that does not exist.
    pub fn set_personalised(&self, name: &PersonaName, is_personalised: bool) -> Result<()> {
        let persona = self.persona(name)?;
        self.set_flag(
            "UPDATE personas SET is_personalised = ?2 WHERE name = ?1",
            &persona.name,
            &is_personalised,
            Operation::Personalisation,
            &[("on", is_personalised.to_string())],
        )
    }

    fn set_flag(
        &self,
        statement: &str,
        name: &PersonaName,
        value: &dyn rusqlite::ToSql,
        operation: Operation,
        fields: audit::AuditFields<'_>,
    ) -> Result<()> {
        self.registry()
            .write(|tx| {
                sql(tx.execute(statement, params![name.as_str(), value]))?;
                let file_id = audit::file_id_of(tx, name)?;
                let persona = file_id.as_deref().map(|file_id| (name, file_id));
                audit::append(tx, self.now_ms(), operation, persona, fields)
            })
            .context_with(|| format!("changing the persona {name}"))
    }

    /// Settings of a persona that differ from those of the library, in order of key.
    ///
    /// # Errors
    ///
    /// `NotFound` for a persona that does not exist.
    pub fn persona_settings(&self, name: &PersonaName) -> Result<Vec<(String, String)>> {
        let persona = self.persona(name)?;
        self.registry().read(|connection| {
            let mut statement = sql(connection.prepare_cached(
                "SELECT key, value FROM persona_settings WHERE persona = ?1 ORDER BY key",
            ))?;
            let rows =
                sql(statement
                    .query_map([persona.name.as_str()], |row| Ok((row.get(0)?, row.get(1)?))))?;
            sql(rows.collect())
        })
    }

    /// Whether any persona has settings of its own.
    pub(super) fn has_persona_settings(&self) -> Result<bool> {
        self.registry().read(|connection| {
            let mut statement =
                sql(connection.prepare_cached("SELECT EXISTS (SELECT 1 FROM persona_settings)"))?;
            sql(statement.query_row([], |row| row.get(0)))
        })
    }

    /// Sets a setting of one persona, or with `None` gives it back to the library's. What keys and
    /// values there are is the caller's knowledge.
    ///
    /// # Errors
    ///
    /// `NotFound` for a persona that does not exist.
    pub fn set_persona_setting(
        &self,
        name: &PersonaName,
        key: &str,
        value: Option<&str>,
    ) -> Result<()> {
        let persona = self.persona(name)?;
        self.registry()
            .write(|tx| {
                let done = match value {
                    Some(value) => tx.execute(
                        "INSERT OR REPLACE INTO persona_settings (persona, key, value) \
                         VALUES (?1, ?2, ?3)",
                        params![persona.name.as_str(), key, value],
                    ),
                    None => tx.execute(
                        "DELETE FROM persona_settings WHERE persona = ?1 AND key = ?2",
                        params![persona.name.as_str(), key],
                    ),
                };
                sql(done)?;
                self.note_setting(tx, &persona.name, key, value)
            })
            .context_with(|| format!("setting {key} for the persona {name}"))
    }

    /// Gives all settings of one persona back to the library's, and returns which they were, in
    /// order of key.
    ///
    /// # Errors
    ///
    /// `NotFound` for a persona that does not exist.
    pub fn reset_persona_settings(&self, name: &PersonaName) -> Result<Vec<String>> {
        let persona = self.persona(name)?;
        self.registry()
            .write(|tx| {
                let mut keys: Vec<String> = sql(tx
                    .prepare_cached("DELETE FROM persona_settings WHERE persona = ?1 RETURNING key")
                    .and_then(|mut statement| {
                        statement.query_map([persona.name.as_str()], |row| row.get(0))?.collect()
                    }))?;
                keys.sort();
                for key in &keys {
                    self.note_setting(tx, &persona.name, key, None)?;
                }
                Ok(keys)
            })
            .context_with(|| format!("resetting all settings of the persona {name}"))
    }

    /// What goes with every change of a persona's setting.
    fn note_setting(
        &self,
        tx: &Transaction<'_>,
        name: &PersonaName,
        key: &str,
        value: Option<&str>,
    ) -> Result<()> {
        // A new retention holds from the next opening on, not from the next day.
        sql(tx.execute("DELETE FROM registry WHERE key = ?1", [KEY_EXPIRED_AT]))?;
        let file_id = audit::file_id_of(tx, name)?;
        let of = file_id.as_deref().map(|file_id| (name, file_id));
        let value = value.unwrap_or("as the library's").to_owned();
        let fields = [("key", key.to_owned()), ("value", value)];
        audit::append(tx, self.now_ms(), Operation::Setting, of, &fields)
    }
}

fn active_name(connection: &Connection) -> Result<String> {
    let name = sql(connection
        .prepare_cached("SELECT value FROM registry WHERE key = ?1")
        .and_then(|mut statement| statement.query_row([KEY_ACTIVE], |row| row.get(0)).optional()))?;
    Ok(name.unwrap_or_else(|| DEFAULT_PERSONA.to_owned()))
}

fn note(tx: &Transaction<'_>, now_ms: i64, operation: Operation, name: &PersonaName) -> Result<()> {
    let file_id = audit::file_id_of(tx, name)?;
    audit::append(tx, now_ms, operation, file_id.as_deref().map(|file_id| (name, file_id)), &[])
}

fn note_use(tx: &Transaction<'_>, name: &str, now_ms: i64) -> Result<()> {
    sql(tx.execute(
        "UPDATE personas SET last_used = ?2, usage_count = usage_count + 1 WHERE name = ?1",
        params![name, now_ms],
    ))
    .map(|_| ())
}

fn insert(
    tx: &Transaction<'_>,
    name: &PersonaName,
    draft: &PersonaDraft,
    now_ms: i64,
) -> Result<()> {
    sql(tx.execute(
        "INSERT INTO personas (name, file_id, description, response_style, detail_level, \
         citation_style, recording, is_learning, is_personalised, created_at, usage_count) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 1, 1, ?8, 0)",
        params![
            name.as_str(),
            random_id()?,
            draft.description,
            draft.response_style.as_str(),
            draft.detail_level.as_str(),
            draft.citation_style.as_str(),
            Recording::Off.as_str(),
            now_ms,
        ],
    ))?;
    write_items(tx, name.as_str(), draft)
}

fn write_items(tx: &Transaction<'_>, name: &str, draft: &PersonaDraft) -> Result<()> {
    sql(tx.execute("DELETE FROM persona_items WHERE persona = ?1", [name]))?;
    let mut insert = sql(tx.prepare_cached(
        "INSERT INTO persona_items (persona, kind, position, item) VALUES (?1, ?2, ?3, ?4)",
    ))?;
    let collections: Vec<String> =
        draft.collections.iter().map(|name| name.as_str().to_owned()).collect();
    let kinds = [
        (FOCUS, &draft.focus_areas),
        (PROJECT, &draft.active_projects),
        (COLLECTION, &collections),
    ];
    for (kind, items) in kinds {
        for (position, item) in (0_i64..).zip(items) {
            sql(insert.execute(params![name, kind, position, item]))?;
        }
    }
    Ok(())
}

fn find(connection: &Connection, name: &PersonaName) -> Result<Option<Persona>> {
    let mut statement =
        sql(connection.prepare_cached(&format!("{SELECT_PERSONA} WHERE name = ?1")))?;
    let found = sql(statement.query_row([name.as_str()], |row| Ok(persona_of(row))).optional())?;
    let Some(mut persona) = found.transpose()? else { return Ok(None) };
    load_items(connection, &mut persona)?;
    Ok(Some(persona))
}

fn persona_of(row: &Row<'_>) -> Result<Persona> {
    let text = |idx: usize| -> Result<String> { sql(row.get(idx)) };
    Ok(Persona {
        name: text(0)?.parse()?,
        file_id: text(1)?,
        draft: PersonaDraft {
            description: text(2)?,
            response_style: text(3)?.parse()?,
            detail_level: text(4)?.parse()?,
            citation_style: text(5)?.parse()?,
            ..PersonaDraft::default()
        },
        recording: text(6)?.parse()?,
        is_learning: sql(row.get(7))?,
        is_personalised: sql(row.get(8))?,
        created_ms: sql(row.get(9))?,
        last_used_ms: sql(row.get(10))?,
        usage_count: natural(sql(row.get(11))?),
        is_active: sql(row.get(12))?,
    })
}

fn load_items(connection: &Connection, persona: &mut Persona) -> Result<()> {
    let mut statement = sql(connection.prepare_cached(
        "SELECT kind, item FROM persona_items WHERE persona = ?1 ORDER BY kind, position",
    ))?;
    let rows = sql(statement.query_map([persona.name.as_str()], |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?))
    }))?;
    for row in rows {
        let (kind, item) = sql(row)?;
        match kind.as_str() {
            FOCUS => persona.draft.focus_areas.push(item),
            PROJECT => persona.draft.active_projects.push(item),
            COLLECTION => persona.draft.collections.push(item.parse()?),
            _ => {}
        }
    }
    Ok(())
}
