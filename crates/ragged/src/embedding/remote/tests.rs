use super::*;
use crate::http::tests::{Reply, Request, Server, brisk};

/// A vector that depends on the text: its letters' sum, its length, one.
fn vector(text: &str) -> Vec<f64> {
    let sum: u32 = text.chars().map(|c| c as u32 % 97).sum();
    vec![f64::from(sum), text.chars().count() as f64, 1.0]
}

fn texts(request: &Request) -> Vec<String> {
    let body = request.json();
    assert_eq!(body["model"], "m");
    body["input"].as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}

/// What an Ollama server answers.
fn ollama(request: &Request) -> Reply {
    match (request.method.as_str(), request.path.as_str()) {
        ("POST", "/api/embed") => {
            assert_eq!(request.header("content-type"), Some("application/json"));
            let rows: Vec<_> = texts(request).iter().map(|text| vector(text)).collect();
            Reply::json(
                200,
                &json!({
                    "model": "m", "embeddings": rows, "total_duration": 14_143_917,
                    "load_duration": 1_019_500, "prompt_eval_count": 8,
                }),
            )
        }
        ("GET", "/api/tags") => Reply::json(
            200,
            &json!({"models": [
                {"name": "other:latest", "digest": "00"}, {"name": "m:latest", "digest": "0a70"},
            ]}),
        ),
        _ => Reply::json(404, &json!({"error": "not found"})),
    }
}

/// What OpenAI's server answers, its vectors in another order than the texts.
fn openai(request: &Request) -> Reply {
    assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/v1/embeddings"));
    assert_eq!(request.header("authorization"), Some("Bearer secret"));
    let mut data: Vec<_> = texts(request)
        .iter()
        .enumerate()
        .map(|(idx, text)| json!({"object": "embedding", "index": idx, "embedding": vector(text)}))
        .collect();
    data.reverse();
    Reply::json(
        200,
        &json!({
            "object": "list", "data": data, "model": "m", "usage": {"prompt_tokens": 8, "total_tokens": 8},
        }),
    )
}

fn settings(server: &Server, protocol: Protocol) -> RemoteSettings {
    RemoteSettings { patience: brisk(), ..RemoteSettings::new(protocol, &server.url, "m") }
}

#[track_caller]
fn assert_vector(found: &[f32], text: &str) {
    let mut expected: Vec<f32> = vector(text).into_iter().map(|x| x as f32).collect();
    normalise(&mut expected);
    assert_eq!(found, expected, "{text:?}");
}

#[test]
fn ollama_is_asked_in_batches() {
    let server = Server::start(|request, _| ollama(request));
    let settings = RemoteSettings {
        batch_texts: 2,
        passage_prefix: "passage: ".to_owned(),
        query_prefix: "query: ".to_owned(),
        ..settings(&server, Protocol::Ollama)
    };
    let remote = Remote::connect(settings).unwrap();
    assert_eq!(remote.identity().dims, 3);
    assert_eq!(remote.identity().kind, ModelKind::Remote);
    assert_eq!(remote.identity().name, "m");
    let mut out = vec![7.0];
    let passages = ["one", " \n", "two", "three", "", "four", "five"];
    remote.embed_passages(&passages, &mut out).unwrap();
    assert_eq!(out.len(), 1 + 3 * passages.len());
    for (text, row) in passages.iter().zip(out[1..].chunks_exact(3)) {
        if text.trim().is_empty() {
            assert_eq!(row, [0.0; 3]);
        } else {
            assert_vector(row, &format!("passage: {text}"));
        }
    }
    assert_vector(&remote.embed_query("who").unwrap(), "query: who");
    assert_eq!(remote.embed_query(" ").unwrap(), [0.0; 3]);
    let sent: Vec<usize> = server
        .requests()
        .iter()
        .filter(|request| request.method == "POST")
        .map(|request| texts(request).len())
        .collect();
    assert_eq!(sent, [1, 2, 2, 1, 1]);
}

#[test]
fn openai_vectors_are_put_in_order() {
    let server = Server::start(|request, _| openai(request));
    for base in [server.url.clone(), format!("{}/", server.url), format!("{}/v1", server.url)] {
        let settings = RemoteSettings {
            base_url: base,
            api_key: Some("secret".to_owned()),
            ..settings(&server, Protocol::OpenAi)
        };
        assert!(!format!("{settings:?}").contains("secret"));
        let remote = Remote::connect(settings).unwrap();
        assert!(!format!("{remote:?}").contains("secret"), "{remote:?}");
        let mut out = Vec::new();
        remote.embed_passages(&["one", "two", "three"], &mut out).unwrap();
        for (text, row) in ["one", "two", "three"].iter().zip(out.chunks_exact(3)) {
            assert_vector(row, text);
        }
    }
}

