//! Typed settings of every module in one tree.
//!
//! A [`Settings`] is complete: every decision is taken, none is optional. Where a value came from
//! (file, environment, flag) is known only to the program that built it.

pub mod tuning;

use std::time::Duration;

use crate::{chunk::ChunkConfig, store::StoreConfig};

/// All settings of a library.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Settings {
    /// Reading files.
    pub ingest: IngestSettings,
    /// Cutting documents into chunks.
    pub chunk: ChunkConfig,
    /// Which model turns text into vectors.
    pub embedding: EmbeddingSettings,
    /// Where vectors are searched.
    pub backend: BackendSettings,
    /// What a search does unless told otherwise.
    pub search: SearchSettings,
    /// What is remembered for personas.
    pub memory: MemorySettings,
    /// What is learned from what personas ask.
    pub learning: LearningSettings,
    /// How far a persona's interests may move hits.
    pub personalisation: PersonalisationSettings,
    /// How answers are made.
    pub answer: AnswerSettings,
    /// Memory for `library.db`.
    pub database: StoreConfig,
    /// What becomes of how long questions take.
    pub telemetry: TelemetrySettings,
}

/// Reading files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IngestSettings {
    /// Larger files are skipped. Default 100 MB: text of that size is data, not writing.
    pub max_file_size_bytes: u64,
    /// Threads that read, chunk and embed, each with a parser process of its own; 0 takes one for
    /// each processor.
    pub threads: usize,
    /// Memory that one parser process may use. Default 1 GiB: the largest PDFs met so far needed
    /// 400 MB.
    pub parser_memory_bytes: u64,
    /// Time that one file may take to be read. Default 30 s.
    pub parser_timeout: Duration,
    /// Bytes of files being read, chunked and embedded at once. Default 64 MiB; memory use grows
    /// with about three times this.
    pub in_flight_bytes: u64,
}

impl Default for IngestSettings {
    fn default() -> Self {
        Self {
            max_file_size_bytes: 100_000_000,
            threads: 0,
            parser_memory_bytes: 1 << 30,
            parser_timeout: Duration::from_secs(30),
            in_flight_bytes: 64 << 20,
        }
    }
}

/// Which model turns text into vectors.
#[derive(Clone, PartialEq, Eq)]
pub struct EmbeddingSettings {
    /// `builtin`, the name of an added model, `ollama:NAME` or `openai:NAME`.
    pub model: String,
    /// Address of the server, for `ollama:` and `openai:`; empty takes the provider's own default.
    pub url: String,
    /// Key for the server, if it wants one. Never shown.
    pub api_key: String,
    /// How long one request may take.
    pub timeout: Duration,
}

impl Default for EmbeddingSettings {
    fn default() -> Self {
        Self {
            model: "builtin".to_owned(),
            url: String::new(),
            api_key: String::new(),
            timeout: Duration::from_mins(1),
        }
    }
}

impl std::fmt::Debug for EmbeddingSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EmbeddingSettings")
            .field("model", &self.model)
            .field("url", &self.url)
            .field("api_key", &if self.api_key.is_empty() { "" } else { "(set)" })
            .field("timeout", &self.timeout)
            .finish()
    }
}

/// Which engine searches vectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum BackendKind {
    /// Bit codes searched, the best recomputed from text.
    #[default]
    Leann,
    /// Every vector kept in memory and compared: slow to open, and right by definition.
    Exact,
    /// A Chroma server, which keeps every vector.
    Chromadb,
}

impl BackendKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Leann, Self::Exact, Self::Chromadb];

    /// The name used in settings and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Leann => "leann",
            Self::Exact => "exact",
            Self::Chromadb => "chromadb",
        }
    }
}

/// How the LEANN engine finds the nearest vectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Strategy {
    /// What the planner expects to be cheapest.
    #[default]
    Auto,
    /// Every allowed vector is recomputed and compared.
    Exact,
    /// All allowed codes are compared, then the vectors that this leaves undecided are recomputed.
    Scan,
    /// The proximity graph is walked by codes, then the vectors that this leaves undecided are
    /// recomputed.
    Graph,
    /// The proximity graph is walked by recomputed vectors: the unoptimised baseline.
    Naive,
}

impl Strategy {
    /// The name used by `--strategy`, in settings and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Exact => "exact",
            Self::Scan => "scan",
            Self::Graph => "graph",
            Self::Naive => "naive",
        }
    }
}

/// When the LEANN engine keeps a proximity graph beside its codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum GraphUse {
    /// Where the planner expects it to pay: with many vectors.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl GraphUse {
    /// The name used in settings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Always => "always",
            Self::Never => "never",
        }
    }
}

