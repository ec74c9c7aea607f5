//! From folders of photos to a data set.