#[test]
fn another_version_of_the_model_is_another_model() {
    let digest_server = |digest: &'static str| {
        Server::start(move |request, _| match request.path.as_str() {
            "/api/tags" => {
                Reply::json(200, &json!({"models": [{"name": "m:latest", "digest": digest}]}))
            }
            _ => ollama(request),
        })
    };
    let fingerprint = |server: &Server| {
        Remote::connect(settings(server, Protocol::Ollama)).unwrap().identity().fingerprint.clone()
    };
    let (first, same, second) = (digest_server("1"), digest_server("1"), digest_server("2"));
    assert_eq!(fingerprint(&first), fingerprint(&same));
    assert_ne!(fingerprint(&first), fingerprint(&second));
    // Without a digest the address stands for it.
    let bare = || {
        Server::start(|request, _| match request.path.as_str() {
            "/api/tags" => Reply::json(404, &Value::Null),
            _ => ollama(request),
        })
    };
    assert_ne!(fingerprint(&bare()), fingerprint(&bare()));
    let failing = Server::start(|request, _| match request.path.as_str() {
        "/api/tags" => Reply::json(500, &Value::Null),
        _ => ollama(request),
    });
    let error = Remote::connect(settings(&failing, Protocol::Ollama)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
}

#[test]
fn refusals_say_what_to_do() {
    for (protocol, status, body, kind, said, hint) in [
        (
            Protocol::Ollama,
            404,
            json!({"error": "model \"m\" not found, try pulling it first"}),
            ErrorKind::NotFound,
            "try pulling",
            "ollama pull m",
        ),
        (
            Protocol::OpenAi,
            404,
            json!({"error": {"message": "no such model"}}),
            ErrorKind::NotFound,
            "no such model",
            "name",
        ),
        (
            Protocol::OpenAi,
            401,
            json!({"error": {"message": "Incorrect API key"}}),
            ErrorKind::Invalid,
            "Incorrect",
            "key",
        ),
        (
            Protocol::OpenAi,
            429,
            json!({"error": {"message": "Rate limit"}}),
            ErrorKind::Unavailable,
            "Rate",
            "later",
        ),
        (
            Protocol::Ollama,
            500,
            json!({"error": "llama runner process has terminated"}),
            ErrorKind::Unavailable,
            "terminated",
            "log",
        ),
        (
            Protocol::OpenAi,
            400,
            json!({"error": {"message": "too long"}}),
            ErrorKind::Invalid,
            "too long",
            "settings",
        ),
    ] {
        let server = Server::start(move |_, _| Reply::json(status, &body));
        let error = Remote::connect(settings(&server, protocol)).unwrap_err();
        assert_eq!(error.kind(), kind, "{status}");
        assert!(format!("{error:#}").contains(said), "{error:#}");
        assert!(error.hint().unwrap().contains(hint), "{:?}", error.hint());
    }
    let closed = Server::start(|_, _| Reply::Close);
    let error = Remote::connect(settings(&closed, Protocol::Ollama)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
}

#[test]
fn answers_of_another_form_are_refused() {
    for (protocol, answer) in [
        (Protocol::Ollama, json!({"embedding": [1.0, 2.0]})),
        (Protocol::Ollama, json!({"embeddings": []})),
        (Protocol::Ollama, json!({"embeddings": [[]]})),
        (Protocol::Ollama, json!({"embeddings": [[1.0, null]]})),
        (Protocol::Ollama, json!({"embeddings": [[1.0], [2.0]]})),
        (Protocol::OpenAi, json!({"data": [{"index": 1, "embedding": [1.0]}]})),
        (Protocol::OpenAi, json!({"data": [{"index": 0, "embedding": "AAAA"}]})),
        (Protocol::OpenAi, json!([])),
    ] {
        let text = answer.to_string();
        let server = Server::start(move |_, _| Reply::json(200, &answer));
        let error = Remote::connect(settings(&server, protocol)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Incompatible, "{text}");
    }
    // Without an index the order is that of the texts.
    let server =
        Server::start(|_, _| Reply::json(200, &json!({"data": [{"embedding": [0.0, 3.0]}]})));
    let remote = Remote::connect(settings(&server, Protocol::OpenAi)).unwrap();
    assert_eq!(remote.embed_query("x").unwrap(), [0.0, 1.0]);
}

#[test]
fn dimensions_that_change_are_noticed_and_nothing_is_kept() {
    let server = Server::start(|request, number| match request.path.as_str() {
        "/api/tags" => Reply::json(404, &Value::Null),
        _ if number < 3 => ollama(request),
        _ => Reply::json(200, &json!({"embeddings": [[1.0, 2.0, 3.0, 4.0]]})),
    });
    let settings = RemoteSettings { batch_texts: 1, ..settings(&server, Protocol::Ollama) };
    let remote = Remote::connect(settings).unwrap();
    let mut out = vec![1.0];
    let error = remote.embed_passages(&["a", "b"], &mut out).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Incompatible);
    assert!(format!("{error}").contains("4 dimensions where it answered 3"), "{error}");
    assert_eq!(out, [1.0]);
}

#[test]
fn protocols_have_stable_names() {
    assert_eq!(Protocol::Ollama.to_string(), "ollama");
    assert_eq!(Protocol::OpenAi.to_string(), "openai");
}
