use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

fn ids() -> impl Strategy<Value = Vec<u64>> {
    let near = prop::collection::vec(0..60_u64, 0..40);
    let far = prop::collection::vec(prop_oneof![0..40_u64, u64::MAX - 20..=u64::MAX], 0..30);
    prop_oneof![near, far]
}

proptest! {
    #[test]
    fn sets_agree_with_the_standard_ones(a in ids(), b in ids()) {
        let (set_a, set_b): (IdSet, IdSet) =
            (a.iter().copied().collect(), b.iter().copied().collect());
        let (a, b): (BTreeSet<u64>, BTreeSet<u64>) = (a.into_iter().collect(), b.into_iter().collect());
        prop_assert_eq!(set_a.len(), a.len() as u64);
        prop_assert_eq!(set_a.iter().collect::<Vec<_>>(), a.iter().copied().collect::<Vec<_>>());
        for id in (0..64).chain(u64::MAX - 24..=u64::MAX) {
            prop_assert_eq!(set_a.contains(id), a.contains(&id));
        }
        let listed = |set: &IdSet| set.iter().collect::<Vec<_>>();
        prop_assert_eq!(listed(&set_a.union(&set_b)), a.union(&b).copied().collect::<Vec<_>>());
        prop_assert_eq!(
            listed(&set_a.intersection(&set_b)),
            a.intersection(&b).copied().collect::<Vec<_>>()
        );
        let difference = set_a.difference(&set_b);
        prop_assert_eq!(listed(&difference), a.difference(&b).copied().collect::<Vec<_>>());
        prop_assert_eq!(difference.len(), difference.iter().count() as u64);
    }

    #[test]
    fn sets_survive_encoding(a in ids()) {
        let set: IdSet = a.into_iter().collect();
        let mut bytes = Vec::new();
        set.encode(&mut bytes);
        let mut reader = Reader::new(&bytes);
        prop_assert_eq!(IdSet::decode(&mut reader), Some(set));
        prop_assert_eq!(reader.remaining_bytes(), 0);
    }

    #[test]
    fn any_bytes_are_a_set_or_none(bytes in prop::collection::vec(any::<u8>(), 0..24)) {
        if let Some(set) = IdSet::decode(&mut Reader::new(&bytes)) {
            let mut again = Vec::new();
            set.encode(&mut again);
            prop_assert_eq!(IdSet::decode(&mut Reader::new(&again)), Some(set));
        }
    }

    #[test]
    fn positions_and_ids_agree(a in prop::collection::vec(0..100_u64, 1..50), chosen in ids()) {
        let set: IdSet = a.into_iter().collect();
        let listed: Vec<u64> = set.iter().collect();
        let positions = Positions::new(set);
        for (position, id) in listed.iter().enumerate() {
            prop_assert_eq!(positions.id(position as u32), *id);
        }
        let chosen: IdSet = chosen.into_iter().collect();
        let mut visited = Vec::new();
        positions.visit_chosen(&chosen, |from, to| visited.extend(from..to));
        let expected: Vec<u64> = (0..listed.len() as u64)
            .filter(|position| chosen.contains(listed[*position as usize]))
            .collect();
        prop_assert_eq!(visited, expected);
    }
}

#[test]
fn ranges_may_overlap_touch_and_be_empty() {
    #[expect(clippy::reversed_empty_ranges, reason = "an empty range is the case tested")]
    let set = IdSet::from_ranges([5..=9, 0..=2, 3..=4, 20..=10, 8..=12]);
    assert_eq!(set.runs().collect::<Vec<_>>(), [0..=12]);
    assert_eq!(set.len(), 13);
}

#[test]
fn the_set_of_all_ids_has_a_length() {
    let all = IdSet::from_ranges([0..=u64::MAX]);
    assert_eq!(all.len(), u64::MAX);
    assert!(all.contains(0) && all.contains(u64::MAX));
    assert_eq!(all.difference(&all), IdSet::new());
}
