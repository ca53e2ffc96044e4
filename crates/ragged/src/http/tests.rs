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
    pub(crate) fn start(reply: impl Fn(&Request, usize) -> Reply + Send + Sync + 'static) -> Self {
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
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len() + 10);
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
