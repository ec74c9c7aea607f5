// The watermark's cells (src/marks/watermark/key.rs): COLUMNS x ROWS coarse ones over the whole frame, and fine ones of
// half their side. In lists of all cells the fine ones come first; rows top down.
override COLUMNS: u32 = 1u;
override ROWS: u32 = 1u;

struct Level {
    // 0 fine, 1 coarse
    index: u32,
    // its first cell in lists of all
    first: u32,
    // columns and rows
    size: vec2<u32>,
}

fn fine() -> Level {
    return Level(0u, 0u, 2u * vec2<u32>(COLUMNS, ROWS));
}

fn coarse() -> Level {
    return Level(1u, 4u * COLUMNS * ROWS, vec2<u32>(COLUMNS, ROWS));
}

fn cell_count() -> u32 {
    return 5u * COLUMNS * ROWS;
}

// The level of a cell in a list of all.
fn level_of(cell: u32) -> Level {
    if cell < coarse().first {
        return fine();
    }
    return coarse();
}

// Column and row of a cell in a list of all.
fn place_of(level: Level, cell: u32) -> vec2<u32> {
    let i = cell - level.first;
    return vec2<u32>(i % level.size.x, i / level.size.x);
}
