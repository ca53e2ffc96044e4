//! What a Chroma server is asked, by the second version of its interface.

use std::sync::OnceLock;
use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    error::{Error, ErrorKind, Result},
    http::{Answer, Http, Patience, Refusal},
    settings::ChromaSettings,
};

/// Links that a node of the server's graph has on each layer, and nodes looked at while building
/// it and while searching.
const MAX_NEIGHBOURS: usize = 48;
const EF_CONSTRUCTION: usize = 400;
const EF_SEARCH: usize = 1000;
/// Collections listed at a time.
const PAGE_COLLECTIONS: usize = 100;
/// The versions of the server that this program was tried with, for people.
const KNOWN_VERSIONS: &str = "chromadb 1.0 to 1.5";

/// How hard the server is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effort {
    /// Once, briefly: for what can do without an answer.
    Brief,
    /// Several times, with pauses.
    Full,
}

/// What the server takes at once.
#[derive(Clone, Copy, Debug)]
struct Limits {
    batch: usize,
    base64: bool,
}

/// A collection as the server describes it.
#[derive(Clone, Debug)]
pub(super) struct Collection {
    pub(super) id: String,
    pub(super) dims: Option<usize>,
    pub(super) space: String,
    pub(super) metadata: Value,
}

/// Ids and inner products, as the server orders them.
pub(super) type Found = Vec<(u64, f32)>;

/// One database of a Chroma server.
#[derive(Debug)]
pub(super) struct Server {
    url: String,
    collections: String,
    brief: Http,
    full: Http,
    /// As `full`, without further attempts.
    once: Http,
    batch: usize,
    limits: OnceLock<Limits>,
}

