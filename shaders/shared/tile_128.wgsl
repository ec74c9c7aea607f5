// Side of a workgroup's tile of the product.
const TILE = 128u;
