//! Answers worded by a language model on a server: Ollama, or any server that speaks OpenAI's chat
//! interface.
//!
//! One request for each answer, streamed; no retries, since text that was shown cannot be taken
//! back. The passages are other people's words: the prompt sets them apart and says that nothing
//! in them is an instruction, and what the model writes is cleaned of control characters before it
//! is shown.

mod ollama;
mod openai;
mod prompt;
mod reply;
mod server;

#[cfg(test)]
mod tests;

use std::fmt;
use std::time::Duration;

use self::reply::Reply;
use self::server::Server;
use super::{Passage, Style};
use crate::error::{Context, Error, ErrorKind, Result};
use crate::http;
use crate::settings::AnswerSettings;

/// A language model on a server, ready to answer.
///
/// Made once from settings; may be shared between threads. Making it connects to nothing.
#[derive(Debug)]
pub struct Generator {
    provider: Provider,
    model: String,
    temperature: f32,
    server: Server,
}

/// What a model wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generated {
    /// The answer, with the numbers of passages in brackets as the model set them.
    pub text: String,
    /// The numbers cited that stand for a passage the model was given, from 1, each once, in order
    /// of first use.
    pub citations: Vec<usize>,
    /// The model that wrote it, as named in the settings.
    pub model: String,
}

/// Which protocol the server speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Provider {
    Ollama,
    OpenAi,
}

/// What one line of a stream says.
#[derive(Debug, PartialEq, Eq)]
enum Event {
    /// More of the answer.
    Text(String),
    /// More of the answer, its last part; empty when there is none.
    Last(String),
    /// Nothing to show.
    Nothing,
    /// The server gave up, in its own words.
    Failed(String),
}

impl Provider {
    fn endpoint(self, url: &str) -> String {
        match self {
            Self::Ollama => ollama::endpoint(url),
            Self::OpenAi => openai::endpoint(url),
        }
    }

    /// What to do when the server does not answer at `endpoint`.
    fn hint_when_away(self) -> &'static str {
        match self {
            Self::Ollama => "start it with `ollama serve`, or set `answer.url` to where it runs",
            Self::OpenAi => "check `answer.url` and that the server runs",
        }
    }

    fn hint_when_model_is_missing(self, model: &str) -> String {
        match self {
            Self::Ollama => format!("fetch it with `ollama pull {model}`"),
            Self::OpenAi => {
                "set `answer.generator` to `openai:` and a model that the server offers".to_owned()
            }
        }
    }

    fn event(self, line: &str) -> Result<Event> {
        match self {
            Self::Ollama => ollama::event(line),
            Self::OpenAi => openai::event(line),
        }
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ollama => "Ollama",
            Self::OpenAi => "the OpenAI-compatible server",
        })
    }
}

impl Generator {
    /// The generator that `settings` name; none when answers are extractive.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] when the generator is none of `extractive`, `ollama:MODEL` and
    /// `openai:MODEL`, or a setting cannot be used; the message names it.
    ///
    /// # Examples
    ///
    /// ```
    /// use ragged::answer::Generator;
    /// use ragged::settings::AnswerSettings;
    ///
    /// let mut settings = AnswerSettings::default();
    /// assert!(Generator::from_settings(&settings)?.is_none());
    ///
    /// settings.generator = "ollama:qwen3:4b".to_owned();
    /// let generator = Generator::from_settings(&settings)?;
    /// assert_eq!(generator.map(|generator| generator.model().to_owned()), Some("qwen3:4b".into()));
    /// # Ok::<(), ragged::error::Error>(())
    /// ```
    pub fn from_settings(settings: &AnswerSettings) -> Result<Option<Self>> {
        let (name, model) = match settings.generator.trim().split_once(':') {
            Some((name, model)) => (name, model.trim()),
            None => (settings.generator.trim(), ""),
        };
        let provider = match name {
            "extractive" if model.is_empty() => return Ok(None),
            "ollama" if !model.is_empty() => Provider::Ollama,
            "openai" if !model.is_empty() => Provider::OpenAi,
            _ => {
                return Err(invalid(format!(
                    "`answer.generator` is {:?}, which names no generator",
                    settings.generator
                ))
                .with_hint("one of extractive, ollama:MODEL, openai:MODEL"));
            }
        };
        if !(0.0..=2.0).contains(&settings.temperature) {
            return Err(invalid(format!(
                "`answer.temperature` is {}, outside 0 to 2",
                settings.temperature
            )));
        }
        if settings.timeout < Duration::from_millis(1) {
            return Err(invalid("`answer.timeout` is 0, which lets no server answer"));
        }
        let endpoint = provider.endpoint(settings.url.trim());
        Ok(Some(Self {
            provider,
            model: model.to_owned(),
            temperature: settings.temperature,
            server: Server::new(endpoint, settings.api_key.trim(), settings.timeout)?,
        }))
    }

