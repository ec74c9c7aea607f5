mod guide;
mod mesh;
