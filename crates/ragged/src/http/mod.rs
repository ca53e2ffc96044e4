//! HTTP requests that wait, try again when that may help, and fail with an [`Error`] that says what
//! to do.
//!
//! The one place that decides which servers are trusted, when a proxy stands between, and whether
//! a request follows a server elsewhere. It knows no protocol: callers bring addresses and bodies.

#[cfg(test)]
pub(crate) mod tests;

use std::fmt;
use std::io::Read;
use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;
use ureq::config::ConfigBuilder;
use ureq::tls::{RootCerts, TlsConfig};
use ureq::typestate::AgentScope;
use ureq::{Agent, Body, RequestBuilder};

use crate::error::{Error, ErrorKind, Result};

/// Longest pause that a server's `Retry-After` can ask for.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// Most bytes of an answer read into memory: a batch of vectors has a few megabytes.
const ANSWER_BYTES: u64 = 256 << 20;
/// How much of a server's own message is passed on.
const MESSAGE_CHARS: usize = 300;

/// How often a request is made and how long it may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// Longest wait for a connection.
    pub connect: Duration,
    /// Longest wait for an answer; of a download, for its next bytes.
    pub answer: Duration,
    /// How often a request is made, at least once: again after a refused or broken connection, and
    /// after the statuses 429 and 5xx.
    pub attempts: u32,
    /// Pause before the second attempt, doubled before each further one; a server that says
    /// `Retry-After` is given that long, up to 30 seconds.
    pub pause: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            answer: Duration::from_mins(1),
            attempts: 4,
            pause: Duration::from_millis(500),
        }
    }
}

/// What an answer is needed for, which decides what a time limit means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// All of it within the limit.
    Whole,
    /// Its next bytes within the limit.
    Stream,
}

/// A client of one server.
pub(crate) struct Http {
    agent: Agent,
    patience: Patience,
    headers: Vec<(&'static str, String)>,
    when_away: &'static str,
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The key stays out of logs.
        f.debug_struct("Http").field("patience", &self.patience).finish_non_exhaustive()
    }
}

/// A status that is not success.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) message: String,
}

impl Http {
    /// A client for `base_url`; `key` is sent as a bearer token, to that host only.
    pub(crate) fn new(
        base_url: &str,
        key: Option<&str>,
        patience: Patience,
        answer: Answer,
    ) -> Self {
        let mut config = agent(base_url).timeout_connect(Some(patience.connect));
        config = match answer {
            // Texts and vectors go to the server that was named and nowhere else.
            Answer::Whole => stay_with_server(config).timeout_global(Some(patience.answer)),
            Answer::Stream => config
                .timeout_recv_response(Some(patience.answer))
                .timeout_per_read(Some(patience.answer)),
        };
        Self {
            agent: config.build().new_agent(),
            patience,
            headers: key
                .map(|key| ("Authorization", format!("Bearer {key}")))
                .into_iter()
                .collect(),
            when_away: "check that the server runs and that the address is right",
        }
    }

    /// The same client, which sends a further header with each request.
    pub(crate) fn with_header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    /// The same client, whose errors say this where no server takes the connection.
    pub(crate) fn with_hint_when_away(mut self, hint: &'static str) -> Self {
        self.when_away = hint;
        self
    }

    /// The JSON that `url` answers to `body`.
    pub(crate) fn post(&self, url: &str, body: &Value) -> Result<Result<Value, Refusal>> {
        let body = body.to_string();
        self.json(url, || {
            self.with_headers(self.agent.post(url))
                .header("Content-Type", "application/json")
                .send(body.as_str())
        })
    }

    /// The JSON that `url` answers to `body` put in its place.
    pub(crate) fn put(&self, url: &str, body: &Value) -> Result<Result<Value, Refusal>> {
        let body = body.to_string();
        self.json(url, || {
            self.with_headers(self.agent.put(url))
                .header("Content-Type", "application/json")
                .send(body.as_str())
        })
    }

    /// What `url` answers to its deletion.
    pub(crate) fn delete(&self, url: &str) -> Result<Result<Value, Refusal>> {
        self.json(url, || self.with_headers(self.agent.delete(url)).call())
    }

    /// The JSON that `url` answers.
    pub(crate) fn get(&self, url: &str) -> Result<Result<Value, Refusal>> {
        self.json(url, || self.request(url))
    }

    /// The bytes that `url` answers, as they come, and how many they are where the server says so.
    pub(crate) fn download(
        &self,
        url: &str,
    ) -> Result<Result<(Option<u64>, impl Read + use<>), Refusal>> {
        Ok(self.attempt(url, || self.request(url))?.map(|body| {
            // Transfer encodings are undone on the way, so that the length is that of the file.
            (body.content_length(), body.into_with_config().limit(u64::MAX).reader())
        }))
    }

    fn request(&self, url: &str) -> Result<ureq::http::Response<Body>, ureq::Error> {
        self.with_headers(self.agent.get(url)).call()
    }

    fn with_headers<B>(&self, request: RequestBuilder<B>) -> RequestBuilder<B> {
        self.headers.iter().fold(request, |request, (name, value)| request.header(*name, value))
    }

