//! Every setting: its dotted name, what it takes, what it means, how it is read and written.

use std::time::Duration;

use ragged::{
    answer::Generator,
    memory::topic,
    ranking::WEIGHT_MAX,
    settings::{
        AnswerSettings, BackendKind, GraphUse, PersonalisationPreset, SearchMode, Settings,
        Strategy, Tier,
    },
};

/// One setting.
#[derive(Debug)]
pub(crate) struct Key {
    /// Dotted name.
    pub(crate) name: &'static str,
    /// What values it takes.
    pub(crate) kind: &'static str,
    /// What it means.
    pub(crate) doc: &'static str,
    /// Never printed.
    pub(crate) secret: bool,
    pub(crate) get: fn(&Settings) -> String,
    pub(crate) set: fn(&mut Settings, &str) -> Result<(), String>,
}

impl Key {
    /// Whether a persona may have a value of its own.
    pub(crate) fn is_personal(&self) -> bool {
        self.name.starts_with("personalisation.")
            || self.name.starts_with("learning.")
            || matches!(
                self.name,
                "memory.timezone"
                    | "memory.session_gap_minutes"
                    | "memory.pii_redaction"
                    | "memory.retention_days"
                    | "search.reads_time"
            )
    }

    /// Whether it trades speed, memory and work, and may stand in the file that `tune` writes.
    pub(crate) fn is_tunable(&self) -> bool {
        self.is_measured()
            || TUNABLE.contains(&self.name)
            || self.name.starts_with("memory.cache.")
            || self.name.starts_with("database.")
    }

    /// Whether `tune probe` measures it.
    pub(crate) fn is_measured(&self) -> bool {
        self.name.starts_with("backend.costs.")
    }

    /// The environment variable that sets it.
    pub(crate) fn variable(&self) -> String {
        let name = self.name.replace('.', "_").to_uppercase();
        format!("{}{name}", super::ENV_PREFIX)
    }

    /// The value to print.
    pub(crate) fn shown(&self, settings: &Settings) -> String {
        let value = (self.get)(settings);
        if self.secret && !value.is_empty() { "(set)".to_owned() } else { value }
    }
}

/// Settings that trade speed, memory and work, besides those of sections that do nothing else.
const TUNABLE: [&str; 13] = [
    "ingest.threads",
    "ingest.in_flight",
    "backend.type",
    "backend.epsilon",
    "backend.max_recomputes",
    "backend.beam_width",
    "backend.graph",
    "backend.cache_size",
    "backend.cache_memory",
    "backend.vector_cache",
    "backend.batch_threads",
    "personalisation.retrieve_multiplier",
    "personalisation.async_updates",
];

macro_rules! is_secret {
    () => {
        false
    };
    (secret) => {
        true
    };
}

macro_rules! keys {
    ($( $name:literal, $kind:expr, $get:expr, $set:expr, $doc:literal $(, $secret:ident)?; )*) => {
        /// All settings, in the order of the documentation.
        pub(crate) const KEYS: &[Key] = &[$(Key {
            name: $name,
            kind: $kind,
            doc: $doc,
            secret: is_secret!($($secret)?),
            get: $get,
            set: $set,
        }),*];
    };
}

const SIZE: &str = "a size, such as 100MB or 64MiB";
const COUNT: &str = "a whole number";
const DURATION: &str = "a time, such as 30s or 500ms";
const TIMEOUT: &str = "a time from 100ms to 24h, such as 30s or 500ms";
const TEXT: &str = "text";
const MIB: &str = "MiB from 0 to 65536, or a size such as 64MiB";
const NANOSECONDS: &str = "nanoseconds, from 0 to 1e12";

/// What a count takes; a test holds the limits against those that are checked.
macro_rules! whole {
    ($least:literal, $most:literal) => {
        concat!("a whole number from ", $least, " to ", $most)
    };
}

/// What a size takes.
macro_rules! sized {
    ($least:literal, $most:literal) => {
        concat!("a size from ", $least, " to ", $most, ", such as 100MB or 64MiB")
    };
}

