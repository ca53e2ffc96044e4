//! Tokens → phrases: the runs of words that name something.

use std::collections::HashSet;

use super::fold::fold;
use super::role::{self, Role};
use super::token::{Glue, Shape, Token, tokens};
use crate::lexical::Language;

/// Most words of a phrase; words joined by hyphens count as one.
pub(super) const UNITS_MAX: usize = 4;

/// Most words of a phrase, those between hyphens counted: what has more is a row of data.
const WORDS_MAX: usize = 8;

/// Whether two words with this between them may belong to one phrase.
pub(super) fn holds_together(glue: Glue) -> bool {
    matches!(glue, Glue::Space | Glue::Hyphen)
}

/// A token with what it is in its sentence.
#[derive(Clone, Debug)]
pub(super) struct Word {
    pub(super) token: Token,
    pub(super) role: Role,
    /// First of its sentence, where every word has a capital.
    pub(super) starts_sentence: bool,
}

impl Word {
    fn holds_together(&self) -> bool {
        holds_together(self.token.glue)
    }

    /// An acronym or a term with signs.
    pub(super) fn is_symbolic(&self) -> bool {
        matches!(self.token.shape, Shape::Acronym | Shape::Symbol)
    }

    /// Written as a name, as far as one can tell.
    pub(super) fn is_name(&self) -> bool {
        match self.token.shape {
            Shape::Mixed => true,
            Shape::Capital => !self.starts_sentence,
            _ => false,
        }
    }

    fn is_upper(&self) -> bool {
        !matches!(self.token.shape, Shape::Lower | Shape::Number | Shape::Noise)
    }
}

/// A text in words with their roles.
#[derive(Debug)]
pub(super) struct Sentences<'t> {
    pub(super) text: &'t str,
    pub(super) words: Vec<Word>,
    pub(super) language: Language,
}

/// A phrase: the places of its first word and of the one after its last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Phrase {
    pub(super) first: usize,
    pub(super) end: usize,
}

fn lower_into(word: &str, lower: &mut String) {
    lower.clear();
    if word.is_ascii() {
        lower.extend(word.bytes().map(|byte| char::from(byte.to_ascii_lowercase())));
    } else {
        let lowered = word.chars().flat_map(char::to_lowercase);
        lower.extend(lowered.map(|c| if c == '’' { '\'' } else { c }));
    }
}

impl<'t> Sentences<'t> {
    /// The words of `text` with their roles. `stops` are canonical words that break phrases too.
    pub(super) fn new(text: &'t str, stops: &HashSet<String>) -> Self {
        let mut words = Vec::new();
        let mut starts_sentence = true;
        tokens(text, |token| {
            starts_sentence |= token.glue == Glue::Stop;
            let word = Word { token, role: Role::Content, starts_sentence };
            // A capital after an opening number or quotation is that of the sentence.
            starts_sentence &= word.token.shape == Shape::Number;
            words.push(word);
        });
        let mut this = Self { text, words, language: Language::English };
        this.quieten();
        let beginning = this.words.iter().take(role::WORDS_JUDGED + 1);
        let lowers: Vec<String> = beginning.map(|word| this.lower(word)).collect();
        this.language = role::language(&lowers);
        this.assign_roles(stops);
        this
    }