    fn json(
        &self,
        url: &str,
        send: impl Fn() -> Result<ureq::http::Response<Body>, ureq::Error>,
    ) -> Result<Result<Value, Refusal>> {
        match self.attempt(url, send)? {
            Ok(body) => {
                let bytes = body
                    .into_with_config()
                    .limit(ANSWER_BYTES)
                    .read_to_vec()
                    .map_err(|error| self.failed(url, error))?;
                if bytes.is_empty() {
                    return Ok(Ok(Value::Null));
                }
                serde_json::from_slice(&bytes).map(Ok).map_err(|error| {
                    Error::from_source(ErrorKind::Incompatible, error)
                        .context(format!("{url} does not answer JSON"))
                })
            }
            Err(refusal) => Ok(Err(refusal)),
        }
    }

    fn attempt(
        &self,
        url: &str,
        send: impl Fn() -> Result<ureq::http::Response<Body>, ureq::Error>,
    ) -> Result<Result<Body, Refusal>> {
        let mut pause = self.patience.pause;
        let mut attempt = 1;
        loop {
            let last = attempt >= self.patience.attempts;
            match send() {
                Ok(response) if response.status().is_success() => {
                    return Ok(Ok(response.into_body()));
                }
                Ok(response) => {
                    let status = response.status();
                    let again = status.as_u16() == 429 || status.is_server_error();
                    if last || !again {
                        return Ok(Err(Refusal {
                            status: status.as_u16(),
                            message: message(response.into_body()),
                        }));
                    }
                    let asked = response
                        .headers()
                        .get("Retry-After")
                        .and_then(|value| value.to_str().ok()?.trim().parse().ok())
                        .map(Duration::from_secs);
                    sleep(asked.unwrap_or(pause).min(LONGEST_PAUSE));
                }
                Err(ureq::Error::Io(_) | ureq::Error::ConnectionFailed) if !last => sleep(pause),
                Err(error) => return Err(self.failed(url, error)),
            }
            attempt += 1;
            pause = pause.saturating_mul(2);
        }
    }

    #[cold]
    fn failed(&self, url: &str, error: ureq::Error) -> Error {
        let hint = match &error {
            ureq::Error::Timeout(ureq::Timeout::Connect | ureq::Timeout::Resolve) => {
                self.when_away.to_owned()
            }
            ureq::Error::Timeout(_) => {
                format!(
                    "it did not answer within {:?}; allow more time, or ask for less at once",
                    self.patience.answer
                )
            }
            ureq::Error::HostNotFound | ureq::Error::BadUri(_) | ureq::Error::Http(_) => {
                "check the address".to_owned()
            }
            _ => self.when_away.to_owned(),
        };
        let kind = match &error {
            ureq::Error::BadUri(_) | ureq::Error::Http(_) => ErrorKind::Invalid,
            _ => ErrorKind::Unavailable,
        };
        Error::from_source(kind, error).context(format!("asking {url}")).with_hint(hint)
    }
}

/// What a client of the server at `url` has in common with all others.
///
/// Ring's cryptography, and the certificates that the operating system trusts, so that a user's or
/// a company's own authority counts here as everywhere else.
pub(crate) fn agent(url: &str) -> ConfigBuilder<AgentScope> {
    let tls = TlsConfig::builder()
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .root_certs(RootCerts::PlatformVerifier)
        .build();
    let config = Agent::config_builder()
        .tls_config(tls)
        .http_status_as_error(false)
        .user_agent(concat!("ragged/", env!("CARGO_PKG_VERSION")));
    // A proxy cannot reach this machine's own servers.
    if is_loopback(url) { config.proxy(None) } else { config }
}

/// A redirection is then an answer like any other.
pub(crate) fn stay_with_server(config: ConfigBuilder<AgentScope>) -> ConfigBuilder<AgentScope> {
    config.max_redirects(0).max_redirects_will_error(false)
}

/// What the server says about its refusal.
fn message(body: Body) -> String {
    let text = body.into_with_config().limit(64 << 10).lossy_utf8(true).read_to_string();
    said(&text.unwrap_or_default())
}

/// What an error reply says: the `message` or `error` of a JSON body, or the body itself.
pub(crate) fn said(body: &str) -> String {
    let value = serde_json::from_str::<Value>(body).unwrap_or(Value::Null);
    // Where both are there, `error` is the name of a kind.
    let both = [&value["message"], &value["error"], &value["detail"]];
    match both.into_iter().find(|value| !value.is_null()) {
        Some(error) => printable(&message_of(error)),
        None => printable(body),
    }
}

/// The message in an `error` value: a string, or an object that holds one.
pub(crate) fn message_of(error: &Value) -> String {
    let message = error.get("message").unwrap_or(error);
    message.as_str().map_or_else(|| message.to_string(), str::to_owned)
}

/// At most 300 characters of `text` on one line, safe to print.
pub(crate) fn printable(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut shown: String = line.chars().filter(|c| !c.is_control()).take(MESSAGE_CHARS).collect();
    if shown.len() < line.len() && shown.chars().count() == MESSAGE_CHARS {
        shown.push('…');
    }
    shown
}

/// Whether `url` is on this machine, where no proxy stands between.
fn is_loopback(url: &str) -> bool {
    let host = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = host.split(['/', '?']).next().unwrap_or_default();
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    let name = match host.strip_prefix('[') {
        Some(address) => address.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}