keys! {
    "ingest.max_file_size", SIZE,
        |s| size(s.ingest.max_file_size_bytes),
        |s, v| size_within(v, 1000, u64::MAX).map(|v| s.ingest.max_file_size_bytes = v),
        "Larger files are skipped.";
    "ingest.threads", whole!(0, 256),
        |s| s.ingest.threads.to_string(),
        |s, v| count(v, 0, 256).map(|v| s.ingest.threads = v),
        "Threads that read, chunk and embed, each with a parser process; 0 takes one for each processor.";
    "ingest.parser_memory", sized!("64MiB", "1024GiB"),
        |s| size(s.ingest.parser_memory_bytes),
        |s, v| size_within(v, 64 << 20, 1 << 40).map(|v| s.ingest.parser_memory_bytes = v),
        "Memory that one parser process may use; a file that needs more is skipped with that reason.";
    "ingest.parser_timeout", TIMEOUT,
        |s| duration(s.ingest.parser_timeout),
        |s, v| timeout(v).map(|v| s.ingest.parser_timeout = v),
        "Time that one file may take to be read.";
    "ingest.in_flight", sized!("1MiB", "1024GiB"),
        |s| size(s.ingest.in_flight_bytes),
        |s, v| size_within(v, 1 << 20, 1 << 40).map(|v| s.ingest.in_flight_bytes = v),
        "Bytes of files being read, chunked and embedded at once; bounds memory use.";
    "chunk.target_tokens", COUNT,
        |s| s.chunk.target_tokens.to_string(),
        |s, v| number(v).map(|v| s.chunk.target_tokens = v),
        "The length of a chunk aimed at. Applies to files added from then on.";
    "chunk.max_tokens", COUNT,
        |s| s.chunk.max_tokens.to_string(),
        |s, v| number(v).map(|v| s.chunk.max_tokens = v),
        "The length that no chunk exceeds.";
    "chunk.min_tokens", COUNT,
        |s| s.chunk.min_tokens.to_string(),
        |s, v| number(v).map(|v| s.chunk.min_tokens = v),
        "Shorter chunks are joined with a neighbour.";
    "chunk.overlap_tokens", COUNT,
        |s| s.chunk.overlap_tokens.to_string(),
        |s, v| number(v).map(|v| s.chunk.overlap_tokens = v),
        "How much two pieces of a block that had to be cut have in common.";
    "embedding.model", "`builtin`, an added model's name, `ollama:NAME` or `openai:NAME`",
        |s| s.embedding.model.clone(),
        |s, v| filled(v).map(|v| s.embedding.model = v),
        "The model that turns text into vectors. After a change run `ragged reindex`.";
    "embedding.url", TEXT,
        |s| s.embedding.url.clone(),
        |s, v| { s.embedding.url = v.to_owned(); Ok(()) },
        "Address of the embedding server; empty takes the provider's own default.";
    "embedding.api_key", TEXT,
        |s| s.embedding.api_key.clone(),
        |s, v| { s.embedding.api_key = v.to_owned(); Ok(()) },
        "Key for the embedding server.", secret;
    "embedding.timeout", TIMEOUT,
        |s| duration(s.embedding.timeout),
        |s, v| timeout(v).map(|v| s.embedding.timeout = v),
        "How long one request to the embedding server may take.";
    "backend.type", "`auto`, `leann`, `exact` or `chromadb`",
        |s| s.backend.kind.as_str().to_owned(),
        |s, v| one_of(v, &[
            ("auto", BackendKind::Leann), ("leann", BackendKind::Leann),
            ("exact", BackendKind::Exact), ("chromadb", BackendKind::Chromadb),
        ]).map(|v| s.backend.kind = v),
        "The engine that searches vectors; `auto` takes `leann`.";
    "backend.tier", "`small`, `balanced` or `fast`",
        |s| s.backend.tier.as_str().to_owned(),
        |s, v| one_of(v, &[("small", Tier::Small), ("balanced", Tier::Balanced), ("fast", Tier::Fast)])
            .map(|v| s.backend.tier = v),
        "Bits kept of each dimension: 1, 2 or 4. After a change run `ragged reindex`.";
    "backend.epsilon", "a number from 0 to 10",
        |s| s.backend.epsilon.to_string(),
        |s, v| fraction(v, 0.0, 10.0).map(|v| s.backend.epsilon = v),
        "Standard errors that an estimate may be wrong: higher finds more and recomputes more.";
    "backend.max_recomputes", whole!(0, 1000000),
        |s| s.backend.max_recomputes.to_string(),
        |s, v| count(v, 0, 1_000_000).map(|v| s.backend.max_recomputes = v),
        "The most embeddings that one query recomputes.";
    "backend.beam_width", whole!(1, 10000),
        |s| s.backend.beam_width.to_string(),
        |s, v| count(v, 1, 10_000).map(|v| s.backend.beam_width = v),
        "The greatest width of the beam of a walk through the graph: more finds more and compares more. Also known as `backend.search_complexity`.";
    "backend.graph", "`auto`, `always` or `never`",
        |s| s.backend.graph.as_str().to_owned(),
        |s, v| one_of(v, &[
            ("auto", GraphUse::Auto), ("always", GraphUse::Always), ("never", GraphUse::Never),
        ]).map(|v| s.backend.graph = v),
        "When a graph is kept beside the codes: where it is expected to pay, always, never. `ragged compact` applies it at once.";
    "backend.cache_size", whole!(0, 10000000),
        |s| s.backend.cache_size.to_string(),
        |s, v| count(v, 0, 10_000_000).map(|v| s.backend.cache_size = v),
        "Answers of this many searches are kept in memory by a process that stays; 0 keeps none.";
    "backend.cache_memory", sized!("0", "1024GiB"),
        |s| size(s.backend.cache_bytes),
        |s, v| size_within(v, 0, 1 << 40).map(|v| s.backend.cache_bytes = v),
        "Memory that those answers may take.";
    "backend.vector_cache", sized!("0", "1024GiB"),
        |s| size(s.backend.vector_cache_bytes),
        |s, v| size_within(v, 0, 1 << 40).map(|v| s.backend.vector_cache_bytes = v),
        "Memory for vectors that were recomputed and may be wanted again.";
    "backend.batch_threads", whole!(0, 256),
        |s| s.backend.batch_threads.to_string(),
        |s, v| count(v, 0, 256).map(|v| s.backend.batch_threads = v),
        "Threads that a batch of searches is spread over; 0 takes one for each processor.";
    "backend.costs.scan", NANOSECONDS,
        |s| s.backend.costs.scan_ns.to_string(),
        |s, v| nanoseconds(v).map(|v| s.backend.costs.scan_ns = v),
        "What comparing one code in order costs; measured by `ragged tune probe`.";
    "backend.costs.refine", NANOSECONDS,
        |s| s.backend.costs.refine_ns.to_string(),
        |s, v| nanoseconds(v).map(|v| s.backend.costs.refine_ns = v),
        "What comparing all planes of one code costs; measured by `ragged tune probe`.";
    "backend.costs.visit", NANOSECONDS,
        |s| s.backend.costs.visit_ns.to_string(),
        |s, v| nanoseconds(v).map(|v| s.backend.costs.visit_ns = v),
        "What comparing one code on a walk through the graph costs; measured by `ragged tune probe`.";
    "backend.costs.recompute", NANOSECONDS,
        |s| s.backend.costs.recompute_ns.to_string(),
        |s, v| nanoseconds(v).map(|v| s.backend.costs.recompute_ns = v),
        "What reading and embedding one chunk costs; 0 where it was never measured; measured by `ragged tune probe`.";
    "chroma.url", TEXT,
        |s| s.backend.chroma.url.clone(),
        |s, v| filled(v).map(|v| s.backend.chroma.url = v),
        "Address of the Chroma server, for `backend.type` of `chromadb`.";
    "chroma.token", TEXT,
        |s| s.backend.chroma.token.clone(),
        |s, v| { s.backend.chroma.token = v.to_owned(); Ok(()) },
        "Token for the Chroma server, where it wants one.", secret;
    "chroma.tenant", TEXT,
        |s| s.backend.chroma.tenant.clone(),
        |s, v| filled(v).map(|v| s.backend.chroma.tenant = v),
        "Tenant on the Chroma server.";
    "chroma.database", TEXT,
        |s| s.backend.chroma.database.clone(),
        |s, v| filled(v).map(|v| s.backend.chroma.database = v),
        "Database of that tenant.";
    "chroma.timeout", TIMEOUT,
        |s| duration(s.backend.chroma.timeout),
        |s, v| timeout(v).map(|v| s.backend.chroma.timeout = v),
        "How long one request to the Chroma server may take.";
    "chroma.batch", whole!(1, 100000),
        |s| s.backend.chroma.batch.to_string(),
        |s, v| count(v, 1, 100_000).map(|v| s.backend.chroma.batch = v),
        "Vectors sent to the Chroma server at once, where it takes as many.";
    "search.mode", "`hybrid`, `vector` or `lexical`",
        |s| s.search.mode.as_str().to_owned(),
        |s, v| one_of(v, &[
            ("hybrid", SearchMode::Hybrid), ("vector", SearchMode::Vector), ("lexical", SearchMode::Lexical),
        ]).map(|v| s.search.mode = v),
        "Which sides of the index a search asks.";
    "search.k", whole!(1, 10000),
        |s| s.search.k.to_string(),
        |s, v| count(v, 1, 10_000).map(|v| s.search.k = v),
        "Hits given by a search.";
    "search.vector_weight", "a number from 0 to 1",
        |s| s.search.vector_weight.to_string(),
        |s, v| fraction(v, 0.0, 1.0).map(|v| s.search.vector_weight = v),
        "Share of the vector side in a hybrid score.";
    "search.candidates", whole!(1, 100000),
        |s| s.search.candidates.to_string(),
        |s, v| count(v, 1, 100_000).map(|v| s.search.candidates = v),
        "Candidates taken from each side before they are mixed.";
    "search.strategy", "`auto`, `exact`, `scan`, `graph` or `naive`",
        |s| s.search.strategy.as_str().to_owned(),
        |s, v| one_of(v, &[
            ("auto", Strategy::Auto), ("exact", Strategy::Exact), ("scan", Strategy::Scan),
            ("graph", Strategy::Graph), ("naive", Strategy::Naive),
        ]).map(|v| s.search.strategy = v),
        "How the `leann` backend searches vectors; `auto` takes what its planner expects to be cheapest.";
    "memory.timezone", "`auto`, or a name such as `Europe/Berlin`",
        |s| s.memory.timezone.clone(),
        |s, v| zone(v).map(|v| s.memory.timezone = v),
        "The zone in which your days begin and end; `auto` takes the system's.";
    "memory.session_gap_minutes", whole!(1, 10080),
        |s| s.memory.session_gap_minutes.to_string(),
        |s, v| count(v, 1, 10_080).map(|v| s.memory.session_gap_minutes = v as u32),
        "Minutes without a question after which the next one begins another session.";
    "memory.pii_redaction", "`true` or `false`",
        |s| s.memory.pii_redaction.to_string(),
        |s, v| switch(v).map(|v| s.memory.pii_redaction = v),
        "Whether addresses, telephone and card numbers and the like are replaced by markers before a question is stored.";
    "memory.retention_days", whole!(0, 36500),
        |s| s.memory.retention_days.to_string(),
        |s, v| count(v, 0, 36_500).map(|v| s.memory.retention_days = v as u32),
        "Days after which what was asked is deleted; 0 keeps it.";
    "search.reads_time", "`true` or `false`",
        |s| s.search.reads_time.to_string(),
        |s, v| switch(v).map(|v| s.search.reads_time = v),
        "Whether a time in a question, such as *last March* or *my recent work*, narrows or orders what is found.";
    "memory.cache.l1_size", whole!(0, 1000000),
        |s| s.memory.cache.l1_size.to_string(),
        |s, v| count(v, 0, 1_000_000).map(|v| s.memory.cache.l1_size = v),
        "Profiles of personas that are kept at hand; 0 for none.";
    "memory.cache.l2_size", whole!(0, 1000000),
        |s| s.memory.cache.l2_size.to_string(),
        |s, v| count(v, 0, 1_000_000).map(|v| s.memory.cache.l2_size = v),
        "Profiles of personas that are kept behind those; 0 for none.";
    "memory.cache.l3_size", whole!(0, 1000000),
        |s| s.memory.cache.l3_size.to_string(),
        |s, v| count(v, 0, 1_000_000).map(|v| s.memory.cache.l3_size = v),
        "Searches of personas that are kept, before the personal part; 0 for none.";
    "memory.cache.profile_ttl", DURATION,
        |s| duration(s.memory.cache.profile_ttl),
        |s, v| seconds(v).map(|v| s.memory.cache.profile_ttl = v),
        "How long a profile is kept in memory; a bare number is seconds.";
    "memory.cache.query_ttl", DURATION,
        |s| duration(s.memory.cache.query_ttl),
        |s, v| seconds(v).map(|v| s.memory.cache.query_ttl = v),
        "How long a persona's search is kept in memory; a bare number is seconds.";
    "search.time_weight", "a number from 0 to 0.5",
        |s| s.search.time_weight.to_string(),
        |s, v| fraction(v, 0.0, WEIGHT_MAX).map(|v| s.search.time_weight = v),
        "Share of a document's time in a score, where a question favours recent or old documents.";
    "search.time_decay_rate", "a number from 0 to 1",
        |s| s.search.time_decay_rate.to_string(),
        |s, v| fraction(v, 0.0, 1.0).map(|v| s.search.time_decay_rate = v),
        "How fast a document's time counts as far away: a day is worth e to the minus this.";
    "learning.min_topic_length", whole!(1, 64),
        |s| s.learning.min_topic_length.to_string(),
        |s, v| count(v, 1, 64).map(|v| s.learning.min_topic_length = v),
        "Fewest characters of a topic; acronyms and terms with signs may have fewer.";
    "learning.max_topics_per_query", whole!(1, 100),
        |s| s.learning.max_topics_per_query.to_string(),
        |s, v| count(v, 1, 100).map(|v| s.learning.max_topics_per_query = v),
        "Most topics that are learned from one question.";
    "learning.confidence_threshold", "a number from 0 to 1",
        |s| s.learning.confidence_threshold.to_string(),
        |s, v| share(v).map(|v| s.learning.confidence_threshold = v),
        "How sure it must be that a text is about a topic before that is learned.";
    "learning.stop_words", "`default`, or words with commas between them",
        |s| stop_words_shown(&s.learning.stop_words),
        |s, v| stop_words(v).map(|v| s.learning.stop_words = v),
        "Words that are never part of a topic, besides those of the text's language; an entry of several words stops the topic of that name.";
    "learning.time_decay_rate", "a number from 0 to 1",
        |s| s.learning.time_decay_rate.to_string(),
        |s, v| share(v).map(|v| s.learning.time_decay_rate = v),
        "How fast an interest fades: a day is worth e to the minus this.";
    "learning.min_frequency_for_tracking", whole!(1, 1000),
        |s| s.learning.min_frequency_for_tracking.to_string(),
        |s, v| count(v, 1, 1000).map(|v| s.learning.min_frequency_for_tracking = v as u64),
        "Questions in which a topic must be met before it is an interest.";
    "learning.co_occurrence_threshold", whole!(1, 1000),
        |s| s.learning.co_occurrence_threshold.to_string(),
        |s, v| count(v, 1, 1000).map(|v| s.learning.co_occurrence_threshold = v as u64),
        "Questions in which two interests must be met together before one speaks for the other.";
    "personalisation.enabled", "`true` or `false`",
        |s| s.personalisation.enabled.to_string(),
        |s, v| switch(v).map(|v| s.personalisation.enabled = v),
        "Whether a persona's interests move hits.";
    "personalisation.preset", "`balanced`, `conservative` or `aggressive`",
        |s| s.personalisation.preset.as_str().to_owned(),
        |s, v| one_of(v, &[
            ("balanced", PersonalisationPreset::Balanced),
            ("conservative", PersonalisationPreset::Conservative),
            ("aggressive", PersonalisationPreset::Aggressive),
        ]).map(|v| s.personalisation.preset = v),
        "What alpha, threshold and multiplier are where they are not set: 0.3, 0.3, 2; 0.2, 0.5, 2; or 0.5, 0.2, 3.";
    "personalisation.alpha", "a number from 0 to 0.9",
        |s| s.personalisation.alpha().to_string(),
        |s, v| fraction(v, 0.0, 0.9).map(|v| s.personalisation.alpha = Some(v)),
        "Share of the personal part in a score; the rest is how well the passage matches.";
    "personalisation.retrieve_multiplier", whole!(1, 10),
        |s| s.personalisation.retrieve_multiplier().to_string(),
        |s, v| count(v, 1, 10).map(|v| s.personalisation.retrieve_multiplier = Some(v)),
        "So many times as many candidates as hits may change places.";
    "personalisation.min_confidence_threshold", "a number from 0 to 1",
        |s| s.personalisation.min_confidence_threshold().to_string(),
        |s, v| fraction(v, 0.0, 1.0).map(|v| s.personalisation.min_confidence_threshold = Some(v)),
        "Interests that are less sure do not count, unless they were set by hand.";
    "personalisation.full_alpha_words", whole!(0, 256),
        |s| s.personalisation.full_alpha_words.to_string(),
        |s, v| count(v, 0, 256).map(|v| s.personalisation.full_alpha_words = v),
        "Alpha holds for questions of up to so many words, and is less for longer ones; 0 takes it for all.";
    "personalisation.time_decay_rate", "a number from 0 to 1",
        |s| s.personalisation.time_decay_rate.to_string(),
        |s, v| fraction(v, 0.0, 1.0).map(|v| s.personalisation.time_decay_rate = v),
        "How fast it is forgotten that a document was had: a day is worth e to the minus this.";
    "personalisation.boost.topic_relevance", "a number from 0 to 1",
        |s| s.personalisation.topic_relevance.to_string(),
        |s, v| fraction(v, 0.0, 1.0).map(|v| s.personalisation.topic_relevance = v),
        "Share of interests that the passage is about in the personal part.";
    "personalisation.boost.historical_access", "a number from 0 to 1",
        |s| s.personalisation.historical_access.to_string(),
        |s, v| fraction(v, 0.0, 1.0).map(|v| s.personalisation.historical_access = v),
        "Share of documents had before in the personal part.";
    "personalisation.boost.co_occurrence", "a number from 0 to 1",
        |s| s.personalisation.co_occurrence.to_string(),
        |s, v| fraction(v, 0.0, 1.0).map(|v| s.personalisation.co_occurrence = v),
        "Share of interests that go with those of the question in the personal part.";
    "personalisation.async_updates", "`true` or `false`",
        |s| s.personalisation.async_updates.to_string(),
        |s, v| switch(v).map(|v| s.personalisation.async_updates = v),
        "Whether a profile learns after the answer is given rather than before.";
    "answer.generator", "`extractive`, `ollama:MODEL` or `openai:MODEL`",
        |s| s.answer.generator.clone(),
        |s, v| generator(v).map(|v| s.answer.generator = v),
        "What words the answer: quotes from the files, or a server's language model.";
    "answer.url", TEXT,
        |s| s.answer.url.clone(),
        |s, v| { s.answer.url = v.to_owned(); Ok(()) },
        "Address of the generating server; empty takes the provider's own default.";
    "answer.api_key", TEXT,
        |s| s.answer.api_key.clone(),
        |s, v| { s.answer.api_key = v.to_owned(); Ok(()) },
        "Key for the generating server.", secret;
    "answer.timeout", TIMEOUT,
        |s| duration(s.answer.timeout),
        |s, v| timeout(v).map(|v| s.answer.timeout = v),
        "How long the generating server may be silent before the answer is made without it.";
    "answer.k", whole!(1, 100),
        |s| s.answer.k.to_string(),
        |s, v| count(v, 1, 100).map(|v| s.answer.k = v),
        "Hits that an answer may draw on.";
    "answer.max_sentences", whole!(1, 50),
        |s| s.answer.max_sentences.to_string(),
        |s, v| count(v, 1, 50).map(|v| s.answer.max_sentences = v),
        "Sentences quoted by an extractive answer.";
    "answer.temperature", "a number from 0 to 2",
        |s| s.answer.temperature.to_string(),
        |s, v| fraction(v, 0.0, 2.0).map(|v| s.answer.temperature = v),
        "How freely a server's model may word its answer.";
    "database.sqlite_cache_mb", MIB,
        |s| mib(s.database.page_cache_bytes),
        |s, v| mib_within(v, 65_536).map(|v| s.database.page_cache_bytes = v),
        "Page cache of one connection to library.db, or to what a persona remembers. Also known as `database.page_cache`.";
    "database.mmap_size_mb", MIB,
        |s| mib(s.database.mmap_bytes),
        |s, v| mib_within(v, 65_536).map(|v| s.database.mmap_bytes = v),
        "How much of library.db may be mapped into memory, shared by all connections; encrypted files cannot be. Also known as `database.mmap`.";
    "telemetry.otlp_endpoint", TEXT,
        |s| s.telemetry.otlp_endpoint.clone(),
        |s, v| { s.telemetry.otlp_endpoint = v.to_owned(); Ok(()) },
        "Address of an OpenTelemetry collector, such as `http://localhost:4318`, that is sent how long each stage of a question took while that is profiled; empty sends nothing. Needs a build with the feature `otlp`.";
}

