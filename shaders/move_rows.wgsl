// move_rows: rows of sequences still decoding take the places of finished ones, so that a step computes no idle rows
// Source: the batch of Yu et al. 2022 (Orca, OSDI 22), section 4.2, which shrinks and grows between steps.
//
//   moves      (P,2)       read        from row, to row; no row is in two moves
//   tokens     (B)         read_write
//   positions  (B)         read_write
//   slots      (B)         read_write
//   state      (B,4)       read_write
//   history    (B,Hmax,2)  read_write  all of a row
//
// Grid: P, one workgroup a move.
struct Params {
  Hmax: u32,
}

@group(0) @binding(0) var<storage, read> moves: array<vec2u>;
@group(0) @binding(1) var<storage, read_write> tokens: array<u32>;
@group(0) @binding(2) var<storage, read_write> positions: array<u32>;
@group(0) @binding(3) var<storage, read_write> slots: array<u32>;
@group(0) @binding(4) var<storage, read_write> state: array<vec4u>;
@group(0) @binding(5) var<storage, read_write> history: array<vec2u>;
@group(0) @binding(6) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(local_invocation_index) lid: u32) {
  let source = moves[wid.x].x;
  let to = moves[wid.x].y;
  if (lid == 0u) {
    tokens[to] = tokens[source];
    positions[to] = positions[source];
    slots[to] = slots[source];
    state[to] = state[source];
  }
  for (var i = lid; i < params.Hmax; i += 64u) {
    history[to * params.Hmax + i] = history[source * params.Hmax + i];
  }
}
