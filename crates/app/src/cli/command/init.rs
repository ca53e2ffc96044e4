//! `init`: the folder, the library and a commented configuration file.

use anyhow::Result;

use crate::{cli::Session, config, failure::Outcome};

pub(crate) fn run(session: &Session) -> Result<Outcome> {
    let library = session.library()?;
    let path = session.resolved.config_path();
    let is_new = !path.exists();
    if is_new {
        config::write_atomically(&path, template().as_bytes())?;
    }
    let printer = &session.printer;
    if printer.is_json() {
        printer.json(&serde_json::json!({
            "data_dir": library.dir().display().to_string(),
            "config": path.display().to_string(),
            "config_created": is_new,
            "backend": library.settings().backend.kind.as_str(),
        }))?;
        return Ok(Outcome::Done);
    }
    printer.line(format!("The library is in {}.", library.dir().display()))?;
    let verb = if is_new { "written" } else { "there already" };
    printer.line(format!("The configuration file is {verb}: {}", path.display()))?;
    printer.line(format!(
        "Vectors are searched by {} on {} {} ({}).",
        library.settings().backend.kind.as_str(),
        std::env::consts::OS,
        std::env::consts::ARCH,
        ragged::backend::kernels(),
    ))?;
    printer.note("`ragged backend recommend` says why, and when another backend suits better.");
    printer.note("Next: `ragged add FOLDER`, then `ragged query \"…\"`.");
    Ok(Outcome::Done)
}

/// Every setting with its default, commented out.
fn template() -> String {
    let mut text = String::from(
        "# Settings of ragged. Uncomment what you want to change, or use `ragged config set`.\n",
    );
    let settings = ragged::settings::Settings::default();
    let mut section = "";
    for key in config::KEYS {
        let (own_section, name) = key.name.split_once('.').unwrap_or(("", key.name));
        if own_section != section {
            section = own_section;
            text.push_str(&format!("\n# {section}:\n"));
        }
        text.push_str(&format!("#   # {}\n", key.doc));
        text.push_str(&format!("#   {name}: {}\n", (key.get)(&settings)));
    }
    text
}
