//! The watermark's reader: pictures of any size and content.
#![no_main]

use alphaswap::marks::watermark::{Picture, Window};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u16, u16, u16, &[u8])| {
    let (width, height, padding, codes) = input;
    let [width, height, padding] = [width % 512, height % 512, padding % 8].map(usize::from);
    let luma: Vec<u8> = codes.iter().copied().cycle().take((width + padding) * height).collect();
    let mut window = Window::default();
    let Some(picture) = Picture::new(&luma, width, height, width + padding) else { return };
    window.push(picture.clone());
    window.push(picture);
    if let Some(reading) = window.read() {
        assert!(reading.evidence.log10_p <= 0.0 && !reading.evidence.log10_p.is_nan());
    }
});