fn filled(value: &str) -> Result<String, String> {
    let value = value.trim();
    if value.is_empty() { Err("is empty".to_owned()) } else { Ok(value.to_owned()) }
}

/// What the library takes for a generator.
fn generator(value: &str) -> Result<String, String> {
    let generator = filled(value)?;
    let settings = AnswerSettings { generator: generator.clone(), ..AnswerSettings::default() };
    match Generator::from_settings(&settings) {
        Ok(_) => Ok(generator),
        Err(_) => Err(format!("{value:?} names no generator")),
    }
}

fn number<T: std::str::FromStr>(value: &str) -> Result<T, String> {
    value.trim().parse().map_err(|_| format!("{value:?} is not a number that fits"))
}

fn count(value: &str, least: usize, most: usize) -> Result<usize, String> {
    let number: usize = number(value)?;
    if (least..=most).contains(&number) {
        Ok(number)
    } else {
        Err(format!("{number} is outside {least} to {most}"))
    }
}

fn fraction(value: &str, least: f32, most: f32) -> Result<f32, String> {
    let number: f32 = number(value)?;
    if (least..=most).contains(&number) {
        Ok(number)
    } else {
        Err(format!("{number} is outside {least} to {most}"))
    }
}

fn share(value: &str) -> Result<f64, String> {
    let number: f64 = number(value)?;
    if (0.0..=1.0).contains(&number) {
        // No −0.
        Ok(number.abs())
    } else {
        Err(format!("{number} is outside 0 to 1"))
    }
}

