//! From files, environment and flags to [`Settings`]; the only place where precedence exists.
//!
//! Flag > environment > persona > `config.yaml` > `config/performance.yaml` > default. The environment is
//! read here and nowhere else.

mod file;
mod key;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use ragged::settings::Settings;

use crate::failure::did_you_mean;

pub(crate) use file::{ConfigFile, write_atomically};
pub(crate) use key::{KEYS, Key, parse_duration};

/// Folder that holds the library.
pub(crate) const ENV_DATA_DIR: &str = "RAGGED_DATA_DIR";
/// Names the program `chroma`, for benchmarks, where it is not on the path.
pub(crate) const ENV_CHROMA: &str = "RAGGED_CHROMA";
/// Passphrase of the memory's key; no setting, so that it is never shown.
pub(crate) const ENV_PASSPHRASE: &str = "RAGGED_MEMORY_PASSPHRASE";
/// Environment variables for settings are this, then the key in capitals with `_` for `.`.
pub(crate) const ENV_PREFIX: &str = "RAGGED_";

/// Where a setting's value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    Default,
    File(PathBuf),
    Environment(String),
    /// A setting of this persona alone.
    Persona(String),
    /// Decided by a preset, which is set there.
    Preset(&'static str, Box<Origin>),
    Flag,
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Environment(variable) => write!(f, "environment {variable}"),
            Self::Persona(name) => write!(f, "persona {name}"),
            Self::Preset(preset, origin) => write!(f, "preset {preset} of {origin}"),
            Self::Flag => f.write_str("flag"),
        }
    }
}

/// The settings in force and where each one that is not a default comes from.
#[derive(Clone, Debug)]
pub(crate) struct Resolved {
    pub(crate) data_dir: PathBuf,
    pub(crate) settings: Settings,
    pub(crate) origins: BTreeMap<&'static str, Origin>,
    /// What the file and the environment say and cannot be used; the default stands in its place.
    pub(crate) problems: Vec<Problem>,
}

/// Something in the configuration file or the environment that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    /// The file or the variable.
    place: String,
    /// The setting, or what was written in place of one; empty for the file as a whole.
    pub(crate) key: String,
    message: String,
    /// What mends it.
    pub(crate) hint: String,
    /// It stands in the file that `tune` writes: all works without it, only not as fast.
    pub(crate) is_of_tuning: bool,
}

impl Problem {
    /// The same as a failure.
    pub(crate) fn to_error(&self) -> crate::Hinted {
        crate::Hinted::new(self.to_string(), self.hint.clone())
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.place, self.message)
    }
}

impl Resolved {
    pub(crate) fn origin(&self, key: &Key) -> Origin {
        let own = self.origins.get(key.name).cloned();
        own.or_else(|| self.preset_of(key)).unwrap_or(Origin::Default)
    }

    /// The preset that decides a setting, if one was chosen.
    fn preset_of(&self, key: &Key) -> Option<Origin> {
        let origin = self.origins.get(PRESET).filter(|_| OF_PRESET.contains(&key.name))?;
        let preset = self.settings.personalisation.preset.as_str();
        Some(Origin::Preset(preset, Box::new(origin.clone())))
    }

    /// What says otherwise than `config/performance.yaml` may, and stands above it.
    pub(crate) fn above_tuning(&self, key: &Key) -> Option<Origin> {
        let tuned = performance_path(&self.data_dir);
        match self.origin(key) {
            Origin::Default | Origin::Preset(..) => None,
            Origin::File(path) if path == tuned => None,
            origin => Some(origin),
        }
    }

    pub(crate) fn config_path(&self) -> PathBuf {
        config_path(&self.data_dir)
    }
}

fn config_path(data_dir: &Path) -> PathBuf {
    data_dir.join("config.yaml")
}

/// What mends that file.
const RETUNE: &str = "`ragged tune reset` empties the file";
/// What mends what it says of measured costs.
const REMEASURE: &str = "`ragged tune probe` measures anew";

/// The file that `ragged tune` writes; what the user wrote stands above it.
pub(crate) fn performance_path(data_dir: &Path) -> PathBuf {
    data_dir.join("config").join("performance.yaml")
}

/// The process's environment, as far as ragged reads it.
pub(crate) fn environment() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(name, _)| {
            name.starts_with(ENV_PREFIX) || matches!(name.as_str(), "HOME" | "USERPROFILE")
        })
        .collect()
}

