use super::*;
use crate::embedding::transformer::tests::{Scratch, tiny_model};
use crate::http::tests::{Reply, Server, brisk};

fn quietly(_: Progress<'_>) {}

fn names(registry: &Registry) -> Vec<String> {
    registry.list().unwrap().into_iter().map(|model| model.identity.name).collect()
}

/// What is in the registry's folder, models and leftovers.
fn entries(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_folder_is_added_listed_opened_verified_and_removed() {
    let (home, source) = (Scratch::new(), tiny_model());
    fs::write(source.0.join("pytorch_model.bin"), "not needed").unwrap();
    let registry = Registry::new(home.0.join("models"));
    assert_eq!(names(&registry), Vec::<String>::new());

    let mut seen = Vec::new();
    let added = registry
        .add_folder(&source.0, Some("e5-small"), |progress| {
            if progress.total_bytes == Some(progress.done_bytes) {
                seen.push(progress.file.to_owned());
            }
        })
        .unwrap();
    let files: Vec<&str> = added.files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(files, ["config.json", "model.safetensors", "tokenizer.json"]);
    assert_eq!(seen, files);
    assert_eq!(added.bytes(), added.files.iter().map(|file| file.bytes).sum::<u64>());
    assert_eq!(registry.list().unwrap(), std::slice::from_ref(&added));
    assert_eq!(registry.get("e5-small").unwrap(), added);
    assert_eq!(entries(&home.0.join("models")), ["e5-small"]);

    let model = registry.open("e5-small").unwrap();
    assert_eq!(model.identity(), &added.identity);
    let direct = Transformer::open(&source.0, "e5-small").unwrap();
    assert_eq!(model.embed_query("a b").unwrap(), direct.embed_query("a b").unwrap());
    registry.verify("e5-small").unwrap();

    let again = registry.add_folder(&source.0, Some("e5-small"), quietly).unwrap_err();
    assert_eq!(again.kind(), ErrorKind::Conflict);
    registry.remove("e5-small").unwrap();
    assert_eq!(entries(&home.0.join("models")), Vec::<String>::new());
    for error in [
        registry.remove("e5-small").unwrap_err(),
        registry.get("e5-small").unwrap_err(),
        registry.open("e5-small").err().unwrap(),
    ] {
        assert_eq!(error.kind(), ErrorKind::NotFound);
    }
}

#[test]
fn a_static_model_is_a_model_like_any_other() {
    let home = Scratch::new();
    let registry = Registry::new(home.0.join("models"));
    let file = home.0.join("mine.rgm");
    fs::write(&file, include_bytes!("../../../models/static-minilm-256.rgm")).unwrap();
    let added = registry.add_folder(&file, None, quietly).unwrap();
    assert_eq!((added.identity.name.as_str(), added.identity.kind), ("mine", ModelKind::Static));
    let copied =
        registry.add_folder(&home.0.join("models").join("mine"), Some("copy"), quietly).unwrap();
    assert_eq!(copied.identity.fingerprint, added.identity.fingerprint);
    assert_eq!(names(&registry), ["copy", "mine"]);
    let expected = crate::embedding::builtin().unwrap().embed_query("a question").unwrap();
    assert_eq!(registry.open("copy").unwrap().embed_query("a question").unwrap(), expected);
}

#[test]
fn what_cannot_be_run_is_not_added() {
    let home = Scratch::new();
    let registry = Registry::new(home.0.join("models"));
    let add =
        |source: &Path, name: Option<&str>| registry.add_folder(source, name, quietly).unwrap_err();
    let source = tiny_model();
    for name in ["", ".", "..", ".hidden", "a/b", "a\\b", "nul\0", &"x".repeat(101)] {
        assert_eq!(add(&source.0, Some(name)).kind(), ErrorKind::Invalid, "{name:?}");
    }
    assert_eq!(add(&home.0.join("nowhere"), None).kind(), ErrorKind::NotFound);

    fs::remove_file(source.0.join("model.safetensors")).unwrap();
    fs::write(source.0.join("pytorch_model.bin"), "").unwrap();
    let error = add(&source.0, Some("m"));
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.hint().unwrap().contains("converted"));

    let other = tiny_model();
    fs::write(other.0.join("config.json"), r#"{"model_type": "t5"}"#).unwrap();
    assert_eq!(add(&other.0, Some("m")).kind(), ErrorKind::Incompatible);
    assert_eq!(entries(&home.0.join("models")), Vec::<String>::new());
}

#[test]
fn files_that_changed_are_found() {
    let (home, source) = (Scratch::new(), tiny_model());
    let registry = Registry::new(&home.0);
    registry.add_folder(&source.0, Some("m"), quietly).unwrap();
    let weights = home.0.join("m").join("model.safetensors");
    let mut bytes = fs::read(&weights).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&weights, bytes).unwrap();
    let error = registry.verify("m").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.to_string().contains("model.safetensors"), "{error}");
    assert_eq!(registry.open("m").err().unwrap().kind(), ErrorKind::Corrupt);
    fs::remove_file(&weights).unwrap();
    assert_eq!(registry.verify("m").unwrap_err().kind(), ErrorKind::NotFound);
    for manifest in ["{", "{}", r#"{"kind": "remote"}"#] {
        fs::write(home.0.join("m").join(MANIFEST), manifest).unwrap();
        assert_eq!(registry.list().unwrap_err().kind(), ErrorKind::Corrupt, "{manifest}");
    }
}

