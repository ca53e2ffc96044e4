//! Bars of ten cells, in proportion to the longest.

use ragged::memory::interest::Direction;

/// Cells of a bar.
pub(super) const CELLS: usize = 10;
/// Parts that a cell can show.
const PARTS: u64 = 8;

/// The signs that a terminal can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signs {
    /// Blocks and arrows.
    Unicode,
    /// ASCII alone.
    Ascii,
}

impl Signs {
    /// A bar for `count`, filled up with spaces to [`CELLS`] columns: all cells for `longest`, none
    /// for 0, and for every other count its share to the eighth of a cell, at least one.
    pub(super) fn bar(self, count: u64, longest: u64) -> String {
        let all = CELLS as u64 * PARTS;
        let parts = if count == 0 || longest == 0 {
            0
        } else {
            let share = u128::from(count.min(longest)) * u128::from(2 * all);
            // Rounded to the nearest.
            let twice = u128::from(longest) * 2;
            let rounded = (share + u128::from(longest)) / twice;
            u64::try_from(rounded).unwrap_or(all).clamp(1, all)
        };
        let (n_full, rest) = ((parts / PARTS) as usize, (parts % PARTS) as usize);
        let (full, partial) = match self {
            Self::Unicode => ('█', [' ', '▏', '▎', '▍', '▌', '▋', '▊', '▉'][rest]),
            Self::Ascii => ('#', [' ', '.', '.', '-', '-', '=', '=', '+'][rest]),
        };
        let mut bar: String = std::iter::repeat_n(full, n_full).collect();
        if n_full < CELLS {
            bar.push(partial);
            bar.extend(std::iter::repeat_n(' ', CELLS - n_full - 1));
        }
        bar
    }

    /// What stands beside the longest bar.
    pub(super) fn peak(self) -> &'static str {
        match self {
            Self::Unicode => "◆ peak",
            Self::Ascii => "* peak",
        }
    }

    /// What stands beside a bar that is longer or shorter than the one before.
    pub(super) fn step(self, before: u64, count: u64) -> &'static str {
        match (self, count.cmp(&before)) {
            (_, std::cmp::Ordering::Equal) => " ",
            (Self::Unicode, std::cmp::Ordering::Greater) => "▲",
            (Self::Unicode, std::cmp::Ordering::Less) => "▼",
            (Self::Ascii, std::cmp::Ordering::Greater) => "+",
            (Self::Ascii, std::cmp::Ordering::Less) => "-",
        }
    }

    /// An arrow that goes as the trend does.
    pub(super) fn arrow(self, direction: Direction) -> &'static str {
        match (self, direction) {
            (Self::Unicode, Direction::Rising) => "↗",
            (Self::Unicode, Direction::Steady) => "→",
            (Self::Unicode, Direction::Falling) => "↘",
            (Self::Ascii, Direction::Rising) => "/",
            (Self::Ascii, Direction::Steady) => "-",
            (Self::Ascii, Direction::Falling) => "\\",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_in_proportion() {
        let bar = |count, longest| Signs::Unicode.bar(count, longest);
        assert_eq!(bar(12, 12), "██████████");
        assert_eq!(bar(10, 12), "████████▍ ");
        assert_eq!(bar(6, 12), "█████     ");
        assert_eq!(bar(1, 12), "▉         ");
        assert_eq!(bar(1, 1_000_000), "▏         ");
        assert_eq!(bar(0, 12), "          ");
        assert_eq!(bar(0, 0), "          ");
        assert_eq!(bar(u64::MAX, u64::MAX), "██████████");
        assert_eq!(Signs::Ascii.bar(10, 12), "########- ");
        assert_eq!(Signs::Ascii.bar(1, 12), "+         ");
    }

    #[test]
    fn every_bar_is_as_long_as_its_share() {
        let eighths = |bar: &str| -> u64 {
            bar.chars()
                .map(|c| match c {
                    ' ' => 0,
                    // From the full block down to one eighth.
                    c => u64::from('▏') + 1 - u64::from(c),
                })
                .sum()
        };
        for longest in 1..=400_u64 {
            let mut before = 0;
            for count in 0..=longest {
                for signs in [Signs::Unicode, Signs::Ascii] {
                    let bar = signs.bar(count, longest);
                    assert_eq!(bar.chars().count(), CELLS);
                    assert_eq!(bar.trim().is_empty(), count == 0, "{count} of {longest}");
                }
                let found = eighths(&Signs::Unicode.bar(count, longest));
                let share = count as f64 / longest as f64 * 80.0;
                let error = (found as f64 - share).abs();
                assert!(error <= 0.5 || (found == 1 && share < 1.0), "{count} of {longest}");
                assert!(found >= before, "{count} of {longest}");
                before = found;
            }
            assert_eq!(before, 80);
        }
    }
}
