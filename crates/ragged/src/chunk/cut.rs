//! Where chunks begin and end.
//!
//! The document becomes a row of *atoms* that are never cut: whole blocks, or the sentences or
//! lines of a block that is too long. Runs of atoms of one section are cut into drafts of even
//! length; drafts that came out tiny are then joined across sections.

use std::ops::Range;

use crate::document::{BlockKind, Document, Span};

use super::ChunkConfig;
use super::outline::{Outline, SectionIdx};
use super::sentence::sentences;
use super::tokens::Weight;

/// How natural it is to cut before an atom, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seam {
    /// A block begins.
    Block,
    /// The next item of the same list, or the next row.
    Item,
    /// The first item of a list: what stands before usually introduces it.
    FirstItem,
    /// A blank line inside a block.
    BlankLine,
    /// The end of a sentence, or of a line of code, inside a block.
    Sentence,
    /// The end of a line inside a sentence.
    Line,
    /// A space inside a sentence, or a place inside a word of enormous length.
    Word,
    /// A heading stands before: it belongs to what follows.
    AfterHeading,
}

impl Seam {
    /// The price of cutting here. A draft half as long or half again as long as wanted costs 1.
    fn price(self) -> f32 {
        match self {
            Self::Block => 0.0,
            Self::Item => 0.05,
            Self::BlankLine => 0.1,
            Self::FirstItem | Self::Sentence => 0.3,
            Self::Line => 0.6,
            Self::Word => 1.5,
            Self::AfterHeading => 4.0,
        }
    }
}

/// How a block may share a chunk with blocks of other groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Company {
    /// Goes with its section, and with a neighbouring section where both are tiny.
    Section,
    /// Its own chunk, which may take in neighbours while it is tiny: a turn of a conversation.
    Turn,
    /// Its own chunk, always: a record that is long enough to stand by itself.
    Alone,
}

#[derive(Clone, Debug)]
struct Atom {
    span: Span,
    weight: Weight,
    seam: Seam,
    /// Which block it is a part of, so that overlap stays inside a block.
    block_idx: u32,
    section: SectionIdx,
    page: Option<u32>,
    company: Company,
    is_row: bool,
    is_heading: bool,
}

/// A chunk to be: its text, its section, its length.
pub(super) struct Draft {
    pub(super) span: Span,
    pub(super) pages: Option<(u32, u32)>,
    pub(super) section: SectionIdx,
    pub(super) weight: Weight,
}

/// A run of atoms that will be one chunk.
struct Run {
    atoms: Range<usize>,
    section: SectionIdx,
    weight: Weight,
    company: Company,
}

pub(super) fn drafts(document: &Document, outline: &Outline, config: &ChunkConfig) -> Vec<Draft> {
    let atoms = atoms(document, outline, config);
    let mut runs = Vec::new();
    let mut from = 0;
    while from < atoms.len() {
        let to = group_end(&atoms, from);
        cut(&atoms, from..to, config, &mut runs);
        from = to;
    }
    let runs = join(&atoms, runs, outline, config);
    let mut drafts = Vec::with_capacity(runs.len());
    let mut before = 0;
    for run in runs {
        drafts.push(draft(&atoms, &run, before, config));
        let span = Span { end: atoms[run.atoms.end - 1].span.end, ..atoms[run.atoms.start].span };
        let own = span.of(&document.text);
        let words = own.trim_start();
        if !words.is_empty() {
            before = span.start + (own.len() - words.len()) as u32;
        }
    }
    drafts
}

/// Where the group of atoms that begins at `from` ends: at the next section, at the next page,
/// so that a citation can name it, and around every block that keeps its own company.
fn group_end(atoms: &[Atom], from: usize) -> usize {
    let first = &atoms[from];
    let same = |atom: &Atom| {
        if first.company == Company::Section {
            atom.company == Company::Section
                && atom.section == first.section
                && atom.page == first.page
        } else {
            atom.block_idx == first.block_idx
        }
    };
    from + atoms[from..].iter().take_while(|atom| same(atom)).count()
}

