//! `config.yaml`: nested mappings whose leaves are settings.
//!
//! Reading flattens it to dotted names. Writing edits the one line concerned, so that comments
//! and order stay, and reads the result back before it replaces the file: an edit that did not do
//! what was asked is refused rather than written.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, anyhow, bail};
use serde_json::Value;

/// The file's text and what it says.
#[derive(Debug)]
pub(crate) struct ConfigFile {
    path: PathBuf,
    text: String,
    values: Vec<(String, String)>,
    /// Names with what is wrong with what they hold.
    unusable: Vec<(String, String)>,
}

impl ConfigFile {
    /// Reads the file; `None` if there is none.
    pub(crate) fn read(path: &Path) -> Result<Option<Self>> {
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(path, text).map(Some),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).context("cannot be read"),
        }
    }

    /// The file, or an empty one that is not yet written.
    pub(crate) fn read_or_new(path: &Path) -> Result<Self> {
        Ok(Self::read(path)?.unwrap_or_else(|| Self::empty(path)))
    }

    /// A file that says nothing; what is at the path is replaced when a value is set.
    pub(crate) fn empty(path: &Path) -> Self {
        Self::begun(path, "")
    }

    /// The same with a comment that it begins with once a value is set.
    pub(crate) fn begun(path: &Path, comment: &str) -> Self {
        Self {
            path: path.to_path_buf(),
            text: comment.to_owned(),
            values: Vec::new(),
            unusable: Vec::new(),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Names that hold something other than a value, with what is wrong with it.
    pub(crate) fn unusable(&self) -> impl Iterator<Item = (&str, &str)> {
        self.unusable.iter().map(|(name, problem)| (name.as_str(), problem.as_str()))
    }

    /// Dotted names and values, in the order of the file.
    pub(crate) fn values(&self) -> impl Iterator<Item = (&str, &str)> {
        self.values.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    fn parse(path: &Path, text: String) -> Result<Self> {
        let Flat { values, unusable } = flatten(&text)?;
        Ok(Self { path: path.to_path_buf(), text, values, unusable })
    }

    /// What the file would say with one value more.
    pub(crate) fn with(&self, name: &str, value: &str) -> Self {
        let mut values = self.values.clone();
        values.retain(|(known, _)| known != name);
        values.push((name.to_owned(), value.to_owned()));
        let mut unusable = self.unusable.clone();
        unusable.retain(|(known, _)| known != name);
        Self { path: self.path.clone(), text: String::new(), values, unusable }
    }

    /// Sets one value and writes the file.
    pub(crate) fn set(&mut self, name: &str, value: &str) -> Result<()> {
        let mut expected = self.values.clone();
        match expected.iter_mut().find(|(known, _)| known == name) {
            Some((_, known)) => value.clone_into(known),
            None => expected.push((name.to_owned(), value.to_owned())),
        }
        let edited = with_value(&self.text, name, value);
        self.replace(edited, expected)
    }

    /// Takes one value out and writes the file; false if it was not there.
    pub(crate) fn unset(&mut self, name: &str) -> Result<bool> {
        let mut expected = self.values.clone();
        expected.retain(|(known, _)| known != name);
        if expected.len() == self.values.len() {
            return Ok(false);
        }
        let edited = without(&self.text, name);
        self.replace(edited, expected)?;
        Ok(true)
    }

    /// Takes values out and sets others, and writes the file once; false if that changed nothing.
    pub(crate) fn edit(&mut self, out: &[String], set: &[(String, String)]) -> Result<bool> {
        let mut text = self.text.clone();
        let mut expected = self.values.clone();
        for name in out.iter().filter(|name| set.iter().all(|(kept, _)| kept != *name)) {
            if expected.iter().any(|(known, _)| known == name) {
                text = without(&text, name);
                expected.retain(|(known, _)| known != name);
            }
        }
        for (name, value) in set {
            match expected.iter_mut().find(|(known, _)| known == name) {
                Some((_, known)) if known == value => continue,
                Some((_, known)) => value.clone_into(known),
                None => expected.push((name.clone(), value.clone())),
            }
            text = with_value(&text, name, value);
        }
        if text == self.text {
            return Ok(false);
        }
        self.replace(text, expected)?;
        Ok(true)
    }

    /// Takes every value out and writes the file; comments stay.
    pub(crate) fn unset_all(&mut self) -> Result<()> {
        if self.values.is_empty() {
            return Ok(());
        }
        let edited =
            self.values.iter().fold(self.text.clone(), |text, (name, _)| without(&text, name));
        self.replace(edited, Vec::new())
    }

    fn replace(&mut self, text: String, mut expected: Vec<(String, String)>) -> Result<()> {
        let found = flatten(&text).map(|flat| {
            let mut values = flat.values;
            values.sort();
            values
        });
        expected.sort();
        if found.ok() != Some(expected) {
            bail!(crate::Hinted::new(
                format!(
                    "{} is written in a way that cannot be edited line by line",
                    self.path.display()
                ),
                "change it by hand".to_owned(),
            ));
        }
        write_atomically(&self.path, text.as_bytes())?;
        *self = Self::parse(&self.path, text)?;
        Ok(())
    }
}

/// Replaces a file so that at every moment it holds the old or the new bytes. Only its owner may
/// read it.
pub(crate) fn write_atomically(path: &Path, bytes: &[u8]) -> Result<()> {
    let what = || format!("writing {}", path.display());
    let dir = path.parent().ok_or_else(|| anyhow!("{} has no folder", path.display()))?;
    ragged::private_dir(dir).map_err(anyhow::Error::new).with_context(what)?;
    let temporary = path.with_extension("tmp");
    let mut file =
        ragged::private_file(&temporary).map_err(anyhow::Error::new).with_context(what)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).with_context(what)?;
    drop(file);
    std::fs::rename(&temporary, path).with_context(what)
}

/// What the text of a file says, in its order.
#[derive(Debug, Default)]
struct Flat {
    values: Vec<(String, String)>,
    unusable: Vec<(String, String)>,
}

fn flatten(text: &str) -> Result<Flat> {
    fn walk(prefix: &str, value: &Value, into: &mut Flat) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    let name =
                        if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
                    walk(&name, value, into);
                }
            }
            Value::Null => {}
            Value::String(text) => into.values.push((prefix.to_owned(), text.clone())),
            Value::Bool(_) | Value::Number(_) => {
                into.values.push((prefix.to_owned(), value.to_string()));
            }
            Value::Array(_) => into
                .unusable
                .push((prefix.to_owned(), "is a list; every setting is a single value".to_owned())),
        }
    }
    if text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
        return Ok(Flat::default());
    }
    let value: Value =
        serde_saphyr::from_str(text).map_err(|error| not_yaml(&error.to_string()))?;
    let mut flat = Flat::default();
    if !matches!(value, Value::Object(_) | Value::Null) {
        bail!("the file is not a mapping of settings");
    }
    walk("", &value, &mut flat);
    Ok(flat)
}