/// The passphrase of the memory's key, if the environment has one.
#[expect(clippy::disallowed_methods, reason = "this is the module that reads the environment")]
pub(crate) fn memory_passphrase() -> Option<String> {
    std::env::var(ENV_PASSPHRASE).ok().filter(|text| !text.is_empty())
}

/// The program `chroma`: of the environment, or on the path.
#[expect(clippy::disallowed_methods, reason = "this is the module that reads the environment")]
pub(crate) fn chroma_program() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os(ENV_CHROMA).filter(|named| !named.is_empty()) {
        return Some(PathBuf::from(named));
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .flat_map(|dir| [dir.join("chroma"), dir.join("chroma.exe")])
        .find(|program| program.is_file())
}

/// Whether the environment says that only ASCII can be shown: a locale of another character set
/// than UTF-8, or a terminal without abilities.
#[expect(clippy::disallowed_methods, reason = "this is the module that reads the environment")]
pub(crate) fn is_ascii_terminal() -> bool {
    let value = |name| std::env::var(name).ok().filter(|value: &String| !value.is_empty());
    if value("TERM").is_some_and(|terminal| terminal == "dumb") {
        return true;
    }
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(value);
    locale.is_some_and(|locale| {
        let locale = locale.to_ascii_lowercase();
        !locale.contains("utf-8") && !locale.contains("utf8")
    })
}

/// Decides every setting. Pure but for reading `config.yaml`.
///
/// What a flag says wrongly is an error; what the file or the environment says wrongly is a
/// [`Problem`] of the result, so that the commands which mend it can still run.
pub(crate) fn resolve(
    data_dir_flag: Option<&Path>,
    option_flags: &[String],
    environment: &BTreeMap<String, String>,
) -> Result<Resolved> {
    let data_dir = data_dir(data_dir_flag, environment)?;
    let path = config_path(&data_dir);
    let mut resolved = Resolved {
        data_dir,
        settings: Settings::default(),
        origins: BTreeMap::new(),
        problems: Vec::new(),
    };
    let tuned = performance_path(&resolved.data_dir);
    for (path, is_of_tuning, remedy) in [
        (&tuned, true, RETUNE),
        (&path, false, "mend the file by hand, or move it away and `ragged init`"),
    ] {
        match ConfigFile::read(path) {
            Ok(None) => {}
            Ok(Some(file)) => resolved.apply_file(&file, is_of_tuning),
            Err(error) => resolved.problems.push(Problem {
                place: path.display().to_string(),
                key: String::new(),
                message: format!("{error:#}"),
                hint: remedy.to_owned(),
                is_of_tuning,
            }),
        }
    }
    for key in KEYS {
        let variable = key.variable();
        if let Some(value) = environment.get(&variable) {
            let origin = Origin::Environment(variable.clone());
            if let Err(message) = resolved.apply(key, value, origin) {
                resolved.problems.push(Problem {
                    place: format!("environment variable {variable}"),
                    key: key.name.to_owned(),
                    message,
                    hint: format!("`unset {variable}`"),
                    is_of_tuning: false,
                });
            }
        }
    }
    resolved.settle_chunks(&path);
    for option in option_flags {
        let (name, value) = option.split_once('=').ok_or_else(|| {
            crate::Usage::new(format!("`-o {option}` is not of the form KEY=VALUE"))
        })?;
        let within = format!("`-o {option}`");
        let key = find(name).map_err(|error| error.within(&within))?;
        let applied = resolved.apply(key, value, Origin::Flag);
        applied.map_err(|message| crate::Usage::new(message).within(&within))?;
    }
    // The sizes fitted each other before the flags.
    resolved.settings.chunk.validate().map_err(|error| crate::Usage::from(error).within("`-o`"))?;
    Ok(resolved)
}

