//! One request to a server and the lines it streams back.

use std::io::Read;
use std::time::Duration;

use ureq::http::Uri;

use super::{Provider, invalid};
use crate::answer::defaults::{CONNECT_SECONDS, ERROR_BODY_BYTES_MAX, STREAM_LINE_BYTES_MAX};
use crate::error::{Error, ErrorKind, Result};
use crate::http;

/// A server's address, how to prove who asks, and how long it may be silent.
pub(super) struct Server {
    endpoint: String,
    authorization: Option<String>,
    timeout: Duration,
    agent: ureq::Agent,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server")
            .field("endpoint", &self.endpoint)
            .field("authorization", &self.authorization.as_ref().map(|_| "(set)"))
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

/// Why a request got no stream.
pub(super) enum Failure {
    /// No reply.
    Transport { error: ureq::Error, timeout: Duration },
    /// A reply that is no success, with what it says.
    Status { code: u16, message: String },
}

impl Server {
    pub(super) fn new(endpoint: String, api_key: &str, timeout: Duration) -> Result<Self> {
        let is_address = endpoint.parse::<Uri>().is_ok_and(|uri| {
            matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some()
        });
        if !is_address {
            return Err(invalid(format!("`answer.url` makes {endpoint:?}, which is no address"))
                .with_hint("give it as http://HOST:PORT"));
        }
        if !api_key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(invalid("`answer.api_key` has a character that no key has"));
        }
        // A question and its passages go to the server the user named and nowhere else.
        let config = http::stay_with_server(http::agent(&endpoint))
            .timeout_connect(Some(timeout.min(Duration::from_secs(CONNECT_SECONDS))))
            .timeout_resolve(Some(timeout.min(Duration::from_secs(CONNECT_SECONDS))))
            .timeout_per_read(Some(timeout))
            .timeout_per_write(Some(timeout));
        Ok(Self {
            endpoint,
            authorization: (!api_key.is_empty()).then(|| format!("Bearer {api_key}")),
            timeout,
            agent: config.build().new_agent(),
        })
    }

    pub(super) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Sends `body` and waits for the first byte of the reply's content.
    pub(super) fn post(&self, body: &str) -> Result<Lines, Failure> {
        let mut request =
            self.agent.post(&self.endpoint).header("Content-Type", "application/json");
        if let Some(authorization) = &self.authorization {
            request = request.header("Authorization", authorization);
        }
        let transport = |error| Failure::Transport { error, timeout: self.timeout };
        let mut response = request.send(body).map_err(transport)?;
        let code = response.status().as_u16();
        if code != 200 {
            // The status tells enough when the rest of the reply does not arrive.
            let mut bytes = Vec::new();
            let body = response.body_mut().as_reader();
            _ = body.take(ERROR_BODY_BYTES_MAX).read_to_end(&mut bytes);
            let message = http::said(&String::from_utf8_lossy(&bytes));
            return Err(Failure::Status { code, message });
        }
        let body = response.into_body().into_reader();
        Ok(Lines::new(Box::new(body), self.timeout))
    }
}

impl Failure {
    /// The failure as an error with what to do next.
    pub(super) fn explain(self, provider: Provider, model: &str) -> Error {
        match self {
            Self::Transport { error, timeout } => {
                unreachable_server(error, timeout).with_hint(provider.hint_when_away())
            }
            Self::Status { code, message } => {
                let said = if message.is_empty() {
                    format!("the server replied with status {code}")
                } else {
                    format!("the server replied with status {code}: {message}")
                };
                let about_model = message.to_lowercase().contains("model");
                match code {
                    401 | 403 => Error::new(ErrorKind::Invalid, said)
                        .with_hint("set `answer.api_key` to a key that the server accepts"),
                    404 if about_model => Error::new(ErrorKind::NotFound, said)
                        .with_hint(provider.hint_when_model_is_missing(model)),
                    300..=399 | 404 | 405 => Error::new(ErrorKind::NotFound, said)
                        .with_hint("check `answer.url`: no chat interface is at this address"),
                    429 => Error::new(ErrorKind::Unavailable, said)
                        .with_hint("wait, or ask for a higher limit"),
                    400..=499 => Error::new(ErrorKind::Invalid, said)
                        .with_hint("check that the model can chat and `answer.temperature`"),
                    _ => Error::new(ErrorKind::Unavailable, said)
                        .with_hint("look into the server's log"),
                }
            }
        }
    }
}

