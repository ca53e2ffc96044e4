//! Finds which of many known topics a text names.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::ops::Range;

use super::fold::fold;
use super::token::{Shape, tokens};

/// A known topic that occurs in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Occurrence {
    /// Which of the keys the [`Matcher`] was made from.
    pub topic_idx: usize,
    /// How often. A topic inside a longer one counts too: `index` is in `database index`.
    pub n_occurrences: usize,
    /// Where first, in bytes of the text.
    pub span: Range<usize>,
}

/// No word that any topic has.
const UNKNOWN: u32 = u32::MAX;

/// Finds which of many known topics a text names, in one pass over the text whatever their number.
///
/// Keys become paths in a tree of words. Most words of a text are in no key, and cost one look-up.
#[derive(Clone, Debug, Default)]
pub struct Matcher {
    words: HashMap<Box<str>, u32, BuildHasherDefault<Fnv>>,
    /// Node 0 is the root.
    steps: HashMap<(u32, u32), u32, BuildHasherDefault<Fnv>>,
    /// The topics that end at a node.
    ends: Vec<Vec<usize>>,
    n_words_max: usize,
}

/// FNV-1a: quick on short words. The keys are the owner's own, and what a text holds is only looked
/// up, so nobody gains by making them collide.
#[derive(Clone, Copy, Debug)]
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for Fnv {
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

impl Matcher {
    /// A matcher for these keys, or names: both become keys. An empty one never occurs.
    pub fn new<K: AsRef<str>>(keys: impl IntoIterator<Item = K>) -> Self {
        let mut matcher = Self { ends: vec![Vec::new()], ..Self::default() };
        let mut word = String::new();
        for (topic_idx, name) in keys.into_iter().enumerate() {
            let name = name.as_ref();
            let mut node = 0;
            let mut n_words = 0;
            tokens(name, |token| {
                fold(&name[token.span], &mut word);
                if token.shape == Shape::Noise || word.is_empty() {
                    return;
                }
                n_words += 1;
                let n_known = matcher.words.len() as u32;
                let id = match matcher.words.get(word.as_str()) {
                    Some(&id) => id,
                    None => *matcher.words.entry(word.as_str().into()).or_insert(n_known),
                };
                let n_nodes = matcher.ends.len() as u32;
                node = *matcher.steps.entry((node, id)).or_insert(n_nodes);
                if node == n_nodes {
                    matcher.ends.push(Vec::new());
                }
            });
            if n_words > 0 {
                matcher.ends[node as usize].push(topic_idx);
                matcher.n_words_max = matcher.n_words_max.max(n_words);
            }
        }
        matcher
    }

    /// The topics that occur in `text`, by [`topic_idx`](Occurrence::topic_idx).
    ///
    /// # Examples
    ///
    /// ```
    /// use ragged::memory::topic::Matcher;
    ///
    /// let matcher = Matcher::new(["database index", "C++", "tide"]);
    /// let found = matcher.find("Tides, and the Database indexes of tides.");
    /// let found: Vec<_> = found.iter().map(|one| (one.topic_idx, one.n_occurrences)).collect();
    /// assert_eq!(found, [(0, 1), (2, 2)]);
    /// ```
    pub fn find(&self, text: &str) -> Vec<Occurrence> {
        let mut found: HashMap<usize, Occurrence> = HashMap::new();
        // Places in the tree where the words before this one have led, with where they began.
        let mut open: Vec<(u32, usize)> = Vec::with_capacity(self.n_words_max);
        let mut word = String::new();
        tokens(text, |token| {
            fold(&text[token.span.clone()], &mut word);
            let noise = token.shape == Shape::Noise;
            if word.is_empty() && !noise {
                return;
            }
            let id =
                if noise { UNKNOWN } else { *self.words.get(word.as_str()).unwrap_or(&UNKNOWN) };
            if id == UNKNOWN {
                open.clear();
                return;
            }
            if !super::phrase::holds_together(token.glue) {
                open.clear();
            }
            open.push((0, token.span.start));
            open.retain_mut(|(node, start)| {
                let Some(&next) = self.steps.get(&(*node, id)) else { return false };
                *node = next;
                for &topic_idx in &self.ends[next as usize] {
                    let span = *start..token.span.end;
                    let new = Occurrence { topic_idx, n_occurrences: 0, span };
                    found.entry(topic_idx).or_insert(new).n_occurrences += 1;
                }
                true
            });
        });
        let mut found: Vec<Occurrence> = found.into_values().collect();
        found.sort_unstable_by_key(|occurrence| occurrence.topic_idx);
        found
    }
}