    pub(super) fn raw(&self, word: &Word) -> &'t str {
        &self.text[word.token.span.clone()]
    }

    fn lower(&self, word: &Word) -> String {
        let mut lower = String::new();
        lower_into(self.raw(word), &mut lower);
        lower
    }

    /// In a sentence that is all capitals, capitals mean nothing.
    fn quieten(&mut self) {
        let mut lower = String::new();
        let mut shouts = |word: &Word| {
            word.token.shape == Shape::Acronym && word.token.span.len() >= 3 && {
                lower_into(&self.text[word.token.span.clone()], &mut lower);
                matches!(
                    lower.as_str(),
                    "the"
                        | "how"
                        | "what"
                        | "and"
                        | "for"
                        | "are"
                        | "does"
                        | "with"
                        | "from"
                        | "this"
                        | "that"
                        | "why"
                        | "when"
                        | "where"
                        | "can"
                        | "der"
                        | "die"
                        | "das"
                        | "und"
                        | "les"
                        | "des"
                        | "los"
                        | "las"
                        | "que"
                )
            }
        };
        if self.words.iter().take(256).any(&mut shouts) {
            for word in &mut self.words {
                if matches!(word.token.shape, Shape::Acronym) {
                    word.token.shape = Shape::Lower;
                }
            }
        }
    }

    fn assign_roles(&mut self, stops: &HashSet<String>) {
        let english = self.language == Language::English;
        let capitals = self.words.iter().any(Word::is_name);
        let (mut lower, mut folded) = (String::new(), String::new());
        // What has been seen of the sentence so far.
        let mut expects_verb = false;
        let mut expects_ing: Option<bool> = None;
        let mut in_modal = false;
        let mut before_to = false;
        let mut last: Option<Role> = None;
        let mut last_word = String::new();
        for idx in 0..self.words.len() {
            let word = &self.words[idx];
            let token = &word.token;
            if token.glue == Glue::Stop {
                (expects_verb, expects_ing, in_modal, before_to) = (false, None, false, false);
                last = None;
                last_word.clear();
            }
            lower_into(self.raw(word), &mut lower);
            let symbolic = word.is_symbolic();
            let plain = matches!(token.shape, Shape::Lower | Shape::Capital | Shape::Mixed);
            let mut role = match token.shape {
                Shape::Noise | Shape::Number => Role::Break,
                Shape::Symbol => Role::Content,
                // IT and US are words in lower case; NOTE and LIST are words in capitals.
                Shape::Acronym if lower.len() <= 3 => Role::Content,
                _ => role::role(self.language, &lower),
            };
            if english && !symbolic && role::is_known_acronym(&lower) {
                role = Role::Content;
            }
            if !stops.is_empty() && {
                fold(self.raw(word), &mut folded);
                stops.contains(&folded)
            } {
                role = Role::Break;
            }
            let next = self.words.get(idx + 1).filter(|next| next.holds_together());
            // A single letter is a word in "vitamin D" and "R packages" only.
            if plain && token.span.len() == 1 && role == Role::Content {
                let single = token.shape == Shape::Capital
                    && (last == Some(Role::Content) && word.holds_together() || lower == "r");
                let compound = token.glue == Glue::Hyphen
                    || next.is_some_and(|next| next.token.glue == Glue::Hyphen);
                role = if single || compound { Role::Content } else { Role::Break };
            }
            // A name may look like a verb or like a word of no weight: Go, Will, Notes.
            let named = word.is_name() && matches!(role, Role::Verb | Role::Either | Role::Part);
            if named || word.is_name() && role == Role::Break && lower.ends_with("ly") {
                role = Role::Content;
            }
            if english && plain && !named {
                let prev_content = last.is_some_and(is_content) && word.holds_together();
                let is_ing = lower.len() > 5 && lower.ends_with("ing");
                let is_ed = lower.len() > 4 && lower.ends_with("ed");
                let open = matches!(role, Role::Content | Role::Part | Role::Tail | Role::Either);
                if expects_verb && open && !word.is_name() {
                    role = Role::Break;
                    expects_verb = false;
                    in_modal = false;
                } else if let Some(after_noun) = expects_ing
                    && open
                    && (is_ing || is_ed && after_noun)
                    && !word.is_name()
                {
                    role = Role::Break;
                } else if role == Role::Either {
                    let imperative = last.is_none()
                        && next.is_some_and(|next| {
                            matches!(
                                self.lower(next).as_str(),
                                "the" | "a" | "an" | "my" | "our" | "me" | "this" | "that" | "for"
                            )
                        });
                    if imperative || in_modal && prev_content || last == Some(Role::To) {
                        role = Role::Verb;
                        in_modal = false;
                    } else {
                        role = Role::Content;
                    }
                } else if role == Role::Verb {
                    in_modal = false;
                }
            }
            if self.language == Language::German && plain && role == Role::Content && capitals {
                role = self.german_role(idx, &lower);
            }
            // What this word says about the next.
            expects_ing = match role {
                Role::Be if matches!(last, Some(Role::Question)) => None,
                Role::Be => Some(last.is_some_and(is_content) || last_word == "i"),
                Role::BeforeIng => Some(false),
                Role::Verb
                    if matches!(
                        lower.as_str(),
                        "keeps" | "keep" | "stop" | "start" | "started"
                    ) =>
                {
                    Some(false)
                }
                Role::Break if role::is_before_verb(&lower) => expects_ing,
                _ => None,
            };
            match role {
                Role::Subject => {
                    let object = matches!(
                        last_word.as_str(),
                        "for" | "with" | "to" | "of" | "about" | "tell" | "show" | "than"
                    );
                    expects_verb = !object || lower == "i";
                }
                Role::To => expects_verb = before_to,
                Role::Modal => in_modal = true,
                // "how X work" has a verb too, and "how to" has its own.
                _ if english && matches!(lower.as_str(), "how" | "why") => in_modal = true,
                Role::Break if expects_verb && role::is_before_verb(&lower) => {}
                // "do I", "should we": the verb is still to come.
                _ => expects_verb = false,
            }
            before_to = role::is_before_to(&lower);
            // A number is part of what it follows.
            let kept = self.words[idx].token.shape == Shape::Number
                && self.words[idx].holds_together()
                && last.is_some_and(is_content);
            if !kept {
                last = Some(role);
            }
            last_word.clone_from(&lower);
            self.words[idx].role = role;
        }
    }

    /// Nouns have a capital in German; what has none is a verb, an adverb, or an adjective before
    /// its noun.
    fn german_role(&self, idx: usize, lower: &str) -> Role {
        let word = &self.words[idx];
        if word.token.shape != Shape::Lower {
            return Role::Content;
        }
        let noun_follows = self
            .words
            .get(idx + 1)
            .is_some_and(|next| next.token.glue == Glue::Space && next.is_upper());
        let adjective = ["e", "en", "er", "es", "em"].iter().any(|ending| lower.ends_with(ending));
        if noun_follows && adjective && lower.len() > 4 { Role::Content } else { Role::Break }
    }

    /// The canonical words of a phrase with a space between them.
    pub(super) fn key(&self, phrase: Phrase, key: &mut String) {
        let mut word = String::new();
        key.clear();
        for part in &self.words[phrase.first..phrase.end] {
            fold(self.raw(part), &mut word);
            if !word.is_empty() {
                if !key.is_empty() {
                    key.push(' ');
                }
                key.push_str(&word);
            }
        }
    }

    /// Whether a part of a phrase could be a topic by itself.
    pub(super) fn stands_alone(&self, part: Phrase) -> bool {
        let (first, last) = (&self.words[part.first], &self.words[part.end - 1]);
        let glued = |at: usize| {
            self.words.get(at).is_some_and(|word| {
                word.token.glue == Glue::Hyphen || word.token.shape == Shape::Number
            })
        };
        let single = part.end - part.first == 1;
        // Not out of the middle of what hyphens hold together.
        !glued(part.first)
            && !glued(part.end)
            && first.role == Role::Content
            && (last.role == Role::Content
                || last.role == Role::Part && !single
                || !single && last.token.shape == Shape::Number)
    }

    fn folded(&self, idx: usize) -> String {
        let mut word = String::new();
        if let Some(part) = self.words.get(idx) {
            fold(self.raw(part), &mut word);
        }
        word
    }

    /// The phrases of the text, in order, none overlapping another.
    pub(super) fn phrases(&self) -> Vec<Phrase> {
        let mut phrases = Vec::new();
        let mut at = 0;
        while at < self.words.len() {
            let end = self.run_end(at);
            if end == at {
                at += 1;
                continue;
            }
            self.cut(at, end, &mut phrases);
            at = end;
        }
        phrases
    }

    /// Where the run of words that belong together ends which begins at `start`.
    fn run_end(&self, start: usize) -> usize {
        let mut at = start;
        while let Some(word) = self.words.get(at) {
            if at > start && !word.holds_together() {
                break;
            }
            if self.is_open(start, at) || (at > start && self.is_joined_number(start, at)) {
                at += 1;
                continue;
            }
            if let Some(end) = self.join_end(start, at) {
                at = end;
                continue;
            }
            break;
        }
        at
    }

    fn is_open(&self, start: usize, at: usize) -> bool {
        let Some(word) = self.words.get(at) else { return false };
        if is_content(word.role) {
            return true;
        }
        // "fine-tuning", "low-carb": what a hyphen joins to a word is no longer of no weight.
        let leads = at == start
            && matches!(word.role, Role::Break | Role::Verb | Role::BeforeIng)
            && !matches!(word.token.shape, Shape::Noise | Shape::Number)
            && self
                .words
                .get(at + 1)
                .is_some_and(|next| next.token.glue == Glue::Hyphen && is_content(next.role));
        // "power of attorney" may begin with a word that is no topic elsewhere.
        let begins_fixed = self.fixed_term_end(at).is_some();
        // Words between hyphens belong together, whatever they are: "end-to-end".
        let glued =
            at > start && word.token.glue == Glue::Hyphen && word.token.shape != Shape::Noise;
        begins_fixed || glued || leads
    }

    fn fixed_term_end(&self, at: usize) -> Option<usize> {
        let [_, second, third] = self.words.get(at..at + 3)? else { return None };
        if !second.holds_together() || !third.holds_together() {
            return None;
        }
        let middle = self.raw(second);
        if !matches!(middle.len(), 2 | 3) {
            return None;
        }
        let is_it = |term: &&[&str; 3]| {
            term[1].eq_ignore_ascii_case(middle)
                && term[0] == self.folded(at)
                && term[2] == self.folded(at + 2)
        };
        role::FIXED_TERMS.iter().find(is_it).map(|_| at + 3)
    }

    /// A number after a name: Windows 11, ISO 9001, GPT-4.
    fn is_joined_number(&self, start: usize, at: usize) -> bool {
        let (word, before) = (&self.words[at], &self.words[at - 1]);
        if word.token.shape != Shape::Number {
            return false;
        }
        if word.token.glue == Glue::Hyphen {
            return true;
        }
        let number = self.raw(word);
        let year = number.len() == 4 && (number.starts_with("19") || number.starts_with("20"));
        let named = before.is_upper() || role::takes_number(&self.lower(before));
        at > start && named && number.len() <= 6 && !year
    }

    /// The end of what the word at `at`, which is of no weight, joins with the run before it.
    fn join_end(&self, start: usize, at: usize) -> Option<usize> {
        if at == start {
            return None;
        }
        if let Some(end) = self.fixed_term_end(at - 1) {
            return Some(end);
        }
        if !self.raw(&self.words[at]).eq_ignore_ascii_case("of") {
            return None;
        }
        // Treaty of Versailles, Lord of the Rings.
        let mut next = at + 1;
        if self.words.get(next).is_some_and(|word| self.raw(word) == "the") {
            next += 1;
        }
        let last = self.words.get(next)?;
        let first = &self.words[at - 1];
        let whole = self.words.len() == next + 1 && at - 1 == 0;
        let heads = first.is_name() || whole || role::heads_name(&self.folded(at - 1));
        let capital = |word: &Word| matches!(word.token.shape, Shape::Capital | Shape::Mixed);
        let together = self.words[at + 1..=next].iter().all(Word::holds_together);
        (capital(first) && capital(last) && heads && together && is_content(last.role))
            .then_some(next + 1)
    }

    /// Cuts a run into phrases.
    fn cut(&self, mut first: usize, mut end: usize, phrases: &mut Vec<Phrase>) {
        // Words that fall off at the end.
        while end > first {
            let word = &self.words[end - 1];
            let falls = word.role == Role::Tail && word.token.glue != Glue::Hyphen;
            if !falls {
                break;
            }
            end -= 1;
        }
        while first < end {
            let cut = self.cut_end(first, end);
            let single = cut - first == 1;
            let role = self.words[first].role;
            let weak = single
                && (matches!(role, Role::Part | Role::Tail | Role::Break | Role::Verb)
                    || self.is_participle(first));
            if !weak && cut - first <= WORDS_MAX {
                phrases.push(Phrase { first, end: cut });
            }
            first = cut;
        }
    }

    /// *changed*, by itself.
    fn is_participle(&self, at: usize) -> bool {
        let word = &self.words[at];
        let raw = self.raw(word);
        self.language == Language::English
            && word.token.shape == Shape::Lower
            && raw.len() > 4
            && raw.ends_with("ed")
            && !raw.ends_with("eed")
    }

    /// Where the first phrase of a run ends.
    fn cut_end(&self, first: usize, end: usize) -> usize {
        let begins: Vec<usize> = (first..end)
            .filter(|&at| {
                at == first
                    || (self.words[at].token.glue != Glue::Hyphen
                        && self.words[at].token.shape != Shape::Number
                        && is_content(self.words[at].role)
                        && !self.in_fixed(first, at))
            })
            .take(2 * UNITS_MAX + 1)
            .collect();
        let n_units = begins.len();
        let Some(&second) = begins.get(1) else { return end };
        // An acronym before a phrase is a topic of its own, and so is a name with a number.
        let leads = second == first + 1
            && self.words[first].is_symbolic()
            && !self.raw(&self.words[first]).starts_with(|c: char| c.is_ascii_digit());
        let numbered = second > first + 1
            && self.words[second - 1].token.shape == Shape::Number
            && self.words[second - 1].token.glue == Glue::Space
            && self.words[first].is_upper();
        let named = self.words[second].is_name() || self.words[second].is_symbolic();
        if n_units >= 3 && (leads || numbered) && !named {
            return second;
        }
        if n_units <= UNITS_MAX {
            return end;
        }
        // A longer run is cut where a name begins or ends, or else into nearly equal parts.
        let n_cut = if n_units > 2 * UNITS_MAX { UNITS_MAX } else { n_units.div_ceil(2) };
        begins.get(n_cut).copied().unwrap_or(end)
    }

    fn in_fixed(&self, first: usize, at: usize) -> bool {
        (at.saturating_sub(2)..at)
            .any(|start| start >= first && self.fixed_term_end(start).is_some())
    }
}

pub(super) fn is_content(role: Role) -> bool {
    matches!(role, Role::Content | Role::Part | Role::Tail | Role::Either)
}
