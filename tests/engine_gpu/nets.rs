//! Planning, ports, cut points and failures of whole networks.
