//! One face slot on the device, and what the CPU says to the same.

use alphaswap::align::{canvas_from_frame, canvas_side};
use alphaswap::face::{Landmarks, Pose};
use alphaswap::gpu::{BufferRange, Context};
use alphaswap::guide::{Source, Stage};
use alphaswap::mask::HullMask as CpuHullMask;
use alphaswap::mesh;
use alphaswap::path::gpu::face::{
    FaceBuffers, FaceHead, Geometry, GuideStage, HullMask, Placement, SourceBuffers, Workspace,
};
use alphaswap::path::{FaceJob, FaceOutcome, Smoothed};
use alphaswap::smooth::one_euro;
use glam::Affine2;

use super::farthest;

/// Everything of one face on the device.
pub struct Slot {
    landmarks: BufferRange,
    presence: BufferRange,
    buffers: FaceBuffers,
    geometry: Geometry,
    guide: GuideStage,
    hull: HullMask,
}

/// What the device made.
pub struct Made {
    pub outcome: FaceOutcome,
    pub head: FaceHead,
    pub guide: Vec<f32>,
    pub mask: Vec<f32>,
    pub hull: Vec<f32>,
}

/// What the CPU makes.
pub struct Truth {
    smoothed: Smoothed,
    raw: Landmarks,
    pose: Pose,
    canvas_from_frame: Affine2,
    guide: Vec<f32>,
    mask: Vec<f32>,
    hull: Vec<f32>,
}

impl Slot {
    pub fn new(ctx: &Context, source: &Source, crops: &[usize]) -> Self {
        let workspace = Workspace::new(ctx, crops);
        let source = SourceBuffers::new(ctx, source, crops);
        let buffers = FaceBuffers::new(ctx, &workspace);
        let (landmarks, presence) = (ctx.storage("landmarks", 468 * 12), ctx.storage("presence", 4));
        Self {
            geometry: Geometry::new(ctx, [&landmarks, &presence], &buffers, &source, &workspace),
            guide: GuideStage::new(ctx, &buffers, &source, &workspace),
            hull: HullMask::new(ctx, &buffers, &workspace),
            landmarks,
            presence,
            buffers,
        }
    }

    /// Lets the device see `face` (frame pixels) as its landmark net would have said it.
    fn write(&self, ctx: &Context, job: &FaceJob<'_>, face: &Landmarks, logit: f32, placement: &Placement) {
        let seen = face.mapped(job.frame_from_region.inverse());
        let numbers: Vec<f32> = seen.0.iter().flat_map(|p| p.to_array()).collect();
        ctx.write(&self.landmarks, &numbers);
        ctx.write(&self.presence, &[logit]);
        self.buffers.write(ctx, job, placement);
    }

    fn submit(&self, ctx: &Context, record: impl FnOnce(&mut wgpu::ComputePass<'_>)) {
        let mut encoder = ctx.encoder("face");
        record(&mut encoder.begin_compute_pass(&Default::default()));
        ctx.submit(encoder).unwrap();
    }

    /// Geometry alone.
    pub fn look(&self, ctx: &Context, job: &FaceJob<'_>, face: &Landmarks, logit: f32, placement: &Placement) -> Made {
        self.write(ctx, job, face, logit, placement);
        self.submit(ctx, |pass| self.geometry.record(pass));
        self.read(ctx, 0)
    }

    /// All stages, in one submission.
    pub fn run(
        &self,
        ctx: &Context,
        job: &FaceJob<'_>,
        face: &Landmarks,
        logit: f32,
        placement: &Placement,
        canvas: &[f32],
    ) -> Made {
        self.write(ctx, job, face, logit, placement);
        ctx.write(&self.buffers.canvas, canvas);
        self.submit(ctx, |pass| {
            self.geometry.record(pass);
            self.guide.record(pass, placement.crop);
            self.hull.record(pass, placement.crop);
        });
        self.read(ctx, canvas_side(placement.crop).pow(2))
    }

    fn read(&self, ctx: &Context, pixels: usize) -> Made {
        let b = &self.buffers;
        let plane = 4 * pixels as u64;
        let face = b.face.prefix(FaceHead::READBACK as u64);
        let mut all = ctx.read_f32(&[&face]).unwrap();
        if pixels > 0 {
            let ranges = [b.guide.prefix(3 * plane), b.guide_mask.prefix(plane), b.hull_mask.prefix(plane)];
            all.extend(ctx.read_f32(&ranges.each_ref()).unwrap());
        }
        all.resize(4, Vec::new());
        let [face, guide, mask, hull] = all.try_into().unwrap();
        let bytes = bytemuck::cast_slice(&face);
        let mut outcome = FaceOutcome::default();
        FaceHead::outcome(bytes, &mut outcome);
        Made { outcome, head: FaceHead::read(bytes), guide, mask, hull }
    }
}

impl Truth {
    pub fn geometry(job: &FaceJob<'_>, face: &Landmarks, placement: &Placement) -> Self {
        let raw = face.mapped(job.frame_from_region.inverse()).mapped(job.frame_from_region);
        let mut smoothed = Smoothed::default();
        one_euro(&raw, job.history, job.elapsed_secs, placement.smoothing, &mut smoothed);
        let pose = mesh::pose(&smoothed.landmarks).pose;
        let canvas_from_frame = canvas_from_frame(&smoothed.landmarks, placement.crop);
        let (guide, mask, hull) = Default::default();
        Self { smoothed, raw, pose, canvas_from_frame, guide, mask, hull }
    }