/// The settings in force for a persona that has settings of its own, given as key and value. Flags
/// and the environment stand above these; what cannot be used is a [`Problem`].
///
/// A preset that the persona chose stands above numbers of the configuration file: they belong to
/// another choice.
pub(crate) fn of_persona(general: &Resolved, name: &str, own: &[(String, String)]) -> Resolved {
    let mut resolved = Resolved { problems: Vec::new(), ..general.clone() };
    let is_above = |resolved: &Resolved, key: &Key| {
        matches!(resolved.origin(key), Origin::Environment(_) | Origin::Flag)
    };
    let is_preset_own = own.iter().any(|(key, _)| key == PRESET)
        && find(PRESET).is_ok_and(|key| !is_above(&resolved, key));
    if is_preset_own {
        for key in KEYS.iter().filter(|key| OF_PRESET.contains(&key.name)) {
            if !is_above(&resolved, key) {
                let personalisation = &mut resolved.settings.personalisation;
                match key.name {
                    "personalisation.alpha" => personalisation.alpha = None,
                    "personalisation.retrieve_multiplier" => {
                        personalisation.retrieve_multiplier = None;
                    }
                    _ => personalisation.min_confidence_threshold = None,
                }
                resolved.origins.remove(key.name);
            }
        }
    }
    for (name_of_key, value) in own {
        let applied = match find(name_of_key) {
            Ok(key) if !key.is_personal() => {
                Err((format!("{name_of_key} is no setting of one persona"), String::new()))
            }
            Ok(key) if is_above(&resolved, key) => Ok(()),
            Ok(key) => resolved
                .apply(key, value, Origin::Persona(name.to_owned()))
                .map_err(|message| (message, String::new())),
            Err(error) => {
                Err((error.to_string(), error.hint().map(str::to_owned).unwrap_or_default()))
            }
        };
        if let Err((message, hint)) = applied {
            resolved.problems.push(Problem {
                place: format!("persona {name}"),
                key: name_of_key.clone(),
                message,
                hint: if hint.is_empty() {
                    format!(
                        "`ragged memory config reset {name_of_key} --persona {}`",
                        crate::cli::word(name)
                    )
                } else {
                    hint
                },
                is_of_tuning: false,
            });
        }
    }
    resolved
}

/// How bold personal ranking is, and the settings that this decides where they are not set.
const PRESET: &str = "personalisation.preset";
const OF_PRESET: [&str; 3] = [
    "personalisation.alpha",
    "personalisation.retrieve_multiplier",
    "personalisation.min_confidence_threshold",
];

/// The key with this name, or whose name ends in it, if a persona may have a value of its own for it.
pub(crate) fn find_personal(name: &str) -> Result<&'static Key, crate::Usage> {
    let ends_in = |key: &&Key| {
        key.name.strip_suffix(name).is_some_and(|before| before.ends_with('.')) && key.is_personal()
    };
    let short: Vec<&Key> = KEYS.iter().filter(ends_in).collect();
    let key = match short[..] {
        [] => find(name)?,
        [key] => key,
        _ => {
            let names: Vec<&str> = short.iter().map(|key| key.name).collect();
            return Err(crate::Usage::new(format!("{name:?} is short for more than one setting"))
                .with_hint(format!("which of them: {}?", names.join(", "))));
        }
    };
    if key.is_personal() {
        return Ok(key);
    }
    Err(crate::Usage::new(format!("{} is a setting of the whole library", key.name))
        .with_hint(format!("`ragged config set {}` sets it for everybody", key.name)))
}

/// What in a configuration file cannot be used.
pub(crate) fn problems_of(file: &ConfigFile) -> Vec<Problem> {
    let mut resolved = Resolved {
        data_dir: PathBuf::new(),
        settings: Settings::default(),
        origins: BTreeMap::new(),
        problems: Vec::new(),
    };
    resolved.apply_file(file, false);
    resolved.settle_chunks(file.path());
    resolved.problems
}

impl Resolved {
    /// Takes a value over, or says what is wrong with it.
    fn apply(&mut self, key: &'static Key, value: &str, origin: Origin) -> Result<(), String> {
        (key.set)(&mut self.settings, value)
            .map_err(|problem| format!("{}: {problem} ({})", key.name, key.kind))?;
        self.origins.insert(key.name, origin);
        Ok(())
    }