/// What stands for no words but those of the language.
const STOP_WORDS_DEFAULT: &str = "default";
const STOP_WORDS_MAX: usize = 1000;

fn stop_words(value: &str) -> Result<Vec<String>, String> {
    if value.trim() == STOP_WORDS_DEFAULT {
        return Ok(Vec::new());
    }
    let words: Vec<String> = value.split(',').map(|word| word.trim().to_owned()).collect();
    if words.len() > STOP_WORDS_MAX {
        return Err(format!("{} are more than {STOP_WORDS_MAX}", words.len()));
    }
    match words.iter().find(|word| topic::key(word).is_empty()) {
        Some(word) => Err(format!("{word:?} is no word")),
        None => Ok(words),
    }
}

fn stop_words_shown(words: &[String]) -> String {
    if words.is_empty() { STOP_WORDS_DEFAULT.to_owned() } else { words.join(", ") }
}

fn zone(value: &str) -> Result<String, String> {
    if value == "auto" || jiff::tz::TimeZone::get(value).is_ok() {
        return Ok(value.to_owned());
    }
    Err(format!("there is no time zone {value:?}"))
}

fn switch(value: &str) -> Result<bool, String> {
    one_of(value, &[("true", true), ("false", false)])
}

fn nanoseconds(value: &str) -> Result<f64, String> {
    let number: f64 = number(value)?;
    if (0.0..=1e12).contains(&number) {
        Ok((number * 10.0).round() / 10.0)
    } else {
        Err(format!("{value:?} is outside 0 to 1e12"))
    }
}

