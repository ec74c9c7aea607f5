// Winograd's F(2x2, 3x3): a tile of 2 x 2 outputs of a 3x3 convolution from 4 x 4 inputs with 16 products a channel in
// place of 36 (Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2015, section 4.1). One dispatch
// makes a band of the map's tiles: a tile's number in the band is its column in the matrices.

// Geometry of the convolution, and the band.
struct WinogradParams {
    in_c: u32,
    in_h: u32,
    in_w: u32,
    out_c: u32,
    out_h: u32,
    out_w: u32,
    pad_top: u32,
    pad_left: u32,
    // input and output channels with their padding
    fan: u32,
    rows: u32,
    // tiles of a band with their padding
    columns: u32,
    // the first tile of the band
    first: u32,
}

@group(0) @binding(0) var<uniform> p: WinogradParams;

// Row and column of the first output of a tile of the band.
fn corner(column: u32) -> vec2<u32> {
    let tiles_x = (p.out_w + 1u) / 2u;
    let tile = p.first + column;
    return 2u * vec2<u32>(tile / tiles_x, tile % tiles_x);
}
