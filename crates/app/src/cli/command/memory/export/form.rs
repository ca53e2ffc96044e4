//! The forms of an export, written one row at a time.

use std::{
    borrow::Cow,
    fmt,
    io::{self, Write},
};

use serde::{
    Deserialize, Serialize,
    de::{Deserializer, MapAccess, SeqAccess, Visitor},
};

use crate::{
    cli::args::memory::export::ExportForm,
    wire::transfer::{FORMAT, Interaction, Line, Persona, SECTIONS, VERSION},
};

/// What stands above the rows.
#[derive(Debug, Serialize)]
pub(super) struct Header {
    pub(super) format: &'static str,
    pub(super) version: u32,
    pub(super) exported_at: String,
    /// Restricts the interactions alone.
    pub(super) since: Option<String>,
    pub(super) until: Option<String>,
    /// Interactions that follow.
    pub(super) total: u64,
    pub(super) persona: Persona,
}

impl Header {
    pub(super) fn new(persona: Persona, exported_at: String) -> Self {
        Self {
            format: FORMAT,
            version: VERSION,
            exported_at,
            since: None,
            until: None,
            total: 0,
            persona,
        }
    }
}

/// Writes an export.
pub(super) struct FormWriter<W: Write> {
    form: Form<W>,
    /// Which of the sections is open; none at the beginning.
    section: Option<usize>,
    n_in_section: u64,
}

enum Form<W: Write> {
    Json(W),
    Yaml(W),
    Csv(Box<csv::Writer<W>>),
    Markdown { out: W, day: String },
}

const COLUMNS: [&str; 15] = [
    "id",
    "persona",
    "timestamp",
    "kind",
    "query",
    "response",
    "feedback",
    "correction",
    "session_id",
    "model_used",
    "latency_ms",
    "learned",
    "topics",
    "documents",
    "metadata",
];

impl<W: Write> FormWriter<W> {
    pub(super) fn new(form: ExportForm, out: W) -> Self {
        let form = match form {
            ExportForm::Json => Form::Json(out),
            ExportForm::Yaml => Form::Yaml(out),
            ExportForm::Csv => Form::Csv(Box::new(csv::Writer::from_writer(out))),
            ExportForm::Markdown => Form::Markdown { out, day: String::new() },
        };
        Self { form, section: None, n_in_section: 0 }
    }

    pub(super) fn begin(&mut self, header: &Header) -> io::Result<()> {
        match &mut self.form {
            Form::Json(out) => {
                let text = serde_json::to_string_pretty(header)?;
                // The last brace closes the whole, when the rows are there.
                out.write_all(text.strip_suffix("\n}").unwrap_or(&text).as_bytes())
            }
            Form::Yaml(out) => write_block(out, &Node::of(header)?, 0),
            Form::Csv(out) => Ok(out.write_record(COLUMNS)?),
            Form::Markdown { out, .. } => markdown_header(out, header),
        }
    }

    pub(super) fn row(&mut self, line: &Line) -> io::Result<()> {
        self.enter(line.section())?;
        let n = self.n_in_section;
        self.n_in_section += 1;
        match &mut self.form {
            Form::Json(out) => {
                out.write_all(if n == 0 { b"\n" } else { b",\n" })?;
                Ok(serde_json::to_writer(out, line)?)
            }
            Form::Yaml(out) => {
                if n == 0 {
                    out.write_all(b"\n")?;
                }
                write_item(out, &Node::of(line)?, 0)
            }
            Form::Csv(out) => match line {
                Line::Interaction(interaction) => csv_row(out, interaction),
                _ => Ok(()),
            },
            Form::Markdown { out, day } => markdown_row(out, line, n, day),
        }
    }

    /// Closes what is open; the writer has everything then.
    pub(super) fn finish(mut self) -> io::Result<W> {
        self.enter(SECTIONS.len())?;
        match self.form {
            Form::Json(mut out) => {
                out.write_all(b"\n}\n")?;
                Ok(out)
            }
            Form::Csv(out) => out.into_inner().map_err(csv::IntoInnerError::into_error),
            Form::Yaml(out) | Form::Markdown { out, .. } => Ok(out),
        }
    }

