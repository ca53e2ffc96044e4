//! `tune list`, `show`, `apply`, `set`, `get`, `reset` and `undo`: what the settings are, and are to be.

use anyhow::Result;
use ragged::{
    library::Library,
    settings::{BackendKind, Settings, tuning::Profile},
};

use super::{
    file::{self, PerformanceFile},
    profile,
};
use crate::{
    cli::{
        Session,
        printer::{counted, table, visible},
    },
    config::{self, KEYS, Key, Origin, performance_path},
    failure::{Outcome, Usage},
    wire::{
        Setting,
        tune::{
            DatabaseLimits, InProfile, MemoryFileLimits, TuneChange, TuneChanges, TuneProfile,
            TuneSetting, TuneShow, TuneSkipped,
        },
    },
};

/// The setting that names the engine.
pub(super) const BACKEND: &str = "backend.type";
/// The setting for maps, which serve plain files only.
const MAP: &str = "database.mmap_size_mb";
const ENCRYPTED: &str = "database.mmap_size_mb does nothing for what personas remember: encrypted \
                         pages cannot be mapped.";
/// What every profile decides.
const OF_PROFILES: [&str; 15] = [
    "ingest.threads",
    "ingest.in_flight",
    BACKEND,
    "backend.beam_width",
    "backend.cache_size",
    "backend.cache_memory",
    "backend.vector_cache",
    "backend.batch_threads",
    "memory.cache.l1_size",
    "memory.cache.l2_size",
    "memory.cache.l3_size",
    "memory.cache.profile_ttl",
    "memory.cache.query_ttl",
    "database.sqlite_cache_mb",
    MAP,
];
/// What the profile of high performance decides besides.
const OF_HIGH: [&str; 2] = ["personalisation.retrieve_multiplier", "personalisation.async_updates"];

/// The keys that a profile decides, in the order of the documentation.
pub(super) fn keys_of(profile: Profile) -> impl Iterator<Item = &'static Key> {
    KEYS.iter().filter(move |key| {
        OF_PROFILES.contains(&key.name)
            || (profile == Profile::HighPerformance && OF_HIGH.contains(&key.name))
    })
}

/// What a profile decides, as keys and values.
pub(super) fn values_of(profile: Profile) -> Vec<(&'static Key, String)> {
    let settings = profile.apply(&Settings::default());
    keys_of(profile).map(|key| (key, (key.get)(&settings))).collect()
}

/// The profile whose values are all in force.
fn in_force(session: &Session) -> Option<Profile> {
    Profile::ALL.into_iter().find(|profile| differences(*profile, session).is_empty())
}

/// What is otherwise than a profile has it.
fn differences(profile: Profile, session: &Session) -> Vec<&'static str> {
    let settings = &session.resolved.settings;
    let values = values_of(profile).into_iter();
    values.filter(|(key, value)| (key.get)(settings) != *value).map(|(key, _)| key.name).collect()
}

pub(super) fn list(session: &Session) -> Result<Outcome> {
    let printer = &session.printer;
    let profiles: Vec<TuneProfile> = Profile::ALL
        .into_iter()
        .map(|profile| {
            let differs_in = differences(profile, session);
            TuneProfile {
                name: profile.as_str(),
                purpose: profile.purpose(),
                in_force: differs_in.is_empty(),
                differs_in,
            }
        })
        .collect();
    if printer.is_json() {
        printer.json(&profiles)?;
        return Ok(Outcome::Done);
    }
    let mut rows = table(printer, &["profile", "for", "now"]);
    for profile in &profiles {
        let now = if profile.in_force {
            "in force".to_owned()
        } else {
            let n = profile.differs_in.len() as u64;
            format!("{} otherwise", counted(n, "setting", "settings"))
        };
        rows.add_row([profile.name.to_owned(), profile.purpose.to_owned(), now]);
    }
    printer.line(rows.trim_fmt())?;
    printer.note(
        "`ragged tune show NAME` shows what one of them sets, `ragged tune apply NAME` sets it.",
    );
    Ok(Outcome::Done)
}

