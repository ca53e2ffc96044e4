//! The models a person has added: a folder each, checked, under the library's data folder.
//!
//! A model is complete or not there: it is put together in a folder of another name, opened once to
//! see that it can be run, and only then given its own. The network is used by
//! [`Registry::add_from_hub`] alone.

#[cfg(test)]
mod tests;

use std::fs::{self, File};
use std::io::{Read, Write as _};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::remote::Patience;
use super::transformer::Need;
use super::{Embedder, ModelIdentity, ModelKind, StaticModel, Transformer};
use crate::error::{Context as _, Error, ErrorKind, Result};
use crate::http::{Answer, Http};

/// What is known of a model, beside its files.
const MANIFEST: &str = "ragged.json";
/// A static model's one file.
const STATIC_FILE: &str = "model.rgm";
/// Folders whose name starts so are being put together, or were when a process ended.
const UNFINISHED: &str = ".adding-";
const MAX_NAME_BYTES: usize = 100;

/// The Hugging Face hub, or a server laid out like it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hub {
    /// The server's address.
    pub base_url: String,
    /// Branch, tag or commit.
    pub revision: String,
    /// Access token, for models that need one.
    pub token: Option<String>,
    /// How often a request is made and how long it may take.
    pub patience: Patience,
}

impl Default for Hub {
    fn default() -> Self {
        Self {
            base_url: "https://huggingface.co".to_owned(),
            revision: "main".to_owned(),
            token: None,
            patience: Patience::default(),
        }
    }
}

/// How far the file of a model has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress<'a> {
    /// The file, relative to the model's folder.
    pub file: &'a str,
    /// Bytes written so far.
    pub done_bytes: u64,
    /// Bytes of the whole file, where known.
    pub total_bytes: Option<u64>,
}

/// A file of a model, as it was when the model was added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelFile {
    /// Relative to the model's folder, with `/`.
    pub path: String,
    /// Length.
    pub bytes: u64,
    /// BLAKE3 of the content, hexadecimal.
    pub blake3: String,
}

/// A model that was added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstalledModel {
    /// Name, fingerprint, dimensions and kind.
    pub identity: ModelIdentity,
    /// The folder or the hub's name it came from.
    pub source: String,
    /// Its files.
    pub files: Vec<ModelFile>,
}

impl InstalledModel {
    /// Bytes of all files.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }
}

/// The models under one folder.
///
/// Processes may share the folder: a model is added or removed in one step.
#[derive(Clone, Debug)]
pub struct Registry {
    folder: PathBuf,
}

