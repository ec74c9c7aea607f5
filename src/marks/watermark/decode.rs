//! Which payload the data groups say: the one whose codeword is nearest to what was read.
//!
//! Ordered statistics decoding (Fossorier and Lin, "Soft-decision decoding of linear block codes based on ordered
//! statistics", 1995): the surest groups that determine a codeword are believed, then all of them but a few. Of the code's
//! 64 bits, those of the version and the check follow from the others, so that only 2^48 codewords are in question.

use std::sync::LazyLock;

use super::key::DATA;
use super::payload::{FREE, Payload};

/// Surest groups that may be wrong together.
const ORDER: usize = 4;

/// The codewords: `origin`, changed by any of `rows`.
static CODE: LazyLock<Code> = LazyLock::new(Code::new);

struct Code {
    origin: u128,
    rows: [Row; FREE],
}

/// What becomes of a codeword, a bit for each data group, when `free` bits of the payload change.
#[derive(Clone, Copy, Debug)]
struct Row {
    word: u128,
    free: u64,
}

impl std::ops::BitXorAssign for Row {
    fn bitxor_assign(&mut self, other: Self) {
        self.word ^= other.word;
        self.free ^= other.free;
    }
}

impl Code {
    fn new() -> Self {
        let word = |free: u64| negative(&Payload::from_free(free).encode());
        let origin = word(0);
        let rows = std::array::from_fn(|i| Row { word: origin ^ word(1 << i), free: 1 << i });
        Self { origin, rows }
    }
}

/// What was decoded. There always is something, whether or not anything was said.
#[derive(Clone, Copy, Debug)]
pub(super) struct Decoded {
    /// The payload whose codeword agrees best.
    pub payload: Payload,
    /// By how much it agrees better than the next one that was tried: the difference of the sums of sign times `soft`.
    pub lead: f32,
}

/// Decodes `soft`: by data group, positive for a bit of 0, the larger the surer.
pub(super) fn nearest(soft: &[f32; DATA]) -> Decoded {
    let mut order: [usize; DATA] = std::array::from_fn(|i| i);
    order.sort_by(|a, b| soft[*b].abs().total_cmp(&soft[*a].abs()));
    let (rows, pivots) = reduced(&order);
    let hard = negative(soft);
    let mut at = Row { word: CODE.origin, free: 0 };
    for (row, pivot) in rows.iter().zip(pivots) {
        if (at.word ^ hard) >> pivot & 1 == 1 {
            at ^= *row;
        }
    }
    let cost = Cost::new(soft);
    let least = [cost.of(at.word ^ hard), f32::INFINITY];
    let mut search = Search { rows, doubt: pivots.map(|p| soft[p].abs()), hard, cost, best: at, least };
    search.flip(at, FREE, 0.0, ORDER);
    let [first, second] = search.least;
    Decoded { payload: Payload::from_free(search.best.free), lead: 2.0 * (second - first) }
}

/// A bit for each negative value.
fn negative(values: &[f32; DATA]) -> u128 {
    values.iter().enumerate().fold(0, |word, (i, value)| word | u128::from(*value < 0.0) << i)
}

/// The rows combined so that each alone changes one of as many groups, the first in `order` with which that is possible.
fn reduced(order: &[usize; DATA]) -> ([Row; FREE], [usize; FREE]) {
    let (mut rows, mut pivots, mut done) = (CODE.rows, [0; FREE], 0);
    for &place in order {
        let Some(found) = (done..FREE).find(|i| rows[*i].word >> place & 1 == 1) else { continue };
        rows.swap(done, found);
        let row = rows[done];
        let others = rows.iter_mut().enumerate().filter(|(i, other)| *i != done && other.word >> place & 1 == 1);
        others.for_each(|(_, other)| *other ^= row);
        pivots[done] = place;
        done += 1;
        if done == FREE {
            break;
        }
    }
    (rows, pivots)
}

/// Looks for the codeword that costs least.
struct Search {
    rows: [Row; FREE],
    /// By row, what it costs to disbelieve its group.
    doubt: [f32; FREE],
    hard: u128,
    cost: Cost,
    best: Row,
    /// What the best codeword costs, and the next best.
    least: [f32; 2],
}

impl Search {
    /// Tries `at` with up to `more` rows of the first `end` changed, the least sure first. The groups that were
    /// disbelieved so far cost `paid`.
    fn flip(&mut self, at: Row, end: usize, paid: f32, more: usize) {
        for i in (0..end).rev() {
            let paid = paid + self.doubt[i];
            // The rows before cost more.
            if paid >= self.least[1] {
                return;
            }
            let mut next = at;
            next ^= self.rows[i];
            let cost = self.cost.of(next.word ^ self.hard);
            if cost < self.least[0] {
                (self.best, self.least) = (next, [cost, self.least[0]]);
            } else if cost < self.least[1] {
                self.least[1] = cost;
            }
            if more > 1 {
                self.flip(next, i, paid, more - 1);
            }
        }
    }
}

/// By byte of a word and its value, what it costs to disbelieve the groups whose bits are set.
struct Cost(Vec<[f32; 256]>);

impl Cost {
    fn new(soft: &[f32; DATA]) -> Self {
        let table = |eight: &[f32]| {
            let mut costs = [0.0; 256];
            (1..256_usize).for_each(|value| {
                costs[value] = costs[value & (value - 1)] + eight[value.trailing_zeros() as usize].abs()
            });
            costs
        };
        Self(soft.chunks_exact(8).map(table).collect())
    }

    fn of(&self, word: u128) -> f32 {
        self.0.iter().zip(word.to_le_bytes()).map(|(costs, byte)| costs[usize::from(byte)]).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of 200 codewords of this amplitude in normal noise of deviation 1, how many come back.
    fn right(amplitude: f32) -> usize {
        let mut seed = 1_u64;
        let mut uniform = || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 40) as f32 / (1 << 24) as f32
        };
        // Twelve uniform numbers make one that is almost normal.
        let mut noise = || (0..12).map(|_| uniform()).sum::<f32>() - 6.0;
        let mut comes_back = |payload: Payload| {
            let decoded = nearest(&payload.encode().map(|bit| amplitude * bit + noise()));
            decoded.payload == payload
        };
        (0..200).filter(|i| comes_back(Payload::from_free(i * 0x5_1234_5677))).count()
    }

    #[test]
    fn what_was_coded_comes_back_out_of_noise() {
        assert_eq!(right(100.0), 200);
        // One of eight groups has the wrong sign, one of six, and (where nothing can be read) two of five.
        let [weak, weaker, least] = [1.15, 1.0, 0.25].map(right);
        assert!(weak > 190 && weaker > 180 && least < 20, "{weak} {weaker} {least}");
    }

    #[test]
    fn the_lead_is_what_the_next_codeword_lacks() {
        let payload = Payload { consent: 0xc0ffee, session: 0x5e5510 };
        let word = payload.encode();
        let decoded = nearest(&word);
        // Codewords differ in an even number of groups.
        let other = (0..FREE).map(|i| CODE.rows[i].word.count_ones()).min().unwrap();
        assert_eq!(decoded.payload, payload);
        assert!(decoded.lead >= 2.0 && decoded.lead <= 2.0 * other as f32 && decoded.lead % 4.0 == 0.0, "{decoded:?}");
        assert_eq!(nearest(&[0.0; DATA]).lead, 0.0);
    }
}
