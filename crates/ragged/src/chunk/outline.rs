//! The sections of a document and which block stands in which.

use crate::document::{Block, BlockKind, Document};

use super::HEADING_SEPARATOR;

/// Longest heading kept, in bytes. What is longer is a paragraph that was taken for a heading.
const MAX_NAME: usize = 160;

/// Index of a section in its [`Outline`]; [`ROOT`] holds what stands under no heading.
pub(super) type SectionIdx = u32;

/// The whole document.
pub(super) const ROOT: SectionIdx = 0;

struct Section {
    /// Empty for the root and for a letter without a subject.
    name: String,
    parent: SectionIdx,
    depth: u32,
    /// The letter it is part of: a section itself, or [`ROOT`] outside letters.
    letter: SectionIdx,
}

/// The tree of sections.
pub(super) struct Outline {
    sections: Vec<Section>,
    /// The section of each block, by the block's index.
    of_block: Vec<SectionIdx>,
}

impl Outline {
    pub(super) fn of(document: &Document) -> Self {
        let root = Section { name: String::new(), parent: ROOT, depth: 0, letter: ROOT };
        let mut outline =
            Self { sections: vec![root], of_block: Vec::with_capacity(document.blocks.len()) };
        // Open sections, outermost first, with their levels.
        let mut open: Vec<(u8, SectionIdx)> = Vec::new();
        for block in &document.blocks {
            let titles = matches!(block.kind, BlockKind::Heading | BlockKind::Definition);
            // A heading without a level is one of the outermost.
            let level = if titles { block.level.max(1) } else { block.level };
            if level > 0 {
                while open.last().is_some_and(|&(deepest, _)| deepest >= level) {
                    open.pop();
                }
            }
            let parent = open.last().map_or(ROOT, |&(_, section)| section);
            // A message with a level is the head of a letter whose body follows; one without is a
            // turn of a conversation, whole in itself.
            let is_message = block.kind == BlockKind::Message;
            let is_letter = is_message && level > 0;
            let name =
                if titles || is_message { name_of(block, &document.text) } else { String::new() };
            let section = if is_letter || !name.is_empty() {
                outline.add(name, parent, is_letter)
            } else {
                parent
            };
            if section != parent && level > 0 {
                open.push((level, section));
            }
            outline.of_block.push(section);
        }
        outline
    }

    fn add(&mut self, name: String, parent: SectionIdx, is_letter: bool) -> SectionIdx {
        let Section { depth, letter, .. } = self.sections[parent as usize];
        let idx = self.sections.len() as SectionIdx;
        let letter = if is_letter { idx } else { letter };
        self.sections.push(Section { name, parent, depth: depth + 1, letter });
        idx
    }

    /// The letter `section` is part of; [`ROOT`] if none.
    pub(super) fn letter_of(&self, section: SectionIdx) -> SectionIdx {
        self.sections[section as usize].letter
    }

    /// The section of the block at `block_idx`.
    pub(super) fn section_of(&self, block_idx: usize) -> SectionIdx {
        self.of_block.get(block_idx).copied().unwrap_or(ROOT)
    }

    /// The innermost section that holds both.
    pub(super) fn common(&self, mut left: SectionIdx, mut right: SectionIdx) -> SectionIdx {
        while left != right {
            if self.depth(left) >= self.depth(right) {
                left = self.sections[left as usize].parent;
            } else {
                right = self.sections[right as usize].parent;
            }
        }
        left
    }

    pub(super) fn depth(&self, section: SectionIdx) -> u32 {
        self.sections[section as usize].depth
    }

    /// The names from the outermost section to `section`, without the outermost if it is `title`.
    pub(super) fn path(&self, section: SectionIdx, title: Option<&str>) -> String {
        let mut names = Vec::new();
        let mut at = section;
        while at != ROOT {
            let Section { name, parent, .. } = &self.sections[at as usize];
            names.push(name.as_str());
            at = *parent;
        }
        if title.is_some_and(|title| names.last() == Some(&title.trim())) {
            names.pop();
        }
        names.retain(|name| !name.is_empty());
        names.reverse();
        names.join(HEADING_SEPARATOR)
    }
}

/// The name a block gives its section: on one line, white space single, not too long.
fn name_of(block: &Block, text: &str) -> String {
    let name = match (&block.name, &block.kind) {
        (Some(name), _) => name.as_str(),
        // A message without a subject is not named after its text.
        (None, BlockKind::Message) => "",
        (None, _) => block
            .span
            .of(text)
            .lines()
            .map(|line| {
                line.trim_start_matches(['#', '=', '*', ' ', '\t']).trim_end_matches(['#', '='])
            })
            .find(|line| !line.trim().is_empty())
            .unwrap_or_default(),
    };
    let mut line = String::with_capacity(name.len().min(MAX_NAME));
    for word in name.split_whitespace() {
        if line.len() + word.len() >= MAX_NAME {
            if line.is_empty() {
                line.extend(word.chars().take(MAX_NAME / 4));
            }
            line.push('…');
            break;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    line
}
