//! Tests of the built program; a package of their own, so that they compile without the rest of Millrace.
