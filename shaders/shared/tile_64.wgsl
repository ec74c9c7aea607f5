// Output channels and pixels of one workgroup: for large maps.
const TILE = 64u;
