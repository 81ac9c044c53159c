/// How a GPU is at one moment. `None` is what the GPU or its driver does not tell. Of a slice only the
/// memory is its own; the rest is the whole GPU's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Reading {
    pub memory: Memory,
    /// Share of the last moments in which a program ran on it.
    pub busy_percent: Option<u32>,
    /// Share of the last moments in which its memory was read or written.
    pub memory_busy_percent: Option<u32>,
    pub milliwatts: Option<u32>,
    /// Since the driver was loaded.
    pub millijoules: Option<u64>,
    pub celsius: Option<u32>,
    /// Where it begins to slow down.
    pub slows_at_celsius: Option<u32>,
    /// It slows down because of heat.
    pub too_hot: bool,
    /// It slows down because the power supply asks for it.
    pub power_braked: bool,
    /// Since the driver was loaded; `None` without ECC.
    pub corrected_errors: Option<u64>,
    /// The same.
    pub uncorrected_errors: Option<u64>,
}

/// Of a GPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Memory {
    pub used_mib: u64,
    pub total_mib: u64,
}

/// What came of asking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sample {
    Read(Reading),
    /// The GPU has fallen off the bus.
    Lost,
    ResetRequired,
    /// The driver has another trouble; nothing is known of the GPU.
    Unknown(String),
}
