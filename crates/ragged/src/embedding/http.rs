//! HTTP requests that wait, try again when that may help, and fail with an [`Error`] that says what
//! to do.

use std::fmt;
use std::io::Read;
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;
use ureq::{Agent, Body};

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
pub(super) enum Answer {
    /// All of it within the limit.
    Whole,
    /// Its next bytes within the limit.
    Stream,
}

/// A client of one server.
pub(super) struct Http {
    agent: Agent,
    patience: Patience,
    bearer: Option<String>,
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The key stays out of logs.
        f.debug_struct("Http").field("patience", &self.patience).finish_non_exhaustive()
    }
}

/// A status that is not success.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) message: String,
}

impl Http {
    /// A client for `base_url`; `key` is sent as a bearer token, to that host only.
    pub(super) fn new(
        base_url: &str,
        key: Option<&str>,
        patience: Patience,
        answer: Answer,
    ) -> Self {
        let mut config = Agent::config_builder()
            .tls_config(crate::tls::config())
            .http_status_as_error(false)
            .user_agent(concat!("ragged/", env!("CARGO_PKG_VERSION")))
            .timeout_connect(Some(patience.connect));
        config = match answer {
            Answer::Whole => config.timeout_global(Some(patience.answer)),
            Answer::Stream => config
                .timeout_recv_response(Some(patience.answer))
                .timeout_per_read(Some(patience.answer)),
        };
        if is_loopback(base_url) {
            config = config.proxy(None);
        }
        Self {
            agent: config.build().new_agent(),
            patience,
            bearer: key.map(|key| format!("Bearer {key}")),
        }
    }

    /// The JSON that `url` answers to `body`.
    pub(super) fn post(&self, url: &str, body: &Value) -> Result<Result<Value, Refusal>> {
        let body = body.to_string();
        self.json(url, || {
            let mut request = self.agent.post(url).header("Content-Type", "application/json");
            if let Some(bearer) = &self.bearer {
                request = request.header("Authorization", bearer);
            }
            request.send(body.as_str())
        })
    }

    /// The JSON that `url` answers.
    pub(super) fn get(&self, url: &str) -> Result<Result<Value, Refusal>> {
        self.json(url, || self.request(url))
    }

    /// The bytes that `url` answers, as they come, and how many they are where the server says so.
    pub(super) fn download(
        &self,
        url: &str,
    ) -> Result<Result<(Option<u64>, impl Read + use<>), Refusal>> {
        Ok(self.attempt(url, || self.request(url))?.map(|body| {
            // Transfer encodings are undone on the way, so that the length is that of the file.
            (body.content_length(), body.into_with_config().limit(u64::MAX).reader())
        }))
    }

    fn request(&self, url: &str) -> Result<ureq::http::Response<Body>, ureq::Error> {
        let mut request = self.agent.get(url);
        if let Some(bearer) = &self.bearer {
            request = request.header("Authorization", bearer);
        }
        request.call()
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
            ureq::Error::Timeout(_) => {
                format!(
                    "it did not answer within {:?}; allow more time, or ask for less at once",
                    self.patience.answer
                )
            }
            ureq::Error::HostNotFound | ureq::Error::BadUri(_) | ureq::Error::Http(_) => {
                "check the address".to_owned()
            }
            _ => "check that the server runs and that the address is right".to_owned(),
        };
        let kind = match &error {
            ureq::Error::BadUri(_) | ureq::Error::Http(_) => ErrorKind::Invalid,
            _ => ErrorKind::Unavailable,
        };
        Error::from_source(kind, error).context(format!("asking {url}")).with_hint(hint)
    }
}

/// What the server says about its refusal: the `error` of a JSON answer, or the answer itself.
fn message(body: Body) -> String {
    let text = body.into_with_config().limit(64 << 10).lossy_utf8(true).read_to_string();
    let text = text.unwrap_or_default();
    let value: Value = serde_json::from_str(&text).unwrap_or_default();
    let error = &value["error"];
    let said = error.as_str().or(error["message"].as_str()).unwrap_or(text.trim());
    said.chars().take(MESSAGE_CHARS).collect()
}

/// Whether `url` is on this machine, where no proxy stands between.
fn is_loopback(url: &str) -> bool {
    let host = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = host.split(['/', '?']).next().unwrap_or_default();
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    host.starts_with("127.")
        || host.starts_with("[::1]")
        || host == "localhost"
        || host.starts_with("localhost:")
}

#[cfg(test)]
pub(super) mod tests {
    use std::io::{BufRead as _, BufReader, Write as _};
    use std::net::{TcpListener, TcpStream};
    use std::sync::Arc;
    use std::sync::Mutex;

