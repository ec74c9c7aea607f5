// A generator's window on the canvas (src/path/window.rs).
// side of the canvas
override SIDE: u32 = 1u;
// canvas pixels per window pixel
override RATIO: u32 = 1u;
// upper left canvas pixel
override LEFT: u32 = 0u;
override TOP: u32 = 0u;
// columns and rows in window pixels
override WIDTH: u32 = 1u;
override HEIGHT: u32 = 1u;
