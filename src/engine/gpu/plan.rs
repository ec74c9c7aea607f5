//! Buffer planning: values whose lifetimes do not meet share a slot. A step's inputs and outputs always lie in
//! different slots, since wgpu forbids one buffer to be read-only and writable in the same dispatch.

/// When a value is needed, in step numbers, and how large it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lifetime {
    /// First and last step that touch it; none when nothing does.
    pub steps: Option<(usize, usize)>,
    /// Bytes.
    pub size: u64,
    /// Keeps a slot of its own for ever.
    pub pinned: bool,
}

/// Which slot each value has, and how large the slots are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Slots {
    /// By value; none for a value that nothing touches.
    pub of_value: Vec<Option<usize>>,
    /// By slot, in bytes.
    pub sizes: Vec<u64>,
}

/// Goes through the values by first use; each takes the free slot that wastes least, or that must grow least.
pub(super) fn assign(lifetimes: &[Lifetime]) -> Slots {
    let mut slots = Slots { of_value: vec![None; lifetimes.len()], sizes: Vec::new() };
    let mut free_after: Vec<Option<usize>> = Vec::new();
    let mut order: Vec<usize> = (0..lifetimes.len()).collect();
    order.sort_by_key(|&v| lifetimes[v].steps);
    for v in order {
        let Lifetime { steps, size, pinned } = lifetimes[v];
        let Some((first, last)) = steps.or(pinned.then_some((0, 0))) else { continue };
        let free = |s: &usize| !pinned && free_after[*s].is_some_and(|end| end < first);
        let cost = |s: &usize| {
            let have = slots.sizes[*s];
            if have >= size { (0, have - size) } else { (1, size - have) }
        };
        let slot = (0..slots.sizes.len()).filter(free).min_by_key(cost).unwrap_or(slots.sizes.len());
        if slot == slots.sizes.len() {
            slots.sizes.push(0);
            free_after.push(None);
        }
        slots.sizes[slot] = slots.sizes[slot].max(size);
        free_after[slot] = (!pinned).then_some(last);
        slots.of_value[v] = Some(slot);
    }
    slots
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lifetime() -> impl Strategy<Value = Lifetime> {
        (0..20usize, 0..6usize, 1..100u64, any::<bool>(), prop::bool::weighted(0.1)).prop_map(
            |(first, len, size, used, pinned)| Lifetime { steps: used.then_some((first, first + len)), size, pinned },
        )
    }

    proptest! {
        #[test]
        fn values_that_live_together_never_share(values in prop::collection::vec(lifetime(), 0..40)) {
            let slots = assign(&values);
            for (i, a) in values.iter().enumerate() {
                prop_assert_eq!(slots.of_value[i].is_some(), a.steps.is_some() || a.pinned);
                let Some(slot) = slots.of_value[i] else { continue };
                prop_assert!(slots.sizes[slot] >= a.size);
                for (j, b) in values.iter().enumerate().filter(|&(j, _)| j != i && slots.of_value[j] == Some(slot)) {
                    let ((a0, a1), (b0, b1)) = (a.steps.unwrap(), b.steps.unwrap());
                    prop_assert!(!a.pinned && !b.pinned && (a1 < b0 || b1 < a0), "{i} and {j}");
                }
            }
        }
    }

    #[test]
    fn a_chain_needs_two_slots() {
        let chain: Vec<_> = (0..9).map(|i| Lifetime { steps: Some((i, i + 1)), size: 4, pinned: false }).collect();
        assert_eq!(assign(&chain).sizes, [4, 4]);
    }
}