    use super::*;

    /// A request as the test's server got it.
    #[derive(Clone, Debug)]
    pub(crate) struct Request {
        pub(crate) method: String,
        pub(crate) path: String,
        /// Names in lower case.
        pub(crate) headers: Vec<(String, String)>,
        pub(crate) body: String,
    }

    impl Request {
        pub(crate) fn header(&self, name: &str) -> Option<&str> {
            self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
        }

        pub(crate) fn json(&self) -> Value {
            serde_json::from_str(&self.body).unwrap()
        }
    }

    /// What the test's server does with a request.
    pub(crate) enum Reply {
        Send {
            status: u16,
            headers: Vec<(&'static str, String)>,
            body: Vec<u8>,
        },
        /// Closes the connection without an answer.
        Close,
        /// Answers after a while.
        Late(Duration, Box<Reply>),
        /// Promises more bytes than it sends.
        Short(Vec<u8>),
    }

    impl Reply {
        pub(crate) fn json(status: u16, value: &Value) -> Self {
            Self::Send {
                status,
                headers: vec![("Content-Type", "application/json".to_owned())],
                body: value.to_string().into_bytes(),
            }
        }

        pub(crate) fn bytes(body: impl Into<Vec<u8>>) -> Self {
            Self::Send { status: 200, headers: vec![], body: body.into() }
        }
    }

    /// An HTTP server on this machine that lives as long as the test's process.
    pub(crate) struct Server {
        pub(crate) url: String,
        requests: Arc<Mutex<Vec<Request>>>,
    }

    impl Server {
        /// Starts a server that answers each request with what `reply` makes of it and of how many
        /// came before.
        pub(crate) fn start(
            reply: impl Fn(&Request, usize) -> Reply + Send + Sync + 'static,
        ) -> Self {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let url = format!("http://{}", listener.local_addr().unwrap());
            let requests = Arc::new(Mutex::new(Vec::new()));
            let (kept, reply) = (Arc::clone(&requests), Arc::new(reply));
            std::thread::spawn(move || {
                for stream in listener.incoming() {
                    let (stream, kept, reply) =
                        (stream.unwrap(), Arc::clone(&kept), Arc::clone(&reply));
                    std::thread::spawn(move || serve(stream, &kept, &*reply));
                }
            });
            Self { url, requests }
        }

        pub(crate) fn requests(&self) -> Vec<Request> {
            self.requests.lock().unwrap().clone()
        }
    }

    fn serve(
        mut stream: TcpStream,
        kept: &Mutex<Vec<Request>>,
        reply: &dyn Fn(&Request, usize) -> Reply,
    ) {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        while let Some(request) = read_request(&mut reader) {
            let number = {
                let mut kept = kept.lock().unwrap();
                kept.push(request.clone());
                kept.len() - 1
            };
            if !answer(&mut stream, reply(&request, number)) {
                return;
            }
        }
    }

    /// Whether the connection can be used again.
    fn answer(stream: &mut TcpStream, reply: Reply) -> bool {
        match reply {
            Reply::Close => false,
            Reply::Late(pause, reply) => {
                sleep(pause);
                answer(stream, *reply)
            }
            Reply::Short(body) => {
                let head =
                    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len() + 10);
                stream.write_all(&[head.as_bytes(), &body].concat()).is_err()
            }
            Reply::Send { status, headers, body } => {
                let mut head =
                    format!("HTTP/1.1 {status} Answer\r\nContent-Length: {}\r\n", body.len());
                for (name, value) in headers {
                    for part in [name, ": ", &value, "\r\n"] {
                        head.push_str(part);
                    }
                }
                // A client that no longer listens is the client's affair.
                stream.write_all(&[head.as_bytes(), b"\r\n", &body].concat()).is_ok()
            }
        }
    }

    fn read_request(reader: &mut BufReader<TcpStream>) -> Option<Request> {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let mut words = line.split_whitespace();
        let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
        let mut headers = Vec::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok()?;
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let mut request = Request { method, path, headers, body: String::new() };
        let chunked = request.header("transfer-encoding").is_some();
        assert!(!chunked, "requests say their length");
        let len = request.header("content-length").map_or(0, |len| len.parse().unwrap());
        let mut body = vec![0; len];
        reader.read_exact(&mut body).ok()?;
        request.body = String::from_utf8(body).unwrap();
        Some(request)
    }

    /// Patience for tests: no pauses worth waiting for.
    pub(crate) fn brisk() -> Patience {
        Patience {
            connect: Duration::from_secs(5),
            answer: Duration::from_secs(5),
            attempts: 3,
            pause: Duration::from_millis(1),
        }
    }