/// What single steps of a vector search cost on this machine, in nanoseconds.
///
/// Measured by `ragged tune probe` and kept in the settings, so that the same library plans the
/// same way every time; never measured while searching.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct UnitCosts {
    /// Comparing one code by its first plane, in order.
    pub scan_ns: f64,
    /// Comparing one code by all its planes.
    pub refine_ns: f64,
    /// Comparing one code met on a walk through the graph.
    pub visit_ns: f64,
    /// Reading one text and embedding it; 0 where it was never measured, and the kind of the
    /// model decides.
    pub recompute_ns: f64,
}

impl Default for UnitCosts {
    /// Of a two-core x86 server with AVX-512.
    fn default() -> Self {
        Self { scan_ns: 3.0, refine_ns: 60.0, visit_ns: 250.0, recompute_ns: 0.0 }
    }
}

/// A Chroma server.
#[derive(Clone, PartialEq, Eq)]
pub struct ChromaSettings {
    /// Its address.
    pub url: String,
    /// Token for servers that want one. Never shown.
    pub token: String,
    /// The tenant.
    pub tenant: String,
    /// The database of the tenant.
    pub database: String,
    /// How long one request may take.
    pub timeout: Duration,
    /// Vectors sent at once.
    pub batch: usize,
}

impl Default for ChromaSettings {
    fn default() -> Self {
        Self {
            url: "http://localhost:8000".to_owned(),
            token: String::new(),
            tenant: "default_tenant".to_owned(),
            database: "default_database".to_owned(),
            timeout: Duration::from_secs(30),
            batch: 500,
        }
    }
}

impl std::fmt::Debug for ChromaSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ChromaSettings")
            .field("url", &self.url)
            .field("token", &if self.token.is_empty() { "" } else { "(set)" })
            .field("tenant", &self.tenant)
            .field("database", &self.database)
            .field("timeout", &self.timeout)
            .field("batch", &self.batch)
            .finish()
    }
}

/// How many bits are kept of each dimension of a vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Tier {
    /// 1 bit: half the bytes of [`Tier::Balanced`], about three times its recomputed embeddings.
    Small,
    /// 2 bits.
    #[default]
    Balanced,
    /// 4 bits: twice the bytes of [`Tier::Balanced`], fewer recomputed embeddings.
    Fast,
}

impl Tier {
    /// The name used in settings and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Small => "small",
            Self::Balanced => "balanced",
            Self::Fast => "fast",
        }
    }
}

/// Where vectors are searched.
#[derive(Clone, Debug, PartialEq)]
pub struct BackendSettings {
    /// The engine.
    pub kind: BackendKind,
    /// Bits kept of each dimension. A change takes effect with `ragged reindex`.
    pub tier: Tier,
    /// How many standard errors an estimate may be wrong before a candidate is given up: higher
    /// finds more and recomputes more.
    pub epsilon: f32,
    /// The most embeddings that one query recomputes; the rest keep their estimates.
    pub max_recomputes: usize,
    /// The greatest width of the beam of a walk through the graph: more finds more and compares
    /// more.
    pub beam_width: usize,
    /// When a proximity graph is kept.
    pub graph: GraphUse,
    /// Results of this many queries are kept in memory; 0 for none.
    pub cache_size: usize,
    /// Bytes that those results may take.
    pub cache_bytes: u64,
    /// Bytes of recomputed vectors that are kept in memory.
    pub vector_cache_bytes: u64,
    /// Threads that a batch of queries is spread over; 0 takes one for each processor.
    pub batch_threads: usize,
    /// What the planner reckons with.
    pub costs: UnitCosts,
    /// The server of the `chromadb` engine.
    pub chroma: ChromaSettings,
}

impl Default for BackendSettings {
    fn default() -> Self {
        Self {
            kind: BackendKind::default(),
            tier: Tier::default(),
            epsilon: 2.0,
            max_recomputes: 200,
            beam_width: 100,
            graph: GraphUse::default(),
            cache_size: 5_000,
            cache_bytes: 32 << 20,
            vector_cache_bytes: 8 << 20,
            batch_threads: 0,
            costs: UnitCosts::default(),
            chroma: ChromaSettings::default(),
        }
    }
}

/// Which sides of the index a search asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum SearchMode {
    /// Words and meaning, mixed.
    #[default]
    Hybrid,
    /// Meaning only.
    Vector,
    /// Words only.
    Lexical,
}

impl SearchMode {
    /// The name used by `--mode`, in settings and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hybrid => "hybrid",
            Self::Vector => "vector",
            Self::Lexical => "lexical",
        }
    }
}

