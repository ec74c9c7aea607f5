//! Named outlines of the 468-point mesh (MediaPipe's numbering), each a closed ring in order.
//!
//! Right and left are the person's own.

/// Tip of the nose.
pub const NOSE_TIP: usize = 1;

/// Outline of the face.
pub const FACE_OVAL: [u16; 36] = [
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152, 148, 176, 149, 150,
    136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
];

/// Inner edge of the lips.
pub const INNER_LIPS: [u16; 20] =
    [78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308, 324, 318, 402, 317, 14, 87, 178, 88, 95];

/// Outer edge of the lips.
pub const OUTER_LIPS: [u16; 20] =
    [61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 375, 321, 405, 314, 17, 84, 181, 91, 146];

/// Lid edges of the right eye.
pub const RIGHT_EYE: [u16; 16] = [33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246];

/// Lid edges of the left eye.
pub const LEFT_EYE: [u16; 16] = [263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466];