/// Cuts a group into runs of even length near the target.
fn cut(atoms: &[Atom], group: Range<usize>, config: &ChunkConfig, runs: &mut Vec<Run>) {
    let target = u64::from(config.target_tokens.max(1)) * Weight::from_tokens(1).units();
    let max = Weight::from_tokens(config.max_tokens).units();
    // A group this long stays whole: cutting it would leave two chunks well below the target.
    let whole = (target + target / 4).min(max);

    let mut remaining: u64 = atoms[group.clone()].iter().map(|atom| atom.weight.units()).sum();
    let mut rows_remaining = atoms[group.clone()].iter().filter(|atom| atom.is_row).count();
    let mut from = group.start;
    while from < group.end {
        let continued = from > group.start && atoms[from].block_idx == atoms[from - 1].block_idx;
        let overlap = if continued { config.overlap_tokens } else { 0 };
        let room = max.saturating_sub(Weight::from_tokens(overlap).units());

        let mut to = group.end;
        if remaining > whole.min(room) || rows_remaining > config.max_rows as usize {
            let pieces = ((remaining + target / 2) / target)
                .max(rows_remaining.div_ceil(config.max_rows as usize) as u64)
                .max(2);
            to = best_cut(atoms, from..group.end, remaining / pieces, room, config.max_rows);
        }
        let weight: u64 = atoms[from..to].iter().map(|atom| atom.weight.units()).sum();
        remaining -= weight;
        rows_remaining -= atoms[from..to].iter().filter(|atom| atom.is_row).count();
        runs.push(Run {
            atoms: from..to,
            section: atoms[from].section,
            weight: Weight::from_units(weight),
            company: atoms[from].company,
        });
        from = to;
    }
}

/// Where the run that begins at `rest.start` should end so that it holds about `want` units and at
/// most `room`, at the most natural seam.
fn best_cut(atoms: &[Atom], rest: Range<usize>, want: u64, room: u64, max_rows: u32) -> usize {
    let mut size = 0;
    let mut rows = 0;
    let mut best: Option<(f32, usize)> = None;
    // At least one atom, however long.
    let mut longest = rest.start + 1;
    for to in rest.start + 1..=rest.end {
        size += atoms[to - 1].weight.units();
        rows += u32::from(atoms[to - 1].is_row);
        if to > rest.start + 1 && (size > room || rows > max_rows) {
            break;
        }
        longest = to;
        if size * 2 < want {
            continue;
        }
        let seam = atoms.get(to).filter(|_| to < rest.end).map_or(Seam::Block, |atom| atom.seam);
        let off = (size as f32 - want as f32) / (want.max(1) as f32);
        let price = seam.price() + 4.0 * off * off;
        if best.is_none_or(|(least, _)| price < least) {
            best = Some((price, to));
        }
        if size > want * 2 {
            break;
        }
    }
    best.map_or(longest, |(_, to)| to)
}

/// Joins runs that are tiny with a neighbour, preferring the one that shares the deeper section.
fn join(atoms: &[Atom], runs: Vec<Run>, outline: &Outline, config: &ChunkConfig) -> Vec<Run> {
    let min = Weight::from_tokens(config.min_tokens);
    let max = Weight::from_tokens(config.max_tokens);
    let target = Weight::from_tokens(config.target_tokens);
    let fits = |left: &Run, right: &Run| {
        let both = left.weight + right.weight;
        let rows =
            atoms[left.atoms.start..right.atoms.end].iter().filter(|atom| atom.is_row).count();
        // Two ends of one block were cut on purpose.
        let same_block = atoms[left.atoms.end - 1].block_idx == atoms[right.atoms.start].block_idx;
        // Two pages, and two letters, are never one chunk.
        atoms[left.atoms.start].page == atoms[right.atoms.start].page
            && outline.letter_of(left.section) == outline.letter_of(right.section)
            && left.company == right.company
            && left.company != Company::Alone
            && !same_block
            && rows <= config.max_rows as usize
            && both <= max
            && (left.weight < min || right.weight < min)
            // Two turns of a conversation that can each stand alone do.
            && (left.company == Company::Section || both <= target)
    };
    let kinship =
        |left: &Run, right: &Run| outline.depth(outline.common(left.section, right.section));

    let mut joined: Vec<Run> = Vec::with_capacity(runs.len());
    let mut runs = runs.into_iter().peekable();
    while let Some(run) = runs.next() {
        let Some(before) = joined.last_mut().filter(|before| fits(before, &run)) else {
            joined.push(run);
            continue;
        };
        // A tiny run that is nearer to the one after it waits for that one; a tiny run before
        // takes what comes, or it would stay tiny.
        let waits = before.weight >= min
            && runs.peek().is_some_and(|after| {
                fits(&run, after) && kinship(before, &run) < kinship(&run, after)
            });
        if waits {
            joined.push(run);
        } else {
            let common = outline.common(before.section, run.section);
            // Headings alone are above what follows, not beside it.
            let is_above = common == before.section
                && atoms[before.atoms.clone()].iter().all(|atom| atom.is_heading);
            before.section = if is_above { run.section } else { common };
            before.weight = before.weight + run.weight;
            before.atoms.end = run.atoms.end;
        }
    }
    joined
}

