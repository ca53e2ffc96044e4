//! Which of many near nodes a node links to.

use super::points::Points;

/// A node and its squared distance to the one that is to link.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Near {
    pub(super) distance: f32,
    pub(super) node: u32,
}

/// Keeps at most `most` of `candidates`: going from near to far, those that are not occluded by
/// one kept before, which is to say nearer to it than to the node in question, by a factor.
/// First with a factor of 1, then, in what is left, of `alpha`, which lets more pass.
///
/// The distances are squared, `alpha` is not. Order and repetitions in `candidates` do not matter.
pub(super) fn prune(
    points: &Points,
    node: u32,
    candidates: &mut Vec<Near>,
    alpha: f32,
    most: usize,
    kept: &mut Vec<u32>,
) {
    candidates.sort_unstable_by(|a, b| a.distance.total_cmp(&b.distance).then(a.node.cmp(&b.node)));
    candidates.dedup_by_key(|near| near.node);
    candidates.retain(|near| near.node != node);
    kept.clear();
    if candidates.len() <= most.min(2) {
        kept.extend(candidates.iter().map(|near| near.node));
        return;
    }
    for factor in [1.0, alpha * alpha] {
        for near in candidates.iter_mut() {
            if kept.len() >= most {
                return;
            }
            // Kept ones are told by a distance that no node has.
            if near.distance < 0.0 {
                continue;
            }
            let occluded = kept
                .iter()
                .any(|other| points.distance(*other, near.node) * factor <= near.distance);
            if !occluded {
                kept.push(near.node);
                near.distance = -1.0;
            }
        }
    }
}
