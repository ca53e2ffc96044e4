//! Reading an export, one row at a time.

use std::{fmt, io::BufRead};

use ragged::{
    error::{Error, ErrorKind, Result},
    memory::{Import, TransferRow},
};
use serde::{
    Deserialize,
    de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

use crate::wire::transfer::{
    FORMAT, Fact, Interaction, KeptContradiction, Persona, RankingTest, Relationship, SECTIONS,
    TopicAlias, TransferFact, TransferProject, TransferTopic, VERSION,
};

/// Hands every row of `text` to `take`; what is said of the persona is returned.
///
/// # Errors
///
/// `Incompatible` for a newer file; `Invalid` for another or a malformed one, with its line; those
/// of `take`.
pub(super) fn read(text: impl BufRead, import: &mut Import<'_, '_>) -> Result<Persona> {
    let mut import = |row| import.take(row);
    read_rows(text, &mut import)
}

fn read_rows(
    text: impl BufRead,
    take: &mut dyn FnMut(TransferRow) -> Result<()>,
) -> Result<Persona> {
    let mut state = State { take, failure: None, place: String::new() };
    let mut reader = serde_json::Deserializer::from_reader(text);
    let read = reader
        .deserialize_map(File { state: &mut state })
        .and_then(|persona| reader.end().map(|()| persona));
    read.map_err(|error| {
        if let Some(failure) = state.failure.take() {
            return failure;
        }
        let kind = if error.is_io() { ErrorKind::Io } else { ErrorKind::Invalid };
        let at = if state.place.is_empty() { String::new() } else { format!("{}: ", state.place) };
        Error::new(kind, format!("{at}{error}"))
            .with_hint("`ragged memory export FILE` writes what can be imported")
    })
}

struct State<'a> {
    take: &'a mut dyn FnMut(TransferRow) -> Result<()>,
    /// What is to be told instead of what the parser says.
    failure: Option<Error>,
    /// What is being read.
    place: String,
}

struct File<'a, 'b> {
    state: &'a mut State<'b>,
}

impl<'de> Visitor<'de> for File<'_, '_> {
    type Value = Persona;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an export of a memory")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Persona, A::Error> {
        let state = self.state;
        // First, so that a file of another kind or of the future is known by that.
        for expected in ["format", "version"] {
            if fields.next_key::<String>()?.as_deref() != Some(expected) {
                return Err(de::Error::custom(format!(
                    "it does not begin with \"format\" and \"version\", so it is no {FORMAT} file"
                )));
            }
            if expected == "format" {
                let format: String = fields.next_value()?;
                if format != FORMAT {
                    return Err(de::Error::custom(format!(
                        "the format is {format:?}, not {FORMAT:?}"
                    )));
                }
            } else {
                let version: u32 = fields.next_value()?;
                if version != VERSION {
                    let known = format!("version {version}, this program reads version {VERSION}");
                    state.failure = Some(
                        Error::new(ErrorKind::Incompatible, format!("the file is of {known}"))
                            .with_hint("install a newer ragged"),
                    );
                    return Err(de::Error::custom(known));
                }
            }
        }
        let mut persona = None;
        let mut seen = [false; SECTIONS.len()];
        while let Some(name) = fields.next_key::<String>()? {
            state.place.clone_from(&name);
            if let Some(section) = SECTIONS.iter().position(|known| *known == name) {
                if std::mem::replace(&mut seen[section], true) {
                    return Err(de::Error::custom("it stands there twice"));
                }
                match section {
                    0 => rows::<_, TransferTopic>(&mut fields, state, TransferRow::Topic)?,
                    1 => rows::<_, TopicAlias>(&mut fields, state, TransferRow::Alias)?,
                    2 => rows::<_, TransferProject>(&mut fields, state, TransferRow::Project)?,
                    3 => rows::<_, TransferFact>(&mut fields, state, TransferRow::Fact)?,
                    4 => rows::<_, Fact>(&mut fields, state, TransferRow::FactVersion)?,
                    5 => rows::<_, KeptContradiction>(&mut fields, state, TransferRow::Kept)?,
                    6 => rows::<_, Relationship>(&mut fields, state, TransferRow::Relationship)?,
                    7 => rows::<_, RankingTest>(&mut fields, state, TransferRow::Test)?,
                    _ => rows::<_, Interaction>(&mut fields, state, TransferRow::Interaction)?,
                }
                continue;
            }
            match name.as_str() {
                "persona" => persona = Some(fields.next_value()?),
                "exported_at" | "since" | "until" | "total" => {
                    fields.next_value::<IgnoredAny>()?;
                }
                _ => return Err(de::Error::custom("there is no such field")),
            }
        }
        state.place.clear();
        if let Some((name, _)) = SECTIONS.iter().zip(seen).find(|(_, seen)| !seen) {
            return Err(de::Error::custom(format!("{name:?} is missing")));
        }
        persona.ok_or_else(|| de::Error::missing_field("persona"))
    }
}

fn rows<'de, A: MapAccess<'de>, R>(
    fields: &mut A,
    state: &mut State<'_>,
    wrap: fn(R::Inside) -> TransferRow,
) -> Result<(), A::Error>
where
    R: Deserialize<'de> + Outside,
{
    fields.next_value_seed(Rows::<R> { state, wrap })
}

/// What stands outside for a row inside.
trait Outside {
    type Inside;

    fn inside(self) -> Self::Inside;
}

macro_rules! outside {
    ($($name:ident),*) => { $(
        impl Outside for $name {
            type Inside = ragged::memory::$name;

            fn inside(self) -> Self::Inside {
                self.into()
            }
        }
    )* };
}

outside!(
    Fact,
    Interaction,
    KeptContradiction,
    RankingTest,
    Relationship,
    TopicAlias,
    TransferFact,
    TransferProject,
    TransferTopic
);

struct Rows<'a, 'b, R: Outside> {
    state: &'a mut State<'b>,
    wrap: fn(R::Inside) -> TransferRow,
}

impl<'de, R: Deserialize<'de> + Outside> DeserializeSeed<'de> for Rows<'_, '_, R> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, R: Deserialize<'de> + Outside> Visitor<'de> for Rows<'_, '_, R> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of rows")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let section = std::mem::take(&mut self.state.place);
        for n in 0_u64.. {
            self.state.place = format!("{section}[{n}]");
            let Some(row) = items.next_element::<R>()? else { break };
            if let Err(error) = (self.state.take)((self.wrap)(row.inside())) {
                // The parser is past the row already, and its line would be that of the next one.
                self.state.failure = Some(error.context(self.state.place.clone()));
                return Err(de::Error::custom("a row that cannot be"));
            }
        }
        self.state.place = section;
        Ok(())
    }
}
