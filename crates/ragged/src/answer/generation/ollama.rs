//! Ollama's `/api/chat`: one JSON value a line.

use serde_json::{Value, json};

use super::prompt::Prompt;
use super::{Event, not_the_protocol, server};
use crate::error::Result;
use crate::http;

/// Tokens of context asked for at least and at most. Ollama cuts a prompt that is longer than its
/// context from the front, rules first, and does not say so.
const CONTEXT_TOKENS_MIN: usize = 4_096;
const CONTEXT_TOKENS_MAX: usize = 32_768;
/// Tokens left for the answer.
const ANSWER_TOKENS: usize = 1_024;
/// Bytes of text that make one token at least, in most languages.
const BYTES_PER_TOKEN: usize = 3;

pub(super) fn endpoint(url: &str) -> String {
    let base = server::base(url, "http://127.0.0.1:11434");
    let base = base.strip_suffix("/chat").unwrap_or(&base);
    format!("{}/api/chat", base.strip_suffix("/api").unwrap_or(base))
}

pub(super) fn request(model: &str, temperature: f32, prompt: &Prompt) -> String {
    // Powers of two: the model is loaded anew whenever the size changes.
    let tokens = (prompt.system.len() + prompt.user.len()) / BYTES_PER_TOKEN + ANSWER_TOKENS;
    let context = tokens.next_power_of_two().clamp(CONTEXT_TOKENS_MIN, CONTEXT_TOKENS_MAX);
    json!({
        "model": model,
        "stream": true,
        "messages": [
            { "role": "system", "content": prompt.system },
            { "role": "user", "content": prompt.user },
        ],
        "options": { "temperature": temperature, "num_ctx": context },
    })
    .to_string()
}

pub(super) fn event(line: &str) -> Result<Event> {
    if line.trim().is_empty() {
        return Ok(Event::Nothing);
    }
    let Ok(value) = serde_json::from_str::<Value>(line) else {
        return Err(not_the_protocol(line));
    };
    if let Some(error) = value.get("error") {
        return Ok(Event::Failed(http::message_of(error)));
    }
    let content = value.pointer("/message/content").and_then(Value::as_str);
    match (value.get("done").and_then(Value::as_bool), content) {
        (Some(true), content) => Ok(Event::Last(content.unwrap_or_default().to_owned())),
        (_, Some(content)) => Ok(Event::Text(content.to_owned())),
        // A message may hold only what the model thinks to itself.
        (Some(false), None) => Ok(Event::Nothing),
        (None, None) => Err(not_the_protocol(line)),
    }
}
