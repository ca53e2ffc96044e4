//! From files, environment and flags to [`Settings`]; the only place where precedence exists.
//!
//! Flag > environment > `config.yaml` > default. The environment is read here and nowhere else.

mod file;
mod key;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, anyhow, bail};
use ragged::settings::Settings;

pub(crate) use file::{ConfigFile, write_atomically};
pub(crate) use key::{KEYS, Key, parse_size};

/// Folder that holds the library.
pub(crate) const ENV_DATA_DIR: &str = "RAGGED_DATA_DIR";
/// Environment variables for settings are this, then the key in capitals with `_` for `.`.
pub(crate) const ENV_PREFIX: &str = "RAGGED_";

/// Where a setting's value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    Default,
    File(PathBuf),
    Environment(String),
    Flag,
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Environment(variable) => write!(f, "environment {variable}"),
            Self::Flag => f.write_str("flag"),
        }
    }
}

/// The settings in force and where each one that is not a default comes from.
#[derive(Debug)]
pub(crate) struct Resolved {
    pub(crate) data_dir: PathBuf,
    pub(crate) settings: Settings,
    pub(crate) origins: BTreeMap<&'static str, Origin>,
}

impl Resolved {
    pub(crate) fn origin(&self, key: &Key) -> Origin {
        self.origins.get(key.name).cloned().unwrap_or(Origin::Default)
    }

    pub(crate) fn config_path(&self) -> PathBuf {
        config_path(&self.data_dir)
    }
}

fn config_path(data_dir: &Path) -> PathBuf {
    data_dir.join("config.yaml")
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

/// Decides every setting. Pure but for reading `config.yaml`.
pub(crate) fn resolve(
    data_dir_flag: Option<&Path>,
    option_flags: &[String],
    environment: &BTreeMap<String, String>,
) -> Result<Resolved> {
    let data_dir = data_dir(data_dir_flag, environment)?;
    let path = config_path(&data_dir);
    let mut resolved =
        Resolved { data_dir, settings: Settings::default(), origins: BTreeMap::new() };

    if let Some(file) = ConfigFile::read(&path)? {
        for (name, value) in file.values() {
            let key = find(name).with_context(|| format!("reading {}", path.display()))?;
            resolved
                .apply(key, value, Origin::File(path.clone()))
                .with_context(|| format!("reading {}", path.display()))?;
        }
    }
    for key in KEYS {
        let variable = key.variable();
        if let Some(value) = environment.get(&variable) {
            resolved
                .apply(key, value, Origin::Environment(variable.clone()))
                .with_context(|| format!("reading the environment variable {variable}"))?;
        }
    }
    for option in option_flags {
        let (name, value) = option.split_once('=').ok_or_else(|| {
            anyhow!(crate::Usage(format!("`-o {option}` is not of the form KEY=VALUE")))
        })?;
        let apply = find(name).and_then(|key| resolved.apply(key, value, Origin::Flag));
        apply.map_err(|error| anyhow!(crate::Usage(format!("`-o {option}`: {error:#}"))))?;
    }
    resolved.settings.chunk.validate().map_err(anyhow::Error::new)?;
    Ok(resolved)
}

impl Resolved {
    fn apply(&mut self, key: &'static Key, value: &str, origin: Origin) -> Result<()> {
        (key.set)(&mut self.settings, value)
            .map_err(|problem| anyhow!("{}: {problem} ({})", key.name, key.kind))?;
        self.origins.insert(key.name, origin);
        Ok(())
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

/// The key with this name, or an error that names the nearest one.
pub(crate) fn find(name: &str) -> Result<&'static Key> {
    KEYS.iter().find(|key| key.name == name).ok_or_else(|| {
        let nearest = KEYS
            .iter()
            .map(|key| (strsim::jaro_winkler(name, key.name), key.name))
            .max_by(|a, b| a.0.total_cmp(&b.0))
            .filter(|(similarity, _)| *similarity > 0.7);
        match nearest {
            Some((_, nearest)) => {
                anyhow!(crate::Hinted::new(
                    format!("there is no setting {name:?}"),
                    format!("did you mean {nearest}?"),
                ))
            }
            None => anyhow!(crate::Hinted::new(
                format!("there is no setting {name:?}"),
                "`ragged config show` lists them".to_owned(),
            )),
        }
    })
}

#[cfg(test)]
mod tests;