/// What a search does unless told otherwise.
#[derive(Clone, Debug, PartialEq)]
pub struct SearchSettings {
    /// Which sides are asked.
    pub mode: SearchMode,
    /// Hits given.
    pub k: usize,
    /// Share of the vector side in a hybrid score, from 0 to 1.
    pub vector_weight: f32,
    /// Candidates taken from each side before they are mixed.
    pub candidates: usize,
    /// How the LEANN engine searches vectors.
    pub strategy: Strategy,
    /// Share of a document's time in a score, from 0 to 0.5, where a question favours a time.
    pub time_weight: f32,
    /// Whether a time in a question narrows or orders what is found.
    pub reads_time: bool,
    /// How fast the favour of a time falls, a day.
    pub time_decay_rate: f32,
}

impl Default for SearchSettings {
    fn default() -> Self {
        Self {
            mode: SearchMode::default(),
            k: 10,
            vector_weight: 0.3,
            candidates: 100,
            strategy: Strategy::default(),
            time_weight: 0.2,
            reads_time: true,
            time_decay_rate: 0.05,
        }
    }
}

/// What is remembered for personas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemorySettings {
    /// Name of the zone in which days begin and end; `auto` takes the system's.
    pub timezone: String,
    /// Minutes without a question after which the next one begins another session.
    pub session_gap_minutes: u32,
    /// Whether personal data in questions, answers and corrections is replaced by markers before
    /// it is stored.
    pub pii_redaction: bool,
    /// Days after which what was asked is deleted; 0 keeps it.
    pub retention_days: u32,
    /// What is kept in memory for personas that ask again.
    pub cache: MemoryCacheSettings,
}

impl Default for MemorySettings {
    fn default() -> Self {
        Self {
            timezone: "auto".to_owned(),
            session_gap_minutes: 30,
            pii_redaction: false,
            retention_days: 0,
            cache: MemoryCacheSettings::default(),
        }
    }
}

/// What is kept in memory for personas that ask again; never on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryCacheSettings {
    /// Profiles that are hot (L1).
    pub l1_size: usize,
    /// Profiles behind those (L2).
    pub l2_size: usize,
    /// Searches of personas, before the personal part (L3).
    pub l3_size: usize,
    /// How long a profile is kept.
    pub profile_ttl: Duration,
    /// How long a search is kept.
    pub query_ttl: Duration,
}

impl Default for MemoryCacheSettings {
    fn default() -> Self {
        Self {
            l1_size: 500,
            l2_size: 200,
            l3_size: 200,
            profile_ttl: Duration::from_mins(30),
            query_ttl: Duration::from_mins(15),
        }
    }
}

/// What is learned from what personas ask.
#[derive(Clone, Debug, PartialEq)]
pub struct LearningSettings {
    /// Fewest characters of a topic.
    pub min_topic_length: usize,
    /// Most topics of a question or of a passage that was found.
    pub max_topics_per_query: usize,
    /// How sure it must be that a text is about a topic, from 0 to 1.
    pub confidence_threshold: f64,
    /// Words that are never part of a topic, besides those of the text's language.
    pub stop_words: Vec<String>,
    /// How fast an interest fades, a day.
    pub time_decay_rate: f64,
    /// Interactions in which a topic must be met to be an interest.
    pub min_frequency_for_tracking: u64,
    /// Interactions in which two interests must be met together to go with each other.
    pub co_occurrence_threshold: u64,
}

impl Default for LearningSettings {
    fn default() -> Self {
        Self {
            min_topic_length: 3,
            max_topics_per_query: 10,
            confidence_threshold: 0.3,
            stop_words: Vec::new(),
            time_decay_rate: 0.05,
            min_frequency_for_tracking: 2,
            co_occurrence_threshold: 3,
        }
    }
}

/// How bold personal ranking is, where its numbers are not set one by one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum PersonalisationPreset {
    /// α 0.3, interests of confidence 0.3 and more, twice as many candidates as hits.
    #[default]
    Balanced,
    /// α 0.2, interests of confidence 0.5 and more, twice as many candidates as hits.
    Conservative,
    /// α 0.5, interests of confidence 0.2 and more, three times as many candidates as hits.
    Aggressive,
}

impl PersonalisationPreset {
    /// The name used in settings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Balanced => "balanced",
            Self::Conservative => "conservative",
            Self::Aggressive => "aggressive",
        }
    }
}

