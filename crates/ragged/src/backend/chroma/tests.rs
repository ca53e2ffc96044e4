use super::*;
use crate::embedding::ModelKind;
use crate::http::tests::{Reply, Request, Server as TestServer};

fn identity() -> ModelIdentity {
    ModelIdentity {
        name: "m".to_owned(),
        fingerprint: "00112233445566778899aabbccddeeff".to_owned(),
        dims: 2,
        kind: ModelKind::Static,
    }
}

fn backend(settings: &ChromaSettings) -> ChromaBackend {
    ChromaBackend::open("0123456789abcdef0123456789abcdef", "1", &identity(), settings).unwrap()
}

fn at(server: &TestServer) -> ChromaBackend {
    backend(&ChromaSettings { url: server.url.clone(), ..ChromaSettings::default() })
}

fn refusing(status: u16, message: &'static str) -> TestServer {
    TestServer::start(move |_, _| {
        Reply::json(status, &json!({"error": "SomeError", "message": message}))
    })
}

fn collection(dims: u64) -> Value {
    json!({
        "id": "c", "dimension": dims, "configuration_json": {"hnsw": {"space": "ip"}},
        "metadata": {KEY_GENERATION: 7, KEY_LAST_CHUNK: 40},
    })
}

/// A server that has the collection, and answers the rest by `more`.
fn holding(
    dims: u64,
    more: impl Fn(&Request, usize) -> Reply + Send + Sync + 'static,
) -> TestServer {
    TestServer::start(move |request, number| match request.path.rsplit('/').next() {
        Some("count") => Reply::json(200, &json!(3)),
        Some(name) if name.starts_with("ragged-") => Reply::json(200, &collection(dims)),
        _ => more(request, number),
    })
}

#[test]
fn what_stands_in_the_way_is_named() {
    for (server, kind, said, hint) in [
        (refusing(401, "no"), ErrorKind::Invalid, "token", "chroma.token"),
        (refusing(403, "no"), ErrorKind::Invalid, "token", "chroma.token"),
        (refusing(404, "Database [d] not found"), ErrorKind::NotFound, "database", "chroma.tenant"),
        (
            refusing(410, "The v1 API is deprecated"),
            ErrorKind::Incompatible,
            "not a Chroma",
            "chroma.url",
        ),
        (refusing(503, "later"), ErrorKind::Unavailable, "later", "log"),
        (refusing(302, ""), ErrorKind::Incompatible, "not a Chroma", "chroma.url"),
        (holding(384, |_, _| Reply::Close), ErrorKind::Incompatible, "384", "reindex"),
    ] {
        let error = at(&server).refresh().unwrap_err();
        assert_eq!(error.kind(), kind, "{error:?}");
        assert!(format!("{error:#}").contains(said), "{error:?}");
        assert!(error.hint().unwrap().contains(hint), "{error:?}");
        let all = format!("{error:#}{}", error.hint().unwrap());
        assert!(all.contains(&server.url) || all.contains("ragged-"), "{all}");
    }
}

#[test]
fn servers_of_other_versions_are_told_their_version() {
    let old = TestServer::start(|request, _| match request.path.as_str() {
        "/api/v1/version" => Reply::json(200, &json!("0.4.24")),
        _ => Reply::json(404, &json!({"detail": "Not Found"})),
    });
    let error = at(&old).refresh().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Incompatible);
    assert!(format!("{error:#}").contains("0.4.24"), "{error:?}");

    let new = TestServer::start(|request, _| match request.path.as_str() {
        "/api/v2/version" => Reply::json(200, &json!("9.0")),
        _ => Reply::json(200, &json!({"collection": {}})),
    });
    let error = at(&new).refresh().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Incompatible);
    assert!(format!("{error:#}").contains("9.0"), "{error:?}");
}

#[test]
fn a_busy_server_is_asked_again_and_a_token_is_sent() {
    let server = TestServer::start(|request, number| match number {
        0 => Reply::json(503, &Value::Null),
        1 => Reply::Close,
        _ if request.path.ends_with("/count") => Reply::json(200, &json!(3)),
        _ => Reply::json(200, &collection(2)),
    });
    let backend = backend(&ChromaSettings {
        url: format!("{}/", server.url),
        token: "secret".to_owned(),
        ..ChromaSettings::default()
    });
    assert!(!format!("{backend:?}").contains("secret"));
    backend.refresh().unwrap();
    let reflected = Reflected { generation: Generation(7), last_chunk: ChunkId(40) };
    assert_eq!(backend.reflected(), reflected);
    assert_eq!(backend.stats().vectors, 3);
    let requests = server.requests();
    assert_eq!(requests.len(), 4);
    for request in requests {
        assert_eq!(request.header("authorization"), Some("Bearer secret"));
        assert_eq!(request.header("x-chroma-token"), Some("secret"));
    }
}

