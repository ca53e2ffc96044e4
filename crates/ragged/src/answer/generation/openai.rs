//! OpenAI's `/v1/chat/completions`, as many servers speak it: server-sent events.

use serde_json::{Value, json};

use super::prompt::Prompt;
use super::{Event, not_the_protocol, server};
use crate::error::Result;
use crate::http;

pub(super) fn endpoint(url: &str) -> String {
    const PATH: &str = "/chat/completions";
    let base = server::base(url, "https://api.openai.com/v1");
    if base.ends_with(PATH) {
        return base;
    }
    // `…/v1`, or another version a gateway names.
    let last = base.rsplit('/').next().unwrap_or_default();
    let versioned = last
        .strip_prefix('v')
        .is_some_and(|version| version.starts_with(|c: char| c.is_ascii_digit()));
    let version = if versioned { "" } else { "/v1" };
    format!("{base}{version}{PATH}")
}

pub(super) fn request(model: &str, temperature: f32, prompt: &Prompt) -> String {
    json!({
        "model": model,
        "stream": true,
        "temperature": temperature,
        "messages": [
            { "role": "system", "content": prompt.system },
            { "role": "user", "content": prompt.user },
        ],
    })
    .to_string()
}

pub(super) fn event(line: &str) -> Result<Event> {
    let line = line.trim();
    // Other fields (`event:`, `id:`, `retry:`) and comments (`: keep-alive`) carry no text.
    let data = match line.strip_prefix("data:") {
        Some(data) => data.trim(),
        // A server that does not stream sends the whole answer as one JSON value.
        None if line.starts_with('{') => line,
        None if line.is_empty() || is_other_field(line) => return Ok(Event::Nothing),
        None => return Err(not_the_protocol(line)),
    };
    if data == "[DONE]" {
        return Ok(Event::Last(String::new()));
    }
    let Ok(value) = serde_json::from_str::<Value>(data) else {
        return Err(not_the_protocol(data));
    };
    if let Some(error) = value.get("error").filter(|error| !error.is_null()) {
        return Ok(Event::Failed(http::message_of(error)));
    }
    let Some(choices) = value.get("choices").and_then(Value::as_array) else {
        return Err(not_the_protocol(data));
    };
    // A chunk of usage figures has no choice.
    let Some(choice) = choices.first() else { return Ok(Event::Nothing) };
    if let Some(whole) = choice.pointer("/message/content").and_then(Value::as_str) {
        return Ok(Event::Last(whole.to_owned()));
    }
    let text =
        choice.pointer("/delta/content").and_then(Value::as_str).unwrap_or_default().to_owned();
    // Not every server sends `[DONE]`; all say why they stopped.
    let ended = choice.get("finish_reason").is_some_and(|reason| !reason.is_null());
    Ok(if ended {
        Event::Last(text)
    } else if text.is_empty() {
        Event::Nothing
    } else {
        Event::Text(text)
    })
}

fn is_other_field(line: &str) -> bool {
    [":", "event:", "id:", "retry:"].iter().any(|field| line.starts_with(field))
}
