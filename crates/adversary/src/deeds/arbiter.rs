pub mod resolve_dispute;