    pub fn new(source: &Source, job: &FaceJob<'_>, face: &Landmarks, placement: &Placement, canvas: &[f32]) -> Self {
        let geometry = Self::geometry(job, face, placement);
        let points = geometry.smoothed.landmarks.mapped(geometry.canvas_from_frame);
        let mut stage = Stage::new(placement.crop);
        stage.options = placement.options;
        let guide = stage.run(source, canvas, &points, placement.crop);
        let side = canvas_side(placement.crop);
        let feather = placement.feather * placement.crop as f32;
        let hull = CpuHullMask::new(side).run(&points, side, feather).to_vec();
        Self { guide: guide.rgb.to_vec(), mask: guide.mask.to_vec(), hull, ..geometry }
    }
}

impl Made {
    /// Compares the geometry. Both sides compute in f32 (the CPU's pose in f64) on numbers of up to about 2000.
    pub fn check(&self, truth: &Truth, logit: f32) -> Result<(), String> {
        let outcome = &self.outcome;
        let close = |what: &str, difference: f32, tolerance: f32| {
            if difference <= tolerance { Ok(()) } else { Err(format!("{what} differs by {difference}")) }
        };
        close("raw", farthest(&outcome.reading.landmarks.0, &truth.raw.0), 2e-3)?;
        close("smoothed", farthest(&outcome.smoothed.landmarks.0, &truth.smoothed.landmarks.0), 2e-3)?;
        let fastest = truth.smoothed.speed.iter().map(|v| v.length()).fold(1.0, f32::max);
        close("speed", farthest(&outcome.smoothed.speed, &truth.smoothed.speed) / fastest, 1e-3)?;
        let degrees = |p: &Pose| glam::Vec3::new(p.yaw, p.pitch, p.roll);
        close("pose", degrees(&outcome.pose).distance(degrees(&truth.pose)), 2e-2)?;
        let place = |map: Affine2| truth.smoothed.landmarks.mapped(map).0;
        close("canvas", farthest(&place(self.head.canvas_from_frame()), &place(truth.canvas_from_frame)), 1e-2)?;
        close("presence", (outcome.reading.presence - 1.0 / (1.0 + (-logit).exp())).abs(), 1e-5)?;
        if outcome.swapped == (logit >= 0.0) { Ok(()) } else { Err(format!("gate at a logit of {logit}")) }
    }

    /// Compares everything. A pixel may differ where a rounding puts its centre into the neighbouring triangle or on
    /// the other side of the skin's usual lightness: one in a thousand.
    pub fn assert_like(&self, truth: &Truth, what: &str) {
        let mut complaints: Vec<String> = self.check(truth, super::CERTAIN).err().into_iter().collect();
        let planes = [
            (&self.guide, &truth.guide, "guide"),
            (&self.mask, &truth.mask, "mask"),
            (&self.hull, &truth.hull, "hull"),
        ];
        for (made, expected, plane) in planes {
            assert_eq!(made.len(), expected.len(), "{what}: {plane}");
            let differs = |(a, b): &(&f32, &f32)| (*a - *b).abs() > 2e-3 || !a.is_finite();
            let (differing, worst) = made
                .iter()
                .zip(expected.iter())
                .filter(differs)
                .fold((0, 0.0f32), |(n, worst), (a, b)| (n + 1, worst.max((a - b).abs())));
            assert!(expected.iter().any(|v| *v > 0.5), "{what}: {plane} shows nothing");
            if differing * 1000 > made.len() {
                complaints.push(format!("{plane}: {differing} of {} values differ, by up to {worst}", made.len()));
            }
        }
        assert!(complaints.is_empty(), "{what}: {complaints:?}");
    }
}
