//! The challenge through the driver API, against a stand-in for the driver, and with none at all.

mod driver;
mod kernels;
mod stub;
