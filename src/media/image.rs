//! Decoding of image files under limits.
