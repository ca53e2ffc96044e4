//! The only place that writes to the terminal: data to standard output, the rest to standard
//! error.

use std::{
    borrow::Cow,
    io::{self, Write},
};

use anyhow::Result;
use console::{Style, Term};
use serde::Serialize;

use super::args::{ColorChoice, Global, OutputFormat};

/// Widest line of text; longer lines are hard to read.
const MAX_WIDTH: usize = 110;
const WIDTH_WITHOUT_TERMINAL: usize = 100;

/// Where a command's output goes, and in which form.
#[derive(Debug)]
pub(crate) struct Printer {
    format: OutputFormat,
    quiet: bool,
    links: bool,
    terminal: bool,
    width: usize,
}

#[expect(clippy::unused_self, reason = "whoever prints must have been handed the printer")]
impl Printer {
    pub(crate) fn new(global: &Global) -> Self {
        let stdout = Term::stdout();
        match global.color {
            ColorChoice::Auto => {}
            ColorChoice::Always => {
                console::set_colors_enabled(true);
                console::set_colors_enabled_stderr(true);
            }
            ColorChoice::Never => {
                console::set_colors_enabled(false);
                console::set_colors_enabled_stderr(false);
            }
        }
        let width = if stdout.is_term() {
            usize::from(stdout.size().1).clamp(40, MAX_WIDTH)
        } else {
            WIDTH_WITHOUT_TERMINAL
        };
        Self {
            format: global.format,
            quiet: global.quiet,
            links: stdout.is_term() && console::colors_enabled(),
            terminal: stdout.is_term(),
            width,
        }
    }

    pub(crate) fn is_json(&self) -> bool {
        self.format == OutputFormat::Json
    }

    /// Whether progress may be drawn.
    pub(crate) fn shows_progress(&self) -> bool {
        !self.quiet && Term::stderr().is_term()
    }

    /// Whether a person looks at standard output rather than a program.
    pub(crate) fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// Columns that text may take.
    pub(crate) fn width(&self) -> usize {
        self.width
    }

    /// One line of data for people.
    pub(crate) fn line(&self, line: impl AsRef<str>) -> Result<()> {
        to_stdout(|out| writeln!(out, "{}", line.as_ref()))
    }

    /// Text as it is, without a line end of its own; shown at once.
    pub(crate) fn text(&self, text: &str) -> Result<()> {
        to_stdout(|out| {
            out.write_all(text.as_bytes())?;
            out.flush()
        })
    }

    /// The data for programs.
    pub(crate) fn json(&self, value: &impl Serialize) -> Result<()> {
        let text = serde_json::to_string_pretty(value)?;
        to_stdout(|out| writeln!(out, "{text}"))
    }

    /// The data for programs that read a line at a time.
    pub(crate) fn json_line(&self, value: &impl Serialize) -> Result<()> {
        let text = serde_json::to_string(value)?;
        to_stdout(|out| {
            writeln!(out, "{text}")?;
            out.flush()
        })
    }

    /// A remark beside the data; silent with `--quiet`.
    pub(crate) fn note(&self, note: impl AsRef<str>) {
        if !self.quiet {
            to_stderr(note.as_ref());
        }
    }

    /// Something that went wrong without ending the command.
    pub(crate) fn warning(&self, warning: impl AsRef<str>) {
        let label = Style::new().for_stderr().yellow().bold().apply_to("warning:");
        to_stderr(&format!("{label} {}", visible_lines(warning.as_ref())));
    }

    /// What a person sees of a path: clickable where the terminal can.
    pub(crate) fn path(&self, absolute: &str, shown: &str) -> String {
        let shown = Style::new().cyan().apply_to(visible(shown)).to_string();
        if self.links {
            let url = file_url(absolute);
            format!("\x1b]8;;{url}\x1b\\{shown}\x1b]8;;\x1b\\")
        } else {
            shown
        }
    }
}

/// Prints an error and its hint; a failure to print has nowhere to go.
pub(crate) fn print_error(report: &crate::failure::Report, json: bool) {
    if json {
        let value = serde_json::json!({
            "error": { "kind": report.kind, "message": report.message, "hint": report.hint }
        });
        to_stderr(&value.to_string());
        return;
    }
    let label = Style::new().for_stderr().red().bold().apply_to("error:");
    to_stderr(&format!("{label} {}", visible_lines(&report.message)));
    if let Some(hint) = &report.hint {
        let label = Style::new().for_stderr().green().bold().apply_to("hint:");
        to_stderr(&format!("{label} {}", visible_lines(hint)));
    }
}

fn to_stderr(line: &str) {
    // There is no other place left to complain to.
    drop(writeln!(io::stderr().lock(), "{line}"));
}

fn to_stdout(write: impl FnOnce(&mut io::StdoutLock<'static>) -> io::Result<()>) -> Result<()> {
    match write(&mut io::stdout().lock()) {
        // The reader has seen enough (`ragged list | head`).
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
            Err(anyhow::Error::new(PipeClosed))
        }
        other => Ok(other?),
    }
}

/// Standard output was closed by its reader: the command ends at once, without complaint.
#[derive(Debug)]
pub(crate) struct PipeClosed;

