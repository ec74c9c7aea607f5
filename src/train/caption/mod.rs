//! A caption for each photo of a data set.