impl Registry {
    /// The models under `folder`, which need not exist yet.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// Copies a model from a sentence-transformers folder, or from a static model's file (`.rgm`).
    ///
    /// Its name is `name`, or that of the folder or file.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] when there is nothing there; [`ErrorKind::Conflict`] when a model has
    /// the name; [`ErrorKind::Invalid`] for a name that cannot be one; those of
    /// [`Transformer::open`] and [`StaticModel::from_file`].
    pub fn add_folder(
        &self,
        source: &Path,
        name: Option<&str>,
        mut progress: impl FnMut(Progress<'_>),
    ) -> Result<InstalledModel> {
        let is_file = source.is_file();
        let stem = if is_file { source.file_stem() } else { source.file_name() };
        let name = match name {
            Some(name) => name.to_owned(),
            None => stem.unwrap_or_default().to_string_lossy().into_owned(),
        };
        let adding = || format!("adding the model {name} from {}", source.display());
        if !source.exists() {
            return Err(Error::new(ErrorKind::NotFound, "no such folder").context(adding()));
        }
        self.add(&name, &source.display().to_string(), |folder| {
            if is_file {
                return copy(source, folder, STATIC_FILE, &mut progress);
            }
            if source.join(STATIC_FILE).is_file() {
                return copy(&source.join(STATIC_FILE), folder, STATIC_FILE, &mut progress);
            }
            for (file, need) in Transformer::FILES {
                let path = source.join(file);
                if path.is_file() {
                    copy(&path, folder, file, &mut progress)?;
                } else if need == Need::Always {
                    return Err(missing(file));
                }
            }
            Ok(())
        })
        .context_with(adding)
    }

    /// Downloads the model `id` (`organisation/name`) from `hub`. Its name is `name`, or the last
    /// part of `id`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unavailable`] when the hub does not answer; [`ErrorKind::NotFound`] when it has no
    /// such model, or none with the files needed; those of [`Registry::add_folder`].
    pub fn add_from_hub(
        &self,
        hub: &Hub,
        id: &str,
        name: Option<&str>,
        mut progress: impl FnMut(Progress<'_>),
    ) -> Result<InstalledModel> {
        let mut parts = id.split('/');
        let (organisation, last) = (parts.next().unwrap_or_default(), parts.next());
        let (Some(last), None) = (last, parts.next()) else {
            return Err(Error::new(ErrorKind::Invalid, format!("{id:?} is not a model's name"))
                .with_hint("the hub's names have the form organisation/name"));
        };
        check_name(organisation)?;
        check_name(last)?;
        check_name(&hub.revision.replace('/', "-"))?;
        let name = name.unwrap_or(last);
        let base = hub.base_url.trim_end_matches('/');
        let http = Http::new(base, hub.token.as_deref(), hub.patience, Answer::Stream);
        self.add(name, id, |folder| {
            for (file, need) in Transformer::FILES {
                let url = format!("{base}/{id}/resolve/{}/{file}", hub.revision);
                match http.download(&url)? {
                    Ok((total_bytes, reader)) => {
                        save(reader, folder, file, total_bytes, &mut progress)
                            .context_with(|| format!("downloading {url}"))?;
                    }
                    Err(refusal) if refusal.status == 404 && need == Need::Optional => {}
                    Err(refusal) if matches!(refusal.status, 401 | 403) => {
                        return Err(Error::new(
                            ErrorKind::NotFound,
                            format!("the hub does not give {url}"),
                        )
                        .with_hint("the model does not exist, or needs an access token"));
                    }
                    Err(refusal) if refusal.status == 404 => {
                        return Err(missing(file).context(format!("the hub has no {url}")));
                    }
                    Err(refusal) => {
                        return Err(Error::new(
                            ErrorKind::Unavailable,
                            format!("{url} answers status {}: {}", refusal.status, refusal.message),
                        )
                        .with_hint("try again later"));
                    }
                }
            }
            Ok(())
        })
        .context_with(|| format!("adding the model {id} from {base}"))
    }

    /// The models, by name.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`] from reading; [`ErrorKind::Corrupt`] when what is known of a model cannot be
    /// read.
    pub fn list(&self) -> Result<Vec<InstalledModel>> {
        let listing = || format!("listing the models in {}", self.folder.display());
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            result => result.context_with(listing)?,
        };
        let mut models = Vec::new();
        for entry in entries {
            let name = entry.context_with(listing)?.file_name().to_string_lossy().into_owned();
            if !name.starts_with('.') && self.folder.join(&name).join(MANIFEST).is_file() {
                models.push(self.get(&name)?);
            }
        }
        models.sort_by(|a, b| a.identity.name.cmp(&b.identity.name));
        Ok(models)
    }

    /// What is known of the model called `name`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] when there is none; those of [`Registry::list`].
    pub fn get(&self, name: &str) -> Result<InstalledModel> {
        let path = self.folder(name)?.join(MANIFEST);
        let reading = || format!("reading {}", path.display());
        let text = fs::read(&path).context_with(reading)?;
        let value: Value = serde_json::from_slice(&text)
            .map_err(|error| Error::from_source(ErrorKind::Corrupt, error))
            .context_with(reading)?;
        from_manifest(name, &value).ok_or_else(|| {
            Error::new(ErrorKind::Corrupt, "a field is missing")
                .context(reading())
                .with_hint("remove the model and add it again")
        })
    }

    /// Opens the model called `name`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] when there is none; [`ErrorKind::Corrupt`] when its files are not
    /// those that were added; those of [`Transformer::open`].
    pub fn open(&self, name: &str) -> Result<Box<dyn Embedder>> {
        let installed = self.get(name)?;
        let model = open(&self.folder(name)?, name)?;
        if model.identity().fingerprint != installed.identity.fingerprint {
            return Err(Error::new(
                ErrorKind::Corrupt,
                format!("the files of the model {name} are not those that were added"),
            )
            .with_hint("remove the model and add it again"));
        }
        Ok(model)
    }

    /// Compares every file of the model called `name` with what was added.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Corrupt`] naming the first file that differs; those of [`Registry::get`].
    pub fn verify(&self, name: &str) -> Result<()> {
        let folder = self.folder(name)?;
        for expected in self.get(name)?.files {
            let found = describe(&folder, &expected.path)
                .context_with(|| format!("verifying the model {name}"))?;
            if found != expected {
                return Err(Error::new(
                    ErrorKind::Corrupt,
                    format!(
                        "{} has checksum {} where {} was added",
                        folder.join(&expected.path).display(),
                        found.blake3,
                        expected.blake3
                    ),
                )
                .with_hint("remove the model and add it again"));
            }
        }
        Ok(())
    }

    /// Deletes the model called `name`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] when there is none; [`ErrorKind::Io`] from deleting.
    pub fn remove(&self, name: &str) -> Result<()> {
        let folder = self.folder(name)?;
        let removing = || format!("removing the model {name}");
        // Renamed first: half a model is never seen under its name.
        let aside = self.unfinished(name);
        clear(&aside).context_with(removing)?;
        fs::rename(&folder, &aside).context_with(removing)?;
        clear(&aside).context_with(removing)
    }

    /// The folder of the model called `name`.
    fn folder(&self, name: &str) -> Result<PathBuf> {
        check_name(name)?;
        let folder = self.folder.join(name);
        if !folder.join(MANIFEST).is_file() {
            return Err(Error::new(ErrorKind::NotFound, format!("no model is called {name:?}")));
        }
        Ok(folder)
    }

    fn unfinished(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{UNFINISHED}{name}-{}", std::process::id()))
    }

    /// Puts a model together with `fill`, which writes its files to the folder it is given.
    fn add(
        &self,
        name: &str,
        source: &str,
        fill: impl FnOnce(&Path) -> Result<()>,
    ) -> Result<InstalledModel> {
        check_name(name)?;
        let taken = || {
            Error::new(ErrorKind::Conflict, format!("a model is already called {name:?}"))
                .with_hint("remove it first, or give another name")
        };
        let folder = self.folder.join(name);
        if folder.exists() {
            return Err(taken());
        }
        let unfinished = self.unfinished(name);
        let writing = || format!("writing {}", unfinished.display());
        clear(&unfinished).context_with(writing)?;
        fs::create_dir_all(&unfinished).context_with(writing)?;
        let result = fill(&unfinished).and_then(|()| finish(&unfinished, name, source)).and_then(
            |installed| match fs::rename(&unfinished, &folder) {
                Err(_) if folder.exists() => Err(taken()),
                result => result
                    .and_then(|()| sync(&self.folder))
                    .context_with(writing)
                    .map(|()| installed),
            },
        );
        if result.is_err() {
            // The first failure is what matters; what stays is removed when the model is next added.
            drop(clear(&unfinished));
        }
        result
    }
}

/// Opens the model in `folder`, writes down what it is, and makes all of it last.
fn finish(folder: &Path, name: &str, source: &str) -> Result<InstalledModel> {
    let identity = open(folder, name)?.identity().clone();
    let mut files = Vec::new();
    let possible = Transformer::FILES.iter().map(|(file, _)| *file).chain([STATIC_FILE]);
    for file in possible.filter(|file| folder.join(file).is_file()) {
        files.push(describe(folder, file)?);
    }
    let installed = InstalledModel { identity, source: source.to_owned(), files };
    let path = folder.join(MANIFEST);
    let writing = || format!("writing {}", path.display());
    let mut file = File::create(&path).context_with(writing)?;
    let text = format!("{:#}\n", to_manifest(&installed));
    file.write_all(text.as_bytes()).context_with(writing)?;
    file.sync_all().context_with(writing)?;
    sync(folder).context_with(writing)?;
    Ok(installed)
}

fn open(folder: &Path, name: &str) -> Result<Box<dyn Embedder>> {
    let file = folder.join(STATIC_FILE);
    if file.is_file() {
        let mut model = StaticModel::from_file(&file)?;
        model.rename(name);
        return Ok(Box::new(model));
    }
    Ok(Box::new(Transformer::open(folder, name)?))
}

#[cold]
fn missing(file: &str) -> Error {
    Error::new(ErrorKind::NotFound, format!("there is no {file}")).with_hint(
        "a model needs config.json, model.safetensors and a tokenizer; weights in other forms, such as \
         pytorch_model.bin, must be converted first",
    )
}

/// Whether `name` can be the name of a folder, on any system and not outside the models' folder.
fn check_name(name: &str) -> Result<()> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let is_name = (1..=MAX_NAME_BYTES).contains(&name.len())
        && name.chars().all(plain)
        && !name.starts_with('.');
    if is_name {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Invalid, format!("{name:?} cannot be a model's name")).with_hint(
        format!("letters, digits, '.', '_' and '-', not '.' first, at most {MAX_NAME_BYTES}"),
    ))
}

