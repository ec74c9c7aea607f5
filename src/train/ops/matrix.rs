//! Matrices in slices, and their product by the `gemm` crate: its raw pointers stay in this file.

use std::marker::PhantomData;
use std::ops::Range;

use gemm::Parallelism;

/// A matrix that is read.
#[derive(Clone, Copy, Debug)]
pub struct Matrix<'a> {
    data: &'a [f32],
    rows: usize,
    columns: usize,
    /// Values between neighbours of a column, and of a row.
    steps: [usize; 2],
}

impl<'a> Matrix<'a> {
    /// Rows of `columns` values, one behind the other.
    pub fn new(data: &'a [f32], columns: usize) -> Self {
        Self { data, rows: data.len() / columns, columns, steps: [columns, 1] }
    }

    /// Some of the columns.
    pub fn columns(self, range: Range<usize>) -> Self {
        assert!(range.start <= range.end && range.end <= self.columns, "{range:?} of {} columns", self.columns);
        let start = (range.start * self.steps[1]).min(self.data.len());
        Self { data: &self.data[start..], columns: range.len(), ..self }
    }

    /// Rows as columns.
    pub fn transposed(self) -> Self {
        Self { rows: self.columns, columns: self.rows, steps: [self.steps[1], self.steps[0]], ..self }
    }
}

/// Columns of a matrix that is written.
#[derive(Debug)]
pub struct Columns<'a> {
    first: *mut f32,
    rows: usize,
    columns: usize,
    step: usize,
    data: PhantomData<&'a mut [f32]>,
}

// SAFETY: it stands for values that nobody else has (`new` borrows them, `split` deals them out), as `&mut [f32]` does.
unsafe impl Send for Columns<'_> {}

impl<'a> Columns<'a> {
    /// All of a matrix whose rows of `columns` values stand one behind the other.
    pub fn new(data: &'a mut [f32], columns: usize) -> Self {
        Self { first: data.as_mut_ptr(), rows: data.len() / columns, columns, step: columns, data: PhantomData }
    }

    /// Parts of at most `width` columns.
    pub fn split(self, width: usize) -> impl Iterator<Item = (Range<usize>, Self)> {
        (0..self.columns).step_by(width).map(move |start| {
            let columns = width.min(self.columns - start);
            // SAFETY: `start` is below `columns`, so the place is in the first row.
            let first = unsafe { self.first.add(start) };
            (start..start + columns, Self { first, columns, ..self })
        })
    }

    /// Sets every row to its value.
    pub fn fill(&mut self, values: &[f32]) {
        for (y, &value) in (0..self.rows).zip(values) {
            // SAFETY: a row of these columns lies in the borrowed slice, and no other part has them.
            unsafe { std::slice::from_raw_parts_mut(self.first.add(y * self.step), self.columns) }.fill(value);
        }
    }

    /// Adds the product `a b`.
    pub fn add_product(&mut self, a: Matrix<'_>, b: Matrix<'_>) {
        let sizes = [self.rows, self.columns, a.columns];
        assert_eq!([a.rows, b.columns, b.rows], sizes, "a product of these sizes");
        if sizes.contains(&0) {
            return;
        }
        for m in [&a, &b] {
            assert!((m.rows - 1) * m.steps[0] + (m.columns - 1) * m.steps[1] < m.data.len(), "a matrix in its slice");
        }
        let [m, n, k] = sizes;
        let [a_steps, b_steps] = [a, b].map(|m| m.steps.map(usize::cast_signed));
        // SAFETY: the last value of each matrix lies in its slice (checked above for those that are read, by `new` and
        // `split` for this one), so all do; this one overlaps none that is read, since it is borrowed exclusively.
        unsafe {
            gemm::gemm(
                m,
                n,
                k,
                self.first,
                1,
                self.step.cast_signed(),
                true,
                a.data.as_ptr(),
                a_steps[1],
                a_steps[0],
                b.data.as_ptr(),
                b_steps[1],
                b_steps[0],
                1.0,
                1.0,
                false,
                false,
                false,
                Parallelism::None,
            );
        }
    }
}