pub(super) fn show(name: Option<&str>, session: &Session) -> Result<Outcome> {
    let printer = &session.printer;
    let shown = name.map(profile).transpose()?;
    let settings = &session.resolved.settings;
    let decided = shown.map(values_of);
    let in_profile = |key: &Key| {
        let values = decided.as_ref()?;
        let found = values.iter().find(|(of, _)| of.name == key.name);
        Some(found.map_or(InProfile::Left(()), |(_, value)| InProfile::Value(value.clone())))
    };
    let rows: Vec<TuneSetting> = KEYS
        .iter()
        .filter(|key| key.is_tunable())
        .map(|key| TuneSetting {
            key: key.name,
            value: (key.get)(settings),
            origin: session.resolved.origin(key).to_string(),
            in_profile: in_profile(key),
            takes: key.kind,
        })
        .collect();
    let library_db = limits(session);
    let in_force = in_force(session).map(Profile::as_str);
    if printer.is_json() {
        printer.json(&TuneShow {
            profile: in_force,
            settings: rows,
            library_db,
            memory_files: MemoryFileLimits {
                page_cache_bytes: settings.database.page_cache_bytes,
                mmap: "not used: encrypted pages cannot be mapped",
            },
        })?;
        return Ok(Outcome::Done);
    }
    let header: &[&str] = match shown {
        Some(profile) => &["setting", "now", profile.as_str()],
        None => &["setting", "value", "from"],
    };
    let mut printed = table(printer, header);
    for row in rows {
        let last = match row.in_profile {
            Some(InProfile::Left(())) => "as it is".to_owned(),
            Some(InProfile::Value(value)) if value == row.value => "the same".to_owned(),
            Some(InProfile::Value(value)) => value,
            None => row.origin,
        };
        printed.add_row([row.key.to_owned(), visible(&row.value).into_owned(), last]);
    }
    printer.line(printed.trim_fmt())?;
    match (shown, in_force) {
        (Some(profile), _) => {
            printer.note(format!("`ragged tune apply {}` sets this.", profile.as_str()));
        }
        (None, Some(profile)) => printer.note(format!("That is the profile {profile}.")),
        (None, None) => printer.note("That is none of the profiles (`ragged tune list`)."),
    }
    printer.note(not_mapped(library_db.as_ref().map(|limits| limits.mmap_bytes)));
    Ok(Outcome::Done)
}

/// What SQLite says; settings are shown even where the library cannot be opened.
fn limits(session: &Session) -> Option<DatabaseLimits> {
    if !Library::exists(&session.resolved.data_dir) {
        return None;
    }
    let limits = session.library().and_then(|library| Ok(library.store().limits()?));
    match limits {
        Ok(limits) => Some(DatabaseLimits {
            page_cache_bytes: limits.page_cache_bytes,
            mmap_bytes: limits.mmap_bytes,
        }),
        Err(error) => {
            session.printer.warning(format!("{error:#}"));
            None
        }
    }
}

/// What is mapped and what is not.
fn not_mapped(mapped: Option<u64>) -> String {
    let of_library = match mapped {
        Some(0) => "library.db is not mapped into memory".to_owned(),
        Some(bytes) => format!("SQLite may map {} MiB of library.db", bytes >> 20),
        None => "There is no library to be mapped".to_owned(),
    };
    format!("{of_library}. {ENCRYPTED}")
}

pub(super) fn get(name: &str, session: &Session) -> Result<Outcome> {
    let key = tunable(name)?;
    let value = (key.get)(&session.resolved.settings);
    let origin = session.resolved.origin(key).to_string();
    if session.printer.is_json() {
        session.printer.json(&Setting { key: key.name, value, origin })?;
    } else {
        session.printer.line(visible(&value))?;
        session.printer.note(format!("From: {origin}. It takes {}.", key.kind));
    }
    Ok(Outcome::Done)
}