/// The draft of `run`; `before` is where the words of the run before it begin.
fn draft(atoms: &[Atom], run: &Run, before: u32, config: &ChunkConfig) -> Draft {
    let own = &atoms[run.atoms.clone()];
    let (first, last) = (&own[0], &own[own.len() - 1]);
    let pages = own.iter().filter_map(|atom| atom.page);
    let pages = pages.clone().min().zip(pages.max());

    // What the run before ends with, if it is the same block: whole atoms, never all the words of
    // that run, so that every chunk begins after the one before it.
    let mut start = first.span.start;
    let room = Weight::from_tokens(config.max_tokens) - run.weight;
    let budget = Weight::from_tokens(config.overlap_tokens).min(room);
    let mut repeated = Weight::default();
    for atom in atoms[..run.atoms.start].iter().rev() {
        let is_all = atom.span.start <= before;
        if is_all || atom.block_idx != first.block_idx || repeated + atom.weight > budget {
            break;
        }
        repeated = repeated + atom.weight;
        start = atom.span.start;
    }
    let weight = run.weight + repeated;
    Draft { span: Span { start, end: last.span.end }, pages, section: run.section, weight }
}

/// The atoms of the document, in order, together holding all text that is not white space.
fn atoms(document: &Document, outline: &Outline, config: &ChunkConfig) -> Vec<Atom> {
    let text = document.text.as_str();
    let mut atoms: Vec<Atom> = Vec::with_capacity(document.blocks.len());
    let mut covered = 0_usize;
    let mut section = super::outline::ROOT;
    let mut page = None;
    let mut before: Option<&BlockKind> = None;
    // The heading or headings that the next block will share a chunk with.
    let mut heading = Weight::default();
    let max = Weight::from_tokens(config.max_tokens);
    for (block_idx, block) in document.blocks.iter().enumerate() {
        let start = ceil_char(text, (block.span.start as usize).max(covered));
        let end = floor_char(text, block.span.end as usize);
        if start >= end || text[start..end].trim().is_empty() {
            continue;
        }
        if !text[covered..start].trim().is_empty() {
            let gap =
                Part { kind: &BlockKind::Paragraph, seam: Seam::Block, level: 0, section, page };
            gap.add(text, covered..start, u32::MAX, config, max, &mut atoms);
        }
        covered = end;
        section = outline.section_of(block_idx);
        page = block.page.or(page);
        let seam = match (before, &block.kind) {
            (Some(BlockKind::Heading | BlockKind::Message), BlockKind::Paragraph)
            | (Some(BlockKind::Heading), _) => Seam::AfterHeading,
            (Some(BlockKind::ListItem), BlockKind::ListItem)
            | (Some(BlockKind::TableRow), BlockKind::TableRow) => Seam::Item,
            (Some(BlockKind::Paragraph), BlockKind::ListItem) => Seam::FirstItem,
            _ => Seam::Block,
        };
        let part = Part { kind: &block.kind, seam, level: block.level, section, page: block.page };
        let room = max - heading;
        let weight = part.add(text, start..end, block_idx as u32, config, room, &mut atoms);
        heading =
            if block.kind == BlockKind::Heading { heading + weight } else { Weight::default() };
        before = Some(&block.kind);
    }
    if !text[covered..].trim().is_empty() {
        let gap = Part { kind: &BlockKind::Paragraph, seam: Seam::Block, level: 0, section, page };
        gap.add(text, covered..text.len(), u32::MAX, config, max, &mut atoms);
    }
    atoms
}

/// A block, or text that no block covers.
struct Part<'a> {
    kind: &'a BlockKind,
    seam: Seam,
    /// The block's level.
    level: u8,
    section: SectionIdx,
    page: Option<u32>,
}