/// Removes a folder if it is there.
fn clear(folder: &Path) -> std::io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

/// Makes the entries of a folder last.
fn sync(folder: &Path) -> std::io::Result<()> {
    #[cfg(unix)]
    File::open(folder)?.sync_all()?;
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
}

fn copy(
    source: &Path,
    folder: &Path,
    file: &str,
    progress: &mut impl FnMut(Progress<'_>),
) -> Result<()> {
    let copying = || format!("copying {}", source.display());
    let reader = File::open(source).context_with(copying)?;
    let bytes = reader.metadata().context_with(copying)?.len();
    save(reader, folder, file, Some(bytes), progress).context_with(copying)
}

/// Writes what `reader` gives to `file` in `folder`.
fn save(
    mut reader: impl Read,
    folder: &Path,
    file: &str,
    total_bytes: Option<u64>,
    progress: &mut impl FnMut(Progress<'_>),
) -> Result<()> {
    let path = folder.join(file);
    let writing = || format!("writing {}", path.display());
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).context_with(writing)?;
    }
    let mut target = File::create(&path).context_with(writing)?;
    let mut buffer = vec![0; 256 << 10];
    let mut done_bytes = 0;
    progress(Progress { file, done_bytes, total_bytes });
    loop {
        let n_bytes = match reader.read(&mut buffer) {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => {
                return Err(Error::from_source(ErrorKind::Unavailable, error)
                    .context("the source broke off")
                    .with_hint("try again"));
            }
            Ok(0) => break,
            Ok(n_bytes) => n_bytes,
        };
        target.write_all(&buffer[..n_bytes]).context_with(writing)?;
        done_bytes += n_bytes as u64;
        progress(Progress { file, done_bytes, total_bytes });
    }
    if total_bytes.is_some_and(|total| total != done_bytes) {
        return Err(Error::new(
            ErrorKind::Unavailable,
            format!("{file} ended after {done_bytes} bytes of {}", total_bytes.unwrap_or_default()),
        )
        .with_hint("try again"));
    }
    target.sync_all().context_with(writing)
}