impl Server {
    /// A client; connects to nothing.
    pub(super) fn new(settings: &ChromaSettings) -> Result<Self> {
        let invalid = |what: String, hint: &str| {
            Err(Error::new(ErrorKind::Invalid, what).with_hint(hint.to_owned()))
        };
        let url = settings.url.trim_end_matches('/').to_owned();
        let host = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
        let is_address = host.is_some_and(|host| {
            !host.is_empty() && !host.contains(|c: char| c.is_whitespace() || c.is_control())
        });
        if !is_address {
            return invalid(
                format!("`chroma.url` is {:?}, which is no address", settings.url),
                "give it as http://HOST:PORT",
            );
        }
        for (name, value) in [("tenant", &settings.tenant), ("database", &settings.database)] {
            let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
            if value.is_empty() || !value.chars().all(is_plain) {
                return invalid(
                    format!("`chroma.{name}` is {value:?}"),
                    "letters, digits, `.`, `_` and `-` make such a name",
                );
            }
        }
        if !settings.token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return invalid("`chroma.token` has a character that no token has".to_owned(), "");
        }
        let client = |patience: Patience| {
            let token = (!settings.token.is_empty()).then_some(settings.token.as_str());
            let http = Http::new(&url, token, patience, Answer::Whole).with_hint_when_away(
                "start the server with `chroma run --path DIR --port N`, or set `chroma.url` to \
                 where it runs; `--mode lexical` needs none, `-o backend.type=leann` uses the \
                 index on this machine",
            );
            match token {
                // Hosted servers look for the token here, proxies where HTTP has it.
                Some(token) => http.with_header("X-Chroma-Token", token),
                None => http,
            }
        };
        let full = Patience {
            connect: settings.timeout.min(Duration::from_secs(5)),
            answer: settings.timeout,
            attempts: 4,
            pause: Duration::from_millis(100),
        };
        let brief = Patience {
            connect: full.connect.min(Duration::from_secs(2)),
            answer: full.answer.min(Duration::from_secs(5)),
            attempts: 1,
            ..full
        };
        Ok(Self {
            collections: format!(
                "{url}/api/v2/tenants/{}/databases/{}/collections",
                settings.tenant, settings.database
            ),
            brief: client(brief),
            full: client(full),
            once: client(Patience { attempts: 1, ..full }),
            batch: settings.batch.max(1),
            limits: OnceLock::new(),
            url,
        })
    }

    /// Where its collections are, for people.
    pub(super) fn collections(&self) -> &str {
        &self.collections
    }

    /// The collection of a name, if there is one.
    pub(super) fn collection(&self, name: &str, effort: Effort) -> Result<Option<Collection>> {
        let http = match effort {
            Effort::Brief => &self.brief,
            Effort::Full => &self.full,
        };
        match http.get(&format!("{}/{name}", self.collections))? {
            Ok(value) => self.described(&value).map(Some),
            Err(refusal) if is_missing_collection(&refusal) => Ok(None),
            Err(refusal) => Err(self.refused(&refusal)),
        }
    }

    /// The collection of a name, made if there is none.
    pub(super) fn create(&self, name: &str, metadata: &Value) -> Result<Collection> {
        let body = json!({
            "name": name,
            "metadata": metadata,
            "get_or_create": true,
            "configuration": {"hnsw": {
                // Vectors have unit length or none, and the cosine of none is not defined.
                "space": "ip",
                "max_neighbors": MAX_NEIGHBOURS,
                "ef_construction": EF_CONSTRUCTION,
                "ef_search": EF_SEARCH,
            }},
        });
        let value = self.asked(self.full.post(&self.collections, &body))?;
        self.described(&value)
    }

    /// Replaces what a collection says about itself.
    pub(super) fn set_metadata(&self, id: &str, metadata: &Value) -> Result<()> {
        let body = json!({"new_metadata": metadata});
        self.asked(self.full.put(&self.of(id, ""), &body)).map(drop)
    }

    /// Deletes a collection; there may be none.
    pub(super) fn drop_collection(&self, name: &str) -> Result<()> {
        match self.full.delete(&format!("{}/{name}", self.collections))? {
            Err(refusal) if !is_missing_collection(&refusal) => Err(self.refused(&refusal)),
            _ => Ok(()),
        }
    }

    /// The names of all collections that begin so.
    pub(super) fn names(&self, prefix: &str) -> Result<Vec<String>> {
        let mut names = Vec::new();
        let mut offset = 0;
        loop {
            let url = format!("{}?limit={PAGE_COLLECTIONS}&offset={offset}", self.collections);
            let page = self.asked(self.full.get(&url))?;
            let page = page.as_array().ok_or_else(|| self.not_understood("its collections"))?;
            let named = page.iter().filter_map(|entry| entry["name"].as_str());
            names.extend(named.filter(|name| name.starts_with(prefix)).map(str::to_owned));
            if page.len() < PAGE_COLLECTIONS {
                return Ok(names);
            }
            offset += page.len();
        }
    }

    /// Records of a collection.
    pub(super) fn count(&self, id: &str, effort: Effort) -> Result<u64> {
        let http = match effort {
            Effort::Brief => &self.brief,
            Effort::Full => &self.full,
        };
        let value = self.asked(http.get(&self.of(id, "/count")))?;
        value.as_u64().ok_or_else(|| self.not_understood("a count"))
    }

    /// Writes vectors, replacing those of the same ids.
    pub(super) fn upsert(&self, id: &str, ids: &[u64], vectors: &[f32], dims: usize) -> Result<()> {
        let limits = self.limits()?;
        let url = self.of(id, "/upsert");
        let batch = self.batch.min(limits.batch);
        for (ids, rows) in ids.chunks(batch).zip(vectors.chunks(batch * dims)) {
            let rows = rows.chunks_exact(dims);
            let embeddings: Value = if limits.base64 {
                rows.map(|row| {
                    base64(&row.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>())
                })
                .collect()
            } else {
                rows.map(|row| Value::from(row.to_vec())).collect()
            };
            let body = json!({"ids": strings(ids), "embeddings": embeddings});
            self.asked(self.full.post(&url, &body))?;
        }
        Ok(())
    }

    /// Deletes records; some may be gone already.
    pub(super) fn remove(&self, id: &str, ids: &[u64]) -> Result<()> {
        let batch = self.limits()?.batch;
        for ids in ids.chunks(batch) {
            let body = json!({"ids": strings(ids)});
            self.asked(self.full.post(&self.of(id, "/delete"), &body))?;
        }
        Ok(())
    }

    /// For each query the `n` nearest.
    pub(super) fn query(&self, id: &str, queries: &[&[f32]], n: usize) -> Result<Vec<Found>> {
        let body = json!({"query_embeddings": queries, "n_results": n, "include": ["distances"]});
        let answer = self.asked(self.full.post(&self.of(id, "/query"), &body))?;
        nearest(&answer, queries.len()).ok_or_else(|| self.not_understood("ids and distances"))
    }

    /// For each query the `n` nearest of those among `ids`; none where the server does not know
    /// one of them, which it takes for a failure of its own.
    pub(super) fn query_among(
        &self,
        id: &str,
        queries: &[&[f32]],
        n: usize,
        ids: &[u64],
    ) -> Result<Option<Vec<Found>>> {
        let url = self.of(id, "/query");
        let body = json!({
            "query_embeddings": queries,
            "n_results": n,
            "include": ["distances"],
            "ids": strings(ids),
        });
        let answer = match self.once.post(&url, &body) {
            Ok(Ok(answer)) => answer,
            Ok(Err(refusal)) if refusal.message.contains("finding id") => return Ok(None),
            _ => self.asked(self.full.post(&url, &body))?,
        };
        let found = nearest(&answer, queries.len());
        found.map(Some).ok_or_else(|| self.not_understood("ids and distances"))
    }

    /// Those of `ids` that are there.
    pub(super) fn present(&self, id: &str, ids: &[u64]) -> Result<Vec<u64>> {
        self.get(id, &json!({"ids": strings(ids), "include": []}))
    }

    /// A page of all ids.
    pub(super) fn page(&self, id: &str, limit: usize, offset: usize) -> Result<Vec<u64>> {
        self.get(id, &json!({"limit": limit, "offset": offset, "include": []}))
    }

    fn get(&self, id: &str, body: &Value) -> Result<Vec<u64>> {
        let answer = self.asked(self.full.post(&self.of(id, "/get"), body))?;
        let ids = answer["ids"].as_array().and_then(|ids| ids.iter().map(number).collect());
        ids.ok_or_else(|| self.not_understood("the ids of a collection"))
    }

    /// The vectors of those of `ids` that are there.
    pub(super) fn vectors(&self, id: &str, ids: &[u64]) -> Result<Vec<(u64, Vec<f32>)>> {
        let body = json!({"ids": strings(ids), "include": ["embeddings"]});
        let answer = self.asked(self.full.post(&self.of(id, "/get"), &body))?;
        let vectors = || -> Option<Vec<(u64, Vec<f32>)>> {
            let (ids, rows) = (answer["ids"].as_array()?, answer["embeddings"].as_array()?);
            let pairs = ids.iter().zip(rows).map(|(id, row)| {
                let row = row.as_array()?.iter().map(|x| Some(x.as_f64()? as f32));
                Some((number(id)?, row.collect::<Option<_>>()?))
            });
            if ids.len() == rows.len() { pairs.collect() } else { None }
        };
        vectors().ok_or_else(|| self.not_understood("the vectors of a collection"))
    }

    fn of(&self, id: &str, what: &str) -> String {
        format!("{}/{id}{what}", self.collections)
    }

    fn limits(&self) -> Result<Limits> {
        if let Some(limits) = self.limits.get() {
            return Ok(*limits);
        }
        let checks =
            self.asked(self.full.get(&format!("{}/api/v2/pre-flight-checks", self.url)))?;
        let limits = Limits {
            batch: checks["max_batch_size"].as_u64().map_or(self.batch, |n| n.max(1) as usize),
            base64: checks["supports_base64_encoding"].as_bool().unwrap_or(false),
        };
        Ok(*self.limits.get_or_init(|| limits))
    }

    fn described(&self, value: &Value) -> Result<Collection> {
        let Some(id) = value["id"].as_str() else {
            return Err(self.not_understood("a collection"));
        };
        Ok(Collection {
            id: id.to_owned(),
            dims: value["dimension"].as_u64().map(|dims| dims as usize),
            space: value["configuration_json"]["hnsw"]["space"]
                .as_str()
                .or(value["configuration_json"]["spann"]["space"].as_str())
                .unwrap_or_default()
                .to_owned(),
            metadata: value["metadata"].clone(),
        })
    }

    fn asked(&self, answer: Result<Result<Value, Refusal>>) -> Result<Value> {
        answer?.map_err(|refusal| self.refused(&refusal))
    }

    /// What a refusal means.
    #[cold]
    fn refused(&self, refusal: &Refusal) -> Error {
        let Refusal { status, message } = refusal;
        let url = &self.url;
        let said = if message.is_empty() { String::new() } else { format!(": {message}") };
        let error = |kind, what: &str| Error::new(kind, format!("{what} at {url}{said}"));
        let lower = message.to_lowercase();
        match status {
            401 | 403 => {
                error(ErrorKind::Invalid, "the token is not accepted by the Chroma server")
                    .with_hint("set `chroma.token` to a token that the server takes")
            }
            404 if is_missing_collection(refusal) => {
                error(ErrorKind::NotFound, "the collection is gone from the Chroma server")
                    .with_hint("another process makes it anew; the same command again finds it")
            }
            404 if lower.contains("tenant") || lower.contains("database") => error(
                ErrorKind::NotFound,
                "there is no such tenant or database on the Chroma server",
            )
            .with_hint("set `chroma.tenant` and `chroma.database` to those that are there"),
            404 | 405 | 410 | 501 | 300..=399 => self.speaks_otherwise(),
            429 => error(ErrorKind::Unavailable, "too much is asked of the Chroma server")
                .with_hint("try again later, or lower `chroma.batch`"),
            413 => error(ErrorKind::Invalid, "a request is too large for the Chroma server")
                .with_hint("lower `chroma.batch`"),
            500.. => error(ErrorKind::Unavailable, "something failed in the Chroma server")
                .with_hint("the server's own log says more"),
            _ if lower.contains("dimension") => {
                error(ErrorKind::Incompatible, "vectors have other dimensions in the Chroma server")
                    .with_hint("`ragged reindex` makes the collection anew")
            }
            _ => error(ErrorKind::Invalid, "a request was refused by the Chroma server"),
        }
    }

    /// Why requests that every second version of the interface knows are not known.
    #[cold]
    fn speaks_otherwise(&self) -> Error {
        let url = &self.url;
        let version = |api: &str| {
            let answer = self.brief.get(&format!("{url}/api/{api}/version"));
            answer.ok()?.ok()?.as_str().map(str::to_owned)
        };
        if let Some(version) = version("v2") {
            return self.unknown(&version, "requests that were known before");
        }
        match version("v1") {
            Some(version) => Error::new(
                ErrorKind::Incompatible,
                format!("the Chroma server at {url} has version {version} and speaks only v1"),
            )
            .with_hint(format!("it needs a newer server; {KNOWN_VERSIONS} are known to work")),
            None => Error::new(
                ErrorKind::Incompatible,
                format!("what answers at {url} is not a Chroma server"),
            )
            .with_hint("check `chroma.url`"),
        }
    }

    /// An answer of another shape.
    #[cold]
    fn not_understood(&self, what: &str) -> Error {
        let answer = self.brief.get(&format!("{}/api/v2/version", self.url));
        let version = answer.ok().and_then(Result::ok);
        let version = version.as_ref().and_then(Value::as_str).unwrap_or("unknown");
        self.unknown(version, what)
    }

    fn unknown(&self, version: &str, what: &str) -> Error {
        Error::new(
            ErrorKind::Incompatible,
            format!(
                "the Chroma server at {} (interface {version}) does not answer {what} in a way \
                 that this program knows",
                self.url
            ),
        )
        .with_hint(format!("{KNOWN_VERSIONS} are known to work"))
    }
}

