/// SplitMix64.
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (bits ^ (bits >> 31)) % sides
    }

    pub fn small(&mut self, sides: u8) -> u8 {
        u8::try_from(self.roll(sides.into())).expect("less than its sides")
    }

    pub fn often(&mut self, percent: u64) -> bool {
        self.roll(100) < percent
    }
}