/// A hub that has the model `org/tiny` of `folder`.
fn hub_of(folder: &Path) -> Server {
    let folder = folder.to_owned();
    Server::start(move |request, _| {
        match request.path.strip_prefix("/org/tiny/resolve/main/") {
            // Large files are kept elsewhere, as the real hub does it.
            Some("model.safetensors") => Reply::Send {
                status: 302,
                headers: vec![("Location", "/elsewhere/model.safetensors".to_owned())],
                body: vec![],
            },
            Some(file) => match fs::read(folder.join(file)) {
                Ok(bytes) => Reply::bytes(bytes),
                Err(_) => {
                    Reply::Send { status: 404, headers: vec![], body: b"Entry not found".to_vec() }
                }
            },
            None if request.path == "/elsewhere/model.safetensors" => {
                Reply::bytes(fs::read(folder.join("model.safetensors")).unwrap())
            }
            None => Reply::Send { status: 401, headers: vec![], body: vec![] },
        }
    })
}

fn hub(server: &Server) -> Hub {
    Hub { base_url: server.url.clone(), patience: brisk(), ..Hub::default() }
}

#[test]
fn a_model_is_downloaded_from_the_hub() {
    let (home, source) = (Scratch::new(), tiny_model());
    let server = hub_of(&source.0);
    let registry = Registry::new(home.0.join("models"));
    let with_token = Hub { token: Some("secret".to_owned()), ..hub(&server) };
    let mut last = Vec::new();
    let added = registry
        .add_from_hub(&with_token, "org/tiny", None, |progress| last.push(progress.done_bytes))
        .unwrap();
    assert_eq!(added.identity.name, "tiny");
    assert_eq!(added.source, "org/tiny");
    assert!(last.contains(&fs::metadata(source.0.join("model.safetensors")).unwrap().len()));
    registry.verify("tiny").unwrap();
    let direct = Transformer::open(&source.0, "tiny").unwrap();
    assert_eq!(added.identity, *direct.identity());
    let requests = server.requests();
    assert_eq!(requests[0].header("authorization"), Some("Bearer secret"));
}

#[test]
fn the_hub_may_lack_the_model_break_off_or_be_away() {
    let (home, source) = (Scratch::new(), tiny_model());
    let registry = Registry::new(home.0.join("models"));
    let add = |hub: &Hub, id: &str| registry.add_from_hub(hub, id, None, quietly).unwrap_err();
    let server = hub_of(&source.0);
    for id in ["tiny", "org/tiny/more", "../tiny", "org/", "https://example.org/x"] {
        assert_eq!(add(&hub(&server), id).kind(), ErrorKind::Invalid, "{id}");
    }
    assert!(server.requests().is_empty());
    let private = add(&hub(&server), "org/other");
    assert_eq!(private.kind(), ErrorKind::NotFound);
    assert!(private.hint().unwrap().contains("token"));

    fs::remove_file(source.0.join("config.json")).unwrap();
    let lacking = add(&hub(&server), "org/tiny");
    assert_eq!(lacking.kind(), ErrorKind::NotFound);
    assert!(format!("{lacking:#}").contains("config.json"));

    let broken = Server::start(|_, _| Reply::Short(b"{".to_vec()));
    assert_eq!(add(&hub(&broken), "org/tiny").kind(), ErrorKind::Unavailable);
    let failing = Server::start(|_, _| Reply::json(503, &Value::Null));
    assert_eq!(add(&hub(&failing), "org/tiny").kind(), ErrorKind::Unavailable);
    assert_eq!(entries(&home.0.join("models")), Vec::<String>::new());
}