#[test]
fn only_ids_and_vectors_leave_the_machine_and_the_generation_last() {
    let server = holding(2, |request, _| match request.path.rsplit('/').next() {
        Some("pre-flight-checks") => {
            Reply::json(200, &json!({"max_batch_size": 2, "supports_base64_encoding": false}))
        }
        _ => Reply::json(200, &Value::Null),
    });
    let backend = at(&server);
    let added = [ChunkId(41), ChunkId(42), ChunkId(43)];
    let removed = [crate::id::ChunkRange { first: ChunkId(5), n_chunks: 3 }];
    let vectors = [1.0, 0.0, 0.0, 1.0, 0.0, 0.0];
    let change = VectorChange { added: &added, vectors: &vectors, removed: &removed };
    let reflected = Reflected { generation: Generation(8), last_chunk: ChunkId(43) };
    backend.commit(change, reflected).unwrap();
    let sent: Vec<(String, Value)> = server
        .requests()
        .iter()
        .filter(|request| request.method != "GET")
        .map(|request| (request.path.rsplit('/').next().unwrap().to_owned(), request.json()))
        .collect();
    let metadata = json!({
        KEY_GENERATION: 8, KEY_LAST_CHUNK: 43, KEY_DIMS: 2, KEY_MODEL: identity().fingerprint,
    });
    assert_eq!(
        sent,
        [
            ("delete".to_owned(), json!({"ids": ["5", "6"]})),
            ("delete".to_owned(), json!({"ids": ["7"]})),
            (
                "upsert".to_owned(),
                json!({"ids": ["41", "42"], "embeddings": [[1.0, 0.0], [0.0, 1.0]]})
            ),
            ("upsert".to_owned(), json!({"ids": ["43"], "embeddings": [[0.0, 0.0]]})),
            ("c".to_owned(), json!({"new_metadata": metadata})),
        ]
    );
}

#[test]
fn a_change_that_was_cut_short_is_not_reflected() {
    let server = holding(2, |request, _| match request.path.rsplit('/').next() {
        Some("pre-flight-checks") => {
            Reply::json(200, &json!({"max_batch_size": 9, "supports_base64_encoding": true}))
        }
        Some("upsert") => Reply::json(400, &json!({"error": "E", "message": "full"})),
        _ => Reply::json(200, &Value::Null),
    });
    let backend = at(&server);
    let change = VectorChange { added: &[ChunkId(41)], vectors: &[1.0, 0.0], removed: &[] };
    let reflected = Reflected { generation: Generation(8), last_chunk: ChunkId(41) };
    assert!(backend.commit(change, reflected).unwrap_err().to_string().contains("full"));
    assert_eq!(backend.generation(), Generation(7));
    assert!(server.requests().iter().all(|request| request.method != "PUT"));
}

/// Recomputes nothing.
struct Nothing;

impl Recompute for Nothing {
    fn recompute(&self, _: &[ChunkId], _: &mut Vec<f32>) -> Result<()> {
        Err(Error::new(ErrorKind::Internal, "a server keeps its vectors"))
    }
}

#[test]
fn what_the_servers_graph_does_not_reach_is_compared_here() {
    let server = holding(2, |request, _| match request.path.rsplit('/').next() {
        Some("query") => Reply::json(200, &json!({"ids": [["2"]], "distances": [[0.5]]})),
        _ if request.json()["include"] == json!([]) => {
            Reply::json(200, &json!({"ids": ["1", "2", "3"]}))
        }
        _ => Reply::json(200, &json!({"ids": ["1", "3"], "embeddings": [[1.0, 0.0], [0.0, 1.0]]})),
    });
    let request = VectorRequest {
        query: &[1.0, 0.0],
        k: 3,
        n_candidates: 3,
        allowed: None,
        strategy: Strategy::Auto,
        generation: Generation(0),
    };
    let hits = at(&server).search(request, &Nothing).unwrap();
    let found: Vec<(u64, f32)> =
        hits.candidates.iter().map(|found| (found.chunk.0, found.score)).collect();
    assert_eq!(found, [(1, 1.0), (2, 0.5), (3, 0.0)]);
    assert_eq!(hits.counts.scanned, 2);
}

#[test]
fn settings_that_name_no_server_are_refused() {
    let default = ChromaSettings::default();
    for (settings, said) in [
        (ChromaSettings { url: "localhost:8000".to_owned(), ..default.clone() }, "chroma.url"),
        (ChromaSettings { url: "http://".to_owned(), ..default.clone() }, "chroma.url"),
        (ChromaSettings { tenant: "a/b".to_owned(), ..default.clone() }, "chroma.tenant"),
        (ChromaSettings { database: String::new(), ..default.clone() }, "chroma.database"),
        (ChromaSettings { token: "a\nb".to_owned(), ..default }, "chroma.token"),
    ] {
        let error = ChromaBackend::open("0", "1", &identity(), &settings).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(error.to_string().contains(said), "{error:?}");
    }
}
