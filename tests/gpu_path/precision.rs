//! 16-bit storage: the same picture, or not used.

use alphaswap::frame::PixelFormat;
use alphaswap::path::gpu::{GpuPath, Options};
use alphaswap::path::{FramePath, Painter};
use alphaswap::settings::{Look, ModelChoice};

use super::frames::{OPTIONS, jobs, swap, unguided};
use crate::engine_gpu::context;
use crate::support::{identity, photo};

#[test]
fn sixteen_bits_look_the_same() {
    let Some(ctx) = context().filter(|ctx| ctx.has_f16()) else { return };
    let (painter, identity) = (Painter::load(&ModelChoice::Guided).unwrap(), identity());
    let mut full = GpuPath::new(ctx, &painter, &identity, OPTIONS).unwrap();
    let mut tried = GpuPath::new(ctx, &painter, &identity, Options { precision: None, ..OPTIONS }).unwrap();
    assert!(!full.adapter().contains("16-bit"), "{}", full.adapter());
    if !tried.adapter().contains("16-bit") {
        assert!(!ctx.is_software(), "the trial must pass where 16 bits are known to round well: {}", tried.adapter());
        return;
    }
    let picture = photo("ada.jpg", PixelFormat::Rgba, 0);
    let jobs = jobs(&mut full, &picture);
    let [a, b] = [&mut full, &mut tried].map(|path| {
        let mut out = picture.clone();
        swap(path, &mut out, &jobs, &Look::default());
        out
    });
    let worst = a.planes[0].iter().zip(&b.planes[0]).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
    assert!(worst <= 6, "differs by {worst} codes");
}

#[test]
fn sixteen_bits_that_overflow_are_not_used() {
    let Some(ctx) = context().filter(|ctx| ctx.has_f16()) else { return };
    let Painter::Generator { mut model, config } = unguided() else { unreachable!("it is a generator") };
    let options = Options { precision: None, ..OPTIONS };
    let open = |model| GpuPath::new(ctx, &Painter::Generator { model, config: config.clone() }, &identity(), options);
    // Hardware may round worse, and refuse already here.
    assert!(open(model.clone()).unwrap().adapter().contains("16-bit") || !ctx.is_software());
    let first = model.weights.0.get_mut(&format!("{}.weight", config.encoder[0].name)).unwrap();
    // The largest 16-bit float is 65504, where what is stored saturates: another picture, since the norms of the blocks
    // make the 32-bit one ordinary.
    first.data.iter_mut().for_each(|w| *w *= 1e6);
    assert!(!open(model).unwrap().adapter().contains("16-bit"));
}