    /// The name of the model.
    pub fn model(&self) -> &str {
        &self.model
    }

    /// Asks the model to answer `question` from `passages` alone, best first, and hands each piece
    /// of its answer to `on_text` as it arrives.
    ///
    /// The pieces joined are [`Generated::text`] but for white space at its ends. The first 48 KiB
    /// of the passages are put before the model. Blocks until the model is done; the server may be
    /// silent for [`AnswerSettings::timeout`], before the first word and between any two.
    ///
    /// # Errors
    ///
    /// When it fails after pieces were handed over, those are all that there is: nothing is asked
    /// twice.
    ///
    /// - [`ErrorKind::Unavailable`]: the server cannot be reached, falls silent, breaks off, or
    ///   fails; what it sends is not its protocol; it answers with nothing.
    /// - [`ErrorKind::NotFound`]: the server does not have the model, or nothing is at the address.
    /// - [`ErrorKind::Invalid`]: the key or the request is refused.
    /// - [`ErrorKind::Exhausted`]: the answer does not end.
    pub fn generate(
        &self,
        question: &str,
        passages: &[Passage<'_>],
        style: Style,
        on_text: &mut dyn FnMut(&str),
    ) -> Result<Generated> {
        self.run(question, passages, style, on_text).context_with(|| {
            format!("asking {:?} of {} at {}", self.model, self.provider, self.server.endpoint())
        })
    }

    fn run(
        &self,
        question: &str,
        passages: &[Passage<'_>],
        style: Style,
        on_text: &mut dyn FnMut(&str),
    ) -> Result<Generated> {
        let prompt = prompt::compose(question, passages, style);
        let body = match self.provider {
            Provider::Ollama => ollama::request(&self.model, self.temperature, &prompt),
            Provider::OpenAi => openai::request(&self.model, self.temperature, &prompt),
        };
        let mut lines = match self.server.post(&body) {
            Ok(lines) => lines,
            Err(failure) => return Err(failure.explain(self.provider, &self.model)),
        };
        let mut reply = Reply::new(on_text);
        while let Some(line) = lines.next_line()? {
            match self.provider.event(&line)? {
                Event::Text(text) => reply.push(&text)?,
                Event::Nothing => {}
                Event::Failed(message) => {
                    return Err(Error::new(
                        ErrorKind::Unavailable,
                        format!("the server gave up: {}", http::printable(&message)),
                    ));
                }
                Event::Last(text) => {
                    reply.push(&text)?;
                    let text = reply.finish()?;
                    let citations = reply::cited(&text, prompt.passages);
                    return Ok(Generated { text, citations, model: self.model.clone() });
                }
            }
        }
        Err(Error::new(ErrorKind::Unavailable, "the stream ended before the answer did")
            .with_hint("look into the server's log"))
    }
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Invalid, message)
}

/// What a line that is not the protocol's is reported as.
fn not_the_protocol(line: &str) -> Error {
    let start: String = line.chars().take(80).collect();
    Error::new(
        ErrorKind::Unavailable,
        format!("the server sent what is no part of an answer: {}", http::printable(&start)),
    )
    .with_hint("check that `answer.url` is the address of such a server")
}
