//! Whole-system tests of Millrace; each sits in its own test binary.