    fn client(server: &Server) -> Http {
        Http::new(&server.url, None, brisk(), Answer::Whole)
    }

    #[test]
    fn a_request_is_made_again_while_the_server_is_busy() {
        for trouble in [429, 500, 503] {
            let server = Server::start(move |_, number| match number {
                0 | 1 => Reply::json(trouble, &Value::Null),
                _ => Reply::json(200, &serde_json::json!({"ok": true})),
            });
            let answer = client(&server).get(&server.url).unwrap().unwrap();
            assert_eq!(answer["ok"], true);
            assert_eq!(server.requests().len(), 3);
        }
    }

    #[test]
    fn a_request_is_made_again_after_a_broken_connection() {
        let server = Server::start(|_, number| match number {
            0 | 1 => Reply::Close,
            _ => Reply::json(200, &serde_json::json!(1)),
        });
        assert_eq!(client(&server).post(&server.url, &Value::Null).unwrap().unwrap(), 1);
    }

    #[test]
    fn attempts_end_and_other_refusals_are_not_repeated() {
        let server = Server::start(|request, _| {
            let status = request.path[1..].parse().unwrap();
            Reply::json(status, &serde_json::json!({"error": {"message": "no"}}))
        });
        let http = client(&server);
        for (status, n_requests) in [(503, 3), (400, 1), (404, 1)] {
            let before = server.requests().len();
            let refusal = http.get(&format!("{}/{status}", server.url)).unwrap().unwrap_err();
            assert_eq!((refusal.status, refusal.message.as_str()), (status, "no"));
            assert_eq!(server.requests().len() - before, n_requests);
        }
    }

    #[test]
    fn a_pause_the_server_asks_for_is_kept() {
        let server = Server::start(|_, number| match number {
            0 => Reply::Send {
                status: 429,
                headers: vec![("Retry-After", "0".to_owned())],
                body: b"later".to_vec(),
            },
            _ => Reply::json(200, &Value::Null),
        });
        // Without the header the pause would outlast any test.
        let patience = Patience { pause: Duration::from_hours(1), ..brisk() };
        let http = Http::new(&server.url, None, patience, Answer::Whole);
        assert!(http.get(&server.url).unwrap().is_ok());
    }

    #[test]
    fn a_server_that_is_slow_away_or_speaks_otherwise_is_named() {
        let slow = Server::start(|_, _| {
            Reply::Late(Duration::from_secs(2), Box::new(Reply::json(200, &Value::Null)))
        });
        let patience = Patience { answer: Duration::from_millis(50), ..brisk() };
        let error = Http::new(&slow.url, None, patience, Answer::Whole).get(&slow.url).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(error.hint().unwrap().contains("50ms"), "{:?}", error.hint());
        assert!(format!("{error:#}").contains(&slow.url));

        let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let url = format!("http://{closed}");
        let error = Http::new(&url, None, brisk(), Answer::Whole).get(&url).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(error.hint().unwrap().contains("runs"));

        let error = Http::new("", None, brisk(), Answer::Whole).get("not a url").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);

        let page = Server::start(|_, _| Reply::bytes("<html>"));
        let error = client(&page).get(&page.url).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Incompatible);

        let broken = Server::start(|_, _| Reply::Short(b"{}".to_vec()));
        assert_eq!(client(&broken).get(&broken.url).unwrap_err().kind(), ErrorKind::Unavailable);
    }

    #[test]
    fn refusals_carry_what_the_server_says() {
        for (body, expected) in [
            (r#"{"error":"model \"x\" not found"}"#, "model \"x\" not found"),
            (r#"{"error":{"message":"bad key","type":"auth"}}"#, "bad key"),
            ("plain words\n", "plain words"),
            ("", ""),
        ] {
            let server = Server::start(move |_, _| Reply::Send {
                status: 400,
                headers: vec![],
                body: body.as_bytes().to_vec(),
            });
            assert_eq!(client(&server).get(&server.url).unwrap().unwrap_err().message, expected);
        }
    }

    #[test]
    fn no_proxy_stands_between_a_machine_and_itself() {
        for url in [
            "http://localhost:11434",
            "http://127.0.0.1/v1",
            "https://u:p@localhost/x",
            "http://[::1]:8",
        ] {
            assert!(is_loopback(url), "{url}");
        }
        for url in ["https://example.org", "http://localhost.example.org/", "http://10.0.0.1"] {
            assert!(!is_loopback(url), "{url}");
        }
    }
}