fn size_within(value: &str, least: u64, most: u64) -> Result<u64, String> {
    let bytes = parse_size(value)?;
    if bytes < least {
        Err(format!("{value:?} is below {}", size(least)))
    } else if bytes > most {
        Err(format!("{value:?} is above {}", size(most)))
    } else {
        Ok(bytes)
    }
}

/// A size whose bare number is MiB.
fn mib_within(value: &str, most_mib: u64) -> Result<u64, String> {
    let is_bare = value.trim().bytes().all(|byte| byte.is_ascii_digit());
    let bytes = parse_size(&if is_bare { format!("{value}MiB") } else { value.to_owned() })?;
    if bytes > most_mib << 20 {
        return Err(format!("{value:?} is outside 0 to {most_mib} MiB"));
    }
    Ok(bytes)
}

/// Bytes as MiB where they are whole ones.
fn mib(bytes: u64) -> String {
    if bytes.is_multiple_of(1 << 20) { (bytes >> 20).to_string() } else { size(bytes) }
}

/// Shorter waits end before anything can have answered.
const SHORTEST_TIMEOUT: Duration = Duration::from_millis(100);
const LONGEST_TIMEOUT: Duration = Duration::from_hours(24);

fn timeout(value: &str) -> Result<Duration, String> {
    let time = parse_duration(value)?;
    if (SHORTEST_TIMEOUT..=LONGEST_TIMEOUT).contains(&time) {
        Ok(time)
    } else {
        Err(format!("{value:?} is outside 100ms to 24h"))
    }
}