fn is_missing_collection(refusal: &Refusal) -> bool {
    refusal.status == 404 && refusal.message.to_lowercase().contains("collection")
}

/// The ids and inner products of an answer to queries.
fn nearest(answer: &Value, n_queries: usize) -> Option<Vec<Found>> {
    let (ids, distances) = (answer["ids"].as_array()?, answer["distances"].as_array()?);
    if ids.len() != n_queries || distances.len() != n_queries {
        return None;
    }
    let found = ids.iter().zip(distances).map(|(ids, distances)| {
        let (ids, distances) = (ids.as_array()?, distances.as_array()?);
        if ids.len() != distances.len() {
            return None;
        }
        let pairs = ids.iter().zip(distances).map(|(id, distance)| {
            // An inner-product distance is one less the product.
            Some((number(id)?, (1.0 - distance.as_f64()?) as f32))
        });
        pairs.collect()
    });
    found.collect()
}

fn strings(ids: &[u64]) -> Value {
    ids.iter().map(u64::to_string).collect()
}

fn number(id: &Value) -> Option<u64> {
    id.as_str()?.parse().ok()
}

/// Base64 with padding.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let byte = |at: usize| u32::from(group.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for letter in 0..4 {
            // A group of n bytes has n + 1 letters.
            if letter <= group.len() {
                text.push(char::from(ALPHABET[(bits >> (18 - 6 * letter)) as usize & 63]));
            } else {
                text.push('=');
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn base64_as_everybody_writes_it() {
        for (bytes, expected) in [
            (&b""[..], ""),
            (b"f", "Zg=="),
            (b"fo", "Zm8="),
            (b"foo", "Zm9v"),
            (b"foobar", "Zm9vYmFy"),
            (&[0xff, 0xfe, 0x3e], "//4+"),
        ] {
            assert_eq!(super::base64(bytes), expected);
        }
    }
}