fn describe(folder: &Path, file: &str) -> Result<ModelFile> {
    let path = folder.join(file);
    let reading = || format!("reading {}", path.display());
    let mut reader = File::open(&path).context_with(reading)?;
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; 256 << 10];
    let mut bytes = 0;
    loop {
        let n_bytes = reader.read(&mut buffer).context_with(reading)?;
        if n_bytes == 0 {
            break;
        }
        hasher.update(&buffer[..n_bytes]);
        bytes += n_bytes as u64;
    }
    let blake3 = hasher.finalize().to_hex().to_string();
    Ok(ModelFile { path: file.to_owned(), bytes, blake3 })
}

fn to_manifest(model: &InstalledModel) -> Value {
    let files: Vec<Value> = model
        .files
        .iter()
        .map(|file| json!({"path": file.path, "bytes": file.bytes, "blake3": file.blake3}))
        .collect();
    json!({
        "version": 1,
        "kind": model.identity.kind.as_str(),
        "dims": model.identity.dims,
        "fingerprint": model.identity.fingerprint,
        "source": model.source,
        "files": files,
    })
}

fn from_manifest(name: &str, value: &Value) -> Option<InstalledModel> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let kind = match value["kind"].as_str()? {
        "static" => ModelKind::Static,
        "transformer" => ModelKind::Transformer,
        _ => return None,
    };
    let files = value["files"]
        .as_array()?
        .iter()
        .map(|file| {
            Some(ModelFile {
                path: text(&file["path"])?,
                bytes: file["bytes"].as_u64()?,
                blake3: text(&file["blake3"])?,
            })
        })
        .collect::<Option<_>>()?;
    Some(InstalledModel {
        identity: ModelIdentity {
            name: name.to_owned(),
            fingerprint: text(&value["fingerprint"])?,
            dims: usize::try_from(value["dims"].as_u64()?).ok()?,
            kind,
        },
        source: text(&value["source"])?,
        files,
    })
}
