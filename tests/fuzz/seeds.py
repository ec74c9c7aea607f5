"""Writes what the fuzzers start from: small valid inputs. python seeds.py (numpy, safetensors)"""

import hashlib
from pathlib import Path

import numpy as np
from safetensors.numpy import save

corpus = Path(__file__).parent / "corpus"
side = 32
i = np.arange(468)
points = np.stack([i % 22 * side / 22, i // 22 * side / 22, 0 * i], axis=1).astype(np.float32)
tensors = {
    "embeddings.0": np.sin(np.arange(8)).astype(np.float32),
    "textures.0.rgb": np.full((side, side, 3), 128, np.uint8),
    "textures.0.points": points,
}
meta = {
    "format": "alphaface",
    "name": "N",
    "consent": "c",
    "date": "2026-01-01",
    "embeddings.0.encoder": "e",
    "embeddings.0.crop": "mesh_box",
    "textures.0.pose": "1 2 3",
}
newer = {"until": "2027-01-01", "evidence": "e", "enroller": "00" * 32, "signature": "00" * 64}
(corpus / "identity/version-2").write_bytes(save(tensors, meta | {"version": "2"}))
(corpus / "identity/version-3").write_bytes(save(tensors, meta | newer | {"version": "3"}))
digest = hashlib.sha256(b"").hexdigest()
(corpus / "revocations/one").write_text(f"# list\n{digest} {digest} note\n")
picture = (np.add.outer(np.arange(40), 3 * np.arange(60)) % 256).astype(np.uint8)
# Columns, rows, padding, codes.
(corpus / "watermark/slope").write_bytes(b"\x3c\x00\x28\x00\x00\x00" + picture.tobytes())
