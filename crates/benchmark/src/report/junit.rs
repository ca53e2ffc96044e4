//! The XML of `JUnit`, which build servers show as test cases: a limit is one, and a figure that is compared.

use super::{
    comparison::{self, Comparison},
    escaped, thousands, value,
};
use crate::{
    regression::{Change, Verdict},
    result::{Cell, RunResult},
    threshold::Held,
};

struct Case {
    class: String,
    name: String,
    told: String,
    end: End,
}

enum End {
    Passed,
    Failed(String),
    Skipped(String),
}

/// A run: a case a figure, which passes, and one a limit, which fails if it is broken. What could not
/// be measured was skipped.
pub fn run(run: &RunResult, held: &[Held]) -> String {
    let mut cases: Vec<Case> = held.iter().map(limit).collect();
    cases.extend(run.rows.iter().map(|row| Case {
        class: class(&row.test, &row.cell),
        name: row.metric.clone(),
        told: format!("{} (median of {})", value(row), row.repeats.len()),
        end: End::Passed,
    }));
    cases.extend(run.missing.iter().map(|missing| Case {
        class: class("available", &missing.cell),
        name: missing.cell.backend.clone(),
        told: String::new(),
        end: End::Skipped(missing.why.clone()),
    }));
    let properties = [
        ("label", run.label.as_str()),
        ("version", &run.version),
        ("corpus", &run.corpus),
        ("machine", &run.machine.to_string()),
    ];
    suite(&format!("ragged benchmark {}", run.label), Some(&run.created), &properties, &cases)
}

fn limit(held: &Held) -> Case {
    let of = held.cell.as_ref().map_or("limit".to_owned(), |cell| class("limit", cell));
    let measured = held.measured.map_or("not measured".to_owned(), |value| format!("{value:.3}"));
    let told = format!("{measured}, {}", held.bound());
    let end = if held.is_kept { End::Passed } else { End::Failed(told.clone()) };
    Case { class: of, name: held.key.clone(), told, end }
}

/// Two runs: a case a figure, which fails where it became worse.
pub fn comparison(comparison: &Comparison) -> String {
    let case = |change: &Change| {
        let [_, _, before, now, by, ..] = comparison::words(change);
        let told = format!("{before} before, {now} now: {by}");
        let end = match change.verdict {
            Verdict::Worse => End::Failed(told.clone()),
            Verdict::Unsure => End::Skipped("chance may explain the change".to_owned()),
            Verdict::Better | Verdict::Same | Verdict::Told => End::Passed,
        };
        Case { class: class(&change.test, &change.cell), name: change.metric.clone(), told, end }
    };
    let cases: Vec<Case> = comparison.changes.iter().map(case).collect();
    let tolerance = format!("{:.1} %", 100.0 * comparison.tolerance);
    let properties = [
        ("baseline", comparison.baseline.as_str()),
        ("current", &comparison.current),
        ("tolerance", &tolerance),
    ];
    let name = format!("ragged benchmark {} against {}", comparison.current, comparison.baseline);
    suite(&name, None, &properties, &cases)
}

fn class(test: &str, cell: &Cell) -> String {
    let Cell { documents, backend, configuration } = cell;
    format!(
        "benchmark.{test}.{backend}.{configuration}.{}",
        thousands(*documents).replace(',', "_")
    )
}

fn suite(name: &str, made: Option<&str>, properties: &[(&str, &str)], cases: &[Case]) -> String {
    let n_failed = cases.iter().filter(|case| matches!(case.end, End::Failed(_))).count();
    let n_skipped = cases.iter().filter(|case| matches!(case.end, End::Skipped(_))).count();
    let n = cases.len();
    let made = made.map(|made| format!(" timestamp=\"{}\"", escaped(made))).unwrap_or_default();
    let mut xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites tests=\"{n}\" failures=\"{n_failed}\" skipped=\"{n_skipped}\">\n  <testsuite name=\"{}\" tests=\"{n}\" failures=\"{n_failed}\" errors=\"0\" skipped=\"{n_skipped}\"{made}>\n    <properties>\n",
        escaped(name)
    );
    for (name, value) in properties {
        xml.push_str(&format!(
            "      <property name=\"{}\" value=\"{}\"/>\n",
            escaped(name),
            escaped(value)
        ));
    }
    xml.push_str("    </properties>\n");
    for Case { class, name, told, end } in cases {
        xml.push_str(&format!(
            "    <testcase classname=\"{}\" name=\"{}\">",
            escaped(class),
            escaped(name)
        ));
        match end {
            End::Passed => {}
            End::Failed(why) => xml.push_str(&format!("<failure message=\"{}\"/>", escaped(why))),
            End::Skipped(why) => xml.push_str(&format!("<skipped message=\"{}\"/>", escaped(why))),
        }
        if !told.is_empty() {
            xml.push_str(&format!("<system-out>{}</system-out>", escaped(told)));
        }
        xml.push_str("</testcase>\n");
    }
    xml.push_str("  </testsuite>\n</testsuites>\n");
    xml
}