    /// Closes the open section and those before `section`, and opens that.
    fn enter(&mut self, section: usize) -> io::Result<()> {
        let mut next = self.section.map_or(0, |open| open + 1);
        if self.section == Some(section) {
            return Ok(());
        }
        if self.section.is_some() {
            self.leave()?;
        }
        loop {
            if next < SECTIONS.len() {
                match &mut self.form {
                    Form::Json(out) => write!(out, ",\n  \"{}\": [", SECTIONS[next])?,
                    Form::Yaml(out) => write!(out, "{}:", SECTIONS[next])?,
                    Form::Csv(_) | Form::Markdown { .. } => {}
                }
                self.n_in_section = 0;
            }
            self.section = Some(next);
            if next >= section {
                return Ok(());
            }
            self.leave()?;
            next += 1;
        }
    }

    fn leave(&mut self) -> io::Result<()> {
        let is_empty = self.n_in_section == 0;
        match &mut self.form {
            Form::Json(out) => out.write_all(if is_empty { b"]" } else { b"\n  ]" }),
            Form::Yaml(out) if is_empty => out.write_all(b" []\n"),
            _ => Ok(()),
        }
    }
}

// ---------------------------------------------------------------------------------------- CSV

fn csv_row<W: Write>(out: &mut csv::Writer<W>, row: &Interaction) -> io::Result<()> {
    let line = Node::of(row)?;
    let text = |field: &str| line.text(field).unwrap_or_default();
    let topics: Vec<&str> = row.topics.iter().map(|topic| topic.name.as_str()).collect();
    let documents: Vec<&str> = row.documents.iter().map(|found| found.path.as_str()).collect();
    out.write_record(
        [
            row.id.as_str(),
            &row.persona,
            &text("timestamp"),
            &text("kind"),
            &row.query,
            row.response.as_deref().unwrap_or_default(),
            &text("feedback"),
            row.correction.as_deref().unwrap_or_default(),
            &row.session_id,
            row.model_used.as_deref().unwrap_or_default(),
            &row.latency_ms.map(|ms| ms.to_string()).unwrap_or_default(),
            if row.learned { "true" } else { "false" },
            &topics.join("; "),
            &documents.join("; "),
            row.metadata.as_deref().unwrap_or_default(),
        ]
        .map(|cell| harmless(cell).into_owned()),
    )?;
    Ok(())
}

/// A cell that no spreadsheet takes for a formula: such programs run what begins with one of these.
pub(super) fn harmless(cell: &str) -> Cow<'_, str> {
    match cell.chars().next() {
        Some('=' | '+' | '-' | '@' | '\t' | '\r' | '\n' | '＝' | '＋' | '－' | '＠') => {
            Cow::Owned(format!("'{cell}"))
        }
        _ => Cow::Borrowed(cell),
    }
}

// --------------------------------------------------------------------------------------- YAML

/// A value with its fields in order.
#[derive(Debug)]
enum Node {
    /// As JSON has it, which YAML has too.
    Scalar(String),
    Sequence(Vec<Node>),
    Mapping(Vec<(String, Node)>),
}

impl Node {
    fn of(value: &impl Serialize) -> io::Result<Self> {
        Ok(serde_json::from_slice(&serde_json::to_vec(value)?)?)
    }

    /// The text of a field, without its quotation marks.
    fn text(&self, field: &str) -> Option<String> {
        let Self::Mapping(fields) = self else { return None };
        match fields.iter().find(|(name, _)| name == field)? {
            (_, Self::Scalar(text)) if text != "null" => {
                Some(serde_json::from_str(text).unwrap_or_else(|_| text.clone()))
            }
            _ => None,
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Node;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }

            fn visit_unit<E>(self) -> Result<Node, E> {
                Ok(Node::Scalar("null".to_owned()))
            }

            fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
                Ok(Node::Scalar(value.to_string()))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
                Ok(Node::Scalar(value.to_string()))
            }

            fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
                Ok(Node::Scalar(value.to_string()))
            }

            fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Node, E> {
                serde_json::to_string(&value).map(Node::Scalar).map_err(E::custom)
            }

            fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Node, E> {
                serde_json::to_string(value)
                    .map(|text| Node::Scalar(printable(&text)))
                    .map_err(E::custom)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
                let mut nodes = Vec::new();
                while let Some(node) = items.next_element()? {
                    nodes.push(node);
                }
                Ok(Node::Sequence(nodes))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Node, A::Error> {
                let mut nodes = Vec::new();
                while let Some(field) = fields.next_entry()? {
                    nodes.push(field);
                }
                Ok(Node::Mapping(nodes))
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

/// A quoted text with those characters escaped that YAML does not print or takes for line ends.
fn printable(quoted: &str) -> String {
    let mut text = String::with_capacity(quoted.len());
    for letter in quoted.chars() {
        match letter {
            '\u{7f}'..='\u{9f}'
            | '\u{2028}'
            | '\u{2029}'
            | '\u{feff}'
            | '\u{fffe}'
            | '\u{ffff}' => {
                text.push_str(&format!("\\u{:04x}", u32::from(letter)));
            }
            _ => text.push(letter),
        }
    }
    text
}

fn write_block(out: &mut impl Write, node: &Node, depth: usize) -> io::Result<()> {
    let Node::Mapping(fields) = node else { return write_value(out, node, depth) };
    for (name, value) in fields {
        write!(out, "{:indent$}{name}:", "", indent = depth * 2)?;
        write_value(out, value, depth)?;
    }
    Ok(())
}

/// What stands after a colon, up to its line end.
fn write_value(out: &mut impl Write, node: &Node, depth: usize) -> io::Result<()> {
    match node {
        Node::Scalar(text) => writeln!(out, " {text}"),
        Node::Sequence(items) if items.is_empty() => writeln!(out, " []"),
        Node::Mapping(fields) if fields.is_empty() => writeln!(out, " {{}}"),
        Node::Sequence(items) => {
            writeln!(out)?;
            items.iter().try_for_each(|item| write_item(out, item, depth + 1))
        }
        Node::Mapping(_) => {
            writeln!(out)?;
            write_block(out, node, depth + 1)
        }
    }
}

fn write_item(out: &mut impl Write, node: &Node, depth: usize) -> io::Result<()> {
    write!(out, "{:indent$}-", "", indent = depth * 2)?;
    let Node::Mapping(fields) = node else { return write_value(out, node, depth) };
    for (position, (name, value)) in fields.iter().enumerate() {
        let indent = if position == 0 { 1 } else { depth * 2 + 2 };
        write!(out, "{:indent$}{name}:", "")?;
        write_value(out, value, depth + 1)?;
    }
    Ok(())
}

// ----------------------------------------------------------------------------------- Markdown

fn markdown_header(out: &mut impl Write, header: &Header) -> io::Result<()> {
    let persona = &header.persona;
    writeln!(out, "# What {} remembers\n", inline(&persona.name))?;
    if !persona.description.is_empty() {
        writeln!(out, "{}\n", inline(&persona.description))?;
    }
    writeln!(out, "Exported {}: {} questions", header.exported_at, header.total)?;
    for (word, moment) in [("since", &header.since), ("before", &header.until)] {
        if let Some(moment) = moment {
            writeln!(out, "{word} {moment}")?;
        }
    }
    writeln!(out)?;
    for (label, items) in [
        ("Cares about", &persona.focus_areas),
        ("Works on", &persona.active_projects),
        ("Reads only", &persona.collections),
    ] {
        if !items.is_empty() {
            let items: Vec<String> = items.iter().map(|item| inline(item)).collect();
            writeln!(out, "- {label}: {}", items.join(", "))?;
        }
    }
    writeln!(out, "- Recording: {}", persona.consent.recording)
}

fn markdown_row(out: &mut impl Write, line: &Line, n: u64, day: &mut String) -> io::Result<()> {
    let node = Node::of(line)?;
    let text = |field: &str| node.text(field).unwrap_or_default();
    let title = match line {
        Line::Topic(_) => "Topics\n",
        Line::Alias(_) => "Topics merged into others\n",
        Line::Project(_) => "Projects\n",
        Line::Fact(_) => "Facts\n",
        Line::FactVersion(_) => "All versions of facts\n",
        Line::Kept(_) => "Contradictions that were kept\n",
        Line::Relationship(_) => "Topics met together\n",
        Line::Test(_) => "Tests of rankings\n",
        Line::Interaction(_) => "Questions",
    };
    if n == 0 {
        writeln!(out, "\n## {title}")?;
    }
    let until = |end: String| if end.is_empty() { "now".to_owned() } else { end };
    match line {
        Line::Topic(topic) => {
            write!(out, "- {}: {} times", inline(&topic.name), topic.frequency)?;
            if topic.last_seen.is_some() {
                write!(out, ", {} to {}", text("first_seen"), text("last_seen"))?;
            }
            writeln!(out, "{}", if topic.set_by_hand.is_some() { ", set by hand" } else { "" })
        }
        Line::Alias(alias) => {
            writeln!(out, "- {} into {}", inline(&alias.key), inline(&alias.topic))
        }
        Line::Kept(kept) => {
            writeln!(out, "- {} and {}", inline(&kept.a), inline(&kept.b))
        }
        Line::Project(project) => writeln!(
            out,
            "- {} ({}), {} to {}: {}",
            inline(&project.name),
            inline(&project.status),
            text("started_at"),
            until(text("ended_at")),
            inline(&project.description)
        ),
        Line::Fact(fact) => writeln!(
            out,
            "- {} ({}), {} to {}",
            inline(&fact.content),
            inline(&fact.fact_type),
            text("valid_from"),
            until(text("valid_to"))
        ),
        Line::FactVersion(version) => writeln!(
            out,
            "- {} ({}), {} to {}; believed {} to {} ({})",
            inline(&version.content),
            inline(&version.fact_type),
            text("valid_from"),
            until(text("valid_to")),
            text("known_from"),
            until(text("known_to")),
            inline(&version.update_reason)
        ),
        Line::Relationship(pair) => writeln!(
            out,
            "- {} and {}: {} times",
            inline(&pair.a),
            inline(&pair.b),
            pair.co_occurrence_count
        ),
        Line::Test(test) => writeln!(
            out,
            "- {} {}: {} questions, α {}",
            text("started_at"),
            inline(test.name.as_deref().unwrap_or(&test.id)),
            test.questions.len(),
            test.alpha
        ),
        Line::Interaction(interaction) => {
            let timestamp = text("timestamp");
            let (date, time) = timestamp.split_once('T').unwrap_or(("", &timestamp));
            if date != day {
                writeln!(out, "\n### {date}\n")?;
                *day = date.to_owned();
            }
            let judged = match text("feedback").as_str() {
                "positive" => " (it helped)",
                "negative" => " (it did not help)",
                _ => "",
            };
            writeln!(out, "**{}** {}{judged}\n", inline(&interaction.query), inline(time))?;
            if let Some(response) = &interaction.response {
                quote(out, response)?;
            }
            if let Some(correction) = &interaction.correction {
                writeln!(out, "Corrected: {}\n", inline(correction))?;
            }
            for document in &interaction.documents {
                let cited = if document.cited { ", cited" } else { "" };
                writeln!(out, "{}. {}{cited}", document.rank, inline(&document.path))?;
            }
            if !interaction.documents.is_empty() {
                writeln!(out)?;
            }
            Ok(())
        }
    }
}

fn quote(out: &mut impl Write, text: &str) -> io::Result<()> {
    for line in text.lines() {
        writeln!(out, "> {}", inline(line))?;
    }
    writeln!(out)
}

/// Text that Markdown shows as it is, on one line.
fn inline(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '|' | '~' | '&' | '!' => {
                shown.push('\\');
                shown.push(letter);
            }
            _ if letter.is_control() => shown.push(' '),
            _ => shown.push(letter),
        }
    }
    shown
}
