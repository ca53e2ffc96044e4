//! What is asked when profiles are measured.

use std::{collections::HashSet, path::PathBuf};

use anyhow::Result;
use fastrand::Rng;
use ragged::library::Library;

/// Words of a question that is made up.
const WORDS: std::ops::RangeInclusive<usize> = 3..=8;
/// Questions tried in a row that were there already, before it is given up to find more.
const TRIES: usize = 200;

/// Places of `n` questions, drawn so that the nth comes 1/n as often as the first (Zipf, s = 1).
pub(super) fn zipf(n: usize, draws: usize, rng: &mut Rng) -> Vec<u32> {
    let mut total = 0.0;
    let weights = (1..=n).map(|rank| 1.0 / rank as f64);
    let cumulative: Vec<f64> = weights
        .map(|weight| {
            total += weight;
            total
        })
        .collect();
    let draw = |rng: &mut Rng| {
        let at = rng.f64() * total;
        cumulative.partition_point(|upto| *upto <= at).min(n.saturating_sub(1)) as u32
    };
    (0..draws).filter(|_| n > 0).map(|_| draw(rng)).collect()
}

/// Up to `n` different questions out of the library's own words: a few that stand beside each other in
/// one of its documents.
pub(super) fn made_of(library: &Library, n: usize, rng: &mut Rng) -> Result<Vec<String>> {
    let reader = library.store().reader()?;
    let mut documents = reader.documents()?;
    rng.shuffle(&mut documents);
    documents.truncate(n);
    let each = n.div_ceil(documents.len().max(1));
    let mut known = HashSet::new();
    let mut questions = Vec::new();
    for document in &documents {
        let text = reader.document_text(document)?;
        let words: Vec<&str> = text.split_whitespace().filter(|word| is_word(word)).collect();
        let (mut made, mut tries) = (0, 0);
        while made < each && tries < TRIES && words.len() >= *WORDS.start() {
            let length = rng.usize(WORDS).min(words.len());
            let first = rng.usize(..=words.len() - length);
            let question = words[first..first + length].join(" ");
            if known.insert(question.clone()) {
                questions.push(question);
                (made, tries) = (made + 1, 0);
            } else {
                tries += 1;
            }
        }
    }
    rng.shuffle(&mut questions);
    questions.truncate(n);
    Ok(questions)
}

/// Not a rule, a number or the like.
fn is_word(word: &str) -> bool {
    word.len() <= 40 && word.chars().filter(|c| c.is_alphabetic()).count() >= 2
}

/// Files of the library that are still there, spread over it: few and small ones, to be read in a moment.
pub(super) fn files_of(library: &Library, rng: &mut Rng) -> Result<Vec<PathBuf>> {
    const FILES: usize = 40;
    const FILE_BYTES: u64 = 256 << 10;
    let mut files = library.store().reader()?.files()?;
    files.retain(|file| file.size_bytes <= FILE_BYTES);
    rng.shuffle(&mut files);
    let paths = files.into_iter().map(|file| PathBuf::from(file.path));
    Ok(paths.filter(|path| path.is_file()).take(FILES).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_comes_half_as_often_as_the_first() {
        let drawn = zipf(100, 50_000, &mut Rng::with_seed(3));
        let times = |place| drawn.iter().filter(|drawn| **drawn == place).count() as f64;
        // Of 50,000 draws the first takes 1/H(100) = 0.1928.
        assert!((times(0) / 50_000.0 - 0.1928).abs() < 0.01, "{}", times(0));
        assert!((times(1) / times(0) - 0.5).abs() < 0.05);
        assert!((times(9) / times(0) - 0.1).abs() < 0.03);
        assert!(drawn.iter().all(|place| *place < 100));
        assert_eq!(zipf(100, 50_000, &mut Rng::with_seed(3)), drawn);
        assert!(zipf(0, 5, &mut Rng::with_seed(1)).is_empty());
        assert_eq!(zipf(1, 3, &mut Rng::with_seed(1)), [0, 0, 0]);
    }
}