/// Why no reply came, or no more of it.
fn unreachable_server(error: ureq::Error, timeout: Duration) -> Error {
    match error {
        ureq::Error::Timeout(ureq::Timeout::Connect | ureq::Timeout::Resolve) => {
            Error::new(ErrorKind::Unavailable, "the server does not take the connection")
        }
        ureq::Error::Timeout(_) => Error::new(
            ErrorKind::Unavailable,
            format!("the server was silent for {} s", timeout.as_secs_f32()),
        )
        .with_hint("raise `answer.timeout`, or use a smaller model"),
        // What TLS makes of a certificate it does not trust, or of bytes that are no TLS.
        ureq::Error::Io(source) if source.kind() == std::io::ErrorKind::InvalidData => {
            Error::from_source(ErrorKind::Unavailable, source)
                .context("no secure connection could be made")
                .with_hint("check the server's certificate, and that it speaks https://")
        }
        ureq::Error::Io(source) => Error::from_source(ErrorKind::Unavailable, source),
        error @ ureq::Error::Protocol(_) => Error::from_source(ErrorKind::Unavailable, error)
            .context("what answers at this address does not speak HTTP as it should"),
        error @ (ureq::Error::BadUri(_) | ureq::Error::Http(_)) => {
            Error::from_source(ErrorKind::Invalid, error).with_hint("check `answer.url`")
        }
        error => Error::from_source(ErrorKind::Unavailable, error),
    }
}

/// The lines of a stream, whatever the pieces in which it arrives.
pub(super) struct Lines {
    source: Box<dyn Read>,
    timeout: Duration,
    /// Bytes that arrived and were not given back; those before `searched` hold no line end.
    waiting: Vec<u8>,
    searched: usize,
    ended: bool,
}

impl Lines {
    pub(super) fn new(source: Box<dyn Read>, timeout: Duration) -> Self {
        Self { source, timeout, waiting: Vec::new(), searched: 0, ended: false }
    }

    /// The next line without its end; none when the stream has ended.
    pub(super) fn next_line(&mut self) -> Result<Option<String>> {
        loop {
            if let Some(at) = self.waiting[self.searched..].iter().position(|&b| b == b'\n') {
                let end = self.searched + at;
                self.searched = 0;
                let rest = self.waiting.split_off(end + 1);
                let mut line = std::mem::replace(&mut self.waiting, rest);
                line.pop();
                return decode(line).map(Some);
            }
            self.searched = self.waiting.len();
            if self.ended {
                self.searched = 0;
                let last = std::mem::take(&mut self.waiting);
                return if last.is_empty() { Ok(None) } else { decode(last).map(Some) };
            }
            if self.waiting.len() > STREAM_LINE_BYTES_MAX {
                return Err(Error::new(
                    ErrorKind::Unavailable,
                    format!("the server sent a line of over {STREAM_LINE_BYTES_MAX} bytes"),
                )
                .with_hint("check that `answer.url` is the address of such a server"));
            }
            self.read_more()?;
        }
    }

    fn read_more(&mut self) -> Result<()> {
        let mut piece = [0; 8 * 1024];
        match self.source.read(&mut piece) {
            Ok(0) => self.ended = true,
            Ok(length) => self.waiting.extend_from_slice(&piece[..length]),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => {
                return Err(unreachable_server(error.into(), self.timeout)
                    .context("reading the answer")
                    .with_hint("look into the server's log"));
            }
        }
        Ok(())
    }
}

fn decode(line: Vec<u8>) -> Result<String> {
    String::from_utf8(line).map_err(|_| {
        Error::new(ErrorKind::Unavailable, "the server sent a line that is not UTF-8")
            .with_hint("check that `answer.url` is the address of such a server")
    })
}

/// `url` with a scheme and no slash at its end; `default` where it is empty.
pub(super) fn base(url: &str, default: &str) -> String {
    let address = url.trim_end_matches('/');
    if address.is_empty() {
        default.to_owned()
    } else if url.contains("://") {
        address.to_owned()
    } else {
        format!("http://{address}")
    }
}