/// The parser's complaint without the excerpt that it draws below it, and without what it says
/// about types of its own.
fn not_yaml(complaint: &str) -> anyhow::Error {
    let first = complaint.lines().next().unwrap_or_default().trim_start_matches("error: ");
    let shown = match first.split_once(": ") {
        Some((place, rest)) if rest.contains("deserialize") => place,
        _ => first,
    };
    anyhow!("not YAML that can be understood: {shown}")
}

/// How a section is written that was taken out of use: `# search:`.
fn commented(section: &str) -> String {
    format!("# {section}:")
}

/// The lines of the text that begin an entry: (line number, indentation, dotted name).
fn entries(text: &str) -> Vec<(usize, usize, String)> {
    let mut open: Vec<(usize, String)> = Vec::new();
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let body = line.trim_start();
        if body.is_empty() || body.starts_with('#') {
            continue;
        }
        let indentation = line.len() - body.len();
        let Some((name, _)) = body.split_once(':') else { continue };
        while open.last().is_some_and(|(at, _)| *at >= indentation) {
            open.pop();
        }
        let name = name.trim().trim_matches(['"', '\'']);
        let dotted = match open.last() {
            Some((_, parent)) => format!("{parent}.{name}"),
            None => name.to_owned(),
        };
        open.push((indentation, dotted.clone()));
        found.push((number, indentation, dotted));
    }
    found
}

fn quoted(value: &str) -> String {
    let plain = !value.is_empty()
        && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-/".contains(&byte))
        && !value.starts_with('-');
    if plain { value.to_owned() } else { Value::String(value.to_owned()).to_string() }
}

fn with_value(text: &str, name: &str, value: &str) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let entries = entries(text);
    let leaf = name.rsplit('.').next().unwrap_or(name);
    if let Some((number, indentation, _)) = entries.iter().find(|(_, _, known)| known == name) {
        lines[*number] = format!("{}{leaf}: {}", " ".repeat(*indentation), quoted(value));
    } else {
        // Behind the deepest section that is already there.
        let mut prefix = name;
        let mut missing = vec![leaf];
        let mut at = lines.len();
        let mut indentation = 0;
        while let Some((parent, _)) = prefix.rsplit_once('.') {
            prefix = parent;
            if let Some((number, section, _)) = entries.iter().find(|(_, _, known)| known == parent)
            {
                at = number + 1;
                indentation = section + 2;
                if let Some((_, child, _)) =
                    entries.iter().find(|(line, child, _)| line > number && child > section)
                {
                    indentation = *child;
                }
                break;
            }
            missing.push(parent.rsplit('.').next().unwrap_or(parent));
        }
        // A section that is commented out, as `init` writes it, is put into use where it stands.
        if let [leaf, section] = missing[..]
            && let Some(number) = lines.iter().position(|line| *line == commented(section))
        {
            lines[number] = format!("{section}:");
            lines.insert(number + 1, format!("  {leaf}: {}", quoted(value)));
            return lines.join("\n") + "\n";
        }
        for (depth, part) in missing.iter().rev().enumerate() {
            let is_leaf = depth + 1 == missing.len();
            let indent = " ".repeat(indentation + 2 * depth);
            let line = if is_leaf {
                format!("{indent}{part}: {}", quoted(value))
            } else {
                format!("{indent}{part}:")
            };
            lines.insert(at, line);
            at += 1;
        }
    }
    lines.join("\n") + "\n"
}

fn without(text: &str, name: &str) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let mut entries = entries(text);
    let mut name = name;
    while let Some(at) = entries.iter().position(|(_, _, known)| known == name) {
        let (number, _, _) = entries.remove(at);
        // Settings that are commented out keep their header, commented out as well.
        let keeps_comments = lines.get(number + 1).is_some_and(|line| line.starts_with("#   "));
        if !name.contains('.') && keeps_comments {
            lines[number] = commented(name);
        } else {
            lines.remove(number);
            for (other, _, _) in &mut entries {
                *other -= usize::from(*other > number);
            }
        }
        // A section without entries goes with its last one.
        let Some((section, _)) = name.rsplit_once('.') else { break };
        let below = format!("{section}.");
        if entries.iter().any(|(_, _, known)| known.starts_with(&below)) {
            break;
        }
        name = section;
    }
    if lines.is_empty() { String::new() } else { lines.join("\n") + "\n" }
}