    /// Takes over what a file says; one that `is_of_tuning` may say what trades speed and memory, and
    /// no more.
    fn apply_file(&mut self, file: &ConfigFile, is_of_tuning: bool) {
        let place = file.path().display().to_string();
        let problem = |key: &str, message: String, hint: String| Problem {
            place: place.clone(),
            key: key.to_owned(),
            message,
            hint,
            is_of_tuning,
        };
        let remedy = |name: &str| match find(name) {
            Ok(key) if is_of_tuning && key.is_measured() => REMEASURE.to_owned(),
            _ if is_of_tuning => format!("`ragged tune reset {name}`"),
            _ => format!("`ragged config unset {name}`"),
        };
        for (name, message) in file.unusable() {
            let hint = if is_of_tuning { RETUNE } else { "mend the file by hand" };
            self.problems.push(problem(name, format!("{name} {message}"), hint.to_owned()));
        }
        for (name, value) in file.values() {
            let applied = match find(name) {
                Ok(key) if is_of_tuning && !key.is_tunable() => {
                    let message = format!("{name} trades no speed or memory, and is not used here");
                    let hint = format!(
                        "{} takes it out, `ragged config set {name}` sets it",
                        remedy(name)
                    );
                    Err((message, hint))
                }
                Ok(key) => {
                    let origin = Origin::File(file.path().to_path_buf());
                    self.apply(key, value, origin).map_err(|message| (message, remedy(name)))
                }
                Err(error) => {
                    let nearest = error.hint().filter(|hint| hint.contains("did you mean"));
                    let nearest = nearest.map(|hint| format!("{hint} ")).unwrap_or_default();
                    Err((error.to_string(), format!("{nearest}{} takes it out", remedy(name))))
                }
            };
            if let Err((message, hint)) = applied {
                self.problems.push(problem(name, message, hint));
            }
        }
    }

    /// Sizes of chunks that do not fit each other give way to the defaults.
    fn settle_chunks(&mut self, path: &Path) {
        let Err(error) = self.settings.chunk.validate() else { return };
        let is_chunk = |name: &str| name.starts_with("chunk.");
        let from_environment = self
            .origins
            .iter()
            .any(|(name, origin)| is_chunk(name) && matches!(origin, Origin::Environment(_)));
        let place = path.display().to_string();
        self.problems.push(Problem {
            place: if from_environment { format!("{place} and the environment") } else { place },
            key: "chunk".to_owned(),
            message: format!("{error:#}"),
            hint: "`ragged config show --origin` shows the sizes, `ragged config set` changes them"
                .to_owned(),
            is_of_tuning: false,
        });
        self.settings.chunk = Settings::default().chunk;
        self.origins.retain(|name, _| !is_chunk(name));
    }
}

fn data_dir(flag: Option<&Path>, environment: &BTreeMap<String, String>) -> Result<PathBuf> {
    let chosen = match (flag, environment.get(ENV_DATA_DIR)) {
        (Some(flag), _) => flag.to_path_buf(),
        (None, Some(variable)) if !variable.is_empty() => PathBuf::from(variable),
        (None, _) => {
            let home = environment
                .get("HOME")
                .or_else(|| environment.get("USERPROFILE"))
                .filter(|home| !home.is_empty());
            match home {
                Some(home) => Path::new(home).join(".ragged"),
                None => bail!(
                    "there is no home folder to keep the library in; name one with --data-dir"
                ),
            }
        }
    };
    std::path::absolute(&chosen)
        .with_context(|| format!("finding the data folder {}", chosen.display()))
}

/// Other names of settings.
const ALIASES: [(&str, &str); 7] = [
    ("personalised_ranking.alpha", "personalisation.alpha"),
    ("retrieve_multiplier", "personalisation.retrieve_multiplier"),
    ("backend.search_complexity", "backend.beam_width"),
    ("vectorstore.leann.search_complexity", "backend.beam_width"),
    ("vectorstore.backend", "backend.type"),
    ("database.page_cache", "database.sqlite_cache_mb"),
    ("database.mmap", "database.mmap_size_mb"),
];

/// The key with this name, or an error that names the nearest one.
pub(crate) fn find(name: &str) -> Result<&'static Key, crate::Usage> {
    let alias = ALIASES.iter().find(|(alias, _)| *alias == name);
    let name = alias.map_or(name, |(_, name)| name);
    KEYS.iter().find(|key| key.name == name).ok_or_else(|| {
        let hint = did_you_mean(name, KEYS.iter().map(|key| key.name), 0.7)
            .unwrap_or_else(|| "`ragged config show` lists them".to_owned());
        crate::Usage::new(format!("there is no setting {name:?}")).with_hint(hint)
    })
}

#[cfg(test)]
mod tests;
