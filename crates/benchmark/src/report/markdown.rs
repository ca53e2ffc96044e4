//! Markdown, as pull requests and job summaries show it.

use std::collections::BTreeSet;

use super::{TITLE, blocks, comparison::Comparison, thousands, winner};
use crate::{
    regression::Verdict,
    result::{Cell, RunResult},
    threshold::Held,
};

/// A run.
pub fn run(run: &RunResult, held: &[Held]) -> String {
    let mut text = format!(
        "# {TITLE}\n\n{} · ragged {} · {} · {}\n",
        cell(&run.label),
        cell(&run.version),
        cell(&run.corpus),
        cell(&run.machine.to_string())
    );
    if let Some(outcome) = winner::outcome(run) {
        text.push_str(&format!("\n**Overall winner: {}**\n", cell(&outcome.to_string())));
    }
    if !held.is_empty() {
        let limits: Vec<Vec<String>> = held
            .iter()
            .map(|held| {
                vec![
                    held.key.clone(),
                    held.cell.as_ref().map(words).unwrap_or_default(),
                    held.measured.map_or("not measured".to_owned(), |value| format!("{value:.3}")),
                    held.bound(),
                    if held.is_kept { "✓" } else { "✗" }.to_owned(),
                ]
            })
            .collect();
        text.push_str("\n## Limits\n\n");
        text.push_str(&table(&["Limit", "Of", "Measured", "Allowed", ""], &limits));
    }
    for block in blocks(run, &BTreeSet::new()) {
        text.push_str(&format!("\n## {}\n\n", cell(&block.title)));
        let has_difference = block.lines.iter().any(|line| line.difference.is_some());
        let mut header = vec!["Metric"];
        header.extend(block.columns.iter().map(|column| column.name.as_str()));
        if has_difference {
            header.push("Difference");
        }
        let rows: Vec<Vec<String>> = block
            .lines
            .iter()
            .map(|line| {
                let mut cells = vec![format!("{}: {}", line.heading, line.name)];
                cells.extend(line.values());
                if has_difference {
                    cells.push(line.difference.clone().unwrap_or_default());
                }
                cells
            })
            .collect();
        text.push_str(&table(&header, &rows));
    }
    for missing in &run.missing {
        let Cell { documents, backend, .. } = &missing.cell;
        text.push_str(&format!(
            "\n{}, {} documents: not available: {}\n",
            cell(backend),
            thousands(*documents),
            cell(&missing.why)
        ));
    }
    text
}

/// Two runs side by side.
pub fn comparison(comparison: &Comparison) -> String {
    let mut text = format!(
        "# {} against {}\n\n{}\n\n",
        cell(&comparison.current),
        cell(&comparison.baseline),
        cell(&comparison.summary())
    );
    let rows: Vec<Vec<String>> = comparison
        .in_order()
        .into_iter()
        .map(|change| {
            let [figure, of, before, now, by, chance, detectable] =
                super::comparison::words(change);
            let verdict = match change.verdict {
                Verdict::Worse => "✗ **worse**",
                Verdict::Better => "✓ better",
                other => other.as_str(),
            };
            vec![figure, of, before, now, by, chance, detectable, verdict.to_owned()]
        })
        .collect();
    let header = ["Figure", "Of", "Before", "Now", "Change", "By chance", "Sees from", "Verdict"];
    text.push_str(&table(&header, &rows));
    for note in comparison.notes() {
        text.push_str(&format!("\n{}\n", cell(&note)));
    }
    text
}

fn words(of: &Cell) -> String {
    format!("{}, {} documents", of.backend, thousands(of.documents))
}

fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let mut text = line(header.iter().map(|name| cell(name)).collect());
    text.push_str(&line(vec!["---".to_owned(); header.len()]));
    for row in rows {
        // A verdict may be in bold; everything else is words.
        text.push_str(&line(
            row.iter()
                .map(|words| if words.contains("**") { words.clone() } else { cell(words) })
                .collect(),
        ));
    }
    text
}

/// Words that stay in their cell and are no markup, whatever they are.
fn cell(words: &str) -> String {
    let mut safe = String::with_capacity(words.len());
    for c in words.chars() {
        match c {
            '|' | '\\' | '`' | '*' | '_' | '<' | '[' | ']' | '#' | '~' => {
                safe.push('\\');
                safe.push(c);
            }
            c if c.is_whitespace() => safe.push(' '),
            c if c.is_control() => {}
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stay_in_their_cell() {
        assert_eq!(cell("a|b\n`c` <d> *e*"), r"a\|b \`c\` \<d> \*e\*");
    }
}