impl Part<'_> {
    /// Adds the part as one atom if it is no longer than `room`, else as many; returns its weight.
    fn add(
        &self,
        text: &str,
        range: Range<usize>,
        block_idx: u32,
        config: &ChunkConfig,
        room: Weight,
        atoms: &mut Vec<Atom>,
    ) -> Weight {
        let piece = &text[range.clone()];
        // What is far too long in bytes is not weighed twice. No more than this much of a text is
        // white space, unless it is not text.
        let is_long = piece.len() as u64 > 32 * u64::from(config.max_tokens);
        let weight = if is_long { room + Weight::from_tokens(1) } else { Weight::of(piece) };
        let company = match self.kind {
            BlockKind::Message if self.level == 0 => Company::Turn,
            BlockKind::TableRow if weight >= Weight::from_tokens(config.min_tokens) => {
                Company::Alone
            }
            _ => Company::Section,
        };
        let mut push = |start: usize, end: usize, weight, seam| {
            atoms.push(Atom {
                span: Span::new(range.start + start, range.start + end),
                weight,
                seam,
                block_idx,
                section: self.section,
                page: self.page,
                company,
                is_row: *self.kind == BlockKind::TableRow,
                is_heading: *self.kind == BlockKind::Heading,
            });
        };
        if weight <= room {
            push(0, piece.len(), weight, self.seam);
            return weight;
        }
        let is_code = matches!(self.kind, BlockKind::Code | BlockKind::Definition);
        // Fine enough that cuts can be even.
        let grain = Weight::from_tokens((config.target_tokens / 4).max(4));
        let mut seam = self.seam;
        let parts: &mut dyn Iterator<Item = Range<usize>> =
            if is_code { &mut lines(piece) } else { &mut sentences(piece) };
        for part in parts {
            let weight = Weight::of(&piece[part.clone()]);
            let after_blank = ends_with_blank_line(&piece[part.clone()]);
            if weight <= grain {
                push(part.start, part.end, weight, seam);
            } else {
                let mut seam = seam;
                for line in lines(&piece[part.clone()]) {
                    for word in words(&piece[part.start + line.start..part.start + line.end], grain)
                    {
                        let start = part.start + line.start + word.start;
                        let end = part.start + line.start + word.end;
                        push(start, end, Weight::of(&piece[start..end]), seam);
                        seam = Seam::Word;
                    }
                    seam = Seam::Line;
                }
            }
            seam = if after_blank { Seam::BlankLine } else { Seam::Sentence };
        }
        weight
    }
}

/// The lines of `text`, line ends included, a blank line joined to the line before it.
fn lines(text: &str) -> impl Iterator<Item = Range<usize>> + '_ {
    let mut start = 0;
    std::iter::from_fn(move || {
        if start >= text.len() {
            return None;
        }
        let rest = &text[start..];
        let mut length = rest.find('\n').map_or(rest.len(), |at| at + 1);
        while let Some(at) = rest[length..].find('\n') {
            if !rest[length..length + at].trim().is_empty() {
                break;
            }
            length += at + 1;
        }
        start += length;
        Some(start - length..start)
    })
}

fn ends_with_blank_line(text: &str) -> bool {
    let mut breaks = text[text.trim_end().len()..].bytes().filter(|&byte| byte == b'\n');
    breaks.next().is_some() && breaks.next().is_some()
}

/// Pieces of `text` of at most `grain` each, cut at white space, and inside a word only where the
/// word alone is longer.
fn words(text: &str, grain: Weight) -> Vec<Range<usize>> {
    let mut pieces = Vec::new();
    let (mut start, mut at) = (0, 0);
    let mut weight = Weight::default();
    while at < text.len() {
        let rest = &text[at..];
        let length = rest
            .char_indices()
            .skip_while(|(_, c)| c.is_whitespace())
            .skip_while(|(_, c)| !c.is_whitespace())
            .map(|(offset, _)| offset)
            .next()
            .unwrap_or(rest.len());
        let word = Weight::of(&rest[..length]);
        if weight + word > grain && at > start {
            pieces.push(start..at);
            start = at;
            weight = Weight::default();
        }
        if word > grain {
            // No byte is more than one token, so this many bytes are never too many.
            let step = grain.tokens().max(4) as usize;
            let mut from = at;
            while from < at + length {
                let to = floor_char(text, (from + step).min(at + length));
                pieces.push(from..to);
                from = to;
            }
            start = at + length;
        } else {
            weight = weight + word;
        }
        at += length;
    }
    if start < text.len() {
        pieces.push(start..text.len());
    }
    pieces
}

fn ceil_char(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at += 1;
    }
    at
}

fn floor_char(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}