/// The key with this name, if it can be tuned.
fn tunable(name: &str) -> Result<&'static Key, Usage> {
    let key = config::find(name).map_err(|error| {
        let of_configuration = error.hint().is_some_and(|hint| hint.contains("config show"));
        if of_configuration { error.with_hint("`ragged tune show` lists them") } else { error }
    })?;
    if key.is_tunable() {
        return Ok(key);
    }
    Err(Usage::new(format!("{} trades no speed or memory, so it is none of `tune`", key.name))
        .with_hint(format!("`ragged config get {0}`, `ragged config set {0} …`", key.name)))
}

/// What becomes of a profile's engine where the library's vectors are in another one: nothing.
fn other_backend(wanted: BackendKind, session: &Session) -> Result<Option<TuneSkipped>> {
    let active = session.resolved.settings.backend.kind;
    if wanted == active || !Library::exists(&session.resolved.data_dir) {
        return Ok(None);
    }
    let documents = session.library()?.status()?.counts.documents;
    if documents == 0 {
        return Ok(None);
    }
    let (from, to) = (active.as_str(), wanted.as_str());
    Ok(Some(TuneSkipped {
        key: BACKEND,
        why: format!(
            "the vectors of {} are in {from}, and tuning moves none",
            counted(documents, "document", "documents")
        ),
        hint: Some(format!("`ragged backend migrate {from} {to}`")),
    }))
}

/// What takes a value out of the way that stands above the tuning file.
fn way_out(origin: &Origin, key: &Key) -> String {
    match origin {
        Origin::Environment(variable) => format!("`unset {variable}`"),
        Origin::Flag => format!("leave out `-o {}=…`", key.name),
        Origin::Persona(_) => format!("`ragged memory config reset {}`", key.name),
        _ => format!("`ragged config unset {}`", key.name),
    }
}

/// Says that a value was written and is not used.
fn tell_hidden(key: &Key, session: &Session) {
    if let Some(origin) = session.resolved.above_tuning(key) {
        let value = (key.get)(&session.resolved.settings);
        session.printer.warning(format!(
            "{} stays {}: {origin} says so, and stands above what `tune` writes; {} changes that",
            key.name,
            visible(&value),
            way_out(&origin, key)
        ));
    }
}

fn hidden_by(key: &Key, session: &Session) -> Option<String> {
    session.resolved.above_tuning(key).map(|origin| origin.to_string())
}

pub(super) fn apply(name: &str, is_dry: bool, session: &Session) -> Result<Outcome> {
    let printer = &session.printer;
    let profile = profile(name)?;
    let mut values = values_of(profile);
    let skipped = other_backend(BackendKind::Leann, session)?;
    if skipped.is_some() {
        values.retain(|(key, _)| key.name != BACKEND);
    }
    let settings = &session.resolved.settings;
    let changes: Vec<TuneChange> = values
        .iter()
        .map(|(key, value)| TuneChange {
            key: key.name,
            before: (key.get)(settings),
            after: value.clone(),
            hidden_by: hidden_by(key, session),
        })
        .filter(|change| change.before != change.after)
        .collect();
    if !is_dry {
        write(profile, &values, session)?;
    }
    let path = performance_path(&session.resolved.data_dir).display().to_string();
    if printer.is_json() {
        printer.json(&TuneChanges {
            profile: Some(profile.as_str()),
            written: !is_dry,
            file: path,
            changes,
            skipped: skipped.into_iter().collect(),
        })?;
        return Ok(Outcome::Done);
    }
    if changes.is_empty() {
        printer.line(format!("All is as {} has it already.", profile.as_str()))?;
    } else {
        let mut rows = table(printer, &["setting", "before", "after"]);
        for change in &changes {
            rows.add_row([change.key, &change.before, &change.after]);
        }
        printer.line(rows.trim_fmt())?;
    }
    if let Some(skipped) = &skipped {
        let hint = skipped.hint.as_deref().unwrap_or_default();
        printer
            .warning(format!("{} is left as it is: {}; {hint} moves them", BACKEND, skipped.why));
    }
    for (key, value) in &values {
        if (key.get)(settings) != *value {
            tell_hidden(key, session);
        }
    }
    if is_dry {
        printer.note("Nothing was changed; leave out --dry-run to do it.");
    } else {
        printer.note(format!("Kept in {path}; `ragged tune undo` takes it back."));
    }
    printer.note(ENCRYPTED);
    Ok(Outcome::Done)
}