fn one_of<T: Copy>(value: &str, choices: &[(&str, T)]) -> Result<T, String> {
    choices
        .iter()
        .find(|(name, _)| *name == value.trim())
        .map(|(_, choice)| *choice)
        .ok_or_else(|| format!("{value:?} is not one of the choices"))
}

const SIZE_UNITS: [(&str, u64); 9] = [
    ("kib", 1 << 10),
    ("mib", 1 << 20),
    ("gib", 1 << 30),
    ("kb", 1000),
    ("mb", 1_000_000),
    ("gb", 1_000_000_000),
    ("k", 1000),
    ("m", 1_000_000),
    ("g", 1_000_000_000),
];

/// Reads `100MB`, `64 MiB`, `1.5g`, `4096`.
pub(crate) fn parse_size(value: &str) -> Result<u64, String> {
    let lower = value.trim().to_ascii_lowercase();
    let (digits, unit) = SIZE_UNITS
        .iter()
        .find_map(|(unit, bytes)| Some((lower.strip_suffix(unit)?, *bytes)))
        .unwrap_or((lower.strip_suffix('b').unwrap_or(&lower), 1));
    let number: f64 = digits.trim().parse().map_err(|_| format!("{value:?} is not a size"))?;
    let bytes = number * unit as f64;
    if bytes.is_finite() && (0.0..=u64::MAX as f64).contains(&bytes) {
        Ok(bytes as u64)
    } else {
        Err(format!("{value:?} is not a size"))
    }
}

