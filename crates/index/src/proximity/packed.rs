//! Links as bits: the ascending numbers that a node links to, in little more space than telling
//! them apart takes.
//!
//! Elias and Fano's code. Of each number so many low bits stand as they are that its high part grows
//! by about one from link to link; the growth of the high parts is counted in ones and zeros. How
//! many bits a list takes depends on its length alone, so that lists are found without an offset
//! for each.

/// A node has no more links than a byte can count.
pub(super) const MOST_LINKS: usize = u8::MAX as usize;
/// Zeros after all lists, so that eight bytes can be read wherever a number begins.
pub(super) const PADDING_BYTES: usize = 8;
/// Bits that can be had from eight bytes wherever they begin.
const AT_ONCE: u64 = 57;

/// How lists of links among so many nodes are spelt.
#[derive(Clone, Debug)]
pub(super) struct Spelling {
    n_nodes: u32,
    /// By number of links: the low bits of each, and the bits of all.
    sizes: Vec<(u32, u32)>,
}

impl Spelling {
    pub(super) fn new(n_nodes: u32) -> Self {
        let size = |n_links: u32| {
            let low = (n_nodes / n_links.max(1)).checked_ilog2().unwrap_or(0);
            let bits = n_links * (low + 1) + (n_nodes.saturating_sub(1) >> low);
            (low, if n_links == 0 { 0 } else { bits })
        };
        Self { n_nodes, sizes: (0..=MOST_LINKS as u32).map(size).collect() }
    }

    /// Bits of a list of so many links, at most [`MOST_LINKS`].
    pub(super) fn bits(&self, n_links: usize) -> u64 {
        self.sizes.get(n_links).map_or(0, |(_, bits)| u64::from(*bits))
    }

    /// Writes a list of ascending numbers below the number of nodes.
    pub(super) fn push(&self, links: &[u32], bits: &mut BitWriter) {
        let Some((low, all)) = self.sizes.get(links.len()) else { return };
        let n_high = u64::from(*all) - links.len() as u64 * u64::from(*low);
        let mut written = 0;
        for (at, link) in (0..).zip(links) {
            let one = u64::from(link >> low) + at;
            bits.push_zeros(one - written);
            bits.push(1, 1);
            written = one + 1;
        }
        bits.push_zeros(if links.is_empty() { 0 } else { n_high - written });
        for link in links {
            bits.push(link & ((1 << low) - 1), *low);
        }
    }

    /// Appends the list of `n_links` links that begins at a bit of `packed`. Whatever the bits,
    /// only numbers below the number of nodes are appended, and no more than `n_links`.
    pub(super) fn read(&self, packed: &[u8], start: u64, n_links: u8, links: &mut Vec<u32>) {
        let (low, all) = self.sizes[usize::from(n_links)];
        let (low, n_links) = (u64::from(low), u64::from(n_links));
        let n_high = u64::from(all).saturating_sub(n_links * low);
        let mask = (1_u64 << low) - 1;
        let (mut read, mut found) = (0, 0);
        while read < n_high {
            let Some(mut ones) = bits_at(packed, start.saturating_add(read)) else { return };
            let n_bits = AT_ONCE.min(n_high - read);
            ones &= (1 << n_bits) - 1;
            while ones != 0 && found < n_links {
                let one = read + u64::from(ones.trailing_zeros());
                ones &= ones - 1;
                let at = start.saturating_add(n_high + found * low);
                let Some(rest) = bits_at(packed, at) else { return };
                // At least `found` ones came before this one.
                let link = (one - found) << low | rest & mask;
                found += 1;
                if link < u64::from(self.n_nodes) {
                    links.push(link as u32);
                }
            }
            read += n_bits;
        }
    }
}

/// At least [`AT_ONCE`] bits from a bit on, the first one lowest; `None` beyond the padding.
fn bits_at(packed: &[u8], bit: u64) -> Option<u64> {
    let at = usize::try_from(bit / 8).ok()?;
    let eight = packed.get(at..)?.first_chunk()?;
    Some(u64::from_le_bytes(*eight) >> (bit % 8))
}

/// Bits, the first one lowest in the first byte.
#[derive(Debug, Default)]
pub(super) struct BitWriter {
    bytes: Vec<u8>,
    word: u64,
    n_bits: u32,
}

impl BitWriter {
    /// The low `bits` of a value that has no others, at most 32.
    fn push(&mut self, value: u32, bits: u32) {
        self.word |= u64::from(value) << self.n_bits;
        self.n_bits += bits;
        while self.n_bits >= 8 {
            self.bytes.push(self.word as u8);
            self.word >>= 8;
            self.n_bits -= 8;
        }
    }

    fn push_zeros(&mut self, mut n: u64) {
        while n > 0 {
            let some = n.min(32);
            self.push(0, some as u32);
            n -= some;
        }
    }

    /// All bits, and the padding.
    pub(super) fn finish(mut self) -> Vec<u8> {
        if self.n_bits > 0 {
            self.bytes.push(self.word as u8);
        }
        self.bytes.extend([0; PADDING_BYTES]);
        self.bytes
    }
}
