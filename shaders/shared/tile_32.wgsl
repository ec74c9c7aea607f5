// Output channels and pixels of one workgroup: small maps still fill the machine.
const TILE = 32u;