impl std::fmt::Display for PipeClosed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("standard output was closed")
    }
}

impl std::error::Error for PipeClosed {}

fn file_url(path: &str) -> String {
    let mut url = String::from("file://");
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"/._-~".contains(&byte) {
            url.push(char::from(byte));
        } else {
            url.push_str(&format!("%{byte:02X}"));
        }
    }
    url
}

/// A name from outside (a path, a heading, a title) that does nothing to a terminal: control
/// characters are shown as escapes, `\\n`, `\\u{1b}`.
pub(crate) fn visible(name: &str) -> Cow<'_, str> {
    escaped(name, |_| false)
}

/// Text from outside that does nothing to a terminal but fill lines: as [`visible`], line ends and
/// tabs kept.
pub(crate) fn visible_lines(text: &str) -> Cow<'_, str> {
    if text.contains("\r\n") {
        return Cow::Owned(visible_lines(&text.replace("\r\n", "\n")).into_owned());
    }
    escaped(text, |c| matches!(c, '\n' | '\t'))
}

fn escaped(text: &str, is_kept: impl Fn(char) -> bool) -> Cow<'_, str> {
    let must_go = |c: char| c.is_control() && !is_kept(c);
    if !text.contains(must_go) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if must_go(c) {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

/// A text from outside in one line of at most so many columns.
pub(crate) fn one_line(text: &str, columns: usize) -> String {
    console::truncate_str(&visible(text), columns, "…").into_owned()
}

/// A name as a word of a command that may be typed or pasted: in quotes where a shell asks for them.
pub(crate) fn word(name: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "-_./:@%+,".contains(c);
    if !name.is_empty() && !name.starts_with('-') && name.chars().all(is_plain) {
        return name.to_owned();
    }
    let name = visible(name);
    // Within double quotes a shell still reads these.
    if name.contains(['"', '$', '`', '\\', '!']) {
        format!("'{}'", name.replace('\'', r"'\''"))
    } else {
        format!("\"{name}\"")
    }
}

/// `1,234,567`.
pub(crate) use ragged_benchmark::report::thousands;

/// `1 file`, `1,234 files`.
pub(crate) fn counted(n: u64, one: &str, many: &str) -> String {
    format!("{} {}", thousands(n), if n == 1 { one } else { many })
}

/// `3.4 MiB`.
pub(crate) fn bytes(number: u64) -> String {
    indicatif::BinaryBytes(number).to_string()
}

/// `12.3 ms`, `1.2 s`.
pub(crate) fn milliseconds(ms: f64) -> String {
    if ms < 10.0 {
        format!("{ms:.1} ms")
    } else if ms < 1000.0 {
        format!("{ms:.0} ms")
    } else {
        format!("{:.1} s", ms / 1000.0)
    }
}

/// A table without lines that fits the terminal.
pub(crate) fn table(printer: &Printer, header: &[&str]) -> comfy_table::Table {
    let mut table = comfy_table::Table::new();
    table
        .load_style(comfy_table::presets::NOTHING)
        .set_content_arrangement(comfy_table::ContentArrangement::Dynamic)
        .set_width(u16::try_from(printer.width()).unwrap_or(u16::MAX));
    // Plain: the layout counts the bytes of a style as width.
    table.set_header(header.iter().copied());
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_for_people() {
        assert_eq!(thousands(0), "0");
        assert_eq!(thousands(999), "999");
        assert_eq!(thousands(1_234_567), "1,234,567");
        assert_eq!(milliseconds(1.25), "1.2 ms");
        assert_eq!(milliseconds(125.0), "125 ms");
        assert_eq!(milliseconds(1250.0), "1.2 s");
    }

    #[test]
    fn nothing_from_outside_commands_the_terminal() {
        assert_eq!(visible("a\x1b[31m\nb\u{9b}c\x7f"), r"a\u{1b}[31m\nb\u{9b}c\u{7f}");
        assert_eq!(visible_lines("a\r\nb\tc\x07\rd"), "a\nb\tc\\u{7}\\rd");
        assert!(matches!(visible("Übung › 1"), Cow::Borrowed(_)));
    }

    #[test]
    fn names_are_words_of_commands() {
        assert_eq!(word("nurse"), "nurse");
        assert_eq!(word("Übung-1"), "Übung-1");
        assert_eq!(word("tide tables"), "\"tide tables\"");
        assert_eq!(word("Ada's"), "\"Ada's\"");
        assert_eq!(word("Ada's $5"), r"'Ada'\''s $5'");
        assert_eq!(word("-x"), "\"-x\"");
        assert_eq!(word(""), "\"\"");
        assert_eq!(one_line("a\nb cd", 4), r"a\n…");
        assert_eq!(one_line("abcd", 4), "abcd");
    }

    #[test]
    fn one_is_not_many() {
        assert_eq!(counted(1, "copy", "copies"), "1 copy");
        assert_eq!(counted(0, "copy", "copies"), "0 copies");
        assert_eq!(counted(1234, "file", "files"), "1,234 files");
    }

    #[test]
    fn paths_become_urls() {
        assert_eq!(file_url("/a b/ü.md"), "file:///a%20b/%C3%BC.md");
    }
}
