//! The recorded stages; pipelines and bind groups are made once per face slot and identity.

use alphaswap_shaders as shaders;
use alphaswap_shaders::Shader;

use super::buffers::{FaceBuffers, Workspace};
use super::source::SourceBuffers;
use super::{GRID, SUM_GROUPS, cell};
use crate::align::canvas_side;
use crate::gpu::{BufferRange, Context, Dispatch};

/// From the frame before to where the face is looked for in this one.
#[derive(Debug)]
pub struct Follow(Dispatch);

/// From the landmark net's output to everything that is known of the face.
#[derive(Debug)]
pub struct Geometry(Vec<Dispatch>);

/// The identity's photo on the face's mesh, in the face's light.
#[derive(Debug)]
pub struct GuideStage(BySize);

/// The mask of the final blend.
#[derive(Debug)]
pub struct HullMask(BySize);

/// Dispatches for each planned crop size.
#[derive(Debug)]
struct BySize(Vec<(usize, Vec<Dispatch>)>);

impl BySize {
    fn new(workspace: &Workspace, plan: impl Fn(usize) -> Vec<Dispatch>) -> Self {
        Self(workspace.crops.iter().map(|&crop| (crop, plan(crop))).collect())
    }

    fn record(&self, pass: &mut wgpu::ComputePass<'_>, crop: usize) {
        let dispatches = self.0.iter().find(|(c, _)| *c == crop).map(|(_, d)| d).expect("the crop is a planned size");
        dispatches.iter().for_each(|d| d.record(pass));
    }
}

/// Workgroups for a canvas.
#[derive(Clone, Copy)]
enum Grid {
    /// An invocation for each pixel of a square.
    Pixels(usize),
    /// Workgroups in one row.
    Groups(usize),
}

fn dispatch(ctx: &Context, shader: &'static Shader, second: bool, buffers: &[&BufferRange], grid: Grid) -> Dispatch {
    // The one constant of a shader that runs twice.
    let constants: Vec<_> = shader.overrides.iter().map(|name| (*name, f64::from(second))).collect();
    let kernel = ctx.kernel(shader, &constants);
    let [width, height, _] = shader.workgroup_size;
    let groups = match grid {
        Grid::Pixels(side) => [(side as u32).div_ceil(width), (side as u32).div_ceil(height), 1],
        Grid::Groups(n) => [n as u32, 1, 1],
    };
    ctx.dispatch(&kernel, buffers, groups)
}

impl Follow {
    /// Reads the [`FaceBuffers::face`] of the frame before.
    pub fn new(ctx: &Context, buffers: &FaceBuffers) -> Self {
        let FaceBuffers { input, face, .. } = buffers;
        Self(dispatch(ctx, &shaders::FACE_FOLLOW, false, &[input, face], Grid::Groups(1)))
    }

    /// Writes region and history into [`FaceBuffers::input`].
    pub fn record(&self, pass: &mut wgpu::ComputePass<'_>) {
        self.0.record(pass);
    }
}

impl Geometry {
    /// Reads `landmarks` `[POINTS, 3]` (landmark-net input pixels) and `presence` `[1]` (logit).
    pub fn new(
        ctx: &Context,
        [landmarks, presence]: [&BufferRange; 2],
        buffers: &FaceBuffers,
        source: &SourceBuffers,
        workspace: &Workspace,
    ) -> Self {
        let (FaceBuffers { input, face, triangles, .. }, s, w) = (buffers, source, workspace);
        let one = |shader, buffers: &[&BufferRange]| dispatch(ctx, shader, false, buffers, Grid::Groups(1));
        Self(vec![
            one(&shaders::FACE_TRACK, &[input, landmarks, presence, face]),
            one(&shaders::FACE_POSE, &[input, &w.head, &s.candidates, face]),
            one(&shaders::FACE_SHAPE, &[input, &w.kernel_rows, &w.kernel_entries, &s.shapes, &w.ring_points, face]),
            one(&shaders::FACE_TRIANGLES, &[input, &w.topology, &s.areas, &w.fan_rows, &w.fans, face, triangles]),
        ])
    }

    /// Fills [`FaceBuffers::face`].
    pub fn record(&self, pass: &mut wgpu::ComputePass<'_>) {
        self.0.iter().for_each(|d| d.record(pass));
    }
}

