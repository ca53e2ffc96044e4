//! Constants of answering, each with its reason. Weights were set by hand on the judged questions
//! in `testdata/answer`, in steps no finer than the set can tell apart.

/// Passages are cut into statements until there are this many: about six chunks of table rows.
pub(super) const UNITS_MAX: usize = 1_000;

/// Statements that are embedded; beyond it only those with the most words of the question are, so
/// that a long table costs no more than 5 ms.
pub(super) const EMBEDDED_UNITS_MAX: usize = 256;

/// Distinct words of a question that are looked at, the rarest first: one bit each in a word.
pub(super) const QUESTION_TERMS_MAX: usize = 64;

/// Longest statement, in words, that is quoted without a penalty; prose has about 20 a sentence.
pub(super) const LONG_WORDS: usize = 60;

/// Shortest statement of running text, in words, that is quoted without a penalty.
pub(super) const SHORT_WORDS: usize = 4;

/// A line by itself with at most this many words and no full stop is taken for a heading.
pub(super) const HEADING_WORDS: usize = 10;

/// How much of a question's word counts when it stands not in the statement but in the line that
/// introduces it (a heading, a question, a line that ends with a colon, or the sentence a pronoun
/// refers to).
pub(super) const LEAD_IN_SHARE: f32 = 0.6;
/// The same, for a question that the statement stands right under: the statement answers it.
pub(super) const ANSWER_SHARE: f32 = 0.9;
/// The same, for the headings above the passage: weaker, as one heading covers many statements.
pub(super) const HEADING_SHARE: f32 = 0.45;
/// The same, for the sentence before.
pub(super) const NEIGHBOUR_SHARE: f32 = 0.3;
/// The same, for anywhere else in the passage.
pub(super) const PASSAGE_SHARE: f32 = 0.15;

/// Share of matching words in the evidence for a statement; similarity of meaning has the rest.
/// Words lead because a static model's cosine tells topics apart, not facts.
pub(super) const COVERAGE_SHARE: f32 = 0.65;

/// Evidence below which nothing is quoted.
pub(super) const EVIDENCE_MIN: f32 = 0.34;

/// Similarity (scaled, 0 to 1) that is evidence without a single matching word.
pub(super) const SIMILARITY_ALONE_MIN: f32 = 0.8;

/// What the rank of the passage, an early place in it, and a number where one is asked for add to
/// the evidence: they decide between statements that are otherwise alike.
pub(super) const PASSAGE_BONUS: f32 = 0.12;
pub(super) const POSITION_BONUS: f32 = 0.03;
pub(super) const NUMBER_BONUS: f32 = 0.12;

/// Factors for statements that seldom answer by themselves.
pub(super) const HEADING_FACTOR: f32 = 0.35;
pub(super) const QUESTION_FACTOR: f32 = 0.4;
pub(super) const SHORT_FACTOR: f32 = 0.6;

/// A further statement is quoted when what it adds is worth this share of the best one.
pub(super) const FURTHER_SHARE: f32 = 0.72;
/// How much a statement loses when it repeats one already chosen.
pub(super) const REDUNDANCY_WEIGHT: f32 = 0.5;
/// How much a statement gains by words of the question not covered yet.
pub(super) const NOVELTY_WEIGHT: f32 = 0.25;
/// Two statements that share this much of their words say the same.
pub(super) const SAME_OVERLAP: f32 = 0.85;

/// Bytes of passages put before a model: about 12,000 tokens, more than a local model reads with
/// care.
pub(super) const PROMPT_BYTES_MAX: usize = 48 * 1024;

/// Bytes of an answer after which the model is taken to be going round in circles.
pub(super) const GENERATED_BYTES_MAX: usize = 128 * 1024;

/// Bytes of one line of a server's stream; a line holds a few words and their envelope.
pub(super) const STREAM_LINE_BYTES_MAX: usize = 1024 * 1024;

/// Bytes of an error reply that are read for its message.
pub(super) const ERROR_BODY_BYTES_MAX: u64 = 64 * 1024;

/// Seconds after which a server that does not take the connection is away.
pub(super) const CONNECT_SECONDS: u64 = 10;