/// Writes what a profile decides, in place of what another one did.
fn write(profile: Profile, values: &[(&'static Key, String)], session: &Session) -> Result<()> {
    let set: Vec<(String, String)> =
        values.iter().map(|(key, value)| (key.name.to_owned(), value.clone())).collect();
    let of_others = OF_HIGH.iter().filter(|_| profile != Profile::HighPerformance);
    let out: Vec<String> = of_others.map(|name| (*name).to_owned()).collect();
    PerformanceFile::mended(session)?.change(&out, &set)?;
    Ok(())
}

pub(super) fn set(name: &str, value: &str, session: &Session) -> Result<Outcome> {
    let printer = &session.printer;
    let key = tunable(name)?;
    let mut settings = session.resolved.settings.clone();
    (key.set)(&mut settings, value)
        .map_err(|problem| Usage::new(format!("{}: {problem} ({})", key.name, key.kind)))?;
    if key.name == BACKEND
        && let Some(skipped) = other_backend(settings.backend.kind, session)?
    {
        return Err(anyhow::Error::new(crate::Hinted::new(
            skipped.why,
            skipped.hint.unwrap_or_default(),
        )));
    }
    let after = (key.get)(&settings);
    PerformanceFile::mended(session)?.change(&[], &[(key.name.to_owned(), after.clone())])?;
    if printer.is_json() {
        printer.json(&TuneChanges {
            profile: None,
            written: true,
            file: performance_path(&session.resolved.data_dir).display().to_string(),
            changes: vec![TuneChange {
                key: key.name,
                before: (key.get)(&session.resolved.settings),
                after,
                hidden_by: hidden_by(key, session),
            }],
            skipped: Vec::new(),
        })?;
        return Ok(Outcome::Done);
    }
    printer.line(format!("{} = {}", key.name, visible(&after)))?;
    if key.name == MAP {
        printer.note(ENCRYPTED);
    }
    tell_hidden(key, session);
    Ok(Outcome::Done)
}

pub(super) fn reset(name: Option<&str>, session: &Session) -> Result<Outcome> {
    let printer = &session.printer;
    let out: Vec<String> = match (name, PerformanceFile::open(session)) {
        (None, Err(_)) => {
            // Nothing of it can be read, so nothing of it can be kept.
            file::clear(session)?;
            Vec::new()
        }
        (_, Err(error)) => return Err(error),
        (name, Ok(mut file)) => {
            let is_meant = |known: &str| match (name, config::find(known)) {
                // What is no setting can be taken out by its name.
                (Some(name), Err(_)) => known == name,
                (Some(name), Ok(key)) => {
                    known == name || config::find(name).is_ok_and(|wanted| wanted.name == key.name)
                }
                (None, Ok(key)) => !key.is_measured(),
                (None, Err(_)) => true,
            };
            let out: Vec<String> = file
                .values()
                .map(|(known, _)| known)
                .filter(|known| is_meant(known))
                .map(str::to_owned)
                .collect();
            if let (Some(name), true) = (name, out.is_empty()) {
                tunable(name)?;
            }
            file.change(&out, &[])?;
            out
        }
    };
    if printer.is_json() {
        printer.json(&serde_json::json!({ "keys": out, "reset": true }))?;
        return Ok(Outcome::Done);
    }
    if out.is_empty() {
        printer.line("Nothing of it was set.")?;
    } else {
        for name in &out {
            printer.line(format!("{} is out of the file", visible(name)))?;
        }
        printer.note("`ragged tune undo` puts the file back.");
    }
    if name.is_none() {
        printer
            .note("What `ragged tune probe` measured stays; `ragged tune reset KEY` takes it out.");
    }
    Ok(Outcome::Done)
}

pub(super) fn undo(session: &Session) -> Result<Outcome> {
    let printer = &session.printer;
    let is_undone = file::undo(session)?;
    let path = performance_path(&session.resolved.data_dir).display().to_string();
    if printer.is_json() {
        printer.json(&serde_json::json!({ "undone": is_undone, "file": path }))?;
        return Ok(Outcome::Done);
    }
    if is_undone {
        printer.line(format!("{path} is as it was before the last change."))?;
        printer.note("`ragged tune undo` once more brings that change back.");
    } else {
        printer.line("There is nothing to undo: `tune` has changed nothing here.")?;
    }
    Ok(Outcome::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A profile decides the keys that it says, each of them and no other.
    #[test]
    fn a_profile_decides_its_keys_and_no_others() {
        for profile in Profile::ALL {
            // Settings of which none is as any profile has it.
            let mut other = Settings::default();
            let of_it: Vec<&str> = keys_of(profile).map(|key| key.name).collect();
            for name in OF_PROFILES.iter().chain(&OF_HIGH) {
                let key = config::find(name).unwrap();
                let odd = match *name {
                    BACKEND => "exact",
                    "personalisation.async_updates" => "false",
                    "personalisation.retrieve_multiplier" => "9",
                    "ingest.in_flight" | "backend.cache_memory" | "backend.vector_cache" => "77MiB",
                    _ => "7",
                };
                (key.set)(&mut other, odd).unwrap();
            }
            let applied = profile.apply(&other);
            for key in KEYS {
                let is_changed = (key.get)(&applied) != (key.get)(&other);
                assert_eq!(is_changed, of_it.contains(&key.name), "{profile:?} {}", key.name);
            }
            // And what is written gives what is applied.
            let mut written = other.clone();
            for (key, value) in values_of(profile) {
                (key.set)(&mut written, &value).unwrap();
            }
            assert_eq!(written, applied);
        }
    }

    /// The values that the profiles are to have, one by one.
    #[test]
    fn profiles_have_the_values_that_they_promise() {
        let promised = [
            ("backend.type", ["leann"; 3]),
            ("backend.cache_size", ["10000", "5000", "1000"]),
            ("backend.beam_width", ["150", "100", "50"]),
            ("memory.cache.l1_size", ["1000", "500", "100"]),
            ("memory.cache.l2_size", ["500", "200", "50"]),
            ("memory.cache.l3_size", ["500", "200", "50"]),
            ("memory.cache.profile_ttl", ["3600s", "1800s", "600s"]),
            ("memory.cache.query_ttl", ["1800s", "900s", "300s"]),
            ("database.sqlite_cache_mb", ["128", "64", "32"]),
            ("database.mmap_size_mb", ["512", "256", "128"]),
        ];
        for (at, profile) in Profile::ALL.into_iter().enumerate() {
            let values = values_of(profile);
            for (name, expected) in promised {
                let value =
                    values.iter().find(|(key, _)| key.name == name).map(|(_, v)| v.as_str());
                assert_eq!(value, Some(expected[at]), "{profile:?} {name}");
            }
        }
        let high = values_of(Profile::HighPerformance);
        for (name, expected) in [(OF_HIGH[0], "2"), (OF_HIGH[1], "true")] {
            let value = high.iter().find(|(key, _)| key.name == name).map(|(_, v)| v.as_str());
            assert_eq!(value, Some(expected), "{name}");
        }
    }
}