/// Draws the mesh and measures each pixel's depth below its edge, into the workspace.
fn depth(ctx: &Context, face: &FaceBuffers, w: &Workspace, side: usize, hull: bool) -> Vec<Dispatch> {
    let rows = Grid::Groups(side);
    let FaceBuffers { input, triangles, .. } = face;
    vec![
        dispatch(ctx, &shaders::FACE_RASTER, hull, &[input, triangles, &w.texels], Grid::Pixels(side)),
        dispatch(ctx, &shaders::FACE_DISTANCE_COLUMNS, false, &[input, &w.texels, &w.distances], rows),
        dispatch(ctx, &shaders::FACE_DISTANCE_ROWS, false, &[input, &w.distances, &w.depth], rows),
    ]
}

/// Matches the guide's colour, into the workspace.
fn light(ctx: &Context, buffers: &FaceBuffers, w: &Workspace, crop: usize) -> Vec<Dispatch> {
    let FaceBuffers { input, face, .. } = buffers;
    let cells = Grid::Pixels(canvas_side(crop).div_ceil(cell(crop)).min(GRID));
    let mut all = Vec::new();
    for usual_only in [false, true] {
        let sums = [input, face, &w.lab, &w.covers, &w.light, &w.partials];
        all.push(dispatch(ctx, &shaders::FACE_LIGHT_SUMS, usual_only, &sums, Grid::Groups(SUM_GROUPS)));
        all.push(dispatch(ctx, &shaders::FACE_LIGHT_TONE, usual_only, &[&w.partials, &w.light], Grid::Groups(1)));
    }
    let shrink = [input, face, &w.lab, &w.covers, &w.light, &w.cells];
    all.push(dispatch(ctx, &shaders::FACE_LIGHT_CELLS, false, &shrink, cells));
    for rim in [false, true] {
        let rows = [input, face, &w.cells, &w.light, &w.smooth_rows];
        all.push(dispatch(ctx, &shaders::FACE_LIGHT_ROWS, rim, &rows, cells));
        all.push(dispatch(ctx, &shaders::FACE_LIGHT_COLUMNS, rim, &[input, face, &w.smooth_rows, &w.light], cells));
    }
    all
}

impl GuideStage {
    /// Binds everything once.
    pub fn new(ctx: &Context, buffers: &FaceBuffers, source: &SourceBuffers, workspace: &Workspace) -> Self {
        let (FaceBuffers { input, face, canvas, guide, guide_mask, .. }, s, w) = (buffers, source, workspace);
        Self(BySize::new(workspace, |crop| {
            let side = canvas_side(crop);
            let pixels = |shader, buffers: &[&BufferRange]| dispatch(ctx, shader, false, buffers, Grid::Pixels(side));
            let mut all = depth(ctx, buffers, w, side, false);
            let read = [input, face, &w.texels, &w.topology, &s.places, &s.photos, canvas, &w.lab];
            all.push(pixels(&shaders::FACE_READ, &read));
            all.push(pixels(&shaders::FACE_COVER, &[input, face, &w.texels, &w.topology, &w.depth, &w.covers]));
            all.extend(light(ctx, buffers, w, crop));
            let compose = [input, face, &w.lab, &w.covers, &w.light, canvas, guide, guide_mask];
            all.push(pixels(&shaders::FACE_COMPOSE, &compose));
            all
        }))
    }

    /// Fills [`FaceBuffers::guide`] and [`FaceBuffers::guide_mask`] from `face` and `canvas`. `crop` is that of the
    /// frame's [`Placement`](super::Placement).
    pub fn record(&self, pass: &mut wgpu::ComputePass<'_>, crop: usize) {
        self.0.record(pass, crop);
    }
}

impl HullMask {
    /// Binds everything once.
    pub fn new(ctx: &Context, face: &FaceBuffers, workspace: &Workspace) -> Self {
        Self(BySize::new(workspace, |crop| {
            let side = canvas_side(crop);
            let mut all = depth(ctx, face, workspace, side, true);
            let groups = Grid::Groups((side * side).div_ceil(shaders::FACE_HULL.workgroup_size[0] as usize));
            let buffers = [&face.input, &workspace.depth, &face.hull_mask];
            all.push(dispatch(ctx, &shaders::FACE_HULL, false, &buffers, groups));
            all
        }))
    }

    /// Fills [`FaceBuffers::hull_mask`] from `face`.
    pub fn record(&self, pass: &mut wgpu::ComputePass<'_>, crop: usize) {
        self.0.record(pass, crop);
    }
}
