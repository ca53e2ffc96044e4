use super::*;
use crate::result::tests::{row, run};

fn verdict(before: &[f64], after: &[f64], better: Better, kind: Kind) -> Verdict {
    let (before, after) = (
        run("a", vec![row("x", better, kind, before)]),
        run("b", vec![row("x", better, kind, after)]),
    );
    compare(&before, &after, 0.05, &Noise::default(), Allowed::default()).unwrap()[0].verdict
}

#[test]
fn worse_is_beyond_tolerance_and_chance() {
    let steady = [10.0, 10.1, 9.9, 10.05, 9.95];
    let slower = steady.map(|value| value * 1.1);
    let a_little = steady.map(|value| value * 1.03);
    let time = |before: &[f64], after: &[f64]| verdict(before, after, Better::Lower, Kind::Time);
    assert_eq!(time(&steady, &slower), Verdict::Worse);
    assert_eq!(time(&slower, &steady), Verdict::Better);
    assert_eq!(time(&steady, &a_little), Verdict::Same, "certain, and tolerated");
    let wild = [5.0, 20.0, 10.0, 30.0, 8.0];
    let wilder = [9.0, 25.0, 12.0, 28.0, 14.0];
    assert_eq!(time(&wild, &wilder), Verdict::Unsure, "beyond tolerance, and chance");
    assert_eq!(verdict(&slower, &steady, Better::Higher, Kind::Time), Verdict::Worse);
    assert_eq!(verdict(&slower, &steady, Better::Neither, Kind::Time), Verdict::Told);
    // One that went astray neither hides what the others show nor stands for them.
    let astray = [11.0, 11.1, 10.9, 99.0, 10.95];
    assert_eq!(time(&steady, &astray), Verdict::Worse);
    assert_eq!(time(&steady, &[10.0, 99.0, 9.9, 10.05, 9.95]), Verdict::Same);
    // Counts do not stray, one of them is enough.
    assert_eq!(verdict(&[100.0], &[106.0], Better::Lower, Kind::Count), Verdict::Worse);
    assert_eq!(verdict(&[0.0], &[1.0], Better::Lower, Kind::Count), Verdict::Worse);
    assert_eq!(verdict(&[0.0], &[0.0], Better::Lower, Kind::Count), Verdict::Same);
    assert_eq!(time(&[10.0], &[20.0]), Verdict::Unsure, "one time proves nothing");
}

#[test]
fn what_a_machine_strays_by_is_tolerated() {
    let of = |median: f64| {
        let repeats = [median - 0.1, median, median + 0.1, median + 0.05, median - 0.05];
        run("x", vec![row("x", Better::Lower, Kind::Time, &repeats)])
    };
    let noise = Noise::between(&[of(10.0), of(11.0), of(10.5)]);
    assert!((noise.by_figure["query/x"] - 0.1).abs() < 1e-9, "{noise:?}");
    let change = &compare(&of(10.0), &of(10.9), 0.05, &noise, Allowed::default()).unwrap()[0];
    assert_eq!(change.verdict, Verdict::Same);
    let change = &compare(&of(10.0), &of(11.5), 0.05, &noise, Allowed::default()).unwrap()[0];
    assert_eq!(change.verdict, Verdict::Worse);
    assert!((change.change.unwrap() - 0.15).abs() < 1e-9);
}

#[test]
fn what_is_measured_no_longer_is_told() {
    let mut before = run("a", vec![row("x", Better::Lower, Kind::Time, &[1.0])]);
    let mut larger = before.rows[0].clone();
    larger.cell.documents = 10_000;
    before.rows.extend([larger.clone(), larger.clone()]);
    let after = run("b", vec![before.rows[0].clone()]);
    assert_eq!(vanished(&before, &after), [(&larger.cell, "query")]);
    assert_eq!(vanished(&after, &before), []);
}

