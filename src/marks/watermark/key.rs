//! Which cell belongs to which group, and its sign: pseudo-random, the same for everyone.

use std::sync::LazyLock;

/// Cells across, at the coarse level.
pub const COLUMNS: usize = 128;
/// Cells down, at the coarse level.
pub const ROWS: usize = 72;
/// Cells of all levels.
pub(super) const CELLS: usize = FINE.cells() + COARSE.cells();
/// Small cells carry more where a picture is full of detail.
pub(super) const FINE: Level = Level { scale: 2, first: 0, floor: 15.0 };
/// Large cells survive more compression.
pub(super) const COARSE: Level = Level { scale: 1, first: FINE.cells(), floor: 1.5 };
/// Fine and coarse.
pub(super) const LEVELS: [Level; 2] = [FINE, COARSE];

/// A grid of cells over the whole frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Level {
    /// Cells along each axis to a coarse one.
    pub scale: usize,
    /// Its first cell among those of all levels.
    pub first: usize,
    /// Added to the mean square contrast, squared codes: what is weaker than this drowns in compression.
    pub floor: f32,
}

impl Level {
    /// Cells across.
    pub const fn columns(self) -> usize {
        COLUMNS * self.scale
    }

    /// Cells down.
    pub const fn rows(self) -> usize {
        ROWS * self.scale
    }

    /// Number of cells.
    pub const fn cells(self) -> usize {
        self.columns() * self.rows()
    }

    /// Its cells among those of all levels.
    pub const fn range(self) -> std::ops::Range<usize> {
        self.first..self.first + self.cells()
    }
}

/// Groups that carry a bit of the coded payload.
pub const DATA: usize = 128;
/// Groups whose bit is known (it is 0).
pub const PILOTS: usize = 32;
/// All groups: data, then pilots.
pub const GROUPS: usize = DATA + PILOTS;

/// Beginning of the generator: any number, but always this one.
const SEED: u64 = 0xa1fa_5ea1_2026_1122;

/// The key, made at first use.
pub(super) static KEY: LazyLock<Key> = LazyLock::new(Key::new);

/// Group and sign of each cell, level by level, rows top down.
pub(super) struct Key {
    /// Below [`GROUPS`]; all groups are about equally large.
    pub group: Vec<u8>,
    /// 1 or -1.
    pub sign: Vec<f32>,
}

impl Key {
    fn new() -> Self {
        let mut random = SplitMix(SEED);
        let mut group: Vec<u8> = (0..CELLS).map(|i| (i % GROUPS) as u8).collect();
        for level in LEVELS {
            let group = &mut group[level.range()];
            for last in (1..group.len()).rev() {
                group.swap(last, (random.next() % (last as u64 + 1)) as usize);
            }
        }
        let sign = (0..CELLS).map(|_| if random.next() >> 63 == 0 { 1.0 } else { -1.0 }).collect();
        Self { group, sign }
    }

    /// The sign of a cell whose bit is known, 0 for others.
    pub fn known(&self, cell: usize) -> f32 {
        if usize::from(self.group[cell]) < DATA { 0.0 } else { self.sign[cell] }
    }

    /// Adds up `value(cell)` by group, over the cells in `range`.
    pub fn sums(&self, range: std::ops::Range<usize>, value: impl Fn(usize) -> f32) -> [f32; GROUPS] {
        let mut sums = [0.0; GROUPS];
        range.for_each(|cell| sums[usize::from(self.group[cell])] += value(cell));
        sums
    }
}

/// The generator SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}