/// How far a persona's interests may move hits.
///
/// What is `None` is as the preset has it; the methods of the same names give what is in force.
#[derive(Clone, Debug)]
pub struct PersonalisationSettings {
    /// Whether they move any at all.
    pub enabled: bool,
    /// How bold.
    pub preset: PersonalisationPreset,
    /// α, the share of the personal part in a score, from 0 to 0.9.
    pub alpha: Option<f32>,
    /// So many times as many candidates as hits may change places.
    pub retrieve_multiplier: Option<usize>,
    /// Interests that are less sure do not count.
    pub min_confidence_threshold: Option<f32>,
    /// α holds for questions of up to so many words, stop words apart; for longer ones it is less by
    /// as much as they are longer. 0 takes α for all.
    pub full_alpha_words: usize,
    /// How fast it is forgotten that a document was had, a day.
    pub time_decay_rate: f32,
    /// The share of topics in the personal part.
    pub topic_relevance: f32,
    /// The share of documents had before.
    pub historical_access: f32,
    /// The share of interests that go with those of the question.
    pub co_occurrence: f32,
    /// Whether a profile learns after the answer, on a thread of its own, rather than before it.
    pub async_updates: bool,
}

impl Default for PersonalisationSettings {
    fn default() -> Self {
        Self {
            enabled: true,
            preset: PersonalisationPreset::default(),
            alpha: None,
            retrieve_multiplier: None,
            min_confidence_threshold: None,
            full_alpha_words: 3,
            time_decay_rate: 0.05,
            topic_relevance: 0.5,
            historical_access: 0.3,
            co_occurrence: 0.2,
            async_updates: true,
        }
    }
}

/// By what is in force: a number that is set to what the preset has is no difference.
impl PartialEq for PersonalisationSettings {
    fn eq(&self, other: &Self) -> bool {
        let numbers = |settings: &Self| {
            [
                settings.alpha(),
                settings.min_confidence_threshold(),
                settings.time_decay_rate,
                settings.topic_relevance,
                settings.historical_access,
                settings.co_occurrence,
            ]
        };
        numbers(self) == numbers(other)
            && self.retrieve_multiplier() == other.retrieve_multiplier()
            && self.full_alpha_words == other.full_alpha_words
            && (self.enabled, self.preset, self.async_updates)
                == (other.enabled, other.preset, other.async_updates)
    }
}

impl PersonalisationSettings {
    /// α in force.
    pub fn alpha(&self) -> f32 {
        self.alpha.unwrap_or(match self.preset {
            PersonalisationPreset::Balanced => 0.3,
            PersonalisationPreset::Conservative => 0.2,
            PersonalisationPreset::Aggressive => 0.5,
        })
    }

    /// How many times as many candidates as hits may change places.
    pub fn retrieve_multiplier(&self) -> usize {
        self.retrieve_multiplier.unwrap_or(match self.preset {
            PersonalisationPreset::Balanced | PersonalisationPreset::Conservative => 2,
            PersonalisationPreset::Aggressive => 3,
        })
    }

    /// The least confidence of an interest that counts.
    pub fn min_confidence_threshold(&self) -> f32 {
        self.min_confidence_threshold.unwrap_or(match self.preset {
            PersonalisationPreset::Balanced => 0.3,
            PersonalisationPreset::Conservative => 0.5,
            PersonalisationPreset::Aggressive => 0.2,
        })
    }
}

/// How answers are made.
#[derive(Clone, PartialEq)]
pub struct AnswerSettings {
    /// `extractive`, `ollama:MODEL` or `openai:MODEL`.
    pub generator: String,
    /// Address of the server; empty takes the provider's own default.
    pub url: String,
    /// Key for the server, if it wants one. Never shown.
    pub api_key: String,
    /// How long the server may be silent before the answer is made without it.
    pub timeout: Duration,
    /// Hits that an answer may draw on.
    pub k: usize,
    /// Sentences quoted by an extractive answer.
    pub max_sentences: usize,
    /// How freely a server's model may word its answer, from 0 to 2.
    pub temperature: f32,
}

impl Default for AnswerSettings {
    fn default() -> Self {
        Self {
            generator: "extractive".to_owned(),
            url: String::new(),
            api_key: String::new(),
            timeout: Duration::from_mins(1),
            k: 6,
            max_sentences: 4,
            temperature: 0.2,
        }
    }
}

impl std::fmt::Debug for AnswerSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AnswerSettings")
            .field("generator", &self.generator)
            .field("url", &self.url)
            .field("api_key", &if self.api_key.is_empty() { "" } else { "(set)" })
            .field("timeout", &self.timeout)
            .field("k", &self.k)
            .field("max_sentences", &self.max_sentences)
            .field("temperature", &self.temperature)
            .finish()
    }
}

/// What becomes of how long questions take, where that is recorded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TelemetrySettings {
    /// Address of an OpenTelemetry collector that takes OTLP over HTTP; empty sends nothing.
    pub otlp_endpoint: String,
}