#[test]
fn other_machines_and_other_figures_are_refused() {
    let one = run("a", vec![row("x", Better::Lower, Kind::Time, &[1.0])]);
    let mut other = one.clone();
    other.machine.threads = 64;
    let none = Noise::default();
    let elsewhere = Allowed { another_machine: true, ..Allowed::default() };
    let error = compare(&one, &other, 0.05, &none, Allowed::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(compare(&one, &other, 0.05, &none, elsewhere).is_ok());
    let mut asked_less = one.clone();
    asked_less.corpus.push_str("; 10 questions");
    let error = compare(&one, &asked_less, 0.05, &none, Allowed::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    let of_others = Allowed { another_corpus: true, ..Allowed::default() };
    assert!(compare(&one, &asked_less, 0.05, &none, of_others).is_ok());
    let apart = run("b", vec![row("y", Better::Lower, Kind::Time, &[1.0])]);
    assert_eq!(
        compare(&one, &apart, 0.05, &none, Allowed::default()).unwrap_err().kind(),
        ErrorKind::Invalid
    );
}

/// Times and memory of 30 repeats, as `benchmark full` measured them at real-time priority, ahead of
/// whatever else wanted the processor.
fn recorded() -> RunResult {
    serde_json::from_str(include_str!("../../testdata/recorded.json")).unwrap()
}

/// Repeats that a gate compares: two rounds of `benchmark ci` on each side.
const GATE: usize = 20;
const TRIALS: u64 = 100;

/// How often of [`TRIALS`] times a figure is called worse if repeats of both sides are drawn from
/// those recorded, and those of the second side are so many times as bad.
fn n_called_worse(row: &Row, n: usize, times: f64) -> u64 {
    let factor = if row.better == Better::Higher { 1.0 / times } else { times };
    (0..TRIALS)
        .filter(|trial| {
            let mut rng = fastrand::Rng::with_seed(*trial);
            let mut drawn = |factor: f64| {
                let one = |_| row.repeats[rng.usize(..row.repeats.len())] * factor;
                Row { repeats: (0..n).map(one).collect(), ..row.clone() }
            };
            let (before, after) = (drawn(1.0), drawn(factor));
            change(&before, &after, 0.05, 0.0).verdict == Verdict::Worse
        })
        .count() as u64
}

#[test]
fn ten_per_cent_are_found_and_nothing_is_not() {
    let run = recorded();
    let figures: Vec<(&Row, Option<f64>, u64, u64)> = std::thread::scope(|scope| {
        let threads: Vec<_> = run
            .rows
            .iter()
            .map(|row| {
                scope.spawn(move || {
                    let power = Power::of(row, row, 0.05);
                    let least = power.detectable(GATE, GATE);
                    (row, least, n_called_worse(row, GATE, 1.1), n_called_worse(row, GATE, 1.0))
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let mut coarse = Vec::new();
    for (row, least, n_found, n_false) in figures {
        let name = figure(row);
        eprintln!("{name}: {n_found} of 100 found, {n_false} false, sees {least:.3?}");
        assert!(n_false <= 5, "{name}: {n_false} false alarms of 100");
        if least.is_some_and(|least| least <= 0.1) {
            assert!(n_found >= 95, "{name}: {n_found} of 100, and it was said to see {least:?}");
        } else {
            coarse.push(name);
        }
    }
    // What waits for the disk strays too much, and 300 documents take few ticks of the processor's
    // clock; `compare` says so.
    assert_eq!(coarse, ["ingest/cpu_per_document", "query/open", "query/cold_first",]);
}

#[test]
fn what_is_said_to_need_more_repeats_needs_about_so_many() {
    let run = recorded();
    for name in ["cold_first", "latency_p95", "repeat_p95"] {
        let row = run.rows.iter().find(|row| row.metric == name).unwrap();
        let power = Power::of(row, row, 0.05);
        let needed = power.repeats_needed(5, 5, 0.1).unwrap();
        let (with_five, with_so_many) =
            (n_called_worse(row, 5, 1.1), n_called_worse(row, needed, 1.1));
        eprintln!("{name}: {needed} repeats; {with_five} of 100 with 5, {with_so_many} with them");
        assert!(with_five < 95 && with_so_many >= 90, "{name} {with_five} {with_so_many}");
    }
}

#[test]
fn equal_values_share_their_place() {
    let (a, b) = ranks(&[1.0, 3.0], &[2.0, 2.0, 9.0]);
    assert_eq!((a, b), (vec![0.0, 3.0], vec![1.5, 1.5, 4.0]));
    assert_eq!(ranks(&[], &[5.0]), (vec![], vec![0.0]));
}

#[test]
fn what_cannot_be_seen_is_said() {
    let of = |repeats: &[f64], kind: Kind| row("x", Better::Lower, kind, repeats);
    let seen = |repeats: &[f64], kind: Kind| {
        let row = of(repeats, kind);
        change(&row, &row, 0.05, 0.0)
    };
    let few = seen(&[10.0, 10.1, 9.9], Kind::Time);
    assert_eq!((few.detectable, few.is_coarse(0.05)), (None, true));
    assert_eq!(few.repeats_needed, Some(4));
    let steady = seen(&[10.0, 10.1, 9.9, 10.05, 9.95], Kind::Time);
    assert!(steady.detectable.is_some_and(|least| least > 0.05 && least < 0.08), "{steady:?}");
    assert_eq!((steady.repeats_needed, steady.is_coarse(0.05)), (None, false));
    let wild = seen(&[10.0, 12.0, 9.0, 11.0, 8.0], Kind::Time);
    assert!(wild.is_coarse(0.05) && wild.repeats_needed.is_some_and(|n| n > 50), "{wild:?}");
    let counted = seen(&[100.0], Kind::Count);
    assert_eq!((counted.detectable, counted.is_coarse(0.05)), (Some(0.05), false));
    // What this machine strays by cannot be measured away.
    let row = of(&[10.0, 10.1, 9.9, 10.05, 9.95], Kind::Time);
    let noisy = change(&row, &row, 0.05, 0.3);
    assert!(noisy.is_coarse(0.05) && noisy.repeats_needed.is_none(), "{noisy:?}");
}

#[test]
fn runs_by_turns_are_taken_as_one() {
    let time = |label: &str, repeats: &[f64]| {
        run(label, vec![row("x", Better::Lower, Kind::Time, repeats)])
    };
    let mut second = time("b", &[3.0]);
    let only_there = row("y", Better::Lower, Kind::Time, &[9.0]);
    second.rows.push(only_there);
    let all = pooled(&[time("a", &[1.0, 2.0]), second.clone()]).unwrap();
    assert_eq!((all.label.as_str(), all.rows.len()), ("a,b", 1));
    assert_eq!(all.rows[0].repeats, [1.0, 2.0, 3.0]);
    second.seed = 7;
    let error = pooled(&[time("a", &[1.0]), second]).unwrap_err();
    assert!(error.kind() == ErrorKind::Conflict && error.to_string().contains("seed"), "{error}");
    assert_eq!(pooled(&[]).unwrap_err().kind(), ErrorKind::Invalid);
}