fn size(bytes: u64) -> String {
    for (unit, name) in [
        (1 << 30, "GiB"),
        (1_000_000_000, "GB"),
        (1 << 20, "MiB"),
        (1_000_000, "MB"),
        (1 << 10, "KiB"),
        (1000, "KB"),
    ] {
        if bytes >= unit && bytes.is_multiple_of(unit) {
            return format!("{}{name}", bytes / unit);
        }
    }
    bytes.to_string()
}

/// Reads `30s`, `500ms`, `2m`, `1.5s`; a bare number is seconds.
pub(crate) fn parse_duration(value: &str) -> Result<Duration, String> {
    let lower = value.trim().to_ascii_lowercase();
    let (digits, seconds) = [("ms", 0.001), ("s", 1.0), ("m", 60.0), ("h", 3600.0)]
        .iter()
        .find_map(|(unit, seconds)| Some((lower.strip_suffix(unit)?, *seconds)))
        .unwrap_or((&lower, 1.0));
    let number: f64 = digits.trim().parse().map_err(|_| format!("{value:?} is not a time"))?;
    Duration::try_from_secs_f64(number * seconds).map_err(|_| format!("{value:?} is not a time"))
}

/// A time; a bare number is seconds.
fn seconds(value: &str) -> Result<Duration, String> {
    match value.trim().parse::<u32>() {
        Ok(seconds) => Ok(Duration::from_secs(seconds.into())),
        Err(_) => parse_duration(value),
    }
}

fn duration(value: Duration) -> String {
    if value.subsec_millis() == 0 {
        format!("{}s", value.as_secs())
    } else {
        format!("{}ms", value.as_millis())
    }
}
