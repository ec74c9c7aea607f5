//! Exact Euclidean distance to the nearest uncovered pixel, in linear time.
//!
//! Meijster, Roerdink, Hesselink, "A general algorithm for computing distance transforms in linear time" (2000).

/// Reused buffers.
#[derive(Clone, Debug)]
pub struct Distance {
    /// Squared distance within the column.
    column: Vec<f32>,
    /// Columns whose parabolas form the lower envelope, and where each begins.
    sites: Vec<(usize, f32)>,
}

impl Distance {
    /// Buffers for up to `pixels` pixels in rows of up to `width`.
    pub fn new(pixels: usize, width: usize) -> Self {
        Self { column: vec![0.0; pixels], sites: Vec::with_capacity(width + 2) }
    }

    /// For each pixel of a `width x height` picture the distance in pixels to the nearest one where `covered` is
    /// false; everything outside the picture is uncovered. Uncovered pixels get 0.
    pub fn run(&mut self, covered: impl Fn(usize) -> bool, width: usize, height: usize, out: &mut [f32]) {
        self.columns(covered, width, height);
        for y in 0..height {
            let row = y * width..(y + 1) * width;
            envelope(&self.column[row.clone()], &mut self.sites, &mut out[row]);
        }
    }

    /// Like [`Self::run`], but right only up to `reach` pixels (larger distances come out as at least that): faster
    /// where a thin rim is asked for.
    pub fn run_near(
        &mut self,
        covered: impl Fn(usize) -> bool,
        [width, height]: [usize; 2],
        reach: f32,
        out: &mut [f32],
    ) {
        let reach = reach.ceil() as usize;
        self.columns(covered, width, height);
        for (squares, out) in self.column.chunks_exact(width).zip(out.chunks_exact_mut(width)).take(height) {
            let side = |x: usize| ((x + 1).min(width - x) as f32).powi(2);
            out.iter_mut().enumerate().for_each(|(x, o)| *o = side(x).min(squares[x]));
            for dx in 1..=reach.min(width - 1) {
                let far = (dx * dx) as f32;
                let nearer = |o: &mut f32, square: &f32| *o = o.min(square + far);
                out[dx..].iter_mut().zip(squares).for_each(|(o, s)| nearer(o, s));
                out.iter_mut().zip(&squares[dx..]).for_each(|(o, s)| nearer(o, s));
            }
            out.iter_mut().for_each(|o| *o = o.sqrt());
        }
    }

    fn columns(&mut self, covered: impl Fn(usize) -> bool, width: usize, height: usize) {
        for i in 0..width * height {
            let above = if i < width { 0.0 } else { self.column[i - width] };
            self.column[i] = if covered(i) { above + 1.0 } else { 0.0 };
        }
        for y in (0..height).rev() {
            for x in 0..width {
                let i = y * width + x;
                let below = if y + 1 == height { 0.0 } else { self.column[i + width] };
                self.column[i] = self.column[i].min(below + 1.0);
            }
        }
        self.column[..width * height].iter_mut().for_each(|d| *d *= *d);
    }
}

/// Lower envelope of the parabolas `(x - i)^2 + heights[i]` over one row, with zeros just outside; writes its root.
fn envelope(heights: &[f32], sites: &mut Vec<(usize, f32)>, out: &mut [f32]) {
    // Positions are moved by one: 0 and n + 1 are the uncovered pixels outside.
    let n = heights.len();
    let height = |i: usize| if i == 0 || i == n + 1 { 0.0 } else { heights[i - 1] };
    let lift = |i: usize| height(i) + (i * i) as f32;
    sites.clear();
    sites.push((0, f32::MIN));
    for i in 1..n + 2 {
        let cross = |j: usize| (lift(i) - lift(j)) / (2 * (i - j)) as f32;
        while sites.len() > 1 && sites.last().is_some_and(|&(j, start)| cross(j) <= start) {
            sites.pop();
        }
        let start = sites.last().map_or(0.0, |&(j, _)| cross(j));
        sites.push((i, start));
    }
    let mut k = 0;
    for (x, out) in out.iter_mut().enumerate() {
        let x = x + 1;
        while k + 1 < sites.len() && sites[k + 1].1 < x as f32 {
            k += 1;
        }
        let site = sites[k].0;
        let dx = x as f32 - site as f32;
        *out = (dx * dx + height(site)).sqrt();
    }
}
