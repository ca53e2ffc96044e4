use super::*;
use crate::result::tests::{row, run};

fn verdict(before: &[f64], after: &[f64], better: Better, kind: Kind) -> Verdict {
    let (before, after) = (
        run("a", vec![row("x", better, kind, before)]),
        run("b", vec![row("x", better, kind, after)]),
    );
    compare(&before, &after, 0.05, &Noise::default(), false).unwrap()[0].verdict
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
    assert_eq!(time(&wild, &wilder), Verdict::Same, "beyond tolerance, and chance");
    assert_eq!(verdict(&slower, &steady, Better::Higher, Kind::Time), Verdict::Worse);
    assert_eq!(verdict(&slower, &steady, Better::Neither, Kind::Time), Verdict::Told);
    // Counts do not stray, one of them is enough.
    assert_eq!(verdict(&[100.0], &[106.0], Better::Lower, Kind::Count), Verdict::Worse);
    assert_eq!(verdict(&[0.0], &[1.0], Better::Lower, Kind::Count), Verdict::Worse);
    assert_eq!(verdict(&[0.0], &[0.0], Better::Lower, Kind::Count), Verdict::Same);
    assert_eq!(time(&[10.0], &[20.0]), Verdict::Same, "one time proves nothing");
}

#[test]
fn what_a_machine_strays_by_is_tolerated() {
    let of = |median: f64| {
        let repeats = [median - 0.1, median, median + 0.1, median + 0.05, median - 0.05];
        run("x", vec![row("x", Better::Lower, Kind::Time, &repeats)])
    };
    let noise = Noise::between(&[of(10.0), of(11.0), of(10.5)]);
    assert!((noise.by_figure["query/x"] - 0.1).abs() < 1e-9, "{noise:?}");
    let change = &compare(&of(10.0), &of(10.9), 0.05, &noise, false).unwrap()[0];
    assert_eq!(change.verdict, Verdict::Same);
    let change = &compare(&of(10.0), &of(11.5), 0.05, &noise, false).unwrap()[0];
    assert_eq!(change.verdict, Verdict::Worse);
    assert!((change.change.unwrap() - 0.15).abs() < 1e-9);
}

#[test]
fn other_machines_and_other_figures_are_refused() {
    let one = run("a", vec![row("x", Better::Lower, Kind::Time, &[1.0])]);
    let mut other = one.clone();
    other.machine.threads = 64;
    let none = Noise::default();
    let error = compare(&one, &other, 0.05, &none, false).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(compare(&one, &other, 0.05, &none, true).is_ok());
    let apart = run("b", vec![row("y", Better::Lower, Kind::Time, &[1.0])]);
    assert_eq!(compare(&one, &apart, 0.05, &none, false).unwrap_err().kind(), ErrorKind::Invalid);
}
